"""Which changes of a message leave its anchors as they were."""

from typing import Any

import pytest

from stillhouse.guard.blobs.anchors import ANCHOR_BYTES, Block, anchors, blocks_of, digest, tool_block


def of(content: Any) -> bytes:
    return anchors(blocks_of(content))


IMAGE = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="}}


@pytest.mark.parametrize(
    "same",
    [
        "What is 2+2?",
        " What is 2+2?\n",
        [{"type": "text", "text": "What is 2+2?"}],
        [{"text": "What is 2+2?", "type": "text", "cache_control": {"type": "ephemeral", "ttl": "1h"}}],
        [{"type": "input_text", "text": "What is 2+2?", "prompt_cache_breakpoint": {"mode": "explicit"}}],
        ["What is 2+2?"],
        [{"type": "text", "text": ""}, {"type": "text", "text": "What is 2+2?"}],
        [{"type": "text", "text": "<system-reminder>Today is <b>Monday</b>.</system-reminder>"}, "What is 2+2?"],
        ["What is 2+2?", {"type": "text", "text": "<env a='1'>\nlinux\n</env>\n"}],
    ],
)
def test_the_same_words_have_the_same_anchors(same: Any) -> None:
    assert of(same) == of("What is 2+2?")


@pytest.mark.parametrize(
    "other",
    ["What is 2+3?", "what is 2+2?", [{"type": "text", "text": "What is"}, {"type": "text", "text": "2+2?"}], [IMAGE]],
)
def test_other_words_have_other_anchors(other: Any) -> None:
    assert of(other) != of("What is 2+2?")


def test_a_picture_counts_by_its_content() -> None:
    turned = {"source": dict(reversed(IMAGE["source"].items())), "type": "image", "cache_control": {}}  # type: ignore[attr-defined]
    assert of([turned]) == of([IMAGE])
    assert of([{**IMAGE, "source": {**IMAGE["source"], "data": "AAAA"}}]) != of([IMAGE])  # type: ignore[dict-item]


def test_a_tool_s_result_counts_by_its_call() -> None:
    full = [{"type": "tool_result", "tool_use_id": "toolu_1", "content": "long" * 100}]
    trimmed = [{"type": "tool_result", "tool_use_id": "toolu_1", "content": "[cleared]", "cache_control": {}}]
    assert of(full) == of(trimmed) == anchors([tool_block("toolu_1")])
    assert of(full) != of([{**full[0], "tool_use_id": "toolu_2"}])


def test_context_of_a_harness_counts_where_there_is_nothing_else() -> None:
    reminder = "<system-reminder>Today is Monday.</system-reminder>"
    assert of(reminder) == digest(Block(b"text\0" + reminder.encode()))
    assert of([reminder, "Go on."]) == of("Go on.")


@pytest.mark.parametrize(
    "text",
    [
        "<a>1</a> and <a>2</a>",
        "<a>1</a> and <b>2</b>",
        "<a",
        "a < b > c",
        "<1>2</1>",
        "<a>",
        "<a></b>",
        "text <a>1</a>",
    ],
)
def test_what_is_no_element_as_a_whole_counts(text: str) -> None:
    assert len(of([text, "Go on."])) == 2 * ANCHOR_BYTES


def test_the_last_eight_blocks_of_a_turn_are_kept() -> None:
    turn = [f"block {number}" for number in range(20)]
    assert of(turn) == of(turn[-8:])
    assert len(of(turn)) == 8 * ANCHOR_BYTES
    assert len(anchors(blocks_of(turn), blocks_of(turn))) == 8 * ANCHOR_BYTES
    assert of([]) == of("") == of(None) == of(3) == of([[], 1, None]) == b""
