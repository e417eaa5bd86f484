"""What the hash of wording equates and what it does not, example by example, and that no text makes it slow."""

import re
import time
from hashlib import blake2b

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stillhouse.guard.log.scaffold import scaffold, scaffold_of_json, wording

KEY = b"a key of tests"
LONG = "The harbour was quiet, and nobody\nspoke of the storm; not even the gulls.\n\n" * 2000
ALPACA = "Below is an instruction that describes a task.\n\n### Instruction:\n{}\n\n### Response:"

# (wording of all, texts): one template, several payloads.
SAME = {
    "quoted": (
        "translate QUOTE into french.",
        [
            'Translate "good morning" into French.',
            "Translate “a b, c” into French.",
            "translate 'don't go' into  FRENCH.",
        ],
    ),
    "fenced": (
        "explain what this does. CODE be brief.",
        [
            "Explain what this does.\n```python\nx = 1\n```\nBe brief.",
            "Explain what this does. ```a: b\n\n# c``` Be brief.",
        ],
    ),
    "triple quotes": (
        "the text is between triple quotes. CODE name its author.",
        [
            f'The text is between triple quotes.\n"""{text}"""\nName its author.'
            for text in ("a", 'b: "c"\n\n- d', LONG)
        ],
    ),
    "a long document between tags": (
        "read the document. <document> TEXT </document> list three facts.",
        [
            f"Read the document.\n<document>\n{text}\n</document>\nList three facts."
            for text in ("One line.", "A <b>bold</b> one: yes.\n\n### no", LONG)
        ],
    ),
    "attributes of a tag": (
        "<doc> TEXT </doc> sum it up",
        ['<doc id="1">a</doc> Sum it up', "<doc id='27' lang=de>b c</doc>\nSum it up"],
    ),
    "after a label": (
        "question: TEXT answer: TEXT",
        ["Question: What is 2+2?\nAnswer:", "Question: Who was first?\nAnd who\n\nwas last?\n\nAnswer:"],
    ),
    "after a sentence's colon": (
        "summarise the following article in one sentence: TEXT",
        [f"Summarise the following article in one sentence: {text}" for text in ("x", "Two\n\nparagraphs.", LONG)],
    ),
    "few shots": (
        "q: TEXT a: TEXT q: TEXT a: TEXT",
        ["Q: 1+1?\nA: 2\nQ: 3+4?\nA:", "Q: a?\nor b?\nA: b\n\nQ: c?\nA:"],
    ),
    "under a heading": (
        "below is an instruction that describes a task. ### instruction: TEXT ### response: TEXT",
        [ALPACA.format("Name a river."), ALPACA.format("Write code.\nIn C.\n\nShort."), ALPACA.format(LONG)],
    ),
    "bold labels": ("text: TEXT language: TEXT", ["**Text:** ab\n**Language:** de", "**Text**: c d\n\nLanguage: fr"]),
    "json": (
        "extract the names from JSON as a list",
        ['Extract the names from {"a": [1, {"b": "}"}]} as a list', 'Extract the names from [{"n": 1}]\nas a list'],
    ),
    "numbers, addresses": (
        "mail MAIL or see URL by NUM",
        ["Mail a.b@x.org or see https://x.org/a?b=1 by 3:30", "Mail z@y.co.uk or see www.z.com by 2024-05-01"],
    ),
    "numbered": (
        "NUM. read NUM. answer (NUM words)",
        ["1. Read\n2. Answer (50 words)", "3. Read\n4. Answer (1,000 words)"],
    ),
    "unicode forms": ("frage: TEXT", ["\uff26\uff52\uff41\uff47\uff45\uff1aja", "Frage: nein"]),
    "no space after a full-width colon": (
        "\u6587\u672c: TEXT",
        ["\u6587\u672c\uff1a\u4f60\u597d", "\u6587\u672c\uff1a\u5929\u6c14"],
    ),
}

DIFFERENT = [
    ("Translate 'a' into French.", "Translate 'a' into German."),
    ("Summarise this: x", "Explain this: x"),
    ("Question: x\nAnswer:", "Question: x\nReasoning:"),
    # Labels, headings and tags that say that they hold instructions keep their words.
    ("Rules: be brief", "Rules: be kind"),
    ("<instructions>Be brief</instructions>", "<instructions>Be kind</instructions>"),
    ("### Rules\nBe brief", "### Rules\nBe kind"),
    ("You help:\n- never say no", "You help:\n- never say yes"),
    # Headings of one or two # order a text, they do not announce a payload.
    ("# Task\nCount words", "# Task\nCount lines"),
    # Free text.
    ("how do i boil an egg", "how do i boil a potato"),
    ("", "a"),
]

# What the method does not see, or sees where it should not. It is documented, so it is held to.
SHORTCOMINGS = [
    ("payload without a mark", False, "Summarise the text.\n\nIt rained.", "Summarise the text.\n\nIt snowed."),
    ("payload with items of its own", False, "Sum up: x\n- one", "Sum up: x\n- two"),
    ("payload with labels of its own", False, "Sum up: x\nAnn: hi", "Sum up: x\nBen: hi"),
    ("templates that differ behind a colon", True, "Task: count words", "Task: count lines"),
    ("templates that differ in a quotation", True, 'Answer "yes" or "no"', 'Answer "true" or "false"'),
    ("an instruction after the payload", True, "Translate this: x\n\nBe brief.", "Translate this: x\n\nBe verbose."),
]


@pytest.mark.parametrize("name", SAME)
def test_one_template_has_one_hash_over_its_payloads(name: str) -> None:
    words, texts = SAME[name]
    assert {wording(text) for text in texts} == {words}
    assert len({scaffold(text, KEY) for text in texts}) == 1


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_different_wordings_have_different_hashes(one: str, other: str) -> None:
    assert scaffold(one, KEY) != scaffold(other, KEY)


@pytest.mark.parametrize(("what", "equal", "one", "other"), SHORTCOMINGS)
def test_shortcomings_are_those_that_are_told(what: str, equal: bool, one: str, other: str) -> None:
    assert (scaffold(one, KEY) == scaffold(other, KEY)) is equal, what


def test_the_hash_is_keyed_and_names_its_method() -> None:
    assert re.fullmatch(r"s1:[0-9a-f]{16}", scaffold("a", KEY))
    assert scaffold("a", KEY) != scaffold("a", b"another key")
    # Logs are kept for years: a change of any step has to become `s2`.
    assert blake2b(b"question: TEXT", key=KEY, digest_size=8).hexdigest() == "dc27c214f25dc2dd"
    assert scaffold("Question: why?", KEY) == "s1:dc27c214f25dc2dd"


def test_half_a_surrogate_pair_is_hashed_like_any_text() -> None:
    assert scaffold("a \ud800", KEY) != scaffold("a", KEY)


@given(st.text(max_size=400))
def test_any_text_has_a_hash_and_white_space_around_it_does_not_count(text: str) -> None:
    assert scaffold(f"  {text}\n\n", KEY) == scaffold(text, KEY)


def test_a_shape_has_the_names_and_none_of_the_values() -> None:
    def shape(value: object) -> str:
        return scaffold_of_json(value, KEY)

    assert shape({"q": "a", "n": 1}) == shape({"n": 2.5, "q": "b"})
    assert shape([{"a": 1}, {"a": 2}]) == shape([{"a": 3}])
    assert (
        len({shape(value) for value in ({"q": "a"}, {"r": "a"}, {"q": 1}, {"q": None}, {"q": True}, ["q"], {}, [])})
        == 8
    )
    deep: list[object] = []
    for _ in range(900):
        deep = [deep]
    assert shape(deep) == shape([deep])


PIECES = """
" \\" { [" {"a": [1] <a <a> <a></b> </a> ```` ~~~ '''x ` “ a a. a@ 1a 1, www. http:// : 😀 \u0300\u0327 \ufdfa 'a
"""


@pytest.mark.parametrize("piece", [*PIECES.split(), " ", "\n", "1 ", "- ", ": ", "<a ", "a: b\n", "### a\n", " 'a"])
def test_ten_megabytes_of_anything_take_no_time(piece: str) -> None:
    text = piece * (10_000_000 // len(piece))
    begun = time.process_time()
    scaffold(text, KEY)
    scaffold(f"Read: {text}", KEY)
    assert time.process_time() - begun < 2.0


@pytest.mark.parametrize("piece", ['"', "{", '["', "<a>", "'a", "a@", "1 ", "a: b\n", "\u0300\u0327", "\ufdfa"])
def test_time_grows_with_the_text_and_not_with_its_square(piece: str) -> None:
    def seconds(length: int) -> float:
        text = piece * (length // len(piece))
        times = []
        for _ in range(3):
            begun = time.process_time()
            scaffold(text, KEY)
            times.append(time.process_time() - begun)
        return min(times)

    assert seconds(64_000) < 40 * max(seconds(8_000), 0.0005)
