"""A small endpoint in a process of the test: it answers over HTTP from the question alone, and can fail on purpose.

`Endpoint.fail` is called with the last user turn and the number of times that it was asked. It returns the status of
the answer, or None for a good one. Settings that fit it are made by `settings_of`.
"""

import copy
import hashlib
import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

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

    def reply(self, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
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

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            status, answer = endpoint.reply(json.loads(self.rfile.read(int(self.headers["content-length"]))))
            content = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: Any) -> None:
            """Nothing: a killed client is no news here."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: Any, client_address: Any) -> None:
            """Nothing: a connection that a killed client leaves is part of the test."""

    with Server(("127.0.0.1", 0), Handler) as server:
        endpoint.url = f"http://127.0.0.1:{server.server_address[1]}/v1"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield endpoint
        finally:
            server.shutdown()
            thread.join()


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
