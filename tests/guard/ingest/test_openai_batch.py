"""Batches: requests and answers joined in whatever order the files come, and what has no partner."""

from itertools import permutations
from typing import Any

import pytest

from stillhouse.guard.ingest.openai_batch import read
from stillhouse.guard.ingest.outcome import Fault, Outcome
from stillhouse.types import Exchange
from tests.guard.ingest.samples import BATCH, answered_line, asked_line, one_exchange, one_fault, one_passed_over, rows

ACCOUNT = {"account": "=acct_17"}


def by_name(outcomes: list[Outcome]) -> dict[str, Exchange]:
    found = {}
    for outcome in outcomes:
        exchange = one_exchange(iter([outcome]))
        found[exchange.id] = exchange
    return found


def test_a_pair() -> None:
    assert one_exchange(read(rows(asked_line("a"), answered_line("a")), ACCOUNT)) == Exchange(
        id="batch_req_a",
        time="2026-07-24T08:15:31.000Z",
        account="acct_17",
        model="stub",
        api="chat.completions",
        request=asked_line("a")["body"],
        response=answered_line("a")["response"]["body"],
        usage={"input_tokens": 31, "output_tokens": 12},
        status=200,
        extra={"source": "openai-batch", "request_id": "req_a"},
    )


def test_lines_may_come_in_any_order() -> None:
    lines = [asked_line("a"), answered_line("a"), asked_line("b"), answered_line("b")]
    expected = by_name(list(read(rows(*lines), ACCOUNT)))
    assert len(expected) == 2
    for order in permutations(lines):
        assert by_name(list(read(rows(*order), ACCOUNT))) == expected


def test_errors_and_requests_that_were_never_answered() -> None:
    refused = answered_line("b", response={"status_code": 400, "request_id": "r", "body": {"error": {"message": "no"}}})
    expired = answered_line("c", response=None, error={"code": "batch_expired", "message": "too late"})
    lines = [BATCH, *map(asked_line, "abcd"), answered_line("a"), refused, expired]
    found = list(read(rows(*lines), ACCOUNT))
    statuses = {exchange.request["messages"][0]["content"][-1]: exchange for exchange in by_name(found).values()}
    assert {name: exchange.status for name, exchange in statuses.items()} == {"a": 200, "b": 400, "c": 0, "d": 0}
    assert all(statuses[name].response is None for name in "bcd")
    assert statuses["d"].time == "2026-07-24T08:01:00.000Z"  # when the batch began, as the batch object says


def test_without_a_time_the_remedy_is_said() -> None:
    fault = one_fault(read(rows(asked_line("a")), ACCOUNT))
    assert fault == "log:1: no time: it got no answer; give the batch object (GET /v1/batches/ID) as a first file"
    assert one_exchange(read(rows(asked_line("a")), {**ACCOUNT, "time": "=2026-07-24T08:00:00Z"})).status == 0


def test_an_answer_alone_has_its_request_withheld() -> None:
    found = one_exchange(read(rows(answered_line("a")), ACCOUNT))
    assert found.request == {"model": "stub-2026", "messages": [{"role": "user", "content": None}]}
    assert found.response == answered_line("a")["response"]["body"]


@pytest.mark.parametrize(
    ("url", "api"),
    [("/v1/responses", "responses"), ("/v1/completions", "completions"), ("/v1/embeddings", "embeddings")],
)
def test_the_url_says_the_api(url: str, api: str) -> None:
    assert one_exchange(read(rows(asked_line("a", url=url), answered_line("a")), ACCOUNT)).api == api


def test_other_urls_are_passed_over() -> None:
    lines = (asked_line("a", url="/v1/moderations"), answered_line("a"))
    assert one_passed_over(read(rows(*lines), ACCOUNT)) == "a url of none of the known APIs"


def test_accounts_may_stand_in_the_request() -> None:
    line = asked_line("a")
    line["body"]["safety_identifier"] = "u7"
    assert one_exchange(read(rows(line, answered_line("a")), {})).account == "u7"
    line["body"] |= {"safety_identifier": None, "metadata": {"tenant": "t1"}}
    found = one_exchange(read(rows(line, answered_line("a")), {"account": "asked.body.metadata.tenant"}))
    assert found.account == "t1"
    fault = one_fault(read(rows(asked_line("a"), answered_line("a")), {}))
    assert fault.startswith(
        "log:2: no account (looked for asked.body.safety_identifier or asked.body.user); a batch is"
    )


def test_a_name_that_comes_twice_is_a_fault() -> None:
    first, second = read(rows(asked_line("a"), asked_line("a"), answered_line("a")), ACCOUNT)
    assert isinstance(first, Fault) and first.reason == "custom_id 'a' is there twice; import one batch at a time"
    assert isinstance(second, Exchange)


@pytest.mark.parametrize(
    ("lines", "fault"),
    [
        ([{"a": 1}], "log:1: no custom_id"),
        ([["a"]], "log:1: no custom_id"),
        ([asked_line("a", body="x"), answered_line("a")], "log:2: body is a str; it must be an object"),
        ([asked_line("a", body={}), answered_line("a", response={"status_code": 200})], "log:2: no model"),
        (
            [asked_line("a"), answered_line("a", response={"status_code": "x", "body": {"created": 1784880931}})],
            "log:2: response.status_code is 'x'",
        ),
    ],
)
def test_faults(lines: list[Any], fault: str) -> None:
    assert one_fault(read(rows(*lines), ACCOUNT)).startswith(fault)


def test_lines_of_servers_without_ids_get_one_of_their_own() -> None:
    lines = (asked_line("a"), answered_line("a", id=None))
    first = one_exchange(read(rows(*lines), ACCOUNT))
    assert first.id.startswith("batch-") and first.id == one_exchange(read(rows(*lines), ACCOUNT)).id
