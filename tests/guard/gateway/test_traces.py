"""Spans as a real collector gets them: over OTLP, with the names of generative models, and never with content."""

import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import httpx2
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.guard.gateway.test_process import BODY, key_for
from tests.guard.running import running
from tests.guard.stub import Stub, chat_answer, json_answer


def test_a_request_becomes_a_span(tmp_path: Path) -> None:
    spans: list[Any] = []

    class Collector(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            import gzip

            body = self.rfile.read(int(self.headers["content-length"]))
            body = gzip.decompress(body) if self.headers.get("content-encoding") == "gzip" else body
            found = ExportTraceServiceRequest.FromString(body)
            spans.extend(s for r in found.resource_spans for scope in r.scope_spans for s in scope.spans)
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *args: Any) -> None:
            """Nothing."""

    with HTTPServer(("127.0.0.1", 0), Collector) as collector:
        thread = threading.Thread(target=collector.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        address = f"http://127.0.0.1:{collector.server_address[1]}/v1/traces"
        try:
            with (
                Stub(lambda asked: json_answer(chat_answer("a secret answer"))) as stub,
                running(tmp_path, stub.url, telemetry={"traces": address, "access_log": True}) as gateway,
            ):
                key = key_for(gateway)
                parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
                headers = {"authorization": f"Bearer {key}", "traceparent": parent}
                answer = httpx2.post(f"{gateway.url}/v1/chat/completions", json=BODY, headers=headers)
                refused = httpx2.post(
                    f"{gateway.url}/v1/chat/completions", json=BODY | {"model": "none"}, headers=headers
                )
                assert (answer.status_code, refused.status_code) == (200, 404)
                passed_on = stub.asked[-1].headers["traceparent"]
                assert gateway.stop() == 0
                line = next(line for line in gateway.lines if line.get("id") == answer.headers["x-request-id"])
                assert line["status"] == 200 and line["output_tokens"] == 5 and "secret" not in str(line)
        finally:
            collector.shutdown()
            thread.join()
    told = {
        attribute.key: attribute.value for span in spans for attribute in span.attributes if span.name == "chat served"
    }
    served = next(span for span in spans if span.name == "chat served")
    assert (
        served.trace_id.hex() == "0af7651916cd43dd8448eb211c80319c"
        and served.parent_span_id.hex() == "b7ad6b7169203331"
    )
    assert passed_on.split("-")[1:3] == [served.trace_id.hex(), served.span_id.hex()]
    assert told["gen_ai.usage.output_tokens"].int_value == 5 and told["gen_ai.request.model"].string_value == "served"
    assert any(
        a.value.string_value == "model.unknown" for span in spans for a in span.attributes if a.key == "error.type"
    )
    assert "secret" not in str(spans)
