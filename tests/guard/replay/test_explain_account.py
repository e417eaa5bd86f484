"""The evidence against an account adds up to what its record says."""

import json
import math
import shutil
from pathlib import Path
from typing import Any

import pytest

from stillhouse.errors import ConfigError, RecordError
from stillhouse.guard.replay.explain import explain, explained
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


def test_a_place_is_one_of_as_many_as_there_are(world: World) -> None:
    """The account itself is one of them, so the last place of n honest accounts is n + 1 of n + 1."""
    lines = {line["place"]: (one["account"], line) for one in records(world) for line in one["lines"]}
    last, first = max(lines), min(lines)
    account, line = lines[last]
    assert last == line["honest"] + 1  # the test is of the last one
    told = explained_account(explain_account(world.replayed, account))
    assert f"place {last:,} of {last:,}" in told and "among 1," not in told
    account, line = lines[first]
    place = "first" if first == 1 else f"place {first:,}"
    assert f"{place} of {line['honest'] + 1:,}" in explained_account(explain_account(world.replayed, account))


def test_a_member_of_a_campaign_is_told_with_its_links_odds_and_decisions(world: World) -> None:
    (campaign,) = (json.loads(line) for line in (world.replayed / "campaigns.jsonl").read_text().splitlines())
    decisions = [json.loads(line) for line in (world.replayed / "decisions.jsonl").read_text().splitlines()]
    for link in campaign["links"][:20]:
        found = explain_account(world.replayed, link["a"])
        assert found["links"] == [{"campaign": campaign["campaign"], **link}]
        taken = [one for one in decisions if link["a"] in one["accounts"]]
        assert [{**one, "needed": -math.log(one["level"])} for one in taken] == found["decisions"] != []
        text = explained_account(found)
        assert f"member of campaign c00001: log odds {link['log_lr']:+.2f}; an account is a campaign's from 6.9" in text
        assert f"  linked with {link['b']}: {link['shares'] or 'both in group'}" in text
        assert all(f"  {reason}\n" in text for reason in link["because"])
        assert all(f"  {one['time']} {one['action']} " in text for one in taken)


def test_an_account_of_no_campaign_has_neither_links_nor_decisions(world: World) -> None:
    accounts = [json.loads(line) for line in (world.replayed / "accounts.jsonl").read_text().splitlines()]
    found = explain_account(world.replayed, next(one["account"] for one in accounts if one["action"] == "none"))
    assert found["links"] == found["decisions"] == [] and "decisions: none" in explained_account(found)


def test_no_name_of_a_log_makes_a_line(world: World, tmp_path: Path) -> None:
    """Neither an account's nor a plan's: the lines of both explanations are those of names that are harmless."""
    forged = "x\ndecisions: none\nit was not judged by itself: it asked too little"
    judged = records(world)[0]["account"]
    (campaign,) = (json.loads(line) for line in (world.replayed / "campaigns.jsonl").read_text().splitlines())
    forging = {name: f"{name}{forged}" for name in (judged, campaign["accounts"][0])}
    copy = tmp_path / "copy"
    shutil.copytree(world.replayed, copy)
    for file in copy.glob("*.jsonl"):
        text = file.read_text().replace('"plan": "', '"plan": "\\u2028\\nno campaign ')
        for name, longer in forging.items():
            text = text.replace(json.dumps(name), json.dumps(longer))
        file.write_text(text)
    pairs = [(explained(explain(world.replayed, "c00001")), explained(explain(copy, "c00001")))]
    for name, longer in forging.items():
        pairs.append(
            (explained_account(explain_account(world.replayed, name)), explained_account(explain_account(copy, longer)))
        )
    for plain, told in pairs:
        escaped = forged.replace("\n", "\\n")
        assert told.replace(escaped, "").replace("\\u2028\\nno campaign ", "") == plain != told
        assert len(told.splitlines()) == len(plain.splitlines())
    assert any("of plan '\\u2028\\nno campaign " in told for _, told in pairs)


def test_an_unknown_account_is_told_by_names_that_are_like_it(world: World) -> None:
    known = records(world)[0]["account"]
    with pytest.raises(ConfigError, match=f"did you mean {known}"):
        explain_account(world.replayed, known + "x")


def test_what_is_no_replay_is_told(world: World, tmp_path: Path) -> None:
    file = world.replayed / "summary.json"
    with pytest.raises(RecordError) as caught:
        explain_account(file, "a")
    assert str(caught.value) == f"{file}: is a file; give a folder made by `stillhouse guard replay`"
    with pytest.raises(RecordError, match=r"accounts\.jsonl: No such file or directory; give a folder made by"):
        explain_account(tmp_path, "a")


def test_an_account_that_asked_little_was_not_judged(world: World) -> None:
    accounts = [json.loads(line) for line in (world.replayed / "accounts.jsonl").read_text().splitlines()]
    quiet = next(one["account"] for one in accounts if one["exchanges"] < 10)
    found = explain_account(world.replayed, quiet)
    assert found["alone"] is None and "it asked too little" in explained_account(found)


def test_an_unknown_account_and_an_edited_file_are_told(world: World, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"has no account 'nobody'; look it up in .*accounts\.jsonl, which has 1,4"):
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
