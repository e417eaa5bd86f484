"""StandardLoggingPayloads as exchanges: every API, failures, redaction, ids, and payloads that are wrong anywhere."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stillhouse.errors import RecordError
from stillhouse.guard.ingest.fields import Fields
from stillhouse.guard.ingest.litellm_payload import FIELDS, exchange_of_payload
from stillhouse.guard.ingest.outcome import PassedOver
from stillhouse.types import Exchange
from tests.guard.ingest.samples import KEY, one_exchange, payload

FIELDS_OF_OURS = Fields(FIELDS)


def read(value: dict[str, Any], fields: Fields = FIELDS_OF_OURS) -> Exchange:
    return one_exchange(iter([exchange_of_payload(value, "log:1", fields)]))


def test_a_chat_call() -> None:
    found = read(payload())
    assert found == Exchange(
        id=found.id,
        time="2026-07-24T08:15:30.125Z",
        account="ann",
        organisation="team-7",
        key=KEY,
        model="stub",
        api="chat.completions",
        request={
            "model": "stub",
            "messages": [{"role": "system", "content": "Name one city."}, {"role": "user", "content": "Ireland 🍀"}],
            "temperature": 0.3,
            "stream": False,
            "user": "shopper-3",
        },
        response=payload()["response"],
        usage={"input_tokens": 31, "output_tokens": 12, "reasoning_tokens": 5, "cached_input_tokens": 16},
        client={"ip": "198.51.100.7", "user_agent": "OpenAI/Python 3.57.0", "end_user": "shopper-3"},
        status=200,
        latency_ms=912.25,
        extra={"source": "litellm", "call": "0b54c5aa-6a9b-4a4c-8c77-5a7ce6d31f10"},
    )


def test_a_key_without_an_owner_is_its_own_account() -> None:
    metadata = {**payload()["metadata"], "user_api_key_user_id": None}
    assert read(payload(metadata=metadata)).account == KEY
    with pytest.raises(
        RecordError, match=r"^log:1: no account \(looked for metadata.user_api_key_user_id or .*--account$"
    ):
        exchange_of_payload(payload(metadata={}), "log:1", FIELDS_OF_OURS)
    assert read(payload(), Fields(FIELDS, {"account": "end_user"})).account == "shopper-3"


def test_a_failure_has_no_answer_and_the_status_that_the_client_got() -> None:
    failed = payload(status="failure", response={}, error_information={"error_code": "429"}, prompt_tokens=0)
    assert (read(failed).status, read(failed).response) == (429, None)
    codes: list[Any] = ["", None, "RateLimitError", "200", "٤٢٩", True, 42900, []]
    for code in codes:
        assert read(payload(status="failure", error_information={"error_code": code})).status == 500
    assert read(payload(status="failure", error_information=None)).status == 500
    assert read(payload(status="failure", error_information={"error_code": 403})).status == 403


def test_streams_say_so() -> None:
    assert read(payload(stream=True)).request["stream"] is True


@pytest.mark.parametrize(
    ("call_type", "messages", "parameters", "api", "expected"),
    [
        (
            "atext_completion",
            [{"role": "user", "content": "7x8 is"}],
            {"max_tokens": 5},
            "completions",
            {"model": "stub", "prompt": "7x8 is", "max_tokens": 5},
        ),
        (
            "atext_completion",
            [{"role": "user", "content": "a"}, {"role": "user", "content": "b"}],
            {},
            "completions",
            {"model": "stub", "prompt": ["a", "b"]},
        ),
        ("text_completion", "7x8 is", {}, "completions", {"model": "stub", "prompt": "7x8 is"}),
        ("aembedding", [{"role": "user", "content": "a"}], {}, "embeddings", {"model": "stub", "input": "a"}),
        ("embedding", ["a", "b"], {}, "embeddings", {"model": "stub", "input": ["a", "b"]}),
        (
            "aresponses",
            [{"role": "user", "content": [{"type": "input_text", "text": "hi"}]}],
            {"instructions": "Be brief."},
            "responses",
            {
                "model": "stub",
                "input": [{"role": "user", "content": [{"type": "input_text", "text": "hi"}]}],
                "instructions": "Be brief.",
            },
        ),
        (
            "anthropic_messages",
            [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "hi"}],
            {"max_tokens": 20},
            "messages",
            {"model": "stub", "system": "Be brief.", "messages": [{"role": "user", "content": "hi"}], "max_tokens": 20},
        ),
        (
            "anthropic_messages",
            [{"role": "user", "content": "hi"}],
            {},
            "messages",
            {"model": "stub", "messages": [{"role": "user", "content": "hi"}]},
        ),
        ("acompletion", "not a list", {}, "chat.completions", {"model": "stub", "messages": "not a list"}),
    ],
)
def test_requests_are_put_back_into_the_form_of_their_api(
    call_type: str, messages: Any, parameters: dict[str, Any], api: str, expected: dict[str, Any]
) -> None:
    found = read(payload(call_type=call_type, messages=messages, model_parameters=parameters))
    assert (found.api, found.request) == (api, expected)


def test_an_answer_to_the_messages_api_is_in_its_form() -> None:
    found = read(payload(call_type="anthropic_messages"))
    assert found.response is not None and found.response["content"] == [{"type": "text", "text": "Cork."}]


@pytest.mark.parametrize("messages", [None, [], {}])
def test_words_that_litellm_does_not_have_are_withheld(messages: Any) -> None:
    found = read(payload(messages=messages, response=None))
    assert found.request["messages"] == [{"role": "user", "content": None}] and found.request["temperature"] == 0.3
    assert found.response == {
        "choices": [{"index": 0, "message": {"role": "assistant", "content": None}, "finish_reason": None}]
    }


@pytest.mark.parametrize("mark", ["redacted-by-litellm", "REDACTED_BY_LITELM"])
def test_redacted_words_are_withheld_and_never_taken_for_words(mark: str) -> None:
    answer = payload()["response"]
    answer["choices"][0]["message"] = {
        "role": "assistant",
        "content": mark,
        "tool_calls": [{"function": {"arguments": mark}}],
    }
    found = read(
        payload(
            messages=[{"role": "user", "content": mark}],
            response=answer,
            model_parameters={"instructions": mark, "temperature": 0.3},
        )
    )
    assert mark not in str(found)
    assert found.request == {
        "model": "stub",
        "messages": [{"role": "user", "content": None}],
        "instructions": None,
        "temperature": 0.3,
    }
    assert found.response is not None and found.response["choices"][0]["message"]["content"] is None
    text_only = read(
        payload(messages=[{"role": "user", "content": mark}], response={"text": mark}, call_type="embedding")
    )
    assert text_only.response == {"data": [{"index": 0, "embedding": None}]}
    assert read(payload(response=mark)).response == read(payload(response=None)).response


def test_an_answer_as_plain_text_is_its_content() -> None:
    found = read(payload(response="Cork."))
    assert found.response is not None and found.response["choices"][0]["message"]["content"] == "Cork."


def test_a_client_that_reuses_a_call_id_hides_nothing() -> None:
    first = read(payload(id="x", litellm_call_id="x"))
    assert read(payload(id="x", litellm_call_id="x")).id == first.id
    assert read(payload(id="x", litellm_call_id="x", startTime=1784880930.2)).id != first.id
    other_key = {**payload()["metadata"], "user_api_key_hash": "b" * 64}
    assert read(payload(id="x", litellm_call_id="x", metadata=other_key)).id != first.id
    with pytest.raises(RecordError, match="no id"):
        exchange_of_payload(payload(id=None, litellm_call_id=""), "log:1", FIELDS_OF_OURS)


@pytest.mark.parametrize("call_type", ["aimage_generation", "pass_through_endpoint", "", None, 7, ["acompletion"]])
def test_calls_of_other_kinds_are_passed_over(call_type: Any) -> None:
    found = exchange_of_payload(payload(call_type=call_type), "log:1", FIELDS_OF_OURS)
    assert isinstance(found, PassedOver) and found.reason.startswith("call type ")


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"startTime": None}, r"no time \(looked for startTime\)"),
        ({"startTime": "soon"}, r"field 'startTime' is 'soon'; it must be a time"),
        ({"model_group": "", "model": ""}, r"no model"),
        ({"prompt_tokens": 10**30}, r"field 'prompt_tokens' is 1000000000\d*; it must be a whole number"),
        ({"prompt_tokens": 1e30}, r"field 'prompt_tokens' is 1e\+30"),
        ({"end_user": 1.5}, r"field 'end_user' is 1.5"),
    ],
)
def test_faults_name_the_field(changes: dict[str, Any], line: str) -> None:
    with pytest.raises(RecordError, match=f"^log:1: {line}"):
        exchange_of_payload(payload(**changes), "log:1", FIELDS_OF_OURS)


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-5, 10**20)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=5),
    lambda below: (
        st.lists(below, max_size=2) | st.dictionaries(st.sampled_from(["content", "role", "choices", "message"]), below)
    ),
    max_leaves=6,
)


@settings(max_examples=60)
@given(st.sampled_from(sorted(payload())), JSON, st.sampled_from(["acompletion", "anthropic_messages", "aembedding"]))
def test_whatever_stands_in_a_field_it_is_an_exchange_or_a_fault(name: str, value: Any, call_type: str) -> None:
    try:
        found = exchange_of_payload({**payload(call_type=call_type), name: value}, "log:1", FIELDS_OF_OURS)
    except RecordError as error:
        assert str(error).startswith("log:1: ")
    else:
        if isinstance(found, Exchange):
            one_exchange(iter([found]))
