"""Composed traffic, a reference, a replay, and what it is worth beside what has been published, in one command.

`python -m recipes.detection.run --out DIR` composes an honest world and one with six campaigns, learns a reference from
the first, replays the second, lets the published baselines read the same logs, prints the tables and writes
DIR/report.html: three minutes on two cores. `--full` does so over all worlds of `scripts/bench detection`, in 90
minutes; a run that was killed goes on. Exit 0 if less of the campaigns' exchanges comes through in the mean than with
any baseline that suspends one honest account in a hundred at most; 1 if not; 2 if something given cannot be used.
"""

import argparse
import shlex
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bench.detection import measure
from bench.detection_tables import strongest_baseline
from bench.results import machine
from recipes.detection.blocks import blocks
from recipes.detection.page import render
from recipes.result import Result
from stillhouse.errors import StillhouseError
from stillhouse.records import check_free, check_place, commit, versions, write_atomic


def is_better(tables: Mapping[str, Any]) -> bool:
    """Whether less comes through in the mean than with the strongest baseline."""
    peer = strongest_baseline(tables["methods"][1:])
    ours = tables["methods"][1] if len(tables["methods"]) > 1 else None
    if peer is None or ours is None:
        return True
    mine, theirs = (row["campaigns"]["mean"]["let_through"] for row in (ours, peer))
    return bool(mine < theirs)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("runs/detection"), help="folder; what is done stays done")
    parser.add_argument("--full", action="store_true", help="all worlds of the bench, an hour and a half")
    parser.add_argument("--corpus", type=Path, help="folder of text (with --full: for further worlds)")
    parser.add_argument("--jobs", type=int, default=2, help="pieces of work at once, one core each")
    parser.add_argument(
        "--embedding", choices=("words", "static"), default="words", help="what baselines read texts by"
    )
    try:
        return run(parser.parse_args())
    except StillhouseError as error:
        print(f"recipes.detection.run: {error}", file=sys.stderr)
        return 2


def run(given: argparse.Namespace) -> int:
    """Exit status. StillhouseError for what cannot be read or written, and where --out holds something else."""
    work = given.out / "work"
    if not work.is_dir():
        check_free(given.out, "--out")
    check_place(work, make_parents=True)
    say, about = Result(), {"machine": machine(), "versions": versions(), "commit": commit()}
    found = measure(work, is_small=not given.full, corpus=given.corpus, jobs=given.jobs, embedding=given.embedding)
    command = shlex.join(["python", "-m", "recipes.detection.run", *sys.argv[1:]])
    for text, tables in found.items():
        for block in blocks(tables):
            say(block)
        page = given.out / f"report-{text}.html"
        write_atomic(page, render(tables, text, about, command))
        say(f"report: {page.name}")
    # How evidence grew is in the pictures and in work/tables.json; as figures it would be most of the file.
    say.write(
        given.out,
        {text: {name: table for name, table in of.items() if name != "courses"} for text, of in found.items()},
    )
    return 0 if all(is_better(tables) for tables in found.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
