"""A judge behind a real endpoint on loopback: it reads what it is shown and decides by a rule (see `judges/readers`).

with judge_server(longest) as judge: settings = served(judge.url)
"""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from stillhouse.types import Message, Sampling
from tests.distill.judges.readers import Reader, Worth
from tests.json_server import json_server

__all__ = ["JudgeServer", "judge_server", "served"]


class JudgeServer:
    """`calls` counts answered requests; `key`, if set, must come with each; `prose` makes it talk instead of judging.

    After `last` answers it gives no more: every request fails for good.
    """

    def __init__(self, worth: Worth) -> None:
        self.reader = Reader(worth)
        self.url, self.key, self.prose, self.calls, self.last = "", "", False, 0, 10**9
        self._lock = threading.Lock()

    def answer(self, body: dict[str, Any], headers: Mapping[str, str]) -> tuple[int, dict[str, Any]]:
        if self.key and headers.get("authorization") != f"Bearer {self.key}":
            return 401, {"error": {"message": "no such key"}}
        with self._lock:
            if self.calls >= self.last:
                return 404, {"error": {"message": "the model is gone"}}
            self.calls += 1
        messages = [Message(m["role"], m["content"]) for m in body["messages"]]
        schema = body.get("response_format", {}).get("json_schema", {}).get("schema")
        text = "Well, both have merit."
        if schema is not None and not self.prose:
            text = self.reader.reply(messages, Sampling(schema=schema, seed=body.get("seed")))
        choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": text}}
        usage = {"prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 110}
        return 200, {"object": "chat.completion", "choices": [choice], "usage": usage}


@contextmanager
def judge_server(worth: Worth) -> Iterator[JudgeServer]:
    """It runs until the block ends."""
    judge = JudgeServer(worth)

    with json_server(judge.answer) as judge.url:
        yield judge


def served(url: str, **endpoint: Any) -> dict[str, Any]:
    """A teacher's settings for the judge at `url`; `endpoint` are further keys of its endpoint."""
    prices = {"input": 1.0, "output": 2.0}
    where = {"base_url": url, "backoff": 0.01, "retries": 1, "prices": prices, **endpoint}
    return {"model": "judge", "permission": "made by this test", "endpoint": where}
