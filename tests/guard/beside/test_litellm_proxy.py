"""A real LiteLLM proxy with our logger and our guardrail, in front of a small server.

It needs a Python that has `litellm[proxy]` and what `stillhouse` itself needs; STILLHOUSE_LITELLM_PYTHON names it.
"""

import json
import os
import secrets
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx2
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from stillhouse.guard.beside.litellm_guardrail import Guardrail
from stillhouse.guard.refusal import Refusal
from stillhouse.records import ExchangeLog
from stillhouse.types import Exchange
from tests.guard.beside.serving import free_port, serving

PYTHON = os.environ.get("STILLHOUSE_LITELLM_PYTHON", "")
ROOT = Path(__file__).resolve().parents[3]

pytestmark = pytest.mark.skipif(
    not PYTHON, reason="STILLHOUSE_LITELLM_PYTHON names no Python with litellm[proxy] in it"
)

CONFIG = """
model_list:
  - model_name: stub
    litellm_params: {{model: openai/stub, api_base: "{upstream}/v1", api_key: none, max_retries: 0}}
litellm_settings:
  callbacks: stillhouse.guard.beside.litellm_logger.logger
guardrails:
  - guardrail_name: stillhouse
    litellm_params:
      guardrail: generic_guardrail_api
      mode: pre_call
      default_on: true
      api_base: {guardrail}
      api_key: os.environ/GUARD_KEY
      unreachable_fallback: fail_open
      fail_on_error: false
      timeout: 5
general_settings:
  custom_auth: auth.auth
router_settings:
  num_retries: 0
"""
AUTH = """
from litellm.proxy._types import UserAPIKeyAuth

async def auth(request, api_key):
    return UserAPIKeyAuth(api_key=api_key, user_id=api_key.removeprefix("sk-"), team_id="team-7")
"""


async def upstream(request: Request) -> Response:
    asked = await request.json()
    if asked["messages"][-1]["content"] == "fail":
        return JSONResponse({"error": {"message": "slow down", "type": "rate_limit"}}, 429)
    base = {"id": "chatcmpl-1", "created": 1784880930, "model": "stub"}  # the same id for every answer
    usage = {"prompt_tokens": 12, "completion_tokens": 2, "total_tokens": 14}
    if asked.get("stream"):
        deltas = [({"role": "assistant", "content": "fifty"}, None), ({"content": "-six"}, None), ({}, "stop")]
        parts: list[dict[str, object]] = [
            {"choices": [{"index": 0, "delta": delta, "finish_reason": end}]} for delta, end in deltas
        ]
        parts.append({"choices": [], "usage": usage})
        lines = [f"data: {json.dumps({**base, 'object': 'chat.completion.chunk', **part})}\n\n" for part in parts]
        return StreamingResponse(iter([*lines, "data: [DONE]\n\n"]), media_type="text/event-stream")
    message = {"role": "assistant", "content": "fifty-six"}
    choices = [{"index": 0, "message": message, "finish_reason": "stop"}]
    return JSONResponse({**base, "object": "chat.completion", "choices": choices, "usage": usage})


class Suspended:
    def decide(self, account: str) -> Refusal | None:
        refusal = Refusal("permission", "action.suspend", "This account is suspended.")
        return refusal if account == "mallory" else None


@dataclass
class Proxy:
    url: str
    log: Path
    asked: list[Exchange]
    guardrail: Guardrail
    process: "subprocess.Popen[bytes]"


@pytest.fixture
def proxy(tmp_path: Path) -> Iterator[Proxy]:
    key, asked = secrets.token_hex(8), list[Exchange]()
    guardrail = Guardrail(Suspended(), clock=time.time, api_key=key, on_exchange=asked.append)
    served = Starlette(routes=[Route("/v1/chat/completions", upstream, methods=["POST"])])
    with serving(served) as model, serving(Starlette(routes=[guardrail.route()])) as beside:
        config, log, port = tmp_path / "config.yaml", tmp_path / "seen.jsonl", free_port()
        config.write_text(CONFIG.format(upstream=model, guardrail=beside))
        (tmp_path / "auth.py").write_text(AUTH)
        environment = {
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "STILLHOUSE_LOG": str(log),
            "GUARD_KEY": key,
            "LITELLM_MASTER_KEY": f"sk-{secrets.token_hex(16)}",
            "LITELLM_LOCAL_MODEL_COST_MAP": "True",
        }
        command = [PYTHON, "-c", "from litellm import run_server; run_server()", "--config", str(config)]
        command += ["--host", "127.0.0.1", "--port", str(port), "--telemetry", "False"]
        with (tmp_path / "proxy.log").open("wb") as output:
            process = subprocess.Popen(command, cwd=tmp_path, env=environment, stdout=output, stderr=output)
            try:
                url = f"http://127.0.0.1:{port}"
                _wait(url, process, tmp_path / "proxy.log")
                yield Proxy(url, log, asked, guardrail, process)
            finally:
                process.terminate()
                process.wait(60)


def _wait(url: str, process: "subprocess.Popen[bytes]", output: Path) -> None:
    end = time.monotonic() + 120
    with httpx2.Client(trust_env=False) as client:
        while True:
            assert process.poll() is None and time.monotonic() < end, output.read_text()[-3000:]
            try:
                client.get(f"{url}/health/liveliness")
                return
            except httpx2.TransportError:
                time.sleep(0.2)


@pytest.mark.slow
def test_a_real_proxy_records_and_asks(proxy: Proxy) -> None:
    def ask(account: str, text: str, **more: object) -> httpx2.Response:
        body = {"model": "stub", "messages": [{"role": "user", "content": text}], **more}
        headers = {"Authorization": f"Bearer sk-{account}", "x-litellm-call-id": "chosen-by-the-client"}
        return client.post("/v1/chat/completions", json=body, headers=headers)

    with httpx2.Client(base_url=proxy.url, trust_env=False, timeout=60) as client:
        assert ask("ann", "7x8").json()["choices"][0]["message"]["content"] == "fifty-six"
        assert "fifty" in ask("ann", "7x8", stream=True).text
        assert ask("ann", "fail").status_code == 429
        refused = ask("mallory", "7x8")
        assert refused.status_code == 400
        assert refused.json()["error"]["message"] == "This account is suspended. [action.suspend]"
    proxy.process.terminate()
    proxy.process.wait(60)
    found = sorted(ExchangeLog(proxy.log), key=lambda exchange: exchange.time)
    assert (
        len({exchange.id for exchange in found}) == len(found) == 4
    )  # though all ids that could be chosen were the same
    assert [(exchange.account, exchange.status) for exchange in found] == [
        ("ann", 200),
        ("ann", 200),
        ("ann", 429),
        ("mallory", 400),
    ]
    for exchange in found[:2]:
        assert exchange.model == "stub" and exchange.organisation == "team-7"
        assert exchange.response is not None
        assert exchange.response["choices"][0]["message"]["content"] == "fifty-six"
        assert exchange.usage["input_tokens"] == 12 and exchange.usage["output_tokens"] == 2
    assert found[1].request["stream"] is True
    assert [(exchange.account, exchange.status) for exchange in proxy.asked] == [
        ("ann", 0),
        ("ann", 0),
        ("ann", 0),
        ("mallory", 403),
    ]
    assert proxy.guardrail.counts.malformed == proxy.guardrail.counts.unknown == 0
