"""A damaged folder of a replay is told as one, in one line, and not as one in which less was found."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from stillhouse.errors import RecordError
from stillhouse.guard.replay.explain import explain
from stillhouse.guard.replay.explain_account import explain_account
from tests.command import Command
from tests.guard.world import World

FILES = ("decisions.jsonl", "accounts.jsonl", "campaigns.jsonl", "evidence.jsonl", "alone.jsonl")


@pytest.fixture
def copy(world: World, tmp_path: Path) -> Path:
    return Path(shutil.copytree(world.replayed, tmp_path / "copy"))


def edit(path: Path, change: Callable[[dict[str, Any]], object]) -> None:
    found = [json.loads(line) for line in path.read_text().splitlines()]
    for one in found:
        change(one)
    path.write_text("".join(json.dumps(one) + "\n" for one in found))


def fault(folder: Path, account: str | None = None) -> str:
    with pytest.raises(RecordError) as caught:
        explain(folder, "c00001") if account is None else explain_account(folder, account)
    told = str(caught.value)
    assert told.endswith("; make the replay anew") and "\n" not in told
    return told


def first(folder: Path, name: str) -> Any:
    return json.loads((folder / name).read_text().splitlines()[0])


def test_the_command_tells_it_in_one_line(copy: Path, command: Command) -> None:
    (copy / "decisions.jsonl").write_text("{}\n")
    told = command("guard", "explain", str(copy), "--campaign", "c00001").fault
    assert told == f"{copy}/decisions.jsonl:1: no line of a replay: time is missing; make the replay anew"


@pytest.mark.parametrize("line", ["{}", "[]", "7", "null"])
@pytest.mark.parametrize("name", FILES)
def test_a_line_that_no_replay_writes_is_named(name: str, line: str, copy: Path) -> None:
    account = first(copy, "alone.jsonl")["account"]
    (copy / name).write_text(f"{line}\n")
    asked = None if name == "evidence.jsonl" else account
    assert fault(copy, asked).startswith(f"{copy / name}:1: no line of a replay: ")


@pytest.mark.parametrize(
    ("name", "change", "where"),
    [
        ("decisions.jsonl", lambda one: one.update(action="forbid"), "action is wrong"),
        ("decisions.jsonl", lambda one: one.update(level=0.0), "level is wrong"),
        ("decisions.jsonl", lambda one: one["subject"].pop("id"), "subject.id is missing"),
        ("campaigns.jsonl", lambda one: one["links"][0].update(log_lr="7"), "links.0.log_lr is wrong"),
        ("evidence.jsonl", lambda one: one["groups"][0]["looks"][0].pop("lines"), "groups.0.looks.0.lines is missing"),
    ],
)
def test_the_part_of_a_line_is_named(
    name: str, change: Callable[[dict[str, Any]], object], where: str, copy: Path
) -> None:
    edit(copy / name, change)
    assert f"{copy / name}:1: no line of a replay: {where}" in fault(copy)


def test_a_decision_that_is_gone_is_told(copy: Path) -> None:
    account, path = first(copy, "decisions.jsonl")["accounts"][0], copy / "decisions.jsonl"
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(lines[:-1]))
    told = f"{path}: has {len(lines) - 1} decisions, and summary.json says {len(lines)}; make the replay anew"
    assert fault(copy) == fault(copy, account) == told
    (copy / "summary.json").unlink()
    assert fault(copy) == f"{copy / 'summary.json'}: No such file or directory; make the replay anew"


def test_an_action_without_its_decision_is_told(copy: Path) -> None:
    account = first(copy, "decisions.jsonl")["accounts"][0]
    edit(copy / "decisions.jsonl", lambda one: one.update(action="observe"))
    assert fault(copy) == (
        f"{copy}/decisions.jsonl: the strongest action on campaign 'c00001' is 'observe' by its decisions, and "
        "'suspend' by its record; make the replay anew"
    )
    assert f"the strongest action on account '{account}' is 'observe' by its decisions" in fault(copy, account)


def test_an_action_that_was_restored_is_no_stronger_one(copy: Path) -> None:
    edit(copy / "decisions.jsonl", lambda one: one.update(action="restore"))
    assert "is 'none' by its decisions, and 'suspend' by its record" in fault(copy)


def test_a_decision_without_its_action_is_told(copy: Path) -> None:
    edit(copy / "accounts.jsonl", lambda one: one.update(action="none"))
    assert "'suspend' by its decisions, and 'none' by its" in fault(copy, first(copy, "decisions.jsonl")["accounts"][0])


def test_evidence_that_is_gone_is_told(copy: Path) -> None:
    account = first(copy, "alone.jsonl")["account"]
    member = first(copy, "campaigns.jsonl")["accounts"][0]
    lines = (copy / "alone.jsonl").read_text()
    edit(copy / "alone.jsonl", lambda one: one.update(lines=[]))
    assert f"alone.jsonl: lacks lines of account '{account}'" in fault(copy, account)
    (copy / "alone.jsonl").write_text("")
    assert f"{copy}/alone.jsonl: has no account '{account}', whose ln e = " in fault(copy, account)
    assert explain_account(copy, member)["alone"] is None  # it had none
    (copy / "alone.jsonl").write_text(lines)
    edit(copy / "evidence.jsonl", lambda one: one.update(decided_by="g77"))
    assert "lacks the evidence that decided on campaign 'c00001'" in fault(copy)
    (copy / "evidence.jsonl").write_text("")
    assert "lacks the evidence that decided on campaign 'c00001'" in fault(copy)
    (copy / "campaigns.jsonl").write_text("")
    (copy / "decisions.jsonl").write_text("")
    (copy / "summary.json").write_text('{"decisions": 0}')
    edit(copy / "accounts.jsonl", lambda one: one.update(action="none"))
    assert f"campaigns.jsonl: has no campaign 'c00001', and account '{member}' is in it" in fault(copy, member)


def test_every_account_of_a_whole_replay_is_explained(world: World) -> None:
    names = [json.loads(line)["account"] for line in (world.replayed / "accounts.jsonl").read_text().splitlines()]
    for name in names[::100]:
        assert explain_account(world.replayed, name)["account"] == name
