"""Responses: what is asked, and streams that end well, break off, or end without their output."""

from typing import Any

import openai
import orjson
import pytest
from openai.types.responses import Response

from stillhouse.guard.refusal import Refusal
from stillhouse.guard.wire import Asked, Responses
from tests.guard.wire.feeding import assembled
from tests.guard.wire.sdk import openai_reads
from tests.guard.wire.streams import RESPONSES, sse

WIRE = Responses()
EXAMPLE = RESPONSES["reasoning, text and a call"]
EVENTS = [orjson.loads(event.partition(b"\ndata: ")[2]) for event in EXAMPLE.stream.split(b"\n\n")[:-1]]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"input": "hi"}, Asked("m")),
        ({"input": [], "stream": True, "max_output_tokens": 9}, Asked("m", stream=True, output_tokens=9)),
        ({"prompt": {"id": "pmpt_1"}, "n": "unknown here"}, Asked("m")),
    ],
)
def test_asked(body: dict[str, Any], expected: Asked) -> None:
    assert WIRE.asked({"model": "m", **body}) == expected


@pytest.mark.parametrize(
    ("body", "param"),
    [({"input": 3}, "input"), ({"max_output_tokens": 1.5}, "max_output_tokens"), ({"stream": 0}, "stream")],
)
def test_a_wrong_type_is_refused_by_name(body: dict[str, Any], param: str) -> None:
    with pytest.raises(Refusal) as error:
        WIRE.asked({"model": "m", **body})
    assert (error.value.kind, error.value.param) == ("invalid_request", param)


def test_assembled_as_openais_library_does() -> None:
    async def final(client: openai.AsyncOpenAI) -> Response:
        async with client.responses.stream(model="m", input="hi") as stream:
            return await stream.get_final_response()

    theirs = openai_reads(EXAMPLE.stream, final)
    ours = assembled(WIRE.assembler(), [EXAMPLE.stream]).body
    assert Response.model_validate(ours).model_dump(exclude_none=True) == _unparsed(
        theirs.model_dump(exclude_none=True)
    )


def _unparsed(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _unparsed(inner) for key, inner in value.items() if not key.startswith("parsed")}
    return [_unparsed(inner) for inner in value] if isinstance(value, list) else value


def _until(kind: str) -> list[dict[str, Any]]:
    return EVENTS[: [event["type"] for event in EVENTS].index(kind)]


def test_a_last_event_without_output_is_filled_from_the_items() -> None:
    last = {"type": "response.completed", "response": {**EXAMPLE.whole, "output": []}}
    found = assembled(WIRE.assembler(), [sse([*_until("response.completed"), last], named=True)])
    assert found.body == EXAMPLE.whole and found.complete


def test_what_the_last_event_says_counts() -> None:
    output = [{**EXAMPLE.whole["output"][1], "status": "incomplete"}]
    last = {"type": "response.incomplete", "response": {**EXAMPLE.whole, "output": output}}
    found = assembled(WIRE.assembler(), [sse([*_until("response.completed"), last], named=True)]).body
    assert found is not None and found["output"] == output


def test_a_stream_that_breaks_off_has_finished_items_and_pieces() -> None:
    found = assembled(WIRE.assembler(), [sse(_until("response.function_call_arguments.done")[:-1], named=True)])
    assert not found.complete and found.body is not None and found.usage == {}
    assert found.body["status"] == "in_progress"
    assert found.body["output"][:2] == EXAMPLE.whole["output"][:2]
    assert found.body["output"][2]["arguments"] == '{"city":'


def test_pieces_of_an_unfinished_item() -> None:
    found = assembled(WIRE.assembler(), [sse(_until("response.output_text.done"), named=True)]).body
    assert found is not None
    assert found["output"][1]["content"] == [{"type": "output_text", "text": "Four."}]
    found = assembled(WIRE.assembler(), [sse(_until("response.reasoning_text.done"), named=True)]).body
    assert found is not None
    assert found["output"][0]["summary"] == [{"type": "summary_text", "text": "**Adding**"}]
    assert found["output"][0]["content"] == [{"type": "reasoning_text", "text": "2 and 2"}]


def test_a_server_that_tells_no_places_is_followed_by_ids() -> None:
    events = [{key: value for key, value in event.items() if key != "output_index"} for event in EVENTS[:-1]]
    found = assembled(WIRE.assembler(), [sse(events, named=True)]).body
    assert found is not None and found["output"] == EXAMPLE.whole["output"]


@pytest.mark.parametrize("status", ["incomplete", "cancelled"])
def test_other_ends(status: str) -> None:
    last = {"type": f"response.{status}", "response": {**EXAMPLE.whole, "status": status}}
    found = assembled(WIRE.assembler(), [sse([*EVENTS[:-1], last], named=True)])
    assert found.complete and found.error is None and found.body is not None and found.body["status"] == status


def test_a_failed_response_tells_its_error() -> None:
    error = {"code": "server_error", "message": "out of memory"}
    last = {"type": "response.failed", "response": {**EXAMPLE.whole, "status": "failed", "error": error}}
    found = assembled(WIRE.assembler(), [sse([*EVENTS[:-1], last], named=True)])
    assert found.complete and found.error == error


@pytest.mark.parametrize(
    ("event", "error"),
    [
        ({"type": "error", "code": "x", "message": "m"}, {"type": "error", "code": "x", "message": "m"}),
        ({"type": "error", "error": {"code": "x"}}, {"code": "x"}),
        ({"error": {"code": "x"}}, {"code": "x"}),
    ],
)
def test_error_events(event: dict[str, Any], error: dict[str, Any]) -> None:
    found = assembled(WIRE.assembler(), [sse([*EVENTS[:3], event])])
    assert found.error == error and not found.complete
