"""How evaluation programs word an item: worked examples in front, a text before and behind it."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from stillhouse.range.answers import answer_to
from stillhouse.range.cast import Account, Answer, Ask
from stillhouse.range.corpus import Item
from stillhouse.range.seeds import draws
from stillhouse.range.wire import answered, said
from stillhouse.types import Api

__all__ = ["HARNESSES", "Harness", "item_ask", "lead_of"]


class Harness(NamedTuple):
    """`examples` worked items come first; `before` and `after` stand around each question."""

    examples: int
    before: str
    after: str
    system: str = ""


HARNESSES = (
    Harness(5, "Question: ", "\nAnswer:"),
    Harness(0, "", "\n\nLet's think step by step."),
    Harness(0, "Q: ", "\nA: Let's think step by step.", "You are a careful solver. Put the final answer in \\boxed{}."),
    Harness(3, "Problem: ", "\nSolution:"),
    Harness(0, "Answer the following question. The last line of your answer must be 'Answer: X'.\n\n", ""),
    Harness(0, "", "", "Follow the instructions exactly."),
)


def lead_of(harness: Harness, suite: Sequence[Item]) -> str:
    """The worked examples in front of each item: the last ones of the suite, which are not asked."""
    examples = suite[len(suite) - harness.examples :]
    return "".join(f"{harness.before}{item.question}{harness.after} {item.answer}\n\n" for item in examples)


def item_ask(
    now: int,
    account: Account,
    client: Mapping[str, Any],
    item: Item,
    harness: Harness,
    lead: str,
    asked: Mapping[str, Any],
) -> Ask:
    """One item as the harness words it."""
    message = said(f"{lead}{harness.before}{item.question}{harness.after}")
    answer = answered(item.answer or answer_to(item.question, draws(item.question)))
    if "logprobs" in asked:
        answer = _with_logprobs(answer, account.api)
    return Ask(now, account, client, harness.system, (message,), answer, asked, lead)


def _with_logprobs(answer: Answer, api: Api) -> Answer:
    """The answer with the log-probabilities of its first word, in the form of the API."""
    token = str(answer.message["content"]).split(" ")[0][:12]
    if api == "completions":
        return answer._replace(extra={"logprobs": {"tokens": [token], "token_logprobs": [-0.11]}})
    others = [{"token": token, "logprob": -0.11}, {"token": "The", "logprob": -2.9}]
    content = [{"token": token, "logprob": -0.11, "top_logprobs": others}]
    return answer._replace(extra={"logprobs": {"content": content}})
