"""Who gets in, before anything is parsed.

A loopback port is reachable by every page that the operator's browser shows: a page can send requests there, and by
giving its own name a new address (DNS rebinding) even read the answers. A browser tells where a page is from (`Origin`,
`Sec-Fetch-Site`) and by what name it reached us (`Host`); programs that administer send none of the former and a
loopback name.
"""

import hmac
import ipaddress
from collections.abc import Collection

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from stillhouse.guard.admin.replies import fault

__all__ = ["Door"]


class Door:
    """Lets requests through to `app` that show `token` (None asks for none) and come from no web page.

    Names in `hosts` are believed beside the loopback ones. Where there is a token and no such name, any Host will do:
    without the token a page gains nothing, and health probes name the machine by its address.
    """

    def __init__(self, app: ASGIApp, token: bytes | None, hosts: Collection[str]) -> None:
        self._app = app
        self._token = token
        self._hosts = {host.lower() for host in hosts}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        if "origin" in headers or headers.get("sec-fetch-site", "none") != "none":
            answer = fault(403, "browser", "requests from web pages are not served here; use a program")
        elif not self._known(headers.get("host", "")):
            answer = fault(403, "host", "this Host header is not one of this port; name it 127.0.0.1 or localhost")
        elif not self._shown(headers):
            answer = fault(
                401, "token", "send the token as Authorization: Bearer TOKEN", {"www-authenticate": "Bearer"}
            )
        else:
            await self._app(scope, receive, send)
            return
        await answer(scope, receive, send)

    def _known(self, host: str) -> bool:
        if self._token is not None and not self._hosts:
            return True
        name = _without_port(host).lower()
        if name == "localhost" or name in self._hosts:
            return True
        try:
            return ipaddress.ip_address(name).is_loopback
        except ValueError:
            return False

    def _shown(self, headers: Headers) -> bool:
        if self._token is None:
            return True
        scheme, _, token = headers.get("authorization", "").partition(" ")
        return scheme.lower() == "bearer" and hmac.compare_digest(token.strip().encode("latin-1"), self._token)


def _without_port(host: str) -> str:
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0]
