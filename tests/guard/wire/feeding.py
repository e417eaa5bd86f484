"""How tests feed bytes to what reads streams: cut at chosen places."""

from collections.abc import Iterable, Sequence

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from stillhouse.guard.wire import AnswerEdit, Assembled, Assembler, EditedStream

__all__ = ["assembled", "cut", "cuts", "edited", "few", "many", "noise"]

# A busy machine makes no test fail. Fixtures that are recorded once may be used with every example.
many = settings(
    deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture], max_examples=100
)
few = settings(many, max_examples=25)

cuts = st.lists(st.integers(0, 1 << 16), max_size=12)
"""Places to cut a stream at; those behind its end are none."""

_SNIPPETS = (
    b"data: ",
    b"data:",
    b"event: error\n",
    b": ping\n",
    b"\n",
    b"\n\n",
    b"\r\n",
    b"\r",
    b"\xef\xbb\xbf",
    b"[DONE]",
    b'{"choices":[{"index":0,"delta":{"content":"a","reasoning":{"a":[1]}}}]}',
    b'{"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"name":1}}]}}],"usage":{}}',
    b'{"choices":[{"text":7,"logprobs":{"tokens":[1]}},3],"error":null}',
    b'{"choices":{"delta":[]}}',
    b'{"type":"message_start","message":{"usage":[],"content":[{"type":"thinking"}]}}',
    b'{"type":"content_block_start","index":0,"content_block":{"type":"thinking","thinking":1}}',
    b'{"type":"content_block_start","index":[],"content_block":{"type":[]}}',
    b'{"type":"content_block_delta","index":0,"delta":{"type":"x","partial_json":"{\\"a","thinking":"t"}}',
    b'{"type":"message_delta","delta":[],"usage":3}',
    b'{"type":"response.created","response":{"output":[{"type":"reasoning"}]}}',
    b'{"type":"response.output_item.added","output_index":0,"item":{"type":"reasoning","content":3}}',
    b'{"type":"response.output_text.delta","output_index":0,"content_index":{},"delta":"a"}',
    b'{"type":"response.failed","response":{"error":{}}}',
    b'{"type":[],"error":"reasoning"}',
    b'{"a":"\\ud83d","thinking":NaN}',
    b"[" * 1200,
    b'{"choices":[{"delta":{"thinking":' + b"[" * 300 + b"]" * 300 + b"}}]}",
    b'{"choices":[{"delta":{"thinking":' + b'{"a":' * 1050 + b"NaN" + b"}" * 1050 + b"}}]}",
)

noise = st.lists(st.one_of(st.sampled_from(_SNIPPETS), st.binary(max_size=12)), max_size=12).map(b"".join)
"""Bytes that look like a stream here and there."""


def cut(stream: bytes, places: Sequence[int]) -> list[bytes]:
    """The stream in pieces, cut at these places; together they are the stream."""
    ends = sorted({place for place in places if place < len(stream)} | {len(stream)})
    return [stream[start:end] for start, end in zip([0, *ends], ends, strict=False)]


def assembled(assembler: Assembler, pieces: Iterable[bytes]) -> Assembled:
    for piece in pieces:
        assembler.feed(piece)
    return assembler.result()


def edited(edits: Sequence[AnswerEdit], pieces: Iterable[bytes]) -> bytes:
    """What a client gets of a stream that comes in these pieces."""
    stream = EditedStream(edits)
    return b"".join([*(stream.feed(piece) for piece in pieces), stream.close()])
