"""The gateways that `bench/gateway` compares: how each is set up in a folder of its own and started.

All stand before the same stub and serve the same models. Stillhouse has everything on that a deployment would have;
LiteLLM is set as its page "Production Best Practices" says, with nothing leaving the machine.
"""

import json
import os
import secrets
import shutil
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bench.pinned import free_port
from stillhouse.config import load
from stillhouse.guard.access.entities import Account, Organisation
from stillhouse.guard.blobs.key_file import make_keyring
from stillhouse.guard.settings import GuardSettings
from stillhouse.guard.state.open import open_state

__all__ = ["LITELLM_PINS", "Contestant", "floor", "litellm", "stillhouse"]

LITELLM_PINS = (
    "litellm[proxy]==1.109.1",
    "aiohttp==3.14.5",
    "fastapi==0.165.0",
    "uvicorn==0.54.0",
    "uvloop==0.23.0",
)
# Limits that nobody reaches, so that each of them is counted and none refuses.
_FAR = 10**9
_ROOT = Path(__file__).parents[1]
_AUTH = Path(__file__).parent / "peers" / "litellm_auth.py"


@dataclass(frozen=True, slots=True, kw_only=True)
class Contestant:
    """How to start one gateway in `folder`; `keys` is the file of the API keys that it takes, one a line."""

    command: tuple[str, ...]
    port: int
    folder: Path
    keys: Path | None = None
    environ: Mapping[str, str] = field(default_factory=dict)
    whole: bool = True
    """Whether it passes on the upstream's very bytes."""

    def environment(self) -> dict[str, str]:
        return {**os.environ, **self.environ}


def floor(upstream: int) -> Contestant:
    """uvicorn and aiohttp with nothing between."""
    port = free_port()
    worker = (sys.executable, "-m", "bench.workers.gateway_floor")
    command = (*worker, "--port", str(port), "--upstream", f"http://127.0.0.1:{upstream}")
    return Contestant(command=command, port=port, folder=_ROOT)


def stillhouse(
    folder: Path,
    upstream: int,
    models: Sequence[str],
    *,
    accounts: int,
    scopes: Sequence[str] = ("account",),
    counters: str = "memory",
    fsync: str = "interval",
    reference: Path | None = None,
) -> Contestant:
    """`stillhouse guard serve`: keys, limits, policy, sealing, metrics, and the whole exchange in the log.

    Each of `scopes` (key, account, organisation) has all seven limits that there are. With a `reference` it detects
    while it serves.
    """
    port = free_port()
    limits = {
        "requests_per_minute": _FAR,
        "requests_per_day": _FAR,
        "tokens_per_minute": _FAR,
        "tokens_per_day": _FAR,
        "concurrent": _FAR,
        "budget_per_day": float(_FAR),
        "budget_per_month": float(_FAR),
    }
    config = {
        "listen": {"port": port},
        "admin": {"port": free_port()},
        "state": {"counters": counters},
        "upstreams": [{"name": "stub", "base_url": f"http://127.0.0.1:{upstream}/v1"}],
        "models": [{"name": model, "upstreams": ["stub"], "prices": {"input": 0.5, "output": 1.5}} for model in models],
        "plans": {
            "default": {
                **dict.fromkeys(scopes, limits),
                "policy": {"logprobs": "strip", "logit_bias": "refuse", "max_n": 8},
            }
        },
        "blobs": {"keys": "blob-keys.json"},
        "log": {"privacy": "full", "fsync": fsync},
        "detect": {} if reference is None else {"reference": str(reference)},
    }
    folder.mkdir()
    (folder / "guard.yaml").write_text(json.dumps(config, indent=1), "utf-8")
    return Contestant(
        command=(sys.executable, "-m", "stillhouse", "guard", "serve", "--config", "guard.yaml", "--quiet"),
        port=port,
        folder=folder,
        keys=_accounts(folder, accounts),
    )


def litellm(python: Path, folder: Path, upstream: int, models: Sequence[str], *, keys: int = 0) -> Contestant:
    """LiteLLM's proxy with a master key; with `keys`, that many keys with limits (see bench/peers/litellm_auth.py)."""
    port, master = free_port(), f"sk-{secrets.token_hex(24)}"
    base = f"http://127.0.0.1:{upstream}/v1"
    config: dict[str, object] = {
        "model_list": [
            {"model_name": model, "litellm_params": {"model": f"openai/{model}", "api_base": base, "api_key": "none"}}
            for model in models
        ],
        "general_settings": {"proxy_batch_write_at": 60, "disable_error_logs": True}
        | ({"custom_auth": "litellm_auth.authenticate"} if keys else {}),
        "litellm_settings": {"request_timeout": 600, "set_verbose": False, "json_logs": True},
    }
    folder.mkdir()
    (folder / "config.yaml").write_text(json.dumps(config, indent=1), "utf-8")
    given = [f"sk-{secrets.token_hex(24)}" for _ in range(keys)] or [master]
    key_file = folder / "keys"
    key_file.write_text("\n".join(given), "utf-8")
    if keys:
        shutil.copy(_AUTH, folder)
    return Contestant(
        command=(
            str(python),
            str(python.parent / "litellm"),
            *("--config", "config.yaml", "--host", "127.0.0.1", "--port", str(port), "--num_workers", "1"),
        ),
        port=port,
        folder=folder,
        keys=key_file,
        environ={
            "BENCH_KEYS": str(key_file),
            "LITELLM_LOCAL_MODEL_COST_MAP": "True",
            "LITELLM_LOG": "ERROR",
            "LITELLM_MASTER_KEY": master,
            "LITELLM_MODE": "PRODUCTION",
            "LITELLM_TELEMETRY_DISABLED": "true",
        },
        whole=False,
    )


def _accounts(folder: Path, number: int) -> Path:
    """Blob keys, and an organisation with that many accounts of one API key each; the file of the API keys."""
    make_keyring(folder / "blob-keys.json", time.time())
    with open_state(load(GuardSettings, folder / "guard.yaml", []), folder, {}) as state:
        state.ledger.open()
        state.registry.create_organisation(Organisation(id="bench"))
        accounts = [
            state.registry.create_account(Account(id=f"account-{account}", organisation="bench"))
            for account in range(number)
        ]
        keys = [state.registry.create_key(account.id).secret for account in accounts]
    path = folder / "keys"
    path.write_text("\n".join(keys), "utf-8")
    return path
