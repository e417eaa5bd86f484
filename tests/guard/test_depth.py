"""Depth by the level, against a count by hand."""

import orjson
import pytest

from stillhouse.guard.depth import nests_deeper


@pytest.mark.parametrize(("depth", "levels", "deeper"), [(1, 1, False), (2, 1, True), (50, 50, False), (51, 50, True)])
def test_arrays_in_arrays(depth: int, levels: int, deeper: bool) -> None:
    text = b"[" * depth + b"]" * depth
    assert nests_deeper(text, orjson.loads(text), levels) is deeper
    assert nests_deeper(text.decode(), orjson.loads(text), levels) is deeper


def test_width_is_not_depth() -> None:
    text = b"[" + b",".join([b'{"a": [1]}'] * 500) + b"]"
    assert not nests_deeper(text, orjson.loads(text), 3) and nests_deeper(text, orjson.loads(text), 2)


def test_brackets_in_texts_are_no_depth() -> None:
    text = orjson.dumps(["[" * 100])
    assert not nests_deeper(text, orjson.loads(text), 5)
