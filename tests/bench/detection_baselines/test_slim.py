"""What baselines read of a whole request, they read of a slim one."""

from dataclasses import replace

from bench.detection_baselines.embedding import newest_turn
from bench.detection_baselines.slim import slim
from stillhouse.types import Exchange
from tests.bench.detection_baselines.asking import ask

TALK = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": "first"},
    {"role": "assistant", "content": "answer"},
    {"role": "user", "content": [{"type": "text", "text": " the newest "}]},
]
LOG: list[Exchange] = [
    replace(ask("a", 1, ip="198.51.100.7"), request={"messages": TALK}, response={"choices": []}, usage={"input": 3}),
    replace(ask("b", 2), api="responses", request={"input": "in one string"}),
    replace(ask("c", 3), api="messages", request={"system": "Be kind.", "messages": TALK[1:]}),
    ask("d", 4, text=None),
    ask("e", 5, text="x" * 5000),
]


def test_the_newest_turn_and_all_that_identifies_stay() -> None:
    slimmed = slim(LOG)
    assert [newest_turn(one) for one in slimmed] == [newest_turn(one) for one in LOG]
    assert [newest_turn(one)[:13] for one in slimmed] == ["the newest", "in one string", "the newest", "", "x" * 13]
    for name in ("id", "time", "account"):
        assert [getattr(one, name) for one in slimmed] == [getattr(one, name) for one in LOG]
    assert [one.client["ip"] for one in slimmed] == ["198.51.100.7", None, None, None, None]
    assert all(one.response is None and not one.usage for one in slimmed)
