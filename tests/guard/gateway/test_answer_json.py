"""What an answer's body is read as, and what of it the log gets."""

import json

import orjson

from stillhouse.guard.gateway.answer_json import for_the_log, json_object


def test_only_an_object_that_can_be_written_again() -> None:
    assert json_object(b'{"a": 1}') == {"a": 1}
    for body in (b"", b"<html>", b"[1]", b'{"a": NaN}', b'{"a": ' + b"[" * 300 + b"]" * 300 + b"}"):
        assert json_object(body) is None


def test_a_value_that_was_overwritten_does_not_reach_the_log() -> None:
    """Found by fuzzing: a name that stands twice hid a depth that the log could not be read back from."""
    body = b'{"a": ' + b"[" * 990 + b"]" * 990 + b', "a": 1}'
    value = json_object(body)
    assert value == {"a": 1} and json.loads(for_the_log(body, value)) == {"a": 1}
    plain = b'{ "a": [1, 2] }'
    assert for_the_log(plain, orjson.loads(plain)) is plain
