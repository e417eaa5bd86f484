"""Words and their buckets by hand, and the same numbers in a process that hashes strings differently."""

import os
import subprocess
import sys
import zlib

import numpy as np
import pytest

from stillhouse.guard.features.words import BUCKETS, Remembered, bucket, cut, word_counts, words_of

TEXT = "The Nibelungen's gold, 3 times; über naïve Zeiten. 東京都は snake_case"
PROGRAM = f"""
import numpy as np
from stillhouse.guard.features.content import content
from stillhouse.guard.features.minhash import bands
from stillhouse.guard.features.tokens import hasher
from stillhouse.guard.features.words import BUCKETS, word_counts, words_of
words = words_of({TEXT!r})
print(words, *map(list, word_counts(words)), bands([words], hasher(b"one key")))
print(content(words, np.linspace(0.5, 9.0, BUCKETS, dtype=np.float32)).hex())
"""


def test_words_are_runs_of_letters_and_digits() -> None:
    assert words_of("Don't STOP at 3.5 km/h, snake_case!") == [
        "don",
        "t",
        "stop",
        "at",
        "3",
        "5",
        "km",
        "h",
        "snake",
        "case",
    ]
    assert words_of("Über naïve Größe") == ["über", "naïve", "größe"]
    assert words_of("") == words_of(" \n\t--- ") == []


@pytest.mark.parametrize(
    ("text", "pairs"),
    [
        ("東京都", ["東京", "京都"]),
        ("今日は", ["今日", "日は"]),
        ("안녕하세요", ["안녕", "녕하", "하세", "세요"]),
        ("สวัส", ["สว", "วั", "ัส"]),
    ],
)
def test_scripts_without_spaces_count_neighbouring_characters(text: str, pairs: list[str]) -> None:
    found = words_of(text)
    assert found[-len(pairs) :] == pairs
    # Latin words beside them are words as ever.
    assert words_of(f"visit {text} now")[:1] == ["visit"] and "now" in words_of(f"visit {text} now")


def test_a_single_character_of_such_a_script_is_a_word_and_no_pair() -> None:
    assert words_of("水") == ["水"]


def test_a_long_text_keeps_its_ends() -> None:
    text = "begin " + "middle " * 10_000 + "end"
    assert len(cut(text)) == 4097 and cut(text).startswith("begin middle") and cut(text).endswith("middle end")
    assert cut(text, 10) == "begin e end"
    assert cut("short", 5) == "short"
    found = words_of("one " * 3000 + "two " * 3000)
    assert len(found) == 1024 and found.count("one") == found.count("two") == 512


def test_buckets_are_the_lower_bits_of_a_crc() -> None:
    assert bucket("gold") == zlib.crc32(b"gold") % BUCKETS
    # The check value of CRC-32 (ISO 3309): "123456789" is CBF43926.
    assert bucket("123456789") == 0xCBF43926 % 2**18
    assert bucket("\ud800") == zlib.crc32(b"\xed\xa0\x80") % BUCKETS


def test_counts_by_hand() -> None:
    buckets, counts = word_counts(["b", "a", "b", "b", "c"])
    assert list(buckets) == [bucket("b"), bucket("a"), bucket("c")] and list(counts) == [3.0, 1.0, 1.0]
    empty = word_counts([])
    assert [len(one) for one in empty] == [0, 0] and empty[0].dtype == np.int64


def test_numbers_are_remembered_and_forgotten_when_there_are_many() -> None:
    asked: list[str] = []

    def number(word: str) -> int:
        asked.append(word)
        return len(word)

    numbers = Remembered(number)
    assert [numbers[word] for word in ("a", "bc", "a")] == [1, 2, 1] and asked == ["a", "bc"]
    for one in range(1 << 17):
        assert numbers[str(one)] == len(str(one))
    assert len(numbers) <= 1 << 16
    assert numbers["w" * 65] == 65 and "w" * 65 not in numbers and numbers["w" * 64] == 64 and "w" * 64 in numbers


def test_another_process_comes_to_the_same_numbers() -> None:
    seen = set()
    for seed in ("1", "2"):
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        run = subprocess.run([sys.executable, "-c", PROGRAM], env=environment, capture_output=True, check=True)
        assert len(run.stdout) > 300
        seen.add(run.stdout)
    assert len(seen) == 1
