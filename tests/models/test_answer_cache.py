"""The cache on disk: a key says all that a question says, an entry says whether it is whole."""

import json
from pathlib import Path
from typing import Any

import pytest

from stillhouse.errors import StorageError
from stillhouse.models.answer_cache import AnswerCache, request_key

DRAW = {"seed": None, "draw": 0}
BODY = {"model": "m", "messages": [{"role": "user", "content": "é"}]}
KEY = request_key("http://host/v1", "messages", BODY, DRAW)


def test_the_key_is_of_the_content_and_not_of_the_order() -> None:
    turned = dict(reversed(BODY.items()))
    assert request_key("http://host/v1", "messages", turned, DRAW) == KEY
    assert len(KEY) == 64


@pytest.mark.parametrize(
    ("base_url", "api", "body", "draw"),
    [
        ("http://other/v1", "messages", BODY, DRAW),
        ("http://host/v1", "chat.completions", BODY, DRAW),
        ("http://host/v1", "messages", {**BODY, "temperature": 1.0}, DRAW),
        ("http://host/v1", "messages", {**BODY, "model": "n"}, DRAW),
        ("http://host/v1", "messages", BODY, {"seed": 1, "draw": 0}),
        ("http://host/v1", "messages", BODY, {"seed": None, "draw": 1}),
    ],
)
def test_whatever_differs_makes_another_key(base_url: str, api: str, body: Any, draw: Any) -> None:
    assert request_key(base_url, api, body, draw) != KEY


def test_what_was_put_comes_back(tmp_path: Path) -> None:
    cache = AnswerCache(tmp_path / "cache")
    assert cache.get(KEY) is None
    cache.put(KEY, {"content": "é\n", "n": 1.5})
    assert cache.get(KEY) == {"content": "é\n", "n": 1.5}
    assert cache.damaged == 0
    assert [path.name for path in (tmp_path / "cache").rglob("*") if path.is_file()] == [f"{KEY}.json"]


@pytest.mark.parametrize("damage", ["empty", "cut", "flipped", "no digest"])
def test_a_damaged_entry_is_no_entry(damage: str, tmp_path: Path) -> None:
    cache = AnswerCache(tmp_path)
    cache.put(KEY, {"content": "four"})
    file = cache.file(KEY)
    whole = file.read_bytes()
    damaged = {
        "empty": b"",
        "cut": whole[:-1],
        "flipped": whole.replace(b"four", b"five"),
        "no digest": json.dumps({"content": "four"}).encode(),
    }
    file.write_bytes(damaged[damage])
    assert cache.get(KEY) is None and cache.damaged == 1
    cache.put(KEY, {"content": "four"})
    assert file.read_bytes() == whole and cache.get(KEY) == {"content": "four"}


def test_a_folder_that_cannot_be_one(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for path in (tmp_path / "file", tmp_path / "file" / "cache"):
        with pytest.raises(StorageError, match="a part of this path is a file"):
            AnswerCache(path)
    cache = AnswerCache(tmp_path / "cache")
    (tmp_path / "cache").write_text("")
    with pytest.raises(StorageError, match="file"):
        cache.get(KEY)
    with pytest.raises(StorageError, match="file"):
        cache.put(KEY, {})
