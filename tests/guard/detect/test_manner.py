"""How a request was made: all of the evidence half, of the other one what its account's next requests need."""

from stillhouse.guard.detect.manner import Manner, manner
from stillhouse.guard.features.asked import asked
from stillhouse.guard.features.concentration import Task
from stillhouse.guard.features.sampling import Oddity
from stillhouse.guard.features.words import words_of
from stillhouse.types import Exchange
from tests.guard.detection import exchange

TIME = "2026-07-24T08:15:30Z"


def made(one: Exchange, evidence: bool = True, seed: int = 1) -> Manner:
    said = asked(one)
    return manner(one, said, words_of(said.newest), evidence, seed)


def answered(*turns: tuple[str, str], answer: str, plan: object = "pro") -> Exchange:
    response = {"choices": [{"message": {"role": "assistant", "content": answer}}]}
    messages = [{"role": role, "content": text} for role, text in turns]
    return exchange(
        "1", TIME, "a", messages,
        response=response, registration={"plan": plan}, usage={"cached_input_tokens": 16},
    )  # fmt: skip


def test_what_was_given_is_what_the_next_request_carries() -> None:
    first = made(answered(("user", "Solve 3 + 4"), answer="Seven."))
    second = made(answered(("user", "Solve 3 + 4"), ("assistant", "Seven."), ("user", "Sure?"), answer="Yes."))
    assert (first.plan, first.carried, first.task, first.is_cached) == ("pro", 0, Task.MATHS, True)
    assert second.carried == first.given != second.given
    # Under another seed it is another number.
    assert made(answered(("user", "Solve 3 + 4"), answer="Seven."), seed=2).given != first.given


def test_the_linking_half_tells_plan_and_answer_only() -> None:
    one = answered(("user", "Translate"), ("assistant", "What?"), ("user", "Translate this"), answer="Ja.")
    whole, half = made(one), made(one, evidence=False)
    assert whole.task == Task.LANGUAGE and whole.carried
    assert half == Manner("pro", whole.given)


def test_what_a_log_lacks_is_none() -> None:
    assert made(exchange("1", TIME, "a", "Hello")) == Manner()
    assert made(answered(("user", "Hello"), answer="", plan=7)) == Manner(is_cached=True)


def test_settings_are_bits() -> None:
    one = Exchange(
        id="1", time=TIME, account="a", model="m", api="chat.completions",
        request={"messages": [{"role": "user", "content": "Hi"}], "n": 3, "seed": 1},
    )  # fmt: skip
    assert made(one).oddities == Oddity.SEVERAL | Oddity.SEED
