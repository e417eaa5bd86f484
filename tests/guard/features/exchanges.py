"""Exchanges for tests of features: only what a test is about has to be said."""

from collections.abc import Mapping
from typing import Any

from stillhouse.types import Api, Exchange

__all__ = ["exchange", "said"]


def exchange(
    request: Mapping[str, Any],
    api: Api = "chat.completions",
    *,
    client: Mapping[str, Any] | None = None,
    registration: Mapping[str, Any] | None = None,
) -> Exchange:
    return Exchange(
        id="ex_1",
        time="2026-07-24T08:15:30.125Z",
        account="acct_1",
        model="served",
        api=api,
        request=request,
        client=client or {},
        registration=registration or {},
    )


def said(text: Any, **settings: Any) -> Exchange:
    """A chat of one turn."""
    return exchange({"messages": [{"role": "user", "content": text}], **settings})
