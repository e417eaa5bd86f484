"""Rows of a folder that is being written come as they do from a replay of the folder as it is at the end."""

import os
import random
from collections.abc import Callable
from pathlib import Path
from threading import Event

import numpy as np
import pytest

from stillhouse.errors import RecordError
from stillhouse.guard.detect.extract import Extractor
from stillhouse.guard.detect.row import Row
from stillhouse.guard.features.words import BUCKETS
from stillhouse.guard.live.follower import Follower
from stillhouse.guard.log.segment import Segment
from stillhouse.guard.replay.finding import find_logs
from stillhouse.guard.replay.reading import Logs
from stillhouse.records import RejectedLines
from stillhouse.records.zstd_lines import compress_frame
from tests.guard.detection import KEY
from tests.guard.live.segments import add, at, begin, frame, killed

LATENESS = 10_000_000
EXTRACTOR = Extractor(KEY, np.ones(BUCKETS, np.float32))
LATER = 10.0**10


def follower(folder: Path, clock: Callable[[], float] = lambda: LATER) -> Follower:
    return Follower(folder, LATENESS, EXTRACTOR, Event(), clock=clock)


def replayed(folder: Path) -> list[Row]:
    rejected = RejectedLines(folder.parent / "rejected.jsonl")
    return list(Logs(find_logs([folder]), LATENESS, rejected).rows(EXTRACTOR))


@pytest.mark.parametrize("seed", range(9))
def test_gateways_that_write_at_once_come_in_the_order_of_a_replay(seed: int, tmp_path: Path) -> None:
    """One to three gateways, segments that end and begin, answers that take almost as long as the lateness.

    Where a segment has the newest exchange of all, one that is late in it is late in the same way for both.
    """
    source, folder = random.Random(seed), tmp_path / "log"
    folder.mkdir()
    live, rows = follower(folder), list[Row]()
    gateways = ["g1", "g2", "g3"][: 1 + seed % 3]
    held: dict[str, Segment] = {}
    newest = dict.fromkeys(gateways, 0.0)
    now = 0.0
    for number in range(200):
        now += source.expovariate(2.0)
        gateway = source.choice(gateways)
        if gateway not in held:
            held[gateway] = begin(folder, gateway)
        took = source.uniform(0.0, 9.9)
        if newest[gateway] == max(newest.values()) and source.random() < 0.1:
            took += 20.0
        began = max(0.0, now - took)
        newest[gateway] = max(newest[gateway], began)
        add(held[gateway], at(f"{number:04}", began))
        if source.random() < 0.3:
            rows += live.look()
        if source.random() < 0.05 and newest[gateway] < max(newest.values()):
            held.pop(gateway).close()
    for gateway in gateways:
        if gateway not in held:
            held[gateway] = begin(folder, gateway)
    add(held[gateways[0]], at("last", now + 100))
    for segment in held.values():
        segment.close()
    for _ in range(3):
        rows += live.look()
    expected = replayed(folder)
    assert rows == expected[:-1] and expected[-1].id == "last"
    assert live.counts.read == 201 and live.newest == expected[-1].at and not live.unread


def test_a_long_log_is_read_from_its_oldest_on_and_nothing_comes_early(tmp_path: Path) -> None:
    """The backlog of a start: more than one look, segments that overlap, a file of a killed gateway among them."""
    folder = tmp_path / "log"
    folder.mkdir()
    for number, (gateway, start) in enumerate([("a", 0), ("b", 500), ("a", 1000), ("c", 1500)], start=1):
        segment = begin(folder, gateway, number)
        for part in range(12):
            moments = [start + 100 * part + 100 * k / 90 for k in range(90)]
            add(segment, *(at(f"{gateway}{number}-{m:08.2f}", m) for m in moments))
        if gateway == "b":
            killed(segment, frame([at("torn", 5000)])[:40])
        else:
            segment.close()
    live, rows = follower(folder), list[Row]()
    looks = 0
    while live.is_behind:
        rows += live.look()
        looks += 1
    rows += live.look()
    assert looks > 2 and live.counts.late == 0
    expected = replayed(folder)
    assert rows == expected[: len(rows)] and 0 < len(expected) - len(rows) < 30, "what is open still is the lateness"


def test_faulty_lines_and_clocks_that_ran_ahead_are_left_out_as_in_a_replay(tmp_path: Path) -> None:
    folder = tmp_path / "log"
    folder.mkdir()
    segment = begin(folder, "g")
    add(segment, at("1", 0), at("ahead", 5 * 86400), at("2", 1))
    os.write(segment._descriptor, compress_frame(b"no exchange\n"))
    add(segment, at("3", 60))
    add(segment, at("4", 120))
    segment.close()
    live = follower(folder)
    rows = live.look() + live.look()
    assert [row.id for row in rows] == ["1", "2", "3"] == [row.id for row in replayed(folder)][:3]
    assert (live.counts.read, live.counts.rejected) == (4, 2)


def test_a_clock_that_was_wrong_at_a_segments_beginning_is_set_aside_as_in_a_replay(tmp_path: Path) -> None:
    """Its segment begins in the far future, and others are written meanwhile."""
    folder = tmp_path / "log"
    folder.mkdir()
    wrong, right = begin(folder, "a"), begin(folder, "b")
    now = [1_784_505_600.0]
    live, rows = follower(folder, clock=lambda: now[0]), list[Row]()
    add(wrong, at("ahead", 26_000 * 86400))
    for number in range(40):
        add(right, at(f"b{number:02}", number * 3))
        if number > 2:
            add(wrong, at(f"a{number:02}", number * 3 + 1))
        now[0] += 3
        rows += live.look()
    add(right, at("last", 500))
    now[0] += 500
    wrong.close()
    right.close()
    rows += live.look() + live.look()
    expected = replayed(folder)
    assert rows == expected[:-1] and len(rows) == 77 and expected[-1].id == "last"
    assert (live.counts.read, live.counts.late, live.counts.rejected) == (78, 0, 1)


def test_a_quiet_gateway_after_a_pause_of_days_holds_up_nobody(tmp_path: Path) -> None:
    folder = tmp_path / "log"
    folder.mkdir()
    quiet, busy = begin(folder, "a"), begin(folder, "b")
    live, rows = follower(folder), list[Row]()
    add(quiet, at("a0", 0), at("a1", 1))
    for number in range(60):
        add(busy, at(f"b{number:02}", 5 * 86400 + number))
        if number == 20:
            add(quiet, at("a2", 5 * 86400 + number))
        rows += live.look()
    assert [row.id for row in rows[:2]] == ["a0", "a1"] and "a2" in {row.id for row in rows}
    quiet.close()
    busy.close()
    assert rows == replayed(folder)[: len(rows)] and len(rows) > 45 and live.counts.late == 0


def test_what_comes_later_than_allowed_counts_at_the_last_open_moment(tmp_path: Path) -> None:
    one, other = begin(tmp_path, "g1"), begin(tmp_path, "g2")
    add(one, at("1", 0), at("2", 100))
    add(other, at("3", 1))
    live = follower(tmp_path)
    assert [row.id for row in live.look() + live.look()] == ["1", "3"]
    add(other, at("4", 50))
    add(one, at("5", 200))
    late, *_ = live.look() + live.look()
    assert (late.id, late.at, live.counts.late) == ("4", live.newest - 110_000_000, 1)


def test_a_file_that_is_no_segment_is_told_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    for name in ("exchanges-old.jsonl", "decisions.jsonl", "notes.txt"):
        (tmp_path / name).write_text("")
    add(begin(tmp_path, "g"), at("1", 0))
    live = follower(tmp_path)
    live.look(), live.look()
    (told,) = caplog.records
    assert "is no segment of a gateway and is not followed" in told.getMessage()
    assert vars(told)["fields"] == {"file": "exchanges-old.jsonl"}


def test_nothing_is_passed_on_ahead_of_the_clock(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """One gateway's clock runs an hour ahead: the others' exchanges are not late for that."""
    ahead, right = begin(tmp_path, "g1"), begin(tmp_path, "g2")
    base = 1_784_505_600.0
    live = follower(tmp_path, clock=lambda: base + 100)
    add(ahead, at("1", 3600))
    add(right, at("2", 80))
    assert [row.id for row in live.look() + live.look()] == ["2"]
    add(right, at("3", 95))
    live.look()
    assert live.counts.late == 0
    (told,) = caplog.records
    assert "ahead of this clock" in told.getMessage() and vars(told)["fields"] == {"file": ahead.path.name}


def test_a_corrupt_segment_is_told_once_and_counted(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """From its first byte, or behind an exchange that still counts; a replay refuses both."""
    garbage = begin(tmp_path, "a")
    killed(garbage, b"this is no zstd frame")
    damaged = begin(tmp_path, "b")
    add(damaged, at("1", 0))
    killed(damaged, b"nor is this")
    live = follower(tmp_path)
    rows = [row for _ in range(4) for row in live.look()]
    assert [row.id for row in rows] == [] and (live.counts.read, live.counts.rejected) == (1, 2)
    told = sorted(one.getMessage() for one in caplog.records)
    assert len(told) == 2 and all("corrupt zstd data before byte" in one and "next start" in one for one in told)
    assert [str(one.path) in text for one, text in zip((garbage, damaged), told, strict=True)] == [True, True]
    with pytest.raises(RecordError, match="corrupt zstd data"):
        replayed(tmp_path)


def test_the_first_line_of_a_segment_that_is_set_aside_is_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    segment = begin(tmp_path, "g")
    add(segment, at("1", 0), at("2", 1))
    os.write(segment._descriptor, compress_frame(b"no exchange\nnor this\n"))
    live = follower(tmp_path)
    live.look(), live.look()
    (told,) = caplog.records
    assert f"{segment.path}:3: not JSON" in told.getMessage() and live.counts.rejected == 2
    segment.close()
