"""Rows of LiteLLM_SpendLogs: with and without stored prompts, as values, as text and as CSV."""

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest

from stillhouse.errors import ConfigError
from stillhouse.guard.ingest.litellm_spend import read
from stillhouse.guard.ingest.rows import read_rows
from stillhouse.types import Exchange
from tests.guard.ingest.samples import (
    KEY,
    one_exchange,
    one_fault,
    one_passed_over,
    payload,
    rows,
    spend_row,
)

METADATA = json.loads(spend_row()["metadata"])


def exchange(**changes: Any) -> Exchange:
    return one_exchange(read(rows(spend_row(**changes)), {}))


def test_a_row_with_prompts() -> None:
    assert exchange() == Exchange(
        id="chatcmpl-90",
        time="2026-07-24T08:15:30.125Z",
        account="ann",
        organisation="team-7",
        key=KEY,
        model="stub",
        api="chat.completions",
        request={
            "model": "stub",
            "messages": [{"role": "user", "content": 'He said "no",\nthen left.'}],
            "temperature": 0.3,
        },
        response=payload()["response"],
        usage={"input_tokens": 31, "output_tokens": 12, "reasoning_tokens": 5},
        client={"ip": "198.51.100.7", "user_agent": "curl/8"},
        status=200,
        latency_ms=912.0,
        extra={"source": "litellm", "call": "7be1", "session": "5a1f"},
    )


def test_json_columns_may_be_values_text_or_text_in_text() -> None:
    texts = spend_row()
    columns = ("metadata", "response", "proxy_server_request", "messages")
    opened = {name: json.loads(texts[name]) for name in columns}
    twice = {name: json.dumps(texts[name]) for name in columns}
    assert exchange(**opened) == exchange(**twice) == exchange()


def test_without_stored_prompts_words_are_withheld() -> None:
    found = exchange(proxy_server_request="{}", response="{}", messages="{}")
    assert found.request == {"model": "stub", "messages": [{"role": "user", "content": None}]}
    assert found.response is not None and found.response["choices"][0]["message"]["content"] is None
    assert found.usage["input_tokens"] == 31


def test_older_versions_kept_messages_in_their_own_column() -> None:
    said = [{"role": "user", "content": "hi"}]
    found = exchange(proxy_server_request=None, messages=json.dumps(said))
    assert found.request == {"model": "stub", "messages": said}


def test_redacted_words_are_withheld() -> None:
    mark = "redacted-by-litellm"
    body = {"messages": [{"role": "user", "content": mark}], "prompt": "", "input": "", "temperature": 0.3}
    answer = {"choices": [{"message": {"role": "assistant", "content": mark}}]}
    found = exchange(proxy_server_request=json.dumps(body), response=json.dumps(answer))
    assert found.request == {"model": "stub", "messages": [{"role": "user", "content": None}], "temperature": 0.3}
    assert mark not in str(found)


def test_texts_that_litellm_cut_are_marked() -> None:
    cut = "abc... (litellm_truncated skipped 91 chars. See the docs) ...xyz"
    body = json.dumps({"messages": [{"role": "user", "content": cut}]})
    found = exchange(proxy_server_request=body)
    assert found.extra["truncated"] is True and found.request["messages"][0]["content"] == cut
    assert "truncated" not in exchange().extra


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"status": "failure", "metadata": {**METADATA, "error_information": {"error_code": "429"}}}, 429),
        ({"status": "failure"}, 500),
        ({"status": None, "metadata": {**METADATA, "status": "failure"}}, 500),
        ({"status": "success"}, 200),
        ({"status": ""}, 200),
    ],
)
def test_failures(changes: dict[str, Any], status: int) -> None:
    found = exchange(**changes)
    assert found.status == status and (found.response is None) == (status >= 400)


def test_the_account_is_the_owner_of_the_key_or_the_key() -> None:
    assert exchange(user="").account == KEY
    assert one_exchange(read(rows(spend_row()), {"account": "team_id"})).account == "team-7"
    assert one_exchange(read(rows(spend_row()), {"account": "metadata.user_agent"})).account == "curl/8"
    fault = one_fault(read(rows(spend_row(user="", api_key="")), {}))
    assert fault.startswith("log:1: no account (looked for user or metadata.user_api_key_user_id or api_key); ")


def test_the_messages_api_speaks_one_language() -> None:
    body = {"max_tokens": 9, "system": "Be brief.", "messages": [{"role": "user", "content": "hi"}]}
    found = exchange(call_type="anthropic_messages", proxy_server_request=json.dumps(body))
    assert found.api == "messages" and found.request == {"model": "stub", **body}
    assert found.response is not None and found.response["content"] == [{"type": "text", "text": "Cork."}]


def test_latency_is_the_column_or_the_difference() -> None:
    assert exchange(request_duration_ms=None).latency_ms == 912.0
    assert exchange(request_duration_ms=None, endTime=None).latency_ms is None
    assert exchange(request_duration_ms=None, endTime="2026-07-24 08:15:29").latency_ms is None


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"request_id": ""}, "no id (looked for request_id)"),
        ({"startTime": "2026-07-24"}, "field 'startTime' is '2026-07-24'; it must be a time"),
        ({"metadata": "{"}, "column 'metadata' is not JSON ("),
        ({"call_type": ""}, "no call_type; give an export of LiteLLM_SpendLogs"),
        ({"prompt_tokens": 10**40}, "field 'prompt_tokens' is 1e+40"),
        ({"model": "", "model_group": None}, "no model (looked for model_group or model)"),
    ],
)
def test_faults_name_the_column(changes: dict[str, Any], line: str) -> None:
    assert one_fault(read(rows(spend_row(**changes)), {})).startswith(f"log:1: {line}")


def test_other_rows() -> None:
    assert one_passed_over(read(rows(spend_row(call_type="aimage_generation")), {})) == "call type aimage_generation"
    assert one_fault(read(rows(["a"]), {})) == "log:1: holds a list; a row is a JSON object"
    assert one_fault(read(rows({"a": 1}), {})).startswith("log:1: no call_type")


def test_payloads_may_stand_among_rows() -> None:
    first, second = read(rows(spend_row(), payload()), {})
    assert isinstance(first, Exchange) and isinstance(second, Exchange)
    assert first.account == second.account == "ann"


def test_a_misspelt_field_is_said() -> None:
    with pytest.raises(ConfigError, match="did you mean 'account'"):
        list(read(rows(spend_row()), {"acount": "user"}))


def test_csv_gives_the_same_as_json(tmp_path: Path) -> None:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(spend_row()))
    writer.writeheader()
    # psql writes times of a `timestamp` column with a blank and without an offset, and NULL as nothing.
    writer.writerow(spend_row(startTime="2026-07-24 08:15:30.125", endTime="2026-07-24 08:15:31.037"))
    writer.writerow(spend_row(request_id="chatcmpl-91", user=None, prompt_tokens="31"))
    path = tmp_path / "spend.csv"
    path.write_text(text.getvalue(), encoding="utf-8")
    first, second = read(read_rows(path, csv=True), {})
    assert first == exchange()
    assert isinstance(second, Exchange) and second.account == KEY
