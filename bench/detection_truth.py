"""What is true of a composed log, as far as scores need it: of each exchange who asked when, and for whom."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from bench.detection_baselines.baseline import moment
from stillhouse.records import ExchangeLog

__all__ = ["LOG", "Asked", "read_asked", "read_lines"]

LOG = "exchanges.jsonl.zst"


class Asked(NamedTuple):
    """One exchange. `time` in milliseconds since 1970; `own` says whether it is its campaign's, and no cover; `user`
    is the innocent person whose request an account of several people carries.
    """

    account: str
    time: int
    own: bool
    user: str | None


def read_lines(path: Path) -> list[dict[str, Any]]:
    """The records of a JSONL file."""
    with path.open(encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def read_asked(folder: Path) -> Iterator[Asked]:
    """Every exchange of a folder made by `range traffic`, in the log's order.

    What the label of an account does not tell is in `request_labels.jsonl`, whose lines stand in the log's order too.
    """
    campaigns = {label["account"]: label["campaign"] for label in read_lines(folder / "labels.jsonl")}
    with (folder / "request_labels.jsonl").open(encoding="utf-8") as file:
        told = map(json.loads, file)
        next_told = next(told, None)
        for exchange in ExchangeLog(folder / LOG):
            campaign, user = campaigns[exchange.account], None
            if next_told is not None and next_told["exchange"] == exchange.id:
                campaign, user = next_told["campaign"], next_told["user"]
                next_told = next(told, None)
            yield Asked(exchange.account, moment(exchange), campaign is not None, user)
