"""One HTTP exchange with an upstream, streamed both ways, and its failures in five words.

aiohttp because its failures can be told apart (measured beside three other stacks in dev/LOG.md of 2026-11-28): whether
a connection could be made, broke before the first byte or after it decides what the gateway may still do.
"""

from collections.abc import Sequence
from typing import Literal

import aiohttp
from yarl import URL

__all__ = ["Answer", "UpstreamClient", "UpstreamFailure"]

Failure = Literal["connect", "reset", "truncated", "timeout", "malformed"]


class UpstreamFailure(Exception):
    """`kind`: no connection could be made, or it broke, ended too early, stalled, or was no HTTP."""

    def __init__(self, kind: Failure, detail: str) -> None:
        super().__init__(f"{kind}: {detail}")
        self.kind = kind


class Answer:
    """An answer whose status and headers are there and whose body comes. `close` must be called; mid-body it cuts."""

    __slots__ = ("_response", "headers", "status")

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._response = response
        self.status = response.status
        self.headers: Sequence[tuple[bytes, bytes]] = response.raw_headers

    @property
    def content_type(self) -> str:
        """Its media type in lower case, without parameters."""
        return self._response.headers.get("content-type", "").partition(";")[0].strip().lower()

    @property
    def ended(self) -> bool:
        """Whether all of the body was read."""
        return self._response.content.at_eof()

    async def read(self) -> bytes:
        """The next of the body's bytes as they arrive; empty at its end. Raises UpstreamFailure where it breaks off."""
        try:
            return await self._response.content.readany()
        except aiohttp.ClientPayloadError as error:
            raise UpstreamFailure("truncated", str(error)) from None
        except (aiohttp.ClientError, OSError) as error:
            raise _failure(error) from None

    def close(self) -> None:
        """Give the connection back where the body is at its end, cut it where it is not."""
        if self.ended:
            self._response.release()
        else:
            self._response.close()


class UpstreamClient:
    """The connections to all upstreams. One a process; `close` when it ends."""

    def __init__(self, connect_seconds: float) -> None:
        # Servers of models often close an idle connection after five seconds (uvicorn's default); ours go first.
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=4.0, ttl_dns_cache=60),
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=connect_seconds),
            skip_auto_headers=("user-agent", "accept", "accept-encoding", "content-type"),
            raise_for_status=False,
            read_bufsize=1 << 16,
        )

    async def ask(self, method: str, url: str, headers: Sequence[tuple[str, str]], body: bytes | None) -> Answer:
        """Send one request and return at its answer's headers. Raises UpstreamFailure; redirects are not followed."""
        try:
            return Answer(
                await self._session.request(
                    method, URL(url, encoded=True), headers=headers, data=body, allow_redirects=False
                )
            )
        except aiohttp.ClientConnectorError as error:
            raise UpstreamFailure("connect", str(error)) from None
        except aiohttp.ConnectionTimeoutError as error:
            raise UpstreamFailure("connect", str(error)) from None
        except (aiohttp.ClientError, OSError) as error:
            raise _failure(error) from None

    async def close(self) -> None:
        await self._session.close()


def _failure(error: Exception) -> UpstreamFailure:
    if isinstance(error, aiohttp.ServerTimeoutError | TimeoutError):
        return UpstreamFailure("timeout", str(error))
    if isinstance(error, aiohttp.ClientResponseError):
        return UpstreamFailure("malformed", str(error))
    return UpstreamFailure("reset", str(error) or type(error).__name__)
