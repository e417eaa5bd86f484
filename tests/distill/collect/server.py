"""A small endpoint in a process of the test: it answers over HTTP from the question alone, and can fail on purpose.

`Endpoint.fail` is called with the last user turn and the number of times that it was asked. It returns the status of
the answer, or None for a good one. Settings that fit it are made by `settings_of`.
"""

import copy
import hashlib
import json
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.json_server import json_server

__all__ = ["Endpoint", "answer_to", "serving", "settings_of", "write_questions"]

WORDS = ("amber", "basalt", "cedar", "delta", "ember", "flint", "grove", "heath")
PRICES = {"input": 2.0, "output": 10.0}


def answer_to(question: str) -> str:
    """Eight words that depend on the question and on nothing else."""
    return " ".join(WORDS[byte % 8] for byte in hashlib.sha256(question.encode()).digest()[:8])


class Endpoint:
    """What the server was asked, and how it is to behave."""

    def __init__(self) -> None:
        self.url = ""
        self.delay = 0.0
        self.arrived = 0
        self.asked: Counter[str] = Counter()
        self.fail: Callable[[str, int], int | None] = lambda question, times: None

    def reply(self, body: dict[str, Any], headers: Mapping[str, str]) -> tuple[int, dict[str, Any]]:
        self.arrived += 1
        time.sleep(self.delay)
        question = body["messages"][-1]["content"]
        self.asked[question] += 1
        status = self.fail(question, self.asked[question])
        if status is not None:
            return status, {"error": {"message": "as the test wants it", "type": "test"}}
        text = answer_to(question)
        usage = {"prompt_tokens": len(question.split()), "completion_tokens": len(text.split())}
        choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
        return 200, {"object": "chat.completion", "model": body["model"], "choices": [choice], "usage": usage}


@contextmanager
def serving() -> Iterator[Endpoint]:
    """An endpoint on a free port of the loopback, until the block ends."""
    endpoint = Endpoint()

    with json_server(endpoint.reply) as endpoint.url:
        yield endpoint


def settings_of(url: str, prompts: list[dict[str, Any]], **changes: Any) -> dict[str, Any]:
    """Settings for the endpoint at `url`; `a__b=value` changes the key `a.b`."""
    settings: dict[str, Any] = {
        "teacher": {
            "model": "small-teacher",
            "permission": "made by this test",
            "endpoint": {"base_url": url, "concurrency": 4, "retries": 2, "backoff": 0.01, "prices": dict(PRICES)},
        },
        "prompts": prompts,
    }
    settings = copy.deepcopy(settings)
    for key, value in changes.items():
        *above, last = key.split("__")
        here = settings
        for name in above:
            here = here.setdefault(name, {})
        here[last] = value
    return settings


def write_questions(path: Path, count: int) -> Path:
    """A prompt file of `count` different questions."""
    path.write_text("".join(json.dumps({"prompt": f"Question number {i}?"}) + "\n" for i in range(count)))
    return path
