"""The older completions format: a text goes on, and a given text's log-probabilities come back in either dialect."""

from typing import Any

import pytest

from stillhouse.errors import ConfigError
from stillhouse.models.wire import Completions, MalformedAnswer, TokenLogprob
from stillhouse.types import Completion, Message, Sampling

WIRE = Completions()


def answer(text: str, logprobs: Any = None, finish: str | None = "stop") -> dict[str, Any]:
    return {"choices": [{"index": 0, "text": text, "logprobs": logprobs, "finish_reason": finish}]}


# "The sea" was given, " is" was written: OpenAI's four lists, the first token without a value.
ECHOED = {
    "tokens": ["The", " sea", " is"],
    "token_logprobs": [None, -2.5, -0.75],
    "top_logprobs": [None, {" sun": -1.0, " sea": -2.5}, {" is": -0.75}],
    "text_offset": [0, 3, 7],
}


def test_body() -> None:
    sampling = Sampling(max_tokens=8, temperature=0.0, seed=3)
    assert WIRE.body("served", [Message("user", "The sea")], sampling, 2, {}) == {
        "model": "served",
        "prompt": "The sea",
        "max_tokens": 8,
        "temperature": 0.0,
        "n": 2,
        "seed": 3,
    }


def test_more_than_one_message_is_no_text() -> None:
    with pytest.raises(ConfigError, match=r"^api is 'completions', .* has 2 messages; give one, or set api to"):
        WIRE.body("served", [Message("system", "a"), Message("user", "b")], Sampling(), 1, {})


def test_scoring_asks_for_the_given_text_back() -> None:
    expected = {"model": "m", "max_tokens": 1, "temperature": 0.0, "echo": True, "logprobs": 2}
    assert WIRE.scoring_body("m", "The sea", 2, {}) == {**expected, "prompt": "The sea"}
    assert WIRE.scoring_body("m", (5, 6), 2, {"logprobs": None}) == {
        name: value for name, value in {**expected, "prompt": [5, 6]}.items() if name != "logprobs"
    }


def test_answers() -> None:
    assert WIRE.completions(answer(" is blue", finish="length"), {}) == [
        Completion(text=" is blue", finish_reason="length")
    ]
    assert WIRE.completions(answer(" is", finish=None), {})[0].finish_reason == "unknown"
    assert WIRE.completions(answer(" is", finish="eos"), {})[0].finish_reason == "stop"


def test_written_tokens_of_both_dialects() -> None:
    lists = {"tokens": [" is", "."], "token_logprobs": [-0.75, -1], "top_logprobs": None}
    assert WIRE.completions(answer(" is.", lists), {})[0].logprobs == (-0.75, -1.0)
    entries = {"content": [{"token": " is", "id": 9, "logprob": -0.75, "top_logprobs": []}]}
    [completion] = WIRE.completions(answer(" is", entries), {})
    assert (completion.tokens, completion.logprobs) == ((9,), (-0.75,))


def test_two_tokens_of_one_text_keep_the_likelier() -> None:
    halves = [{"token": "\ufffd", "logprob": -1.0}, {"token": "\ufffd", "logprob": -2.0}]
    entries = {"content": [{"token": text, "logprob": -1.0, "top_logprobs": halves} for text in ("\ufffd", ".")]}
    scored = WIRE.scored(answer("\ufffd.", entries), "\ufffd")
    assert scored is not None and scored[0].top == {"\ufffd": -1.0}


def test_scores_of_a_given_text() -> None:
    assert WIRE.scored(answer("The sea is", ECHOED), "The sea") == [
        TokenLogprob(text="The", logprob=0.0),
        TokenLogprob(text=" sea", logprob=-2.5, top={" sun": -1.0, " sea": -2.5}),
    ]


def test_scores_of_given_tokens() -> None:
    found = WIRE.scored(answer("The sea is", ECHOED), (11, 12))
    assert found is not None and [token.logprob for token in found] == [0.0, -2.5]


@pytest.mark.parametrize(
    ("body", "given"),
    [
        (answer(" is", {"tokens": [" is"], "token_logprobs": [-0.75]}), "The sea"),
        (answer(" is", {"tokens": [" is"], "token_logprobs": [-0.75]}), (11, 12)),
        (answer("The sea is"), "The sea"),
        (answer("The sea is", {"content": []}), "The sea"),
        (answer("The sea is", {"tokens": ["The"], "token_logprobs": [None]}), "The sea"),
    ],
)
def test_an_endpoint_that_does_not_score_is_seen(body: dict[str, Any], given: Any) -> None:
    assert WIRE.scored(body, given) is None


@pytest.mark.parametrize(
    "body",
    [
        {"choices": [{"index": 0}]},
        {"choices": ["text"]},
        {"choices": []},
        {"choices": [None]},
        answer("a", {"tokens": ["a"], "token_logprobs": [-1.0], "top_logprobs": 3}),
        answer("a", {"tokens": ["a"], "token_logprobs": [-1.0], "top_logprobs": [[1]]}),
        answer("a", {"content": 5}),
        answer("a", {"tokens": ["a"], "token_logprobs": []}),
        answer("a", {"tokens": ["a"], "token_logprobs": ["likely"]}),
        answer("a", {"tokens": ["a"], "token_logprobs": [-1.0], "top_logprobs": [None, None]}),
        answer("a", {"tokens": ["a"], "token_logprobs": [-1.0], "top_logprobs": [{"a": None}]}),
    ],
)
def test_a_body_that_lacks_what_it_promises(body: dict[str, Any]) -> None:
    with pytest.raises(MalformedAnswer):
        WIRE.completions(body, {})


def test_a_missing_log_probability_is_no_certainty() -> None:
    """Null is right for the first token of a given text alone: nothing precedes it."""
    cached = answer("The sea is", {**ECHOED, "token_logprobs": [None, None, -0.75]})
    for given in ("The sea", (11, 12)):
        with pytest.raises(MalformedAnswer, match="a log-probability is None"):
            WIRE.scored(cached, given)
    written = answer(" is", {"tokens": [" is"], "token_logprobs": [None]})
    with pytest.raises(MalformedAnswer, match="a log-probability is None"):
        WIRE.completions(written, {"prompt": "The sea"})
    echoed = WIRE.completions(answer("The sea is", ECHOED), {"prompt": "The sea", "echo": True})
    assert echoed[0].logprobs == (0.0, -2.5, -0.75)


@pytest.mark.parametrize("found", [[], [None], ["text"]])
def test_scores_out_of_a_body_without_an_answer(found: list[Any]) -> None:
    with pytest.raises(MalformedAnswer):
        WIRE.scored({"choices": found}, (1,))
