"""A server of a test's own on loopback, which answers every POST with JSON: what the endpoints of tests are made of.

with json_server(answer) as url: ...      # url ends in /v1
"""

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

__all__ = ["json_server"]

Answer = Callable[[dict[str, Any], Mapping[str, str]], tuple[int, dict[str, Any]]]


@contextmanager
def json_server(answer: Answer) -> Iterator[str]:
    """The base URL until the block ends. `answer` gets the body and the headers, their names in small letters."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            status, answered = answer(body, {name.lower(): value for name, value in self.headers.items()})
            content = json.dumps(answered).encode()
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: Any) -> None:
            """Nothing."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: Any, client_address: Any) -> None:
            """Nothing: a connection that a killed client leaves is part of some tests."""

    with Server(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}/v1"
        finally:
            server.shutdown()
            thread.join()
