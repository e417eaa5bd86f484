"""A server on loopback that answers as vLLM documents it, with what a small model really computes.

Requests that vLLM would refuse are refused: unknown paths, too many log-probabilities, control without development
mode. It is no vLLM: what is tested with it is that our side speaks that format and reads the right numbers out of it.
"""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor
from transformers import PreTrainedModel

__all__ = ["TinyVllm", "serve"]


@dataclass
class TinyVllm:
    """What is served and how; `requests` keeps (path, body, headers) of every call."""

    model: PreTrainedModel
    name: str = "tiny"
    most_logprobs: int = 20
    development: bool = True
    keeps_old_weights: bool = False
    busy: bool = False
    shows_ids: bool = True
    faults: list[int] = field(default_factory=list)
    retry_after: str | None = None
    spoil: Callable[[dict[str, Any]], object] | None = None  # changes what a completion answers
    requests: list[tuple[str, dict[str, Any], dict[str, str]]] = field(default_factory=list)
    base_url: str = ""

    @torch.no_grad()
    def logp(self, ids: list[int]) -> Tensor:
        """log p of every token at every place after the first: row i is the distribution of ids[i + 1]."""
        found: Tensor = torch.log_softmax(self.model(input_ids=torch.tensor([ids])).logits[0].float(), dim=-1)
        return found

    def answer(self, path: str, body: dict[str, Any]) -> tuple[int, dict[str, Any] | None]:
        if self.faults:
            return self.faults.pop(0), {"error": {"message": "not now", "code": 500}}
        if path == "/v1/completions":
            return self._completion(body)
        if not self.development or path not in ("/collective_rpc", "/reset_prefix_cache"):
            return 404, {"detail": "Not Found"}
        if path == "/reset_prefix_cache":
            return 200, {"success": not self.busy}
        assert body["method"] == "reload_weights"
        if not self.keeps_old_weights:
            weights = load_file(Path(body["kwargs"]["weights_path"]) / "model.safetensors")
            self.model.load_state_dict(weights, strict=False)
        return 200, {"results": [None]}

    def _completion(self, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        if body["model"] != self.name:
            return 404, {"error": {"message": f"The model `{body['model']}` does not exist.", "code": 404}}
        wanted = max(body.get("prompt_logprobs") or 0, body.get("logprobs") or 0)
        if wanted > self.most_logprobs:
            text = f"Requested sample logprobs of {wanted}, which is greater than max allowed: {self.most_logprobs}"
            return 400, {"error": {"message": text, "code": 400}}
        prompt = body["prompt"]
        tokens, logprobs = self._draw(prompt, body)
        ended = tokens[-1] in body.get("stop_token_ids", ())
        choice: dict[str, Any] = {
            "index": 0,
            "text": "",
            "logprobs": None,
            "finish_reason": "stop" if ended else "length",
            "stop_reason": tokens[-1] if ended else None,
            "token_ids": tokens if body.get("return_token_ids") and self.shows_ids else None,
            "prompt_token_ids": prompt if body.get("return_token_ids") else None,
            "prompt_logprobs": None,
        }
        if body.get("logprobs") is not None:
            shown = [f"token_id:{token}" for token in tokens]
            choice["logprobs"] = {"text_offset": [], "token_logprobs": logprobs, "tokens": shown, "top_logprobs": []}
        if body.get("prompt_logprobs") is not None:
            choice["prompt_logprobs"] = [None, *self._prompt_logprobs(prompt, body["prompt_logprobs"])]
        if self.spoil is not None:
            self.spoil(choice)
        return 200, {"id": "cmpl-1", "object": "text_completion", "created": 0, "model": self.name, "choices": [choice]}

    def _draw(self, prompt: list[int], body: dict[str, Any]) -> tuple[list[int], list[float]]:
        generator = torch.Generator().manual_seed(body.get("seed") or 0)
        ids, logprobs = list(prompt), []
        for _ in range(body["max_tokens"]):
            logp = self.logp(ids)[-1]
            if body["temperature"] == 0:
                token = int(logp.argmax())
            else:
                weights = torch.softmax(logp / body["temperature"], dim=-1)
                token = int(torch.multinomial(weights, 1, generator=generator))
            ids.append(token)
            logprobs.append(float(logp[token]))
            if token in body.get("stop_token_ids", ()):
                break
        return ids[len(prompt) :], logprobs

    def _prompt_logprobs(self, prompt: list[int], k: int) -> Iterator[dict[str, dict[str, Any]]]:
        """The k likeliest in order of rank, after the prompt's own token, which comes first: vLLM's order."""
        for row, token in zip(self.logp(prompt), prompt[1:], strict=False):
            rank = int((row >= row[token]).sum())
            found = {token: {"logprob": float(row[token]), "rank": rank}}
            for place, likely in enumerate(row.topk(min(k, len(row))).indices.tolist(), 1):
                found.setdefault(likely, {"logprob": float(row[likely]), "rank": place})
            yield {str(t): {**shown, "decoded_token": f"<{t}>"} for t, shown in found.items()}


@contextmanager
def serve(served: TinyVllm) -> Iterator[TinyVllm]:
    """`served` at its `base_url`, a thread for each connection."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            served.requests.append((self.path, body, dict(self.headers)))
            status, answer = served.answer(self.path, body)
            content = b"" if answer is None else json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            if status >= 400 and served.retry_after is not None:
                self.send_header("Retry-After", served.retry_after)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    served.base_url = f"http://127.0.0.1:{server.server_port}/v1"
    try:
        yield served
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
