"""What a plan allows a request to ask for beyond an answer: log-probabilities, biased tokens, seeds, many answers.

Each lets a client see more of the model than what it says; together they give its distributions away. A closing must
hold whatever name the upstream knows a thing by, so other servers' names for it are closed with it, in every API.
"""

from typing import Any

from stillhouse.guard.refusal import Refusal
from stillhouse.guard.settings import Closing, Policy
from stillhouse.guard.wire.base import Wire
from stillhouse.guard.wire.fields import wrong
from stillhouse.guard.wire.reasoning import ask_without_reasoning

__all__ = ["apply", "under_strip"]

# OpenAI's; vLLM's of the prompt and of chosen tokens; llama.cpp's.
_LOGPROBS = ("logprobs", "top_logprobs", "prompt_logprobs", "logprob_token_ids", "n_probs")
# OpenAI's; vLLM's that leaves only these tokens, which is the same with more weight.
_BIAS = ("logit_bias", "allowed_token_ids")
# OpenAI's; llama.cpp's.
_MANY = ("n", "best_of", "n_cmpl")
_INCLUDED = "message.output_text.logprobs"
_WATCHED = frozenset({*_LOGPROBS, *_BIAS, *_MANY, "seed", "include"})


def apply(policy: Policy, wire: Wire, body: dict[str, Any]) -> tuple[str, ...]:
    """Change the request in place as the plan says, and return what was stripped, empty for most requests.

    Raises Refusal(permission) with the rule `policy.<setting>` and the field in `param`, and Refusal(invalid_request)
    where a field that counts is no whole number.
    """
    if _WATCHED.isdisjoint(body) and policy.reasoning == "allow":
        return ()
    stripped: list[str] = []
    logprobs = _asked_logprobs(body)
    if logprobs and _closed(policy.logprobs, "logprobs", logprobs[0], stripped):
        _strip_logprobs(body)
        logprobs = []
    bias = [name for name in _BIAS if body.get(name)]
    if bias and _closed(policy.logit_bias, "logit_bias", bias[0], stripped):
        for name in _BIAS:
            body.pop(name, None)
        bias = []
    if logprobs:
        # The answer stays as it was asked for; only what would be seen beside it goes.
        closing = policy.logprobs_with_logit_bias if bias else "allow"
        if _closed(closing, "logprobs_with_logit_bias", logprobs[0], stripped):
            _strip_logprobs(body)
        else:
            _check_alternatives(policy, body)
    if body.get("seed") is not None and _closed(policy.seed, "seed", "seed", stripped):
        del body["seed"]
    for name in _MANY:
        _check_most(body, name, policy.max_n, "max_n")
    if policy.reasoning == "strip":
        stripped += ask_without_reasoning(wire, body)
    return tuple(stripped)


def under_strip(policy: Policy) -> Policy:
    """The policy of an account under the action `strip`: no reasoning and no log-probabilities, the rest as before.

    It makes a new Policy, which takes a while: make it once for each plan.
    """
    logprobs: Closing = "strip" if policy.logprobs == "allow" else policy.logprobs
    return policy.model_copy(update={"logprobs": logprobs, "reasoning": "strip"})


def _asked_logprobs(body: dict[str, Any]) -> list[str]:
    """The fields that ask for log-probabilities. A 0 in `logprobs` or `prompt_logprobs` asks for the token's own."""
    found = []
    for name in _LOGPROBS:
        value = body.get(name)
        if value is None or value is False or value == []:
            continue
        if value == 0 and name in ("top_logprobs", "n_probs"):
            continue
        found.append(name)
    include = body.get("include")
    if isinstance(include, list) and _INCLUDED in include:
        found.append("include")
    return found


def _strip_logprobs(body: dict[str, Any]) -> None:
    for name in _LOGPROBS:
        body.pop(name, None)
    include = body.get("include")
    if isinstance(include, list):
        body["include"] = [name for name in include if name != _INCLUDED]


def _closed(closing: Closing, setting: str, field: str, stripped: list[str]) -> bool:
    """Whether to strip, noted under the setting's name; raises where the plan refuses."""
    if closing == "refuse":
        both = " together with `logit_bias`" if setting == "logprobs_with_logit_bias" else ""
        raise Refusal(
            "permission",
            f"policy.{setting}",
            f"Your plan does not allow `{field}`{both}; leave it out.",
            param=field,
        )
    if closing == "strip":
        stripped.append("logprobs" if setting == "logprobs_with_logit_bias" else setting)
        return True
    return False


def _check_alternatives(policy: Policy, body: dict[str, Any]) -> None:
    """-1 is vLLM's word for the whole vocabulary, so less than 0 is too many as well."""
    most = policy.max_top_logprobs
    for name in ("logprobs", "top_logprobs", "prompt_logprobs", "n_probs"):
        if type(body.get(name)) is not bool:
            _check_most(body, name, most, "max_top_logprobs")
    tokens = body.get("logprob_token_ids")
    if tokens is not None and (type(tokens) is not list or len(tokens) > most):
        raise _too_many("logprob_token_ids", most, "max_top_logprobs")


def _check_most(body: dict[str, Any], name: str, most: int, setting: str) -> None:
    value = body.get(name)
    if value is None:
        return
    if type(value) is not int:
        raise wrong(name, "must be a whole number")
    if not 0 <= value <= most:
        raise _too_many(name, most, setting)


def _too_many(name: str, most: int, setting: str) -> Refusal:
    return Refusal("permission", f"policy.{setting}", f"Your plan allows at most {most} in `{name}`.", param=name)
