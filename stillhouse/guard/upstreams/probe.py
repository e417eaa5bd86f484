"""Asks upstreams whether they are well, so that a customer's request is not what finds out.

A probe has the same effect as a request's own success or failure. Upstreams without `health.path` are known by their
requests alone.
"""

import asyncio
from collections.abc import Callable, Iterable
from urllib.parse import urlsplit

from stillhouse.guard.upstreams.client import UpstreamClient, UpstreamFailure
from stillhouse.guard.upstreams.upstream import Upstream

__all__ = ["probe_all"]


async def probe_all(upstreams: Callable[[], Iterable[Upstream]], client: UpstreamClient) -> None:
    """Until cancelled. `upstreams` is asked anew each time, so a reload needs no new probe."""
    loop = asyncio.get_running_loop()
    due: dict[str, float] = {}
    while True:
        now = loop.time()
        waiting = [
            upstream
            for upstream in upstreams()
            if upstream.settings.health.path is not None and due.get(upstream.name, now) <= now
        ]
        for upstream in waiting:
            due[upstream.name] = now + upstream.settings.health.every_seconds
        await asyncio.gather(*(_probe(upstream, client) for upstream in waiting))
        await asyncio.sleep(0.25)


async def _probe(upstream: Upstream, client: UpstreamClient) -> None:
    parts = urlsplit(upstream.base_url)
    url = f"{parts.scheme}://{parts.netloc}{upstream.settings.health.path}"
    try:
        async with asyncio.timeout(upstream.settings.health.every_seconds):
            answer = await client.ask("GET", url, [*upstream.headers.items()], None)
    except (UpstreamFailure, TimeoutError):
        upstream.failed()
        return
    well = answer.status < 500
    answer.close()
    if well:
        upstream.succeeded()
    else:
        upstream.failed()
