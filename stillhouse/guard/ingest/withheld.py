"""Bodies whose words the source did not keep.

`"content": null` says that there was a message and that its text is unknown, which is not the same as an empty one.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from stillhouse.types import Api

__all__ = ["withheld_request", "withheld_response"]


def withheld_request(api: Api, model: str, known: Mapping[str, Any]) -> dict[str, Any]:
    """A request of `api` with what is `known` of it (sampling, `stream`) and its words withheld."""
    words: dict[str, Any] = {"messages": [{"role": "user", "content": None}]}
    if api == "completions":
        words = {"prompt": None}
    elif api == "embeddings":
        words = {"input": None}
    elif api == "responses":
        words = {"input": [{"role": "user", "content": None}]}
    return {"model": model, **words, **known}


def withheld_response(api: Api, reasons: Sequence[str | None] = (None,)) -> dict[str, Any]:
    """An answer of `api` with its words withheld; one choice for each of the finish `reasons`, None where not told."""
    if api == "responses":
        return {"output": [{"type": "message", "role": "assistant", "content": None}]}
    if api == "messages":
        return {"role": "assistant", "content": None, "stop_reason": reasons[0] if reasons else None}
    if api == "embeddings":
        return {"data": [{"index": 0, "embedding": None}]}
    said: dict[str, Any] = {"message": {"role": "assistant", "content": None}}
    if api == "completions":
        said = {"text": None}
    return {"choices": [{"index": i, **said, "finish_reason": why} for i, why in enumerate(reasons or (None,))]}
