"""Plans' closings: what is stripped, what is refused, by every name that a server knows it by, and nothing else."""

from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stillhouse.guard.policy import apply, under_strip
from stillhouse.guard.refusal import Refusal
from stillhouse.guard.settings import Policy
from stillhouse.guard.wire import Chat, Completions, Messages, Responses, Wire
from tests.guard.wire.feeding import many

CHAT, COMPLETIONS, RESPONSES, MESSAGES = Chat(), Completions(), Responses(), Messages()
INCLUDED = "message.output_text.logprobs"


def applied(policy: Policy, wire: Wire, body: dict[str, Any]) -> tuple[tuple[str, ...], dict[str, Any]]:
    body = deepcopy(body)
    return apply(policy, wire, body), body


@pytest.mark.parametrize("wire", [CHAT, COMPLETIONS, RESPONSES, MESSAGES])
@pytest.mark.parametrize(
    "body",
    [
        {"model": "m", "messages": [], "temperature": 1, "stream": True},
        {"logprobs": False, "top_logprobs": None, "logit_bias": {}, "seed": None, "n": 1, "include": []},
        {"logprobs": None, "top_logprobs": 0, "n_probs": 0, "logprob_token_ids": [], "allowed_token_ids": None},
        {"include": ["file_search_call.results"], "n": None},
    ],
)
def test_what_asks_for_nothing_is_left_alone(wire: Wire, body: dict[str, Any]) -> None:
    closed = Policy(logprobs="refuse", logit_bias="refuse", seed="refuse", max_n=1)
    assert applied(closed, wire, body) == ((), body)


@pytest.mark.parametrize(
    ("wire", "body"),
    [
        (CHAT, {"logprobs": True, "top_logprobs": 20, "seed": 5, "n": 128}),
        (CHAT, {"logit_bias": {"50256": -100}, "seed": 0}),
        (COMPLETIONS, {"logprobs": 5, "best_of": 4, "n": 2}),
        (COMPLETIONS, {"logprobs": True}),
        (RESPONSES, {"top_logprobs": 3, "include": [INCLUDED]}),
    ],
)
def test_the_default_policy_allows_each_by_itself(wire: Wire, body: dict[str, Any]) -> None:
    assert applied(Policy(), wire, body) == ((), body)


LOGPROBS: list[tuple[Wire, dict[str, Any], str]] = [
    (CHAT, {"logprobs": True, "top_logprobs": 5}, "logprobs"),
    (CHAT, {"top_logprobs": 5}, "top_logprobs"),
    (CHAT, {"logprobs": "true"}, "logprobs"),
    (CHAT, {"prompt_logprobs": 0}, "prompt_logprobs"),
    (CHAT, {"logprobs": True, "logprob_token_ids": [1]}, "logprobs"),
    (CHAT, {"n_probs": 5}, "n_probs"),
    (COMPLETIONS, {"logprobs": 0}, "logprobs"),
    (COMPLETIONS, {"logprobs": 5}, "logprobs"),
    (RESPONSES, {"top_logprobs": 5}, "top_logprobs"),
    (RESPONSES, {"include": [INCLUDED]}, "include"),
]


@pytest.mark.parametrize(("wire", "body", "param"), LOGPROBS)
def test_log_probabilities(wire: Wire, body: dict[str, Any], param: str) -> None:
    stripped, left = applied(Policy(logprobs="strip"), wire, {"model": "m", **body})
    assert stripped == ("logprobs",)
    assert left == ({"model": "m", "include": []} if param == "include" else {"model": "m"})
    with pytest.raises(Refusal) as error:
        applied(Policy(logprobs="refuse"), wire, body)
    assert (error.value.kind, error.value.rule, error.value.param) == ("permission", "policy.logprobs", param)


def test_what_else_is_included_stays() -> None:
    body = {"include": ["reasoning.encrypted_content", INCLUDED], "top_logprobs": 2}
    assert applied(Policy(logprobs="strip"), RESPONSES, body) == (
        ("logprobs",),
        {"include": ["reasoning.encrypted_content"]},
    )


@pytest.mark.parametrize("body", [{"logit_bias": {"5": 1}}, {"logit_bias": [[5, 1]]}, {"allowed_token_ids": [5]}])
def test_biased_tokens(body: dict[str, Any]) -> None:
    assert applied(Policy(logit_bias="strip"), CHAT, body) == (("logit_bias",), {})
    with pytest.raises(Refusal) as error:
        applied(Policy(logit_bias="refuse"), CHAT, body)
    assert (error.value.rule, error.value.param) == ("policy.logit_bias", next(iter(body)))


BOTH: dict[str, Any] = {"logprobs": True, "top_logprobs": 5, "logit_bias": {"5": 1}}


def test_both_together() -> None:
    with pytest.raises(Refusal) as error:
        applied(Policy(), CHAT, BOTH)
    assert (error.value.rule, error.value.param) == ("policy.logprobs_with_logit_bias", "logprobs")
    assert "`logit_bias`" in error.value.message
    assert applied(Policy(logprobs_with_logit_bias="strip"), CHAT, BOTH) == (("logprobs",), {"logit_bias": {"5": 1}})
    assert applied(Policy(logprobs_with_logit_bias="allow"), CHAT, BOTH) == ((), BOTH)


def test_where_one_is_stripped_the_other_is_alone() -> None:
    assert applied(Policy(logprobs="strip"), CHAT, BOTH) == (("logprobs",), {"logit_bias": {"5": 1}})
    assert applied(Policy(logit_bias="strip"), CHAT, BOTH) == (("logit_bias",), {"logprobs": True, "top_logprobs": 5})
    assert applied(Policy(logprobs="strip", logit_bias="strip"), CHAT, BOTH) == (("logprobs", "logit_bias"), {})


@pytest.mark.parametrize(
    ("wire", "body", "param"),
    [
        (CHAT, {"logprobs": True, "top_logprobs": 6}, "top_logprobs"),
        (CHAT, {"logprobs": True, "top_logprobs": -1}, "top_logprobs"),
        (CHAT, {"prompt_logprobs": -1}, "prompt_logprobs"),
        (CHAT, {"n_probs": 1000}, "n_probs"),
        (CHAT, {"logprobs": True, "logprob_token_ids": [1] * 6}, "logprob_token_ids"),
        (COMPLETIONS, {"logprobs": 6}, "logprobs"),
        (RESPONSES, {"top_logprobs": 6}, "top_logprobs"),
    ],
)
def test_too_many_alternatives(wire: Wire, body: dict[str, Any], param: str) -> None:
    with pytest.raises(Refusal) as error:
        applied(Policy(max_top_logprobs=5), wire, body)
    assert (error.value.kind, error.value.rule) == ("permission", "policy.max_top_logprobs")
    assert error.value.param == param and "at most 5" in error.value.message


@pytest.mark.parametrize(
    "body", [{"top_logprobs": "5"}, {"top_logprobs": 5.0}, {"logprobs": "true"}, {"n": "2"}, {"n": True}]
)
def test_what_cannot_be_counted_is_refused(body: dict[str, Any]) -> None:
    with pytest.raises(Refusal) as error:
        applied(Policy(), CHAT, body)
    assert (error.value.kind, error.value.param) == ("invalid_request", next(iter(body)))


def test_seeds() -> None:
    assert applied(Policy(seed="strip"), CHAT, {"seed": 0}) == (("seed",), {})
    with pytest.raises(Refusal) as error:
        applied(Policy(seed="refuse"), COMPLETIONS, {"seed": 5})
    assert error.value.rule == "policy.seed"


@pytest.mark.parametrize("name", ["n", "best_of", "n_cmpl"])
def test_many_answers(name: str) -> None:
    assert applied(Policy(max_n=4), COMPLETIONS, {name: 4}) == ((), {name: 4})
    with pytest.raises(Refusal) as error:
        applied(Policy(max_n=4), COMPLETIONS, {name: 5})
    assert (error.value.rule, error.value.param) == ("policy.max_n", name)
    assert error.value.message == f"Your plan allows at most 4 in `{name}`."


def test_reasoning_is_told_and_not_asked_for() -> None:
    policy = Policy(reasoning="strip")
    assert applied(policy, CHAT, {"model": "m"}) == (("reasoning",), {"model": "m"})
    assert applied(policy, COMPLETIONS, {"model": "m"}) == ((), {"model": "m"})
    assert applied(policy, RESPONSES, {"reasoning": {"summary": "auto"}}) == (("reasoning",), {"reasoning": {}})


def test_the_action_strip_closes_log_probabilities_and_reasoning() -> None:
    assert under_strip(Policy()) == Policy(logprobs="strip", reasoning="strip")
    assert under_strip(Policy(logprobs="refuse", max_n=2)) == Policy(logprobs="refuse", reasoning="strip", max_n=2)
    assert applied(under_strip(Policy()), CHAT, {"logprobs": True}) == (("logprobs", "reasoning"), {})


values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.sampled_from(["5", INCLUDED, "enabled"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "type", "summary"]), inner),
    max_leaves=5,
)
NAMES = ["logprobs", "top_logprobs", "prompt_logprobs", "logprob_token_ids", "n_probs", "logit_bias", "seed", "n"]
NAMES += ["allowed_token_ids", "best_of", "include", "reasoning", "thinking", "input", "messages", "store"]
closings = st.sampled_from(["allow", "strip", "refuse"])
policies = st.builds(
    Policy,
    logprobs=closings,
    logit_bias=closings,
    logprobs_with_logit_bias=closings,
    seed=closings,
    reasoning=st.sampled_from(["allow", "strip"]),
)


@many
@given(
    policies, st.sampled_from([CHAT, COMPLETIONS, RESPONSES, MESSAGES]), st.dictionaries(st.sampled_from(NAMES), values)
)
def test_any_object_is_changed_or_refused(policy: Policy, wire: Wire, body: dict[str, Any]) -> None:
    try:
        stripped, left = applied(policy, wire, body)
    except Refusal as error:
        assert error.kind in ("permission", "invalid_request") and error.param in NAMES
        return
    # What a second pass still finds, the first let through.
    assert [name for name in applied(policy, wire, left)[0] if name not in ("reasoning", "thinking")] == []
    assert stripped or left == body
