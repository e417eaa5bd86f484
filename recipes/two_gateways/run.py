"""Two gateways on one Postgres and one Valkey: python -m recipes.two_gateways.run [--times 20] [--out DIR]

An account is suspended through the administration of one gateway, and the other is asked until it refuses; restored,
and asked until it serves; a key is revoked in the same way. Then both are asked at once under one limit of requests,
and what they let through together is counted. Exit 1 if anything took a second or longer, or the limit was not kept
exactly.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx2
import numpy as np

from recipes.result import Result
from tests.guard.running import Running, running
from tests.guard.services import postgres, valkey
from tests.guard.stub import Stub, chat_answer, json_answer

_LIMIT = 20
_BODY = {"model": "served", "messages": [{"role": "user", "content": "hello"}]}


def main(argv: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m recipes.two_gateways.run")
    parser.add_argument("--times", type=int, default=20)
    parser.add_argument("--out", type=Path, default=Path("runs/two_gateways"))
    options = parser.parse_args(argv)
    say = Result()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        database = stack.enter_context(stack.enter_context(postgres()).fresh())
        counters = stack.enter_context(valkey())
        stub = stack.enter_context(Stub(lambda asked: json_answer(chat_answer())))
        shared: dict[str, Any] = {
            "state": {"database": database, "counters": counters, "refresh_seconds": 0.25},
            "ledger": {"key": str(folder / "ledger-key.pem")},
            "plans": {"default": {}, "limited": {"account": {"requests_per_minute": _LIMIT}}},
        }
        one = stack.enter_context(running(folder / "one", stub.url, **shared))
        two = stack.enter_context(running(folder / "two", stub.url, **shared))
        with httpx2.Client(timeout=20) as client:
            gone, back, revoked = _decisions(client, one, two, options.times)
            admitted = _limit(client, one, two)
    for what, seconds in (("suspended", gone), ("restored", back), ("revoked", revoked)):
        say(
            f"{what} at one, in force at the other: median {np.median(seconds):.3f} s, "
            f"longest {max(seconds):.3f} s of {len(seconds)}"
        )
    say(f"{_LIMIT} requests a minute, {3 * _LIMIT} asked of both at once: {admitted} served")
    options.out.mkdir(parents=True, exist_ok=True)
    longest = max(*gone, *back, *revoked)
    say.write(options.out, {"longest_seconds": longest, "median_seconds": float(np.median(gone)), "served": admitted})
    return 1 if longest >= 1.0 or admitted != _LIMIT else 0


def _decisions(
    client: httpx2.Client, one: Running, two: Running, times: int
) -> tuple[list[float], list[float], list[float]]:
    """Seconds from the answer of the first gateway's administration to what the second one does."""
    _post(client, one, "organisations", {"id": "org"})
    gone, back, revoked = [], [], []
    for number in range(times):
        name = f"acct-{number}"
        _post(client, one, "accounts", {"id": name, "organisation": "org"})
        key = _post(client, one, "keys", {"account": name})
        secret = str(key["secret"])
        two.wait_for(secret)
        gone.append(_seconds(client, one, two, secret, 403, "actions", {"account": name, "action": "suspend"}))
        back.append(_seconds(client, one, two, secret, 200, "actions/restore", {"account": name}))
        revoked.append(_seconds(client, one, two, secret, 401, f"keys/{key['key']['id']}/revoke", {}))
    return gone, back, revoked


def _seconds(
    client: httpx2.Client, one: Running, two: Running, secret: str, status: int, path: str, body: dict[str, Any]
) -> float:
    """From the answer of the first gateway's administration until the second one answers a request with `status`."""
    _post(client, one, path, body)
    begun = time.monotonic()
    while _ask(client, two, secret) != status:
        if time.monotonic() - begun > 10:
            raise RuntimeError(f"{path} is not in force at the other gateway after ten seconds")
    return time.monotonic() - begun


def _limit(client: httpx2.Client, one: Running, two: Running) -> int:
    """How many of three times the limit both together let through."""
    _post(client, one, "accounts", {"id": "limited", "organisation": "org", "plan": "limited"})
    secret = str(_post(client, one, "keys", {"account": "limited"})["secret"])
    for gateway in (one, two):
        gateway.wait_for(secret)
    with ThreadPoolExecutor(8) as pool:
        found = pool.map(lambda n: _ask(client, (one, two)[n % 2], secret), range(3 * _LIMIT))
        return sum(status == 200 for status in found)


def _ask(client: httpx2.Client, gateway: Running, secret: str) -> int:
    headers = {"authorization": f"Bearer {secret}"}
    return client.post(f"{gateway.url}/v1/chat/completions", json=_BODY, headers=headers).status_code


def _post(client: httpx2.Client, gateway: Running, path: str, body: dict[str, Any]) -> dict[str, Any]:
    answer = client.post(f"{gateway.admin}/v1/{path}", json=body)
    if answer.status_code >= 300:
        raise RuntimeError(f"{path}: {answer.status_code} {answer.text}")
    found: dict[str, Any] = answer.json()
    return found


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
