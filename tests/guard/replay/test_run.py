"""A replay's files, and what they say of a campaign and of honest people."""

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from stillhouse.errors import RecordError, RunFolderError
from stillhouse.guard.detect.settings import AccountBudgets, Budgets, DetectSettings
from stillhouse.guard.reference.reference import load
from stillhouse.guard.replay.learning import learn_reference
from stillhouse.guard.replay.run import replay
from stillhouse.records import ExchangeLog
from tests.guard.detection import KEY
from tests.guard.world import World


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_the_campaign_is_suspended_and_honest_accounts_are_left_alone(world: World) -> None:
    accounts = lines(world.replayed / "accounts.jsonl")
    action = {one["account"]: one["action"] for one in accounts}
    campaign = [name for name, label in world.truth.items() if label.campaign == "queue" and name in action]
    honest = [name for name, label in world.truth.items() if label.role == "honest" and name in action]
    assert len(campaign) == 240 and len(honest) > 450
    assert sum(action[name] == "suspend" for name in campaign) >= 0.9 * len(campaign)
    assert [name for name in honest if action[name] not in ("none", "observe")] == []


def test_the_summary_counts_what_waits_for_a_reviewer(world: World) -> None:
    actions = Counter(one["action"] for one in lines(world.replayed / "accounts.jsonl"))
    suspended = [one for one in lines(world.replayed / "decisions.jsonl") if one["action"] == "suspend"]
    waiting = {name for one in suspended if one["review"] == "pending" for name in one["accounts"]}
    assert world.summary["pending"] == len(waiting) > 0
    assert world.summary["actions"] == {action: actions[action] for action in sorted(actions) if action != "none"}
    assert world.summary["actions"]["suspend"] == len({name for one in suspended for name in one["accounts"]})


def test_every_account_has_a_line_and_every_decision_is_in_it(world: World) -> None:
    accounts = {one["account"]: one for one in lines(world.replayed / "accounts.jsonl")}
    decisions = lines(world.replayed / "decisions.jsonl")
    assert len(accounts) == world.summary["accounts"]
    assert sum(one["exchanges"] for one in accounts.values()) == world.summary["exchanges"]
    first: dict[str, str] = {}
    for decision in decisions:
        for name in decision["accounts"]:
            first.setdefault(name, decision["time"])
    assert {name: one["first_action_time"] for name, one in accounts.items() if one["action"] != "none"} == first


def test_decisions_come_in_order_and_name_an_exchange_that_was_there(world: World) -> None:
    decisions = lines(world.replayed / "decisions.jsonl")
    times = {one.id: one.time for one in ExchangeLog(world.mixed)}
    assert decisions and [one["time"] for one in decisions] == sorted(one["time"] for one in decisions)
    for decision in decisions:
        assert times[decision["after_exchange"]] == decision["time"]
        assert decision["log_e"] >= -_log(decision["level"]) - 1e-9


def until_half(world: World, path: Path) -> Path:
    """The log up to the moment at which half of its decisions were taken."""
    decisions = lines(world.replayed / "decisions.jsonl")
    half = decisions[len(decisions) // 2]["time"]
    with ExchangeLog(path) as log:
        log.extend(one for one in ExchangeLog(world.mixed) if one.time <= half)
    return path


def test_an_action_without_a_rate_is_never_taken(world: World, tmp_path: Path) -> None:
    """Nor is it needed by others: what is found is told by the mildest action that has one. Where none has any, nothing
    is found by the time when half of the decisions were taken."""
    taken = {}
    nothing, cut = dict.fromkeys(Budgets.model_fields), until_half(world, tmp_path / "cut.jsonl")
    for name, log, rates in (("unnoted", world.mixed, {"observe": None}), ("none", cut, nothing)):
        settings = DetectSettings(
            campaigns=Budgets(**rates), accounts=AccountBudgets(**dict.fromkeys(Budgets.model_fields))
        )
        replay([log], load(world.reference), tmp_path / name, settings)
        taken[name] = Counter(one["action"] for one in lines(tmp_path / name / "accounts.jsonl"))
        actions = {one["action"] for one in lines(tmp_path / name / "decisions.jsonl")}
        assert actions <= {action for action in ("slow", "strip", "verify", "suspend") if name == "unnoted"}
    assert taken["none"].keys() == {"none"} and lines(tmp_path / "none" / "campaigns.jsonl") == []
    assert "observe" not in taken["unnoted"] and taken["unnoted"]["suspend"] >= 200


def _log(level: float) -> float:
    from math import log

    return log(level)


def test_a_decision_uses_nothing_that_comes_later(world: World, tmp_path: Path) -> None:
    decisions = lines(world.replayed / "decisions.jsonl")
    cut = until_half(world, tmp_path / "cut.jsonl")
    last = max(one.time for one in ExchangeLog(cut))
    replay([cut], load(world.reference), tmp_path / "out", world.settings)
    assert lines(tmp_path / "out" / "decisions.jsonl") == [one for one in decisions if one["time"] <= last] != []


def test_the_same_decisions_from_files_in_another_partition_and_from_the_log_twice(
    world: World, tmp_path: Path
) -> None:
    """Three files that have every exchange between them, and the log itself once more."""
    parts = [tmp_path / f"part{number}.jsonl.zst" for number in range(3)]
    logs = [ExchangeLog(part) for part in parts]
    for number, one in enumerate(ExchangeLog(world.mixed)):
        if number % 500 == 0:
            group: list[list[Any]] = [[], [], []]
        group[hash_of(one.id)].append(one)
        if number % 500 == 499:
            for log, some in zip(logs, group, strict=True):
                log.extend(some)
    for log, some in zip(logs, group, strict=True):
        if number % 500 != 499:
            log.extend(some)
        log.close()
    summary = replay([*reversed(parts), world.mixed], load(world.reference), tmp_path / "out", world.settings)
    assert summary["duplicates"] == world.summary["exchanges"] and world.summary["duplicates"] == 0
    for name in ("decisions.jsonl", "accounts.jsonl", "campaigns.jsonl", "evidence.jsonl", "alone.jsonl"):
        assert (tmp_path / "out" / name).read_bytes() == (world.replayed / name).read_bytes()


def hash_of(id: str) -> int:
    return sum(id.encode()) % 3


def test_a_place_that_is_taken_is_left_as_it_is(world: World) -> None:
    before = (world.replayed / "summary.json").read_bytes()
    with pytest.raises(RunFolderError, match="is not empty; give a new --out"):
        replay([world.mixed], load(world.reference), world.replayed, world.settings)
    assert (world.replayed / "summary.json").read_bytes() == before


def test_faulty_lines_are_set_aside_or_fatal(world: World, tmp_path: Path) -> None:
    log = tmp_path / "faulty.jsonl"
    with ExchangeLog(log) as whole:
        whole.extend(one for number, one in enumerate(ExchangeLog(world.mixed)) if number < 500)
    with log.open("a", encoding="utf-8") as file:
        file.write('{"v": "stillhouse.exchange/9"}\nno json\n')
    with pytest.raises(RecordError, match=r"faulty\.jsonl:501: version"):
        replay([log], load(world.reference), tmp_path / "out", world.settings, strict=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["faulty.jsonl"]
    summary = replay([log], load(world.reference), tmp_path / "out", world.settings)
    assert (summary["exchanges"], summary["rejected"]) == (500, 2)
    assert [one["place"] for one in lines(tmp_path / "out" / "rejected.jsonl")] == [f"{log}:501", f"{log}:502"]


def test_a_few_wrong_clocks_change_no_decision(world: World, tmp_path: Path) -> None:
    """Three at the beginning, one in the midst and one at the end are set aside, and the rest is as it was."""
    exchanges = list(ExchangeLog(world.mixed))
    for number, place in enumerate((0, 0, 0, 9000, len(exchanges) + 4)):
        ahead = replace(exchanges[0], id=f"ahead{number}", time=f"2099-01-01T00:00:0{number}Z")
        exchanges.insert(place, ahead)
    with ExchangeLog(tmp_path / "log.jsonl") as log:
        log.extend(exchanges)
    summary = replay([tmp_path / "log.jsonl"], load(world.reference), tmp_path / "out", world.settings)
    assert (summary["skewed"], summary["rejected"], summary["late"]) == (5, 5, world.summary["late"])
    for name in ("decisions.jsonl", "accounts.jsonl", "campaigns.jsonl", "evidence.jsonl", "alone.jsonl"):
        assert (tmp_path / "out" / name).read_bytes() == (world.replayed / name).read_bytes()


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", r"a\.jsonl: no exchange is in the log; give one that has some"),
        ("no json\n{}\n", r"no exchange could be read, 2 were set aside; the first is .*a\.jsonl:1: not JSON"),
    ],
)
def test_where_nothing_can_be_read_there_is_no_replay(world: World, tmp_path: Path, text: str, fault: str) -> None:
    (tmp_path / "a.jsonl").write_text(text)
    with pytest.raises(RecordError, match=fault):
        replay([tmp_path / "a.jsonl"], load(world.reference), tmp_path / "out", world.settings)
    with pytest.raises(RecordError, match=fault):
        learn_reference([tmp_path / "a.jsonl"], tmp_path / "out", world.settings, KEY)
    assert [path.name for path in tmp_path.iterdir()] == ["a.jsonl"]


def test_a_log_that_is_cut_off_is_replayed_as_far_as_it_goes_and_counted(world: World, tmp_path: Path) -> None:
    cut = tmp_path / "cut.jsonl.zst"
    content = world.mixed.read_bytes()
    cut.write_bytes(content[: len(content) // 2])
    summary = replay([cut], load(world.reference), tmp_path / "out", world.settings)
    (unfinished,) = summary["unfinished"]
    assert f"{summary['exchanges']:,} lines were read; copy it again" in unfinished
    assert summary["rejected"] == 0 and 0 < summary["exchanges"] < world.summary["exchanges"]
    with pytest.raises(RecordError, match=r"cut\.jsonl\.zst:.*ends inside a zstd frame.*learnt from whole logs"):
        learn_reference([cut], tmp_path / "ref", world.settings, KEY)


def test_a_log_that_ends_inside_a_line_is_cut_off_too(world: World, tmp_path: Path) -> None:
    cut = tmp_path / "cut.jsonl"
    with ExchangeLog(cut) as log:
        log.extend(one for number, one in enumerate(ExchangeLog(world.mixed)) if number < 50)
    cut.write_bytes(cut.read_bytes()[:-20])
    summary = replay([cut], load(world.reference), tmp_path / "out", world.settings)
    assert (summary["exchanges"], summary["rejected"], len(summary["unfinished"])) == (49, 0, 1)
    with pytest.raises(RecordError, match=r"cut\.jsonl:50: .*ends inside a line.*learnt from whole logs"):
        learn_reference([cut], tmp_path / "ref", world.settings, KEY)
