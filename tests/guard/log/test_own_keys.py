"""Our own keys do not reach the disk, however JSON spells them, and nothing else changes."""

import json

import pytest

from stillhouse.guard.log.own_keys import without_own_keys

KEY = "sk-sh-" + "aZ09_-" * 7 + "x"


def test_the_key_of_the_tests_has_the_length_of_a_key() -> None:
    assert len(KEY) == 6 + 43


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (KEY, "[key]"),
        (f"a {KEY} b {KEY}.", "a [key] b [key]."),
        (f"{KEY}-suffix_2 c", "[key] c"),
        (f'os.environ["K"] = "{KEY}"\n', 'os.environ["K"] = "[key]"\n'),
        (KEY[:-1], KEY[:-1]),
        ("sk-sh-", "sk-sh-"),
        ("sk-" + "a" * 60, "sk-" + "a" * 60),
        ("né\t\\u0073 \x1f", "né\t\\u0073 \x1f"),
    ],
)
def test_keys_become_a_word(text: str, expected: str) -> None:
    for ascii_only in (True, False):
        line = json.dumps({"text": text, "list": [text]}, ensure_ascii=ascii_only).encode()
        assert json.loads(without_own_keys(line)) == {"text": expected, "list": [expected]}


@pytest.mark.parametrize("escaped", ["sk-sh-", "s", "k", "-", "_9aZ"])
@pytest.mark.parametrize("upper", [False, True])
def test_a_key_written_in_escapes_is_found(escaped: str, upper: bool) -> None:
    def escape(letter: str) -> str:
        digits = f"{ord(letter):04x}"
        return "\\u" + (digits.upper() if upper else digits)

    spelt = "".join(escape(letter) if letter in escaped else letter for letter in KEY)
    line = b'{"text": "' + spelt.encode() + b' \\u00e9 \\\\u0073 \\u005c"}'
    assert json.loads(line)["text"].startswith(KEY)
    assert json.loads(without_own_keys(line)) == {"text": "[key] é \\u0073 \\"}


def test_a_line_without_keys_is_the_same_object() -> None:
    line = b'{"text": "caf\\u00e9 \\u0007"}'
    assert without_own_keys(line) is line
