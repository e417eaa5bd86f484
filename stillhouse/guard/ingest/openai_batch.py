"""OpenAI batches: the file that was sent in, with the files of answers and errors that came out of it.

A batch is the cheapest way to ask a teacher 50,000 questions, and leaves no line in any access log. Its files hold no
account (one upload is one account's) and no time but that of each answer; the batch object, `GET /v1/batches/{id}`
saved as a file, has the times for the rest. Formats as in openai 3.57 (openai/types/batch.py) and the platform's
batch guide.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

import orjson

from stillhouse.errors import RecordError
from stillhouse.guard.ingest.disk_table import DiskTable
from stillhouse.guard.ingest.fields import Fields, View
from stillhouse.guard.ingest.outcome import Fault, Outcome, PassedOver
from stillhouse.guard.ingest.rows import Row
from stillhouse.guard.ingest.withheld import withheld_request
from stillhouse.guard.wire.base import Wire
from stillhouse.guard.wire.routes import ROUTES
from stillhouse.records.times import rfc3339
from stillhouse.types import Exchange

__all__ = ["FIELDS", "read"]

FIELDS: Final[dict[str, tuple[str, ...]]] = {
    "account": ("asked.body.safety_identifier", "asked.body.user"),
    "organisation": (),
    "key": (),
    "model": ("asked.body.model", "answered.response.body.model"),
    "time": (
        "answered.response.body.created",
        "answered.response.body.created_at",
        "batch.in_progress_at",
        "batch.created_at",
    ),
    "request_id": ("answered.response.request_id",),
}

_REMEDY = "a batch is one account's: give its name with --account==NAME, or the field that says it"
# Which path gave an answer, where its request is not there to say.
_PATHS: Final = {
    "chat.completion": "/v1/chat/completions",
    "response": "/v1/responses",
    "text_completion": "/v1/completions",
    "list": "/v1/embeddings",
}


def read(rows: Iterable[Row | Fault], changes: Mapping[str, str]) -> Iterator[Outcome]:
    """Requests and answers joined by `custom_id`, whichever file comes first; one batch at a time.

    A request without an answer is an exchange with status 0; an answer whose request is in no file has it withheld.
    Those two come out last. Paths of fields begin with `asked` (a line of the input), `answered` (a line of the
    output or the error file) or `batch` (the batch object).
    """
    fields = Fields(FIELDS, changes)
    batch: Mapping[str, Any] = {}
    with DiskTable() as asked, DiskTable() as answered, DiskTable() as known:
        for row in rows:
            if isinstance(row, Fault):
                yield row
                continue
            value = row.value
            if isinstance(value, dict) and value.get("object") == "batch":
                batch = value
                continue
            name = value.get("custom_id") if isinstance(value, dict) else None
            if not isinstance(name, str) or not name:
                yield row.fault("no custom_id: neither a line of a batch's files nor a batch object")
                continue
            held = orjson.dumps({"place": row.place, "line": value})
            is_request = "body" in value and "url" in value
            if not (known.add(f"{is_request} {name}")):
                yield row.fault(f"custom_id {name[:60]!r} is there twice; import one batch at a time")
                continue
            other = (answered if is_request else asked).pop(name)
            if other is None:
                (asked if is_request else answered).add(name, held)
            elif is_request:
                yield _joined(held, other, batch, fields)
            else:
                yield _joined(other, held, batch, fields)
        for held in answered.values():
            yield _joined(None, held, batch, fields)
        for held in asked.values():
            yield _joined(held, None, batch, fields)


def _joined(request: bytes | None, answer: bytes | None, batch: Mapping[str, Any], fields: Fields) -> Outcome:
    asked: dict[str, Any] = {} if request is None else orjson.loads(request)
    answered: dict[str, Any] = {} if answer is None else orjson.loads(answer)
    place: str = (answered or asked)["place"]
    lines = [one.get("line", {}) for one in (asked, answered)]
    try:
        return _exchange(fields.view(place, {"asked": lines[0], "answered": lines[1], "batch": batch}), *lines)
    except RecordError as error:
        text = " ".join(orjson.dumps(line).decode() for line in lines if line)
        return Fault(place, str(error).removeprefix(f"{place}: "), text)


def _exchange(view: View, asked: Mapping[str, Any], answered: Mapping[str, Any]) -> Exchange | PassedOver:
    response = answered.get("response")
    response = response if isinstance(response, Mapping) else {}
    body = response.get("body")
    body = body if isinstance(body, Mapping) else {}
    wire = _wire(asked.get("url"), body.get("object"))
    if wire is None or wire.api is None:
        return PassedOver("a url of none of the known APIs")
    status = response.get("status_code", 0)
    if not isinstance(status, int) or isinstance(status, bool):
        raise RecordError(f"{view.place}: response.status_code is {str(status)[:40]!r}; it must be a whole number")
    model = view.need("model", "a request without a model is none")
    sent = asked.get("body")
    if asked and not isinstance(sent, Mapping):
        raise RecordError(f"{view.place}: body is a {type(sent).__name__}; it must be an object")
    ms = view.ms("time")
    if ms is None:
        raise RecordError(
            f"{view.place}: no time: it got no answer; give the batch object (GET /v1/batches/ID) as a first file"
        )
    return Exchange(
        id=_id(asked, answered),
        time=rfc3339(ms),
        account=view.need("account", _REMEDY),
        organisation=view.text("organisation"),
        key=view.text("key"),
        model=model,
        api=wire.api,
        request=sent if isinstance(sent, Mapping) else withheld_request(wire.api, model, {}),
        response=body if 200 <= status < 400 and body else None,
        usage=wire.usage(body),
        status=status,
        extra={"source": "openai-batch", **view.gathered("request_id")},
    )


def _wire(url: Any, kind: Any) -> Wire | None:
    path = url if isinstance(url, str) else _PATHS.get(kind) if isinstance(kind, str) else None
    methods = ROUTES.get(path) if path is not None else None
    return methods["POST"].wire if methods is not None and "POST" in methods else None


def _id(asked: Mapping[str, Any], answered: Mapping[str, Any]) -> str:
    """The server's own id of the line; where it has none, a digest of both lines."""
    given = answered.get("id")
    if isinstance(given, str) and given:
        return given
    lines = orjson.dumps([asked, answered], option=orjson.OPT_SORT_KEYS)
    return f"batch-{hashlib.blake2b(lines, digest_size=16).hexdigest()}"
