"""Values stay what they are, and the two kinds of model can be told apart."""

from collections.abc import Sequence
from dataclasses import FrozenInstanceError

import pytest

from stillhouse.types import Completion, Exchange, Message, Sampler, Sampling, Scorer


class Written:
    """A model behind an API: it answers and shows no probabilities."""

    name = "written"

    async def sample(self, messages: Sequence[Message], sampling: Sampling, n: int = 1) -> list[Completion]:
        return [Completion(text=messages[-1].content)] * n


class Open(Written):
    """Open weights: it can be read as well."""

    def score(self, tokens: Sequence[int]) -> list[float]:
        return [0.0] * len(tokens)


def test_only_open_weights_can_score() -> None:
    assert isinstance(Written(), Sampler) and not isinstance(Written(), Scorer)
    assert isinstance(Open(), Sampler) and isinstance(Open(), Scorer)


def test_a_message_has_the_form_of_chat_templates() -> None:
    assert Message("user", "Hi").as_dict() == {"role": "user", "content": "Hi"}


def test_values_are_frozen() -> None:
    exchange = Exchange(id="e", time="2026-07-24T08:15:30Z", account="a", model="m", api="messages", request={})
    for value, name in (
        (Message("user", "Hi"), "content"),
        (Sampling(), "top_p"),
        (Completion(text=""), "text"),
        (exchange, "id"),
    ):
        with pytest.raises(FrozenInstanceError):
            setattr(value, name, "changed")


def test_two_exchanges_share_no_mapping() -> None:
    made = [Exchange(id=i, time="t", account="a", model="m", api="messages", request={}) for i in "ab"]
    assert made[0].client is not made[1].client and made[0].extra is not made[1].extra
