"""Sends the cases over many connections at once and judges every answer."""

import asyncio
import json
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from recipes.gateway_fuzz.cases import Case, Cases
from recipes.gateway_fuzz.strict_http import Answered, Connection, Ended, GivenUp, Malformed
from recipes.gateway_fuzz.upstream import MARK
from stillhouse.guard.wire.errors import Family

__all__ = ["Fault", "Traffic"]

_HANG_SECONDS = 10.0
_QUIET_SECONDS = 0.3
_MOST_FAULTS = 40
_HONEST = json.dumps({"model": "served", "messages": [{"role": "user", "content": "hello"}]}).encode()


class _Wrong(Exception):
    """An answer that the gateway must not give; `id` is the request's, where it told one."""

    def __init__(self, what: str, id: str = "") -> None:
        super().__init__(what)
        self.what, self.id = what, id


@dataclass
class Fault:
    what: str
    case: Case | None
    id: str = ""
    told: str = ""


@dataclass
class Traffic:
    """`counts` has (row, outcome), where outcome is `inputs`, `refused`, `served` or `upstream`."""

    port: int
    cases: Cases
    honest_key: str
    step: Callable[[], None]
    counts: Counter[tuple[str, str]] = field(default_factory=Counter)
    rules: Counter[str] = field(default_factory=Counter)
    requests: int = 0
    faults: list[Fault] = field(default_factory=list)

    async def run(self, first: int, count: int, connections: int) -> None:
        """Send the cases `first` to `first + count`, `connections` at once, and an honest request now and then."""
        numbers = iter(range(first, first + count))
        await asyncio.gather(*(self._work(numbers) for _ in range(connections)))

    async def honest(self, times: int = 1) -> None:
        """What any customer sends has to be served, whatever others send."""
        for _ in range(times):
            head = f"POST /v1/chat/completions HTTP/1.1\r\nhost: here\r\nauthorization: Bearer {self.honest_key}\r\n"
            data = head.encode() + b"content-length: %d\r\n\r\n" % len(_HONEST) + _HONEST
            self.requests += 1
            try:
                async with asyncio.timeout(_HANG_SECONDS):
                    connection = await Connection.open(self.port)
                    connection.send(data)
                    answer = await connection.answer()
                    connection.close()
                content = json.loads(answer.body)["choices"][0]["message"]["content"]
            except (TimeoutError, Ended, Malformed, ConnectionError, ValueError, KeyError) as error:
                self.faults.append(Fault(f"an honest request is not served: {type(error).__name__} {error}", None))
                continue
            if answer.status != 200 or content != "honest":
                self.faults.append(Fault(f"an honest request gets {answer.status}", None))

    async def _work(self, numbers: Iterator[int]) -> None:
        connection: Connection | None = None
        for number in numbers:
            if len(self.faults) >= _MOST_FAULTS:
                break
            case = self.cases.case(number)
            if number % 1000 == 0:
                await self.honest()
            self.counts[case.row, "inputs"] += 1
            self.requests += len(case.heads)
            fresh = connection is None or case.row == "raw HTTP"
            try:
                if connection is None or fresh:
                    if connection is not None:
                        connection.close()
                    connection = await Connection.open(self.port)
                async with asyncio.timeout(_HANG_SECONDS * len(case.heads)):
                    keeps = await self._send(case, connection)
            except TimeoutError:
                self._fault(f"no answer in {_HANG_SECONDS:.0f} seconds", case)
                keeps = False
            except (Malformed, _Wrong) as error:
                self._fault(str(error), case, error.id if isinstance(error, _Wrong) else "")
                keeps = False
            except Ended as error:
                if case.certain and not isinstance(error, GivenUp):
                    self._fault(f"the connection ended {error}", case)
                keeps = False
            except ConnectionError:
                # The gateway closes where it refuses a head, and then our last bytes are answered by a reset.
                if case.certain and case.row not in ("headers", "methods and paths"):
                    self._fault("the connection broke", case)
                keeps = False
            if not keeps and connection is not None:
                connection.close()
                connection = None
            self.step()
        if connection is not None:
            connection.close()

    def _fault(self, what: str, case: Case, id: str = "") -> None:
        self.faults.append(Fault(what, case, id))

    async def _send(self, case: Case, connection: Connection) -> bool:
        """Whether the connection can be used again."""
        if connection.rest:
            raise Malformed(f"bytes that nobody asked for: {bytes(connection.rest[:200])!r}")
        for index, piece in enumerate(case.pieces):
            if index:
                if case.waits and not connection.rest and not await connection.more():
                    raise Ended(False)
                await asyncio.sleep(0.001)
            connection.send(piece)
        if case.ending != "read":
            await asyncio.sleep(case.after)
            connection.close(abort=case.ending == "abort")
            return False
        if case.row == "raw HTTP":
            await self._whatever(case, connection)
            return False
        for head in case.heads:
            answer = await connection.answer(head=head)
            self._judge(case, answer, head)
            if answer.closes:
                return False
        return case.certain and case.row != "headers"  # there a wrong length leaves bytes behind

    async def _whatever(self, case: Case, connection: Connection) -> None:
        """Nobody knows how many answers are due; those that come have to be whole, unless the connection ends."""
        head = case.pieces[0].startswith(b"HEAD")
        while True:
            if not connection.rest:
                try:
                    async with asyncio.timeout(_QUIET_SECONDS):
                        if not await connection.more():
                            return
                except TimeoutError:
                    return
            try:
                answer = await connection.answer(head=head)
            except Ended:
                return
            self._judge(case, answer, head)
            if answer.closes:
                return

    def _judge(self, case: Case, answer: Answered, head: bool) -> None:
        headers = answer.headers
        rule = headers.get("stillhouse-rule")
        id = headers.get("x-request-id") or headers.get("request-id") or ""
        if "evil" in (rule or "", headers.get("stillhouse-action")):
            raise _Wrong("an upstream's word passes for the gateway's own", id)
        if rule is None and MARK not in headers:
            if answer.status >= 400:
                raise _Wrong(f"{answer.status} without a rule: {answer.body[:200]!r}", id)
            self.counts[case.row, "served"] += 1
            return
        if rule is None:
            self._judge_relayed(case, answer, head, id)
            return
        self.rules[rule] += 1
        if rule == "internal":
            raise _Wrong("rule internal", id)
        if answer.status < 400:
            raise _Wrong(f"{answer.status} with rule {rule}", id)
        if not head:
            _check_error(answer, rule, None if rule.startswith("http.") else case.family, id)
        self.counts[case.row, "upstream" if rule.startswith("upstream.") else "refused"] += 1

    def _judge_relayed(self, case: Case, answer: Answered, head: bool, id: str) -> None:
        told = [name for name in answer.headers if name in ("x-ratelimit-limit", "set-cookie")]
        if told:
            raise _Wrong(f"an upstream's {told[0]} reaches the client", id)
        if any(mark in answer.body[-1000:] for mark in (b'"code":"internal"', b'"error_code":"internal"')):
            raise _Wrong("rule internal inside a stream", id)
        if answer.status >= 400:
            self.counts[case.row, "upstream"] += 1
            return
        if not head and not answer.headers.get("content-type", "").startswith("text/event-stream") and answer.body:
            _object(answer.body, id)
        self.counts[case.row, "served"] += 1


def _check_error(answer: Answered, rule: str, family: Family | None, id: str) -> None:
    if answer.headers.get("content-type") != "application/json":
        raise _Wrong(f"an error as {answer.headers.get('content-type')}", id)
    body = _object(answer.body, id)
    error = body.get("error")
    if (
        not isinstance(error, dict)
        or not isinstance(error.get("message"), str)
        or not isinstance(error.get("type"), str)
    ):
        raise _Wrong(f"an error of no family: {answer.body[:300]!r}", id)
    anthropic = body.get("type") == "error"
    if anthropic:
        code, right = error.get("rule"), isinstance(body.get("request_id"), str)
    else:
        code, right = error.get("code"), error.keys() >= {"message", "type", "param", "code"}
    if code != rule or not right:
        raise _Wrong(f"an error that does not say its rule {rule}: {answer.body[:300]!r}", id)
    if family is not None and (family == "anthropic") != anthropic:
        raise _Wrong(f"an error of the other family: {answer.body[:300]!r}", id)


def _object(body: bytes, id: str) -> dict[str, object]:
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise _Wrong(f"a body that is no JSON object: {body[:200]!r}", id)
    return value
