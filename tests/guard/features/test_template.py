"""One template over several payloads shares tokens, two templates do not; a key decides which numbers they are."""

import pytest

from stillhouse.guard.features.asked import Asked
from stillhouse.guard.features.template import MOST_TOKENS, Templates
from stillhouse.guard.features.tokens import Kind, hasher, kind_of, token

TEMPLATES = Templates(hasher(b"one key"))
QUIZ = (
    "Solve the problem below and write out every thought that led you to the answer, in order.\n<problem>{}</problem>"
)
REVIEW = (
    "You get a review of a restaurant. Decide how angry its author is, from one to five, and say why.\n\n### Review\n{}"
)
PAYLOADS = ("What is 7 * 8?", "A train leaves Ulm at nine.\nWhen does it arrive?", "Who wrote `Faust`, and why?")


def saying(newest: str = "", system: str = "", scaffolds: tuple[str, ...] = ()) -> Asked:
    return Asked(system=system, newest=newest, turns=1, answered=False, tools=(), scaffolds=scaffolds)


def tokens_of(asked: Asked, templates: Templates = TEMPLATES) -> tuple[int, ...]:
    return templates.tokens([asked])[0]


def kinds(tokens: tuple[int, ...]) -> list[Kind]:
    return [kind_of(one) for one in tokens]


@pytest.mark.parametrize("template", [QUIZ, REVIEW])
def test_one_template_with_another_payload_has_the_same_tokens(template: str) -> None:
    tokens = [tokens_of(saying(template.format(payload))) for payload in PAYLOADS]
    assert tokens[0] == tokens[1] == tokens[2]
    assert kinds(tokens[0]) == [Kind.WORDING, Kind.OPENING, Kind.ENDING] + [Kind.NEAR] * 6


def test_another_template_has_others() -> None:
    found = [set(tokens_of(saying(template.format(PAYLOADS[0])))) for template in (QUIZ, REVIEW)]
    assert found[0].isdisjoint(found[1])


def test_the_same_words_as_instructions_are_another_thing() -> None:
    text = QUIZ.format(PAYLOADS[0])
    system = tokens_of(saying(system=text))
    assert kinds(system) == [Kind.SYSTEM] + [Kind.SYSTEM_NEAR] * 6
    assert set(system).isdisjoint(tokens_of(saying(text)))
    # Seen before, the instructions are the same.
    assert tokens_of(saying(system=text)) == system
    assert tokens_of(saying(text, text)) == (*system, *tokens_of(saying(text)))


def test_a_payload_without_marks_leaves_opening_and_ending() -> None:
    opening = "Please translate the following sentence into formal Turkish for"
    tokens = [
        set(tokens_of(saying(f"{opening} {middle} and give nothing but the translation of it, thanks")))
        for middle in ("a letter to the mayor of Izmir", "children who are fond of very small dogs and of cats")
    ]
    assert sorted(kinds(tuple(tokens[0] & tokens[1])))[:2] == [Kind.OPENING, Kind.ENDING]


def test_a_wording_with_one_word_changed_shares_a_band() -> None:
    words = [
        "You",
        "are",
        "a",
        "careful",
        "assistant",
        "who",
        "reads",
        "a",
        "long",
        "report",
        "and",
        "lists",
        "all",
        "of",
        "its",
        "claims",
        "with",
        "their",
        "sources",
    ]
    changed = [*words[:15], "each", *words[16:]]
    shared = set(tokens_of(saying(" ".join(words)))) & set(tokens_of(saying(" ".join(changed))))
    assert Kind.NEAR in kinds(tuple(shared)) and Kind.WORDING not in kinds(tuple(shared))


@pytest.mark.parametrize(
    "text", ["", "thanks", "thanks, go on please", "Translate: a b c d e f g h i j k l", "1 2 3 4 5 6"]
)
def test_short_wordings_link_nobody(text: str) -> None:
    """Fewer than five words without payload."""
    assert tokens_of(saying(text)) == tokens_of(saying(system=text)) == ()


def test_five_words_are_a_wording_and_nine_have_ends() -> None:
    assert kinds(tokens_of(saying("write me a short poem"))) == [Kind.WORDING]
    assert kinds(tokens_of(saying("write me a short poem about the sea"))) == [Kind.WORDING]
    assert kinds(tokens_of(saying("write me a short poem about the old sea")))[:3] == [
        Kind.WORDING,
        Kind.OPENING,
        Kind.ENDING,
    ]


def test_withheld_wordings_are_compared_by_their_hashes() -> None:
    found = tokens_of(saying(scaffolds=("s1:00aa", "s1:00bb", "s1:00aa")))
    assert found == tuple(token(Kind.WORDING, hasher(b"one key")(one)) for one in ("s1:00aa", "s1:00bb"))


def test_a_request_has_a_bounded_number_of_tokens() -> None:
    text = QUIZ.format("secret")
    found = tokens_of(saying(text, REVIEW.format("secret"), tuple(f"s1:{at:02}" for at in range(1000))))
    assert len(found) == MOST_TOKENS == 24
    assert found[:16] == tokens_of(saying(text, REVIEW.format("secret")))


def test_another_key_gives_other_numbers() -> None:
    text = QUIZ.format(PAYLOADS[0])
    other = tokens_of(saying(text), Templates(hasher(b"another key")))
    ours = tokens_of(saying(text))
    assert kinds(other) == kinds(ours)
    assert set(other).isdisjoint(ours)


def test_tokens_are_numbers_of_64_bits() -> None:
    tokens = tokens_of(saying(QUIZ.format("secret"), REVIEW.format("secret"), ("s1:00",)))
    assert len(tokens) == len(set(tokens)) == 9 + 7 + 1
    assert all(type(one) is int and 0 < one < 1 << 64 for one in tokens)


def test_many_at_once_have_the_tokens_that_each_has() -> None:
    texts = [
        "",
        "thanks",
        "write me a short poem",
        *(QUIZ.format(one) for one in PAYLOADS),
        *map(REVIEW.format, PAYLOADS),
    ]
    asked = [saying(text, system, ("s1:00",)) for text in texts for system in texts]
    assert Templates(hasher(b"one key")).tokens(asked) == [tokens_of(one) for one in asked]
    assert TEMPLATES.tokens([]) == []


def test_it_forgets_wordings_rather_than_grow() -> None:
    templates = Templates(hasher(b"one key"))
    templates.tokens([saying("\N{ARABIC LIGATURE SALLALLAHOU ALAYHE WASALLAM}" * 2048)])
    assert max(map(len, templates._turns)) <= 8192 + 1
    texts = [
        f"you are the assistant of customer {chr(97 + one % 26)}{chr(97 + one // 26 % 26)}{chr(97 + one // 676)}"
        for one in range(5000)
    ]
    first = tokens_of(saying(texts[0], texts[0]), templates)
    for at in range(0, len(texts), 50):
        templates.tokens([saying(text, text) for text in texts[at : at + 50]])
    assert len(templates._instructions) < 4096 + 50 and len(templates._turns) < 4096 + 50
    assert tokens_of(saying(texts[0], texts[0]), templates) == first != ()
