"""Answers on disk by the content of the question, so that a question is paid for once.

An entry is a SHA-256 of its own bytes, a newline, and the response body. A cut or altered entry is therefore seen; it
counts as absent, is counted, and is written anew. Nothing in it but what the endpoint answered: no key, no header.
"""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from stillhouse.records import check_place, disk_errors, write_atomic

__all__ = ["AnswerCache", "request_key"]


def request_key(base_url: str, api: str, request: Mapping[str, Any], draw: Mapping[str, int | None]) -> str:
    """SHA-256, in hex, of where a question goes and all that it says.

    `draw` holds what tells two draws apart and the request cannot say: a seed that the API does not know, and which of
    several calls for one question this is.
    """
    content = json.dumps([base_url, api, request, draw], sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(content.encode("utf-8", "surrogatepass")).hexdigest()


class AnswerCache:
    """The folder `path`: `ab/abcd….json`, one file an answer. `damaged` counts entries that could not be used.

    StorageError if `path` cannot be a folder that is written to.
    """

    def __init__(self, path: Path) -> None:
        check_place(path / "entry", make_parents=True)
        self.path = path
        self.damaged = 0

    def file(self, key: str) -> Path:
        return self.path / key[:2] / f"{key}.json"

    def get(self, key: str) -> dict[str, Any] | None:
        """The response body, or None if there is none that can be used."""
        file = self.file(key)
        with disk_errors(file, 0):
            try:
                content = file.read_bytes()
            except FileNotFoundError:
                return None
        digest, _, body = content.partition(b"\n")
        if digest != hashlib.sha256(body).hexdigest().encode():
            self.damaged += 1
            return None
        answer: dict[str, Any] = json.loads(body)
        return answer

    def put(self, key: str, answer: Mapping[str, Any]) -> None:
        """Keep an answer: whole on disk when this returns, or StorageError."""
        body = json.dumps(answer, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
        file = self.file(key)
        with disk_errors(file, len(body)):
            file.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(file, hashlib.sha256(body).hexdigest().encode() + b"\n" + body)
