"""A composition on disk: the log, the truth in files beside it, and a summary that says that it is composed.

The folder is made under another name and renamed when it is whole, so a composition that was interrupted is not there.
Nothing in it depends on when it was made: the same scenario and the same text give the same bytes.
"""

import os
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

from stillhouse.config import dump
from stillhouse.range.arrivals import DAY
from stillhouse.range.campaigns.campaign import is_cut_short
from stillhouse.range.cast import Label
from stillhouse.range.corpus import Corpus
from stillhouse.range.parquet import write_parquet
from stillhouse.range.people.sample import Openings
from stillhouse.range.scenario import Scenario
from stillhouse.range.traffic import Composed, composed, labels
from stillhouse.range.world import World
from stillhouse.records import ExchangeLog, rfc3339, whole_folder, write_atomic, write_json
from stillhouse.records.files import append_bytes, create_for_append, encode_line
from stillhouse.types import Exchange

__all__ = ["write_traffic"]

_TOLD = 2000  # exchanges between two words of progress
_BUFFER = 1 << 20

Progress = Callable[[int, str], None]
"""Takes the number of exchanges so far and the time that the composition has come to."""


def write_traffic(scenario: Scenario, corpus: Corpus, out: Path, *, progress: Progress | None = None) -> dict[str, Any]:
    """Compose the scenario into the new folder `out`; what `summary.json` holds is returned.

    `exchanges.*` is the log, `labels.jsonl` the truth about accounts, `request_labels.jsonl` that about requests of
    accounts that carry more than one party's, `resolved.yaml` the scenario. Raises RunFolderError if something is at
    `out`, StorageError if the disk refuses.
    """
    with whole_folder(out) as draft:
        return _fill(draft, scenario, corpus, progress or (lambda number, time: None))


def _fill(folder: Path, scenario: Scenario, corpus: Corpus, progress: Progress) -> dict[str, Any]:
    write_atomic(folder / "resolved.yaml", dump(scenario))
    truth = {label.account: label for label in labels(scenario, corpus)}
    with _Lines(folder / "labels.jsonl") as lines:
        for label in truth.values():
            lines.add(label.as_dict())
    tally = _Tally(truth)
    with _Lines(folder / "request_labels.jsonl") as lines:
        entries = _told(tally.seen(_noted(composed(scenario, corpus), truth, lines)), progress)
        files = _write_log(folder, scenario, entries)
    summary = {
        "v": "stillhouse.traffic/1",
        "composed": True,
        "seed": scenario.seed,
        **(counts := tally.result()),
        "silent": [row["kind"] for row in counts["kinds"] if not row["exchanges"]],
        "cut_short": _cut_short(scenario, corpus, counts["campaigns"]),
        "files": files,
        "corpus": {
            "digest": corpus.digest,
            "half": scenario.corpus.half,
            "sources": dict(sorted(corpus.sources.items())),
            "licences": dict(sorted(corpus.licences.items())),
            "unknown_rows": corpus.unknown_rows,
        },
    }
    write_json(folder / "summary.json", summary)
    return summary


def _cut_short(scenario: Scenario, corpus: Corpus, written: dict[str, int]) -> dict[str, dict[str, int]]:
    """Campaigns that go on after the composed days: the requests that they were to make, and those that are there."""
    world = World(scenario.seed, scenario.begin, scenario.days, corpus)
    return {
        one.name: {"requests": one.requests, "exchanges": written.get(one.name, 0)}
        for one in scenario.campaigns
        if is_cut_short(world, one)
    }


def _write_log(folder: Path, scenario: Scenario, entries: Iterator[Composed]) -> list[str]:
    """The log in as many files as are wanted, each an equal span of the time; their names."""
    parts, suffix = scenario.output.parts, scenario.output.format
    starts = [rfc3339(scenario.begin + scenario.days * DAY * part // parts) for part in range(1, parts)]
    names = [f"exchanges-{part:04d}.{suffix}" for part in range(parts)] if parts > 1 else [f"exchanges.{suffix}"]
    written = set()
    for part, group in groupby(entries, key=lambda entry: bisect_right(starts, entry.exchange.time)):
        _write_part(folder / names[part], (entry.exchange for entry in group))
        written.add(part)
    for part in set(range(parts)) - written:
        _write_part(folder / names[part], ())
    return names


def _write_part(path: Path, exchanges: Iterable[Exchange]) -> None:
    if path.suffix == ".parquet":
        write_parquet(path, exchanges)
    else:
        with ExchangeLog(path) as log:
            log.extend(exchanges)


def _noted(entries: Iterator[Composed], truth: dict[str, Label], lines: "_Lines") -> Iterator[Composed]:
    """`entries`, while the truth about those is written down that the label of the account does not tell."""
    for entry in entries:
        exchange, user, campaign = entry
        if user is not None or campaign != truth[exchange.account].campaign:
            lines.add({"exchange": exchange.id, "account": exchange.account, "user": user, "campaign": campaign})
        yield entry


def _told(entries: Iterator[Composed], progress: Progress) -> Iterator[Composed]:
    for number, entry in enumerate(entries, start=1):
        if number % _TOLD == 0:
            progress(number, entry.exchange.time)
        yield entry


class _Tally:
    """Counts by kind while the exchanges go by, and how alike people's openings are."""

    def __init__(self, truth: dict[str, Label]) -> None:
        self._truth = truth
        self._by_kind: Counter[tuple[str, str]] = Counter()
        self._campaigns: Counter[str] = Counter()
        self._accounts: set[str] = set()
        self._openings = Openings(label.account for label in truth.values() if label.kind == "person")
        self._first = self._last = ""

    def seen(self, entries: Iterator[Composed]) -> Iterator[Composed]:
        for entry in entries:
            exchange, _, campaign = entry
            label = self._truth[exchange.account]
            self._by_kind[label.role, label.kind] += 1
            if campaign is not None:
                self._campaigns[campaign] += 1
            self._accounts.add(exchange.account)
            self._openings.see(exchange)
            self._first, self._last = self._first or exchange.time, exchange.time
            yield entry

    def result(self) -> dict[str, Any]:
        """The counts as the summary has them."""
        found = self._openings.persistence()
        labelled = Counter((label.role, label.kind) for label in self._truth.values())
        return {
            "exchanges": self._by_kind.total(),
            "accounts": len(self._truth),
            "accounts_that_ask": len(self._accounts),
            "first": self._first or None,
            "last": self._last or None,
            "kinds": [
                {"role": role, "kind": kind, "accounts": count, "exchanges": self._by_kind[role, kind]}
                for (role, kind), count in sorted(labelled.items())
            ],
            "campaigns": dict(sorted(self._campaigns.items())),
            "persistence": found and {**found._asdict(), "difference": found.difference},
        }


class _Lines:
    """Lines of a new file, about a mebibyte in one write."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._pending = bytearray()
        self._descriptor = create_for_append(path)

    def add(self, line: dict[str, Any]) -> None:
        self._pending += encode_line(line)
        if len(self._pending) >= _BUFFER:
            self._flush()

    def _flush(self) -> None:
        append_bytes(self._descriptor, self._path, bytes(self._pending), sync=False)
        self._pending.clear()

    def __enter__(self) -> "_Lines":
        return self

    def __exit__(self, *raised: object) -> None:
        try:
            self._flush()
        finally:
            os.close(self._descriptor)
