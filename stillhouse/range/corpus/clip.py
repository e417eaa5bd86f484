"""How much of a text is used: logs of millions of exchanges are kept small by capping texts as they are read, once."""

__all__ = ["ANSWER", "DOCUMENT", "PROMPT", "clip"]

PROMPT = 1500  # characters of what a person says in one turn
ANSWER = 400  # characters of an answer
DOCUMENT = 1200  # characters of a passage


def clip(text: str, limit: int) -> str:
    """`text` without blanks around it, cut at a blank before `limit` characters."""
    text = text.strip()
    if len(text) <= limit:
        return text
    cut = text.rfind(" ", limit // 2, limit)
    return text[: cut if cut > 0 else limit].rstrip()
