"""A keyed hash of a text's wording without its payload: two requests made from one template look alike, unread.

A template and a payload arrive as one string, and nothing but the text's own marks tells where the payload lies. So
`wording` is a fixed sequence of steps, the same for every text, and equality means: the same words outside such marks.

1. A text of more than 65,536 characters becomes its first and last 32,768. A payload that is open at the cut goes on
   in the second half, so a long document between two fences is still one payload.
2. Unicode NFKC, then case folding; `**` and `__` fall away.
3. Between two ``` (or ~~~, \"\"\", ''') stands CODE. A fence that is never closed reaches to the end.
4. A JSON object or array becomes JSON.
5. `<name ...>` with its `</name>` becomes `<name>TEXT</name>`, but inside tags whose name says that they hold
   instructions (`_INSTRUCTIONS`) the words stay.
6. Quotations in one line (`"..."`, `'...'`, `“...”`, `„...“`, `«...»`, `` `...` ``) become QUOTE.
7. After a colon that ends a word, and under a heading of three or more `#`, stands TEXT up to the next list item,
   heading or label of at most four words; not where the label or heading says that it holds instructions.
8. URL, MAIL and NUM (a word with a digit). White space is one space; repeated placeholders are one.

What it equates: one template over payloads that lie in those marks and hold none of the marks that end them. What it
does not: a payload that follows without any mark ("Summarise this text." and then the text), one with list items,
labels or headings of its own. What it equates wrongly: templates that differ only inside such marks, as in a quoted
word or in what follows "Translate this:". A text without marks has a hash of its own. Whoever knows this can evade it,
and short wordings ("Question: ...") are shared by many who have nothing to do with one another: rarity has to weigh it.
"""

import re
import unicodedata
from collections.abc import Sequence
from hashlib import blake2b

__all__ = ["scaffold", "scaffold_of_json", "wording"]

_LONGEST = 1 << 16
_DEEPEST = 64
_SHORT = 2048

_INSTRUCTIONS = re.compile(
    r"constraints|format(ting)?|guidelines?|important|instructions|notes?|objective|output_format|persona(lity)?"
    r"|polic(y|ies)|principles|remember|requirements|role|rules|steps|style|system(_prompt)?|tips?|tone|warning"
)

_PIECE = re.compile(r"\s+|\S{1,1024}")
_FENCES = ("```", "~~~", '"""', "'''")
_FENCED = re.compile(r"(`{3,}+|~{3,}+|\"{3}|'{3})(.*?)(?:\1|\Z)", re.DOTALL)
_JSON_MARK = re.compile(r'["{}\[\]\n\\](?:(?<=\\).)?')
_JSON_INSIDE = re.compile(r"\{\s*+[\"'}]|\[\s*+[\[\]{\"'\d-]")
_TAG = re.compile(r"<(/?)([a-z][\w.:-]*+)(?:\s[^<>]*+)?>")
# By the character that opens a quotation, so that a text without it costs one search.
_QUOTES = {
    '"': re.compile(r'"[^"\n]++"'),
    "“": re.compile(r"“[^“”\n]++”"),
    "„": re.compile(r"„[^„“”\n]++[“”]"),
    "«": re.compile(r"«[^«»\n]++»"),
    "`": re.compile(r"`[^`\n]++`"),
    "'": re.compile(r"'(?<!\w')(?:[^'\n]|(?<=\w)'(?=\w))++'(?!\w)"),
}
_HEADING = re.compile(r"(#{1,6})\s*+(.*)")
_ITEM = re.compile(r"(?:[-+*•]|\(?\d{1,3}[.)])\s++")
_COLON = re.compile(r":(?=\s|\Z)")
_ANNOUNCING = re.compile(r"#|:(?=\s|\Z)")
_URL = re.compile(r"(?:https?|ftp)://[^<>\"\s]++|www\.[^<>\"\s]++")
_MAIL = re.compile(r"(?<![\w.+-])[\w.+-]++@\w[\w-]*+(?:\.[\w-]++)*+")
_NUMBER = re.compile(r"\d\w*+(?:[.,:/-](?=\d)\w++)*+")
_NEIGHBOURS = re.compile(r"[A-Z][^a-zA-Z ]*+ [^a-zA-Z ]*+[A-Z]")


def scaffold(text: str, key: bytes) -> str:
    """`s1:` (this method) and 16 hexadecimal digits: BLAKE2b of `wording(text)` under `key`, at most 64 bytes."""
    return _hash(wording(text), key)


def scaffold_of_json(value: object, key: bytes) -> str:
    """The same for a JSON value: its shape (names, nesting, kinds of value), without any value in it."""
    return _hash(f"SHAPE {_shape(value, _DEEPEST)}", key)


def wording(text: str) -> str:
    """What `scaffold` hashes: one line, placeholders in capitals, which nothing else in it has. Linear in the text."""
    text = _cut(_nfkc(_cut(text).replace("\N{FULLWIDTH COLON}", ": ")).casefold()).replace("**", "").replace("__", "")
    for fence in _FENCES:
        if fence in text:
            text = _FENCED.sub(" CODE ", text)
            break
    text = _without_payload_of_tags(_without_json(text))
    for opening, quotation in _QUOTES.items():
        if opening in text:
            text = quotation.sub("QUOTE", text)
    return _joined(_without_literals(_without_labelled(text)))


def _hash(text: str, key: bytes) -> str:
    return f"s1:{blake2b(text.encode('utf-8', 'surrogatepass'), key=key, digest_size=8).hexdigest()}"


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else text[: _LONGEST // 2] + text[-_LONGEST // 2 :]


def _nfkc(text: str) -> str:
    """NFKC in pieces, since the reordering of marks takes time in the square of their number."""
    if text.isascii() or (len(text) <= _SHORT and unicodedata.is_normalized("NFKC", text)):
        return text
    return "".join([unicodedata.normalize("NFKC", piece) for piece in _PIECE.findall(text)])


def _joined(text: str) -> str:
    # Printable text has no white space but spaces.
    line = text.strip() if text.isprintable() and "  " not in text else " ".join(text.split())
    if line.isascii() and not _NEIGHBOURS.search(line):
        return line
    kept: list[str] = []
    before = ""
    for word in line.split(" "):
        bare = word.rstrip(",;|") if word.isupper() else ""
        if bare and bare == before:
            kept[-1] = word
        else:
            kept.append(word)
        before = bare
    return " ".join(kept)


def _without_literals(text: str) -> str:
    if "://" in text or "www." in text:
        text = _URL.sub("URL", text)
    if "@" in text:
        text = _MAIL.sub("MAIL", text)
    return _without_numbers(text)


def _without_numbers(text: str) -> str:
    """Found by their first digit, which is a search for one class of characters; what stands before it is letters."""
    parts, at = [], 0
    for found in _NUMBER.finditer(text):
        start = found.start()
        while start > at and (text[start - 1].isalnum() or text[start - 1] == "_"):
            start -= 1
        parts += [text[at:start], "NUM"]
        at = found.end()
    return "".join([*parts, text[at:]]) if parts else text


def _without_json(text: str) -> str:
    if "{" not in text and "[" not in text:
        return text
    spans: list[tuple[int, int, str]] = []
    opened: list[int] = []
    quoted = False
    for found in _JSON_MARK.finditer(text):
        mark, at = found[0], found.start()
        if quoted:
            quoted = mark not in '"\n'
        elif mark == '"':
            quoted = bool(opened)
        elif mark in "{[":
            opened.append(at)
        elif mark in "}]" and opened:
            start = opened.pop()
            if text[start] != ("{" if mark == "}" else "["):
                opened.clear()
            elif _JSON_INSIDE.match(text, start):
                _add_outer(spans, (start, at + 1, " JSON "))
    return _replaced(text, spans)


def _without_payload_of_tags(text: str) -> str:
    if "</" not in text:
        return text
    spans: list[tuple[int, int, str]] = []
    opened: list[tuple[str, int]] = []
    count: dict[str, int] = {}
    for found in _TAG.finditer(text):
        closes, name = found[1], found[2]
        if not closes:
            opened.append((name, found.start()))
            count[name] = count.get(name, 0) + 1
        elif count.get(name):
            # Tags that were opened since and never closed, such as <br>, stand alone.
            start = _close(opened, count, name)
            if not _INSTRUCTIONS.fullmatch(name):
                _add_outer(spans, (start, found.end(), f" <{name}> TEXT </{name}> "))
    return _replaced(text, spans)


def _close(opened: list[tuple[str, int]], count: dict[str, int], name: str) -> int:
    while True:
        last, start = opened.pop()
        count[last] -= 1
        if last == name:
            return start


def _add_outer(spans: list[tuple[int, int, str]], span: tuple[int, int, str]) -> None:
    """Add a span that ends behind all others, and take out those that lie in it."""
    while spans and spans[-1][0] >= span[0]:
        spans.pop()
    spans.append(span)


def _replaced(text: str, spans: Sequence[tuple[int, int, str]]) -> str:
    parts, at = [], 0
    for start, end, instead in spans:
        parts += [text[at:start], instead]
        at = end
    return "".join([*parts, text[at:]])


def _without_labelled(text: str) -> str:
    """The text, with TEXT for what a colon or a heading announces."""
    first = _ANNOUNCING.search(text)
    if first is None:
        return text
    # Lines before the one with the first mark stay as they are.
    start = text.rfind("\n", 0, first.start()) + 1
    kept = [text[:start]]
    inside = False
    for raw in text[start:].splitlines():
        line = raw.strip()
        if not line:
            continue
        if line[0] == "#" and (heading := _HEADING.fullmatch(line)):
            title, inside = _cut_at_colon(heading[2], any_length=True)
            if not inside and len(heading[1]) >= 3 and not _instructs(title):
                title, inside = f"{title} TEXT", True
            kept.append(f"{heading[1]} {title}")
        elif item := _ITEM.match(line):
            words, inside = _cut_at_colon(line[item.end() :], any_length=False)
            kept.append(item[0] + words)
        else:
            words, begins = _cut_at_colon(line, any_length=not inside)
            if not inside or words is not line:
                kept.append(words)
                inside = begins
    return "\n".join(kept)


def _cut_at_colon(line: str, *, any_length: bool) -> tuple[str, bool]:
    """(the line with TEXT behind its first colon, whether payload goes on below it); the line itself if it has none.

    A label is short; with `any_length` any colon counts.
    """
    colon = _COLON.search(line) if ":" in line else None
    if colon is None:
        return line, False
    label = line[: colon.start()]
    if len(label.split(maxsplit=5)) > 4 and not any_length:
        return line, False
    if _instructs(label):
        return f"{label}: {line[colon.end() :]}", False
    return f"{label}: TEXT", True


def _instructs(label: str) -> bool:
    words = label.rstrip(": ").split(maxsplit=2)
    return len(words) < 3 and _INSTRUCTIONS.fullmatch("_".join(words)) is not None


def _shape(value: object, depth: int) -> str:
    if depth == 0:
        return "deep"
    if isinstance(value, dict):
        return "{" + ",".join(sorted(f"{name!r}:{_shape(below, depth - 1)}" for name, below in value.items())) + "}"
    if isinstance(value, list):
        return "[" + "|".join(sorted({_shape(below, depth - 1) for below in value})) + "]"
    if value is None or isinstance(value, bool):
        return "bool" if value is not None else "null"
    return "text" if isinstance(value, str) else "number"
