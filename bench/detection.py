"""Finding campaigns, beside what was published: who is found, what comes through before, which honest people are hit.

Every method reads the same composed logs (`bench/detection_plan.py`): 21 worlds with 114 campaigns, each of nineteen
strategies with each of six objectives, and over 200,000 honest accounts, look-alikes among them. What is learnt is
learnt from honest worlds of other seeds. Text and seeds are not those that thresholds were chosen on; `--corpus` adds
worlds of text that was seen while the detector was made. Baselines are run on four worlds, which have every strategy.
A world's log is removed when it is scored; scores are kept in `--work`, and a bench that was killed goes on from there.

    scripts/bench detection                                                                   about 90 minutes
    scripts/bench detection --small                                                              three minutes

A campaign is found where one of its accounts, at least, was slowed or worse. An account whose suspension waits for a
reviewer counts as suspended. Let through are the campaign's own exchanges up to the suspension of their account. A
baseline's flag is a suspension. Rows by strategy have the strongest baseline for a peer: the one that lets least
through in the mean, of those that suspend one honest account in a hundred at most, on the same worlds. Campaigns are
told apart by their number of accounts too, because composed ones are smaller than those that providers have published,
and a pool of a few accounts leaves nothing to compare.
"""

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path
from statistics import fmean
from typing import Any

from bench.detection_plan import Plan, full, small
from bench.detection_tables import ALL, strongest_baseline, tables
from bench.detection_tasks import OURS, Embeddings, Workshop
from bench.results import Row
from stillhouse.errors import ConfigError
from stillhouse.records import write_json

__all__ = ["main", "measure", "rows_of"]

_HIT = {"slow": "slowed", "suspend": "suspended"}


def main(argv: Sequence[str]) -> list[Row]:
    """Rows as `rows_of` has them."""
    parser = argparse.ArgumentParser(prog="scripts/bench detection")
    parser.add_argument("--small", action="store_true", help="one world and six campaigns, in three minutes")
    parser.add_argument("--corpus", type=Path, help="folder of text for further worlds (with --small: for its world)")
    parser.add_argument("--work", type=Path, default=Path("runs/bench_detection"), help="folder of what is done")
    parser.add_argument("--jobs", type=int, default=2, help="worlds at once, one core each")
    parser.add_argument("--embedding", choices=("static", "words"), default="static", help="what the baselines read by")
    options = parser.parse_args(argv)
    found = measure(
        options.work, is_small=options.small, corpus=options.corpus, jobs=options.jobs, embedding=options.embedding
    )
    return [row for text, of in found.items() for row in rows_of(of, text)]


def measure(
    work: Path, *, is_small: bool, corpus: Path | None, jobs: int, embedding: Embeddings
) -> dict[str, dict[str, Any]]:
    """Do what is not done yet in `work`; the tables (`detection_tables`) by where the text is from, also in
    `work/tables.json`.

    Raises ConfigError for a corpus that is no folder.
    """
    if corpus is not None and not corpus.is_dir():
        raise ConfigError(f"--corpus {corpus}: no such folder; give one with .jsonl, .json or .csv files of text")
    given = None if corpus is None else corpus.absolute()
    plan = small(given) if is_small else full(given)
    workshop = Workshop(work.absolute(), embedding, tuple(plan.windows))
    (workshop.folder / "scores").mkdir(parents=True, exist_ok=True)
    _work_through(plan, workshop, jobs)
    texts = {"packaged": False, "given": True}
    found = {
        text: tables(plan, workshop, given=is_given)
        for text, is_given in texts.items()
        if any(world.is_given == is_given for world in plan.worlds)
    }
    write_json(workshop.folder / "tables.json", found)
    return found


def _work_through(plan: Plan, workshop: Workshop, jobs: int) -> None:
    """First what is learnt, then what is decided, the longest first."""
    learning: list[tuple[Callable[..., str], tuple[object, ...]]] = [
        *((workshop.learn, (one,)) for one in reversed(plan.references)),
        *((workshop.calibrate, (one,)) for one in plan.references if one.baselines),
    ]
    deciding: list[tuple[Callable[..., str], tuple[object, ...]]] = [
        *((workshop.flag, (world, world.baselines)) for world in plan.worlds if world.baselines is not None),
        *((workshop.replay, (world, reference)) for world in plan.worlds for reference in world.references),
    ]
    # A process for each piece, so that the next one begins with empty memory.
    with ProcessPoolExecutor(jobs, get_context("spawn"), max_tasks_per_child=1) as pool:
        try:
            for part in (learning, deciding):
                for done in as_completed([pool.submit(piece, *given) for piece, given in part]):
                    print(done.result(), file=sys.stderr, flush=True)
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def rows_of(found: Mapping[str, Any], text: str) -> list[Row]:
    """One row for each number; `text` is `packaged` or `given`, and given text was seen while the detector was made."""
    where = "" if text == "packaged" else "text seen in development; "
    first, *methods = found["methods"]
    rows = []
    peer = strongest_baseline(methods)
    here = next((row for row in methods if row["method"] == OURS), None)
    for row in found["strategies"]:
        rows += _campaign_rows(f"{where}{row['name']}", row["campaigns"])
    if first["campaigns"]:
        rows += _campaign_rows(f"{where}all strategies", first["campaigns"])
    for row in found["pools"]:
        rows += _campaign_rows(f"{where}campaigns of {row['name']}", row["campaigns"])
    for row in found["objectives"]:
        rows += _campaign_rows(f"{where}objective {row['name']}", row["campaigns"])
    if here is not None and here["campaigns"]:
        for other in (row for row in methods if row is not here):
            rows += _campaign_rows(f"{where}all strategies | {other['method']}", here["campaigns"], other["campaigns"])
            rows += _honest_rows(f"{where}honest accounts | {other['method']}", here, other)
    if peer is not None:
        for row in found["compared"]:
            of = row["methods"]
            rows += _campaign_rows(f"{where}{row['strategy']} | {peer['method']}", of[OURS], of[peer["method"]])
    for row in found["honest"]:
        for what in ("slowed", "suspended"):
            name = f"{where}honest accounts {what}, {row['kind']} ({row[what]} of {row['accounts']:,})"
            rows.append(_single(name, row[what] / row["accounts"], "share"))
            if row["kind"] == ALL:
                rows.append(_single(f"{name}, upper 95 % bound", row[f"{what}_upper"], "share"))
    for row in found["discoveries"]:
        name = f"{where}false discovery rate, {row['subject']}s, {row['action']} (stated {row['stated']:g})"
        rows.append(_single(f"{name}, {row['false']} of {row['subjects']}", row["came"], "mean proportion"))
        if row["subject"] == "campaign" and row["action"] in _HIT and row["accounts"]:
            name = f"{where}honest accounts among all {_HIT[row['action']]} by decisions about campaigns"
            name = f"{name} ({row['honest']} of {row['accounts']:,})"
            rows.append(_single(name, row["share_honest"], "share"))
    for row in found["innocents"]:
        name = f"{where}innocent people behind a shared account refused, {row['through']}"
        rows.append(_single(f"{name} ({row['refused']} of {row['people']:,})", row["refused"] / row["people"], "share"))
    for row in found["references"]:
        rows += _campaign_rows(f"{where}references of {row['reference_accounts']:,.0f} accounts", row["campaigns"])
    costs = found["costs"]
    return [
        *rows,
        Row.of(f"{where}replay, one core", costs["per_processor_second"], None, "exchanges/processor s"),
        Row.of(f"{where}replay, as it ran", costs["per_second"], None, "exchanges/s"),
        Row.of(f"{where}replay, peak memory", [peak / 1e9 for peak in costs["peak_bytes"]], None, "GB"),
        Row.of(f"{where}replay, state", [size / 1e3 for size in costs["bytes_per_account"]], None, "KB an account"),
    ]


def _campaign_rows(what: str, ours: Mapping[str, Any], peer: Mapping[str, Any] | None = None) -> list[Row]:
    return [
        _shares(f"{what}: campaigns found", _found(ours), None if peer is None else _found(peer)),
        *(
            Row.of(f"{what}: {name}", ours["each"][key], None if peer is None else peer["each"][key], "median share")
            for name, key in (("accounts suspended", "suspended"), ("exchanges let through", "let_through"))
        ),
    ]


def _honest_rows(what: str, ours: Mapping[str, Any], peer: Mapping[str, Any]) -> list[Row]:
    mine, theirs = (row["suspended_honest"] / row["accounts_honest"] for row in (ours, peer))
    return [_single(f"{what}: suspended", mine, "share", theirs)]


def _found(campaigns: Mapping[str, Any]) -> list[float]:
    return [float(slowed > 0) for slowed in campaigns["each"]["slowed"]]


def _shares(what: str, ours: Sequence[float], peer: Sequence[float] | None) -> Row:
    """A share of campaigns, whose median says nothing."""
    row = _single(what, fmean(ours), "share", None if peer is None else fmean(peer))
    return replace(row, runs=len(ours))


def _single(what: str, ours: float, unit: str, peer: float | None = None) -> Row:
    """One number over all worlds."""
    return Row.of(what, [ours], None if peer is None else [peer], unit)
