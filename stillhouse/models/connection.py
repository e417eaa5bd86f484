"""One try of one call: the bytes out, the bytes back, and the one word for what went wrong.

Nothing here decides whether to try again. A try that failed is a value, because it is counted, logged and shown;
only faults of ours are exceptions.
"""

import json
import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Any

import httpx2

from stillhouse.models.endpoint import ConnectionSettings
from stillhouse.models.route import proxy_for, trust_for

__all__ = [
    "CERTIFICATE",
    "FAILED",
    "HOST_NOT_FOUND",
    "MALFORMED",
    "NO_CONNECTION",
    "QUOTA",
    "REFUSED",
    "RESET",
    "STALL",
    "UNSENT",
    "UNUSABLE",
    "Connection",
    "Try",
    "says_quota",
    "status_kind",
]

CERTIFICATE = "certificate not trusted"
FAILED = "failed answer"
HOST_NOT_FOUND = "host not found"
MALFORMED = "malformed body"
NO_CONNECTION = "no connection in time"
QUOTA = "quota used up"
REFUSED = "connection refused"
RESET = "connection reset"
STALL = "stall"
UNSENT = "request not sent"
UNUSABLE = "unusable answer"
_CONNECT_SECONDS = 10.0
# Servers close idle connections after 5 s; one closed under our hands would count as a reset.
_IDLE_SECONDS = 2.0
_SPARE_LEVELS = 300
# A proxy that opens no tunnel, and a connection that takes no more before it has the whole request.
_NEVER_WHOLE = (
    httpx2.LocalProtocolError,
    httpx2.PoolTimeout,
    httpx2.ProxyError,
    httpx2.UnsupportedProtocol,
    httpx2.WriteError,
    httpx2.WriteTimeout,
)
# Shorter keys guard nothing, and words like `none` or `EMPTY`, which local servers take, stand in answers too.
_LEAST_SECRET = 8
_QUOTA_WORDS = ('"insufficient_quota"', '"billing_hard_limit_reached"', "Your credit balance is too low")


@dataclass(frozen=True, slots=True, kw_only=True)
class Try:
    """What came of a try. `kind` is the word under which a failure is counted, empty for an answer that can be used.

    `status` is None where no answer came, `body` where what came is no JSON object. `message` is what the other side or
    the library said, in one line.
    """

    kind: str
    status: int | None = None
    body: dict[str, Any] | None = None
    message: str = ""
    retry_after: str | None = None


class Connection:
    """A pool of connections to one endpoint. `headers` carry the key, `secret`; nothing here shows them.

    Proxies and trusted authorities are those of `environ`, and never those of the process.
    """

    def __init__(
        self, settings: ConnectionSettings, headers: Mapping[str, str], secret: str | None, environ: Mapping[str, str]
    ) -> None:
        limits = httpx2.Limits(
            max_connections=settings.concurrency,
            max_keepalive_connections=settings.concurrency,
            keepalive_expiry=_IDLE_SECONDS,
        )
        timeout = httpx2.Timeout(settings.timeout, connect=_CONNECT_SECONDS, pool=None)
        self._client = httpx2.AsyncClient(
            headers=dict(headers),
            limits=limits,
            timeout=timeout,
            verify=trust_for(settings.base_url, environ),
            proxy=proxy_for(settings.base_url, environ),
            trust_env=False,
        )
        self._secret = secret

    async def close(self) -> None:
        await self._client.aclose()

    async def post(self, url: str, content: bytes) -> Try:
        """Send `content` once."""
        request = self._client.build_request("POST", url, content=content)
        try:
            response = await self._client.send(request, stream=True)
        except httpx2.TransportError as error:
            return Try(kind=_network_kind(error), message=self.line(str(error) or type(error).__name__))
        try:
            raw = await response.aread()
        except (httpx2.TransportError, httpx2.DecodingError) as error:
            status = response.status_code
            broken = STALL if isinstance(error, httpx2.TimeoutException) else MALFORMED
            kind = broken if response.is_success else status_kind(status)
            return Try(kind=kind, status=status, message=self.line(str(error) or type(error).__name__))
        finally:
            await response.aclose()
        return self._read(response, raw)

    def _read(self, response: httpx2.Response, raw: bytes) -> Try:
        status = response.status_code
        if not response.is_success:
            message = self.line(_told(raw) or response.headers.get("location", "") or response.reason_phrase)
            # An account without money gets the status of one that asks too fast or wrongly; only the words tell.
            spent = status in (400, 403, 429) and says_quota(raw.decode("utf-8", "replace"))
            kind = QUOTA if spent else status_kind(status)
            return Try(kind=kind, status=status, message=message, retry_after=response.headers.get("retry-after"))
        try:
            body = _decoded(raw)
            # Half of a surrogate pair is valid JSON and no text: it could not be kept.
            text = json.dumps(_wrapped(body), ensure_ascii=False)
            text.encode()
            if len(self._secret or "") >= _LEAST_SECRET and (masked := self._masked(text)) != text:
                body = _unwrapped(_decoded(masked))
        except ValueError as error:
            return Try(kind=MALFORMED, status=status, message=self.line(str(error)))
        except RecursionError:
            return Try(kind=MALFORMED, status=status, message="nested too deeply")
        if not isinstance(body, dict):
            return Try(kind=MALFORMED, status=status, message=f"a JSON {type(body).__name__}, not an object")
        return Try(kind="", status=status, body=body)

    def _masked(self, text: str) -> str:
        """`text` without the key, as it stands there or inside a string of JSON."""
        if self._secret is None:
            return text
        return text.replace(self._secret, "[key]").replace(json.dumps(self._secret)[1:-1], "[key]")

    def line(self, text: str, limit: int = 300) -> str:
        """One line of it, without the key, should the other side repeat that."""
        line = " ".join(text.split())
        line = self._masked(line)
        return line if len(line) <= limit else f"{line[: limit - 3]}..."


def says_quota(text: str) -> bool:
    """Whether an error says that the account has no money left: OpenAI's two codes, and Anthropic's sentence."""
    return any(words in text for words in _QUOTA_WORDS)


def status_kind(status: int) -> str:
    """The word under which an error answer is counted."""
    return f"HTTP {status}"


def _network_kind(error: httpx2.TransportError) -> str:
    if isinstance(error, _NEVER_WHOLE):
        return UNSENT
    if isinstance(error, httpx2.TimeoutException):
        return NO_CONNECTION if isinstance(error, httpx2.ConnectTimeout) else STALL
    if not isinstance(error, httpx2.ConnectError):
        return RESET
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return CERTIFICATE
        if isinstance(cause, socket.gaierror):
            return HOST_NOT_FOUND
        cause = cause.__cause__ or cause.__context__
    return REFUSED


def _told(raw: bytes) -> str:
    """What an error body says, whichever of the usual shapes it has."""
    text = raw.decode("utf-8", "replace")
    try:
        body = json.loads(text)
    except (ValueError, RecursionError):
        return text
    told = body
    for name in ("error", "detail", "message"):
        told = told.get(name, told) if isinstance(told, dict) else told
    try:
        return told if isinstance(told, str) else json.dumps(told)
    except RecursionError:
        return text


def _refuse(constant: str) -> float:
    raise ValueError(f"{constant} is not JSON")


def _decoded(raw: bytes | str) -> Any:
    return json.loads(raw, parse_constant=_refuse, parse_float=_finite)


def _finite(digits: str) -> float:
    value = float(digits)
    return value if isfinite(value) else _refuse(digits)


def _wrapped(body: object) -> object:
    """`body` some levels deeper: what bears this can be kept, read back and shown from wherever that happens."""
    for _ in range(_SPARE_LEVELS):
        body = [body]
    return body


def _unwrapped(body: Any) -> Any:
    for _ in range(_SPARE_LEVELS):
        [body] = body
    return body
