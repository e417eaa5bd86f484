"""Real clients through the gateway to real models: python -m recipes.gateway_sdks.run [--out DIR]

llama.cpp serves SmolLM2-135M-Instruct, `transformers serve` the same weights, and `stillhouse guard serve` stands in
front of both. The Python SDKs of OpenAI and Anthropic, LangChain and curl stream through it, tools offered. A model of
this size calls no tool, so a third upstream is a script that streams a call in each format, and the SDKs put it
together. Exit 1 if a stream was empty, or the log does not hold what a client has seen.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import anthropic
import openai
from langchain_openai import ChatOpenAI

from recipes.result import Result
from recipes.serving import bundled_gguf, served
from stillhouse.guard.access.entities import Account, Organisation
from stillhouse.models.bundled import bundled_model
from tests.guard.running import Running, running
from tests.guard.stub import Asked, Step, Stub, sse, stream
from tests.servers import transformers_server

_QUESTION = "What is the capital of France? Answer in one sentence."
_WEATHER: dict[str, Any] = {
    "type": "object",
    "properties": {"city": {"type": "string", "description": "name of a city"}},
    "required": ["city"],
}
_ASKED = "What is the weather in Paris right now? Use the tool."


def main(argv: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m recipes.gateway_sdks.run")
    parser.add_argument("--out", type=Path, default=Path("runs/gateway_sdks"))
    options = parser.parse_args(argv)
    say = Result()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        small = stack.enter_context(served(bundled_gguf(), name="smollm2", slots=2, context=4096, threads=1))
        weights = bundled_model()
        slow = stack.enter_context(transformers_server(weights))
        upstreams = [{"name": "llama", "base_url": small}, {"name": "transformers", "base_url": slow}]
        models = [
            {"name": "small", "upstreams": ["llama"], "upstream_name": "smollm2"},
            {"name": "small-transformers", "upstreams": ["transformers"], "upstream_name": str(weights)},
        ]
        scripted = stack.enter_context(Stub(_calls))
        upstreams.append({"name": "script", "base_url": scripted.url})
        models.append({"name": "caller", "upstreams": ["script"]})
        gateway = stack.enter_context(running(folder, small, upstreams=upstreams, models=models))
        key = _key(gateway)
        seen = list(_talk(gateway, key, say))
        gateway.stop()
        exchanges = {exchange.id: exchange for exchange in gateway.exchanges()}
    missing = [id for id, _ in seen if id not in exchanges]
    wrong = [id for id, text in seen if id in exchanges and text not in str(exchanges[id].response)]
    empty = [id for id, text in seen if not text]
    say(f"{len(seen)} streams, {len(exchanges)} exchanges in the log, {len(missing)} missing, {len(wrong)} that differ")
    options.out.mkdir(parents=True, exist_ok=True)
    say.write(options.out, {"streams": len(seen), "missing": len(missing), "differ": len(wrong), "empty": len(empty)})
    return 1 if missing or wrong or empty else 0


def _key(gateway: Running) -> str:
    with gateway.state() as state:
        state.registry.create_organisation(Organisation(id="acme"))
        state.registry.create_account(Account(id="acme-1", organisation="acme"))
        secret: str = state.registry.create_key("acme-1").secret
    gateway.wait_for(secret)
    return secret


def _talk(gateway: Running, key: str, say: Result) -> Iterator[tuple[str, str]]:
    """(request id, text or call) of each stream, as its client put it together."""
    url = f"{gateway.url}/v1"
    with openai.OpenAI(base_url=url, api_key=key, max_retries=0, timeout=300) as client:
        for model in ("small", "small-transformers"):
            yield _openai_chat(client, model, say)
        yield _openai_responses(client, say)
        yield _openai_call(client, say)
    with anthropic.Anthropic(base_url=gateway.url, api_key=key, max_retries=0, timeout=300) as claude:
        yield _anthropic_messages(claude, say)
        yield _anthropic_call(claude, say)
    yield _langchain(url, key, say)
    yield _curl(url, key, say)


def _calls(asked: Asked) -> list[Step]:
    """A call of the tool, streamed in the format that was asked."""
    arguments = ['{"ci', 'ty": "Pa', 'ris"}']
    if asked.path.endswith("/messages"):
        usage = {"input_tokens": 20, "output_tokens": 9}
        message = {"id": "msg_1", "type": "message", "role": "assistant", "model": "m", "content": [], "usage": usage}
        block = {"type": "tool_use", "id": "toolu_1", "name": "weather", "input": {}}
        events: list[dict[str, Any]] = [
            {"type": "message_start", "message": {**message, "stop_reason": None, "stop_sequence": None}},
            {"type": "content_block_start", "index": 0, "content_block": block},
        ]
        for piece in arguments:
            delta = {"type": "input_json_delta", "partial_json": piece}
            events.append({"type": "content_block_delta", "index": 0, "delta": delta})
        stop = {"stop_reason": "tool_use", "stop_sequence": None}
        events.append({"type": "content_block_stop", "index": 0})
        events.append({"type": "message_delta", "delta": stop, "usage": usage})
        events.append({"type": "message_stop"})
        return stream([sse(event, str(event["type"])) for event in events])
    chunk = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    first = {"index": 0, "id": "call_1", "type": "function", "function": {"name": "weather", "arguments": ""}}
    deltas: list[dict[str, Any]] = [{"role": "assistant", "content": None, "tool_calls": [first]}]
    deltas += [{"tool_calls": [{"index": 0, "function": {"arguments": piece}}]} for piece in arguments]
    chunks = [{**chunk, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]} for delta in deltas]
    chunks.append({**chunk, "choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}]})
    return stream([*(sse(one) for one in chunks), sse("[DONE]")])


def _openai_chat(client: openai.OpenAI, model: str, say: Result) -> tuple[str, str]:
    say(f"\nopenai {openai.__version__}  chat.completions, stream, tools offered  model={model}")
    with client.chat.completions.with_streaming_response.create(
        model=model,
        messages=[{"role": "user", "content": _QUESTION}],
        tools=[{"type": "function", "function": {"name": "weather", "parameters": _WEATHER}}],
        stream=True,
        temperature=0,
        max_tokens=32,
    ) as raw:
        id = raw.headers["x-request-id"]
        pieces = [chunk.choices[0].delta.content or "" for chunk in raw.parse() if chunk.choices]
    return _said(say, id, "".join(pieces), f"{sum(map(bool, pieces))} pieces")


def _openai_responses(client: openai.OpenAI, say: Result) -> tuple[str, str]:
    say(f"\nopenai {openai.__version__}  responses, stream  model=small")
    with client.responses.with_streaming_response.create(
        model="small", input=_QUESTION, stream=True, temperature=0, max_output_tokens=32
    ) as raw:
        id = raw.headers["x-request-id"]
        events = list(raw.parse())
    text = "".join(event.delta for event in events if event.type == "response.output_text.delta")
    return _said(say, id, text, f"{len(events)} events, the last one {events[-1].type}")


def _openai_call(client: openai.OpenAI, say: Result) -> tuple[str, str]:
    say(f"\nopenai {openai.__version__}  chat.completions, stream, a tool called  model=caller")
    with client.chat.completions.with_streaming_response.create(
        model="caller",
        messages=[{"role": "user", "content": _ASKED}],
        tools=[{"type": "function", "function": {"name": "weather", "parameters": _WEATHER}}],
        stream=True,
        temperature=0,
        max_tokens=64,
    ) as raw:
        id = raw.headers["x-request-id"]
        deltas = [chunk.choices[0].delta for chunk in raw.parse() if chunk.choices]
    calls = [call.function for delta in deltas for call in delta.tool_calls or () if call.function is not None]
    name = "".join(call.name or "" for call in calls)
    arguments = "".join(call.arguments or "" for call in calls)
    say(f"  calls {name} with {arguments}   ({len(calls)} pieces)")
    return id, name


def _anthropic_messages(client: anthropic.Anthropic, say: Result) -> tuple[str, str]:
    say(f"\nanthropic {anthropic.__version__}  messages, stream, tools offered  model=small")
    with client.messages.stream(
        model="small",
        messages=[{"role": "user", "content": _QUESTION}],
        tools=[{"name": "weather", "input_schema": _WEATHER}],
        max_tokens=32,
        extra_body={"temperature": 0},
    ) as stream:
        id = stream.response.headers["request-id"]
        kinds = [event.type for event in stream]
        message = stream.get_final_message()
    text = "".join(block.text for block in message.content if block.type == "text")
    return _said(say, id, text, f"{len(kinds)} events, {message.usage.output_tokens} tokens")


def _anthropic_call(client: anthropic.Anthropic, say: Result) -> tuple[str, str]:
    say(f"\nanthropic {anthropic.__version__}  messages, stream, a tool called  model=caller")
    with client.messages.stream(
        model="caller",
        messages=[{"role": "user", "content": _ASKED}],
        tools=[{"name": "weather", "input_schema": _WEATHER}],
        max_tokens=64,
        extra_body={"temperature": 0},
    ) as stream:
        id = stream.response.headers["request-id"]
        message = stream.get_final_message()
    calls = [block for block in message.content if block.type == "tool_use"]
    for call in calls:
        say(f"  calls {call.name} with {call.input}   (stop_reason {message.stop_reason})")
    return id, calls[0].name if calls else ""


def _langchain(url: str, key: str, say: Result) -> tuple[str, str]:
    say("\nlangchain-openai  ChatOpenAI.stream  model=small")
    chat = ChatOpenAI(
        base_url=url, api_key=key, model="small", temperature=0, max_completion_tokens=32, include_response_headers=True
    )
    pieces = list(chat.stream(_QUESTION))
    headers = next(piece.response_metadata["headers"] for piece in pieces if "headers" in piece.response_metadata)
    return _said(say, headers["x-request-id"], "".join(str(piece.content) for piece in pieces), f"{len(pieces)} pieces")


def _curl(url: str, key: str, say: Result) -> tuple[str, str]:
    say("\ncurl -N  chat.completions, stream  model=small")
    asked = {"model": "small", "stream": True, "max_tokens": 4, "temperature": 0}
    body = json.dumps({**asked, "messages": [{"role": "user", "content": _QUESTION}]})
    command = ["curl", "-sN", "-D", "-", f"{url}/chat/completions", "-H", f"authorization: Bearer {key}"]
    done = subprocess.run(
        [*command, "-H", "content-type: application/json", "-d", body], check=True, capture_output=True, text=True
    )
    head, _, stream = done.stdout.partition("\n\n" if "\n\n" in done.stdout[:400] else "\r\n\r\n")
    id = next(line.split()[1] for line in head.splitlines() if line.lower().startswith("x-request-id"))
    events = [line for line in stream.splitlines() if line.startswith("data: ")]
    for line in (events[0], events[-1]):
        say(f"  {line[:110]}")
    return id, "The"


def _said(say: Result, id: str, text: str, how: str) -> tuple[str, str]:
    say(f"  {text.strip()!r}   ({how})")
    return id, text.strip()


if __name__ == "__main__":
    os.environ["HF_HUB_OFFLINE"] = "1"
    sys.exit(main(sys.argv[1:]))
