"""Keys and limits for LiteLLM without its database: the function that `general_settings.custom_auth` names.

LiteLLM keeps virtual keys in Postgres through Prisma, whose engine is a binary that its own site alone serves. With
keys in the proxy's memory, each with the limits that a virtual key would have, a request takes the way of one whose
key was found in the cache: the same limiter, no database. That is LiteLLM at its fastest with keys.
"""

import os
from pathlib import Path

from litellm.proxy._types import ProxyException, UserAPIKeyAuth

_FAR = 10**9
_KEYS = {
    key: {
        "user_id": f"account-{number}",
        "org_id": "bench",
        "rpm_limit": _FAR,
        "tpm_limit": _FAR,
        "max_parallel_requests": _FAR,
        "max_budget": float(_FAR),
        "user_rpm_limit": _FAR,
        "user_tpm_limit": _FAR,
    }
    for number, key in enumerate(Path(os.environ["BENCH_KEYS"]).read_text("utf-8").split())
}


async def authenticate(request, api_key: str) -> UserAPIKeyAuth:
    limits = _KEYS.get(api_key)
    if limits is None:
        raise ProxyException("no such key", "auth_error", "api_key", 401)
    return UserAPIKeyAuth(api_key=api_key, **limits)
