"""Withheld words in the form of every API, which a log takes."""

from typing import get_args

import pytest

from stillhouse.guard.ingest.withheld import withheld_request, withheld_response
from stillhouse.records import exchange_from_record, exchange_to_record
from stillhouse.types import Api, Exchange


@pytest.mark.parametrize("api", get_args(Api))
def test_every_api_has_a_form(api: Api) -> None:
    exchange = Exchange(
        id="a",
        time="2026-07-24T08:15:30.125Z",
        account="a",
        model="m",
        api=api,
        request=withheld_request(api, "m", {"stream": True}),
        response=withheld_response(api),
    )
    assert exchange_from_record(exchange_to_record(exchange), "x") == exchange
    assert exchange.request["model"] == "m" and exchange.request["stream"] is True
    assert "None" in str(exchange.response)


def test_a_choice_for_each_reason() -> None:
    assert withheld_response("chat.completions", ["stop", None])["choices"] == [
        {"index": 0, "message": {"role": "assistant", "content": None}, "finish_reason": "stop"},
        {"index": 1, "message": {"role": "assistant", "content": None}, "finish_reason": None},
    ]
    assert withheld_response("completions", ["length"])["choices"] == [
        {"index": 0, "text": None, "finish_reason": "length"}
    ]
    assert withheld_response("messages", ["end_turn"])["stop_reason"] == "end_turn"
    assert withheld_response("messages", [])["stop_reason"] is None
