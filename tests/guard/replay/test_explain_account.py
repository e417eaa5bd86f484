"""The evidence against an account adds up to what its record says."""

import json
import math
import shutil
from pathlib import Path
from typing import Any

import pytest

from stillhouse.errors import ConfigError, RecordError
from stillhouse.guard.replay.explain_account import explain_account, explained_account
from tests.guard.world import World


def records(world: World) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (world.replayed / "alone.jsonl").read_text().splitlines()]


def test_every_judged_account_is_explained_and_adds_up(world: World) -> None:
    accounts = {
        one["account"]: one for one in map(json.loads, (world.replayed / "accounts.jsonl").read_text().splitlines())
    }
    found = records(world)
    assert {one["account"] for one in found} <= {name for name, one in accounts.items() if one["exchanges"] >= 32}
    assert len(found) > 20
    for one in found:
        told = explain_account(world.replayed, one["account"])["alone"]
        parts = [part["surprise"] for part in told["acts"]["parts"]]
        values = {line["line"]: line["value"] for line in told["lines"]}
        assert values["both"] == pytest.approx(told["asks"]["surprise"] + sum(parts), abs=1e-9)
        total = sum(line["weight"] * math.exp(line["log_e"]) for line in told["lines"])
        assert math.log(total) == pytest.approx(told["log_e"], rel=1e-9)
        assert told["log_e"] <= accounts[one["account"]]["log_e"] + 1e-9


def test_it_is_told_in_words(world: World) -> None:
    loudest = max(records(world), key=lambda one: one["log_e"])
    text = explained_account(explain_account(world.replayed, loudest["account"]))
    assert f"account {loudest['account']}: " in text and "ln e needed" in text and "not weighed: " in text
    assert f"ln of the sum {loudest['log_e']:.6f}" in text


def test_an_account_that_asked_little_was_not_judged(world: World) -> None:
    accounts = [json.loads(line) for line in (world.replayed / "accounts.jsonl").read_text().splitlines()]
    quiet = next(one["account"] for one in accounts if one["exchanges"] < 10)
    found = explain_account(world.replayed, quiet)
    assert found["alone"] is None and "it asked too little" in explained_account(found)


def test_an_unknown_account_and_an_edited_file_are_told(world: World, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="has no account 'nobody'; it has acct_"):
        explain_account(world.replayed, "nobody")
    copy = tmp_path / "copy"
    shutil.copytree(world.replayed, copy)
    found = records(world)
    name = found[0]["account"]
    for change, what in ((("log_e",), "what its lines add"), (("asks", "surprise"), "its two surprises")):
        edited = json.loads(json.dumps(found[0]))
        holder = edited
        for key in change[:-1]:
            holder = holder[key]
        holder[change[-1]] += 0.5
        (copy / "alone.jsonl").write_text(json.dumps(edited) + "\n")
        with pytest.raises(RecordError, match=f"{what}.*add up to"):
            explain_account(copy, name)
