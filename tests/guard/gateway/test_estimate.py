"""What the model wrote counts, and nothing else."""

import pytest

from stillhouse.guard.gateway.estimate import estimated_usage


@pytest.mark.parametrize(
    ("body", "tokens"),
    [
        (None, 0),
        ({"id": "x" * 1000, "choices": [{"message": {"role": "assistant", "content": "12345678"}}]}, 2),
        ({"choices": [{"text": "123"}, {"text": "12345"}]}, 2),
        ({"choices": [{"message": {"content": None, "reasoning_content": "1234", "tool_calls": [
            {"id": "call", "function": {"name": "f", "arguments": "1234"}}]}}]}, 2),
        ({"content": [{"type": "thinking", "thinking": "1234", "signature": "s" * 9},
                      {"type": "text", "text": "1234"}]}, 2),
        ({"content": [{"type": "tool_use", "name": "f", "input": {"city": "Rome"}}]}, 1),
        ({"content": [{"type": "tool_use", "name": "f", "input": "Rome"}]}, 0),
        ({"content": [{"type": "tool_use", "name": "f", "input": [1, 2]}]}, 0),
        ({"output": [{"type": "message", "content": [{"type": "output_text", "text": "\u00e9\u00e9"}]}]}, 1),
    ],
)  # fmt: skip
def test_by_the_text_alone(body: dict[str, object] | None, tokens: int) -> None:
    assert estimated_usage(body) == {"output_tokens": tokens}
