"""A campaign's evidence adds up to what its decision says."""

import json
import math
import shutil
from pathlib import Path

import pytest

from stillhouse.errors import ConfigError, RecordError
from stillhouse.guard.replay.explain import explain, explained
from stillhouse.guard.replay.explain_account import explain_account, explained_account
from tests.guard.world import World


def test_the_lines_add_up_to_the_log_e_of_the_campaign(world: World) -> None:
    found = explain(world.replayed, "c00001")
    (group,) = [one for one in found["evidence"]["groups"] if one["group"] == found["evidence"]["decided_by"]]
    adds = 0.0
    for look in group["looks"]:
        for line in look["lines"]:
            share = math.exp(look["log_share_of_level"]) * line["weight"]
            adds += share * 0.1 * math.exp(-0.9 * line["log_p"])
    assert math.log(adds) == pytest.approx(found["log_e"], rel=1e-9)
    text = explained(found)
    assert f"ln of the sum {found['log_e']:.6f}" in text


def test_every_link_adds_up_to_its_log_lr(world: World) -> None:
    found = explain(world.replayed, "c00001")
    assert len(found["links"]) == len(found["accounts"])
    for link in found["links"]:
        parts = [float(reason.rsplit(":", 1)[1]) for reason in link["because"]]
        assert sum(parts) == pytest.approx(link["log_lr"], abs=0.006 * len(parts))  # two places each
        assert link["log_lr"] >= 6.9
        assert link["b"] != link["a"] and link["b"] in found["accounts"]
        assert (link["shares"] is None) != (link["group"] is None)
        assert link["shares"] is None or link["because"][0].startswith(f"{link['shares']} ")


def test_an_unknown_campaign_and_an_edited_file_are_told(world: World, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"has no campaign 'c9'; look it up in .*campaigns\.jsonl, which has 1$"):
        explain(world.replayed, "c9")
    copy = tmp_path / "copy"
    shutil.copytree(world.replayed, copy)
    records = [json.loads(line) for line in (copy / "campaigns.jsonl").read_text().splitlines()]
    records[0]["log_e"] += 1.0
    (copy / "campaigns.jsonl").write_text("".join(json.dumps(one) + "\n" for one in records))
    with pytest.raises(RecordError, match="adds up to"):
        explain(copy, "c00001")


def test_a_campaign_that_became_another_is_told_with_that_one(world: World, tmp_path: Path) -> None:
    """Decisions name it as it was called then."""
    copy = tmp_path / "copy"
    shutil.copytree(world.replayed, copy)
    decisions = (world.replayed / "decisions.jsonl").read_text().splitlines()
    (copy / "decisions.jsonl").write_text("\n".join([decisions[0].replace("c00001", "c00002"), *decisions[1:]]) + "\n")
    campaigns = (copy / "campaigns.jsonl").read_text()
    (copy / "campaigns.jsonl").write_text(campaigns.replace('"merged": []', '"merged": ["c00002"]'))
    found = explain(copy, "c00002")
    assert found == {**explain(copy, "c00001"), "asked": "c00002"} and len(found["decisions"]) == len(decisions)
    text = explained(found)
    assert text.startswith("c00002 became c00001: they turned out to be one\ncampaign c00001: ")
    assert "became" not in explained(explain(copy, "c00001"))
    account = explain_account(copy, found["decisions"][0]["accounts"][0])
    assert "of campaign c00002, needed" in explained_account(account)
    assert "c00002 became c00001: they turned out to be one" in explained_account(account)
    assert "became" not in explained_account(explain_account(world.replayed, account["account"]))


def test_what_an_earlier_version_wrote_is_told(world: World, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(world.replayed, copy)
    (copy / "campaigns.jsonl").write_text((copy / "campaigns.jsonl").read_text().replace('"merged": [], ', ""))
    fault = r"campaigns\.jsonl: was written by an earlier version, without 'merged'; make the replay anew"
    with pytest.raises(RecordError, match=fault):
        explain(copy, "c00001")
    with pytest.raises(RecordError, match=fault):
        explain_account(copy, json.loads((copy / "accounts.jsonl").read_text().splitlines()[0])["account"])


def test_what_is_printed_adds_up_to_the_log_e_of_every_decision(world: World) -> None:
    """ln e of each decision is ln of the sum of what its group's printed lines add up to then."""
    found = explain(world.replayed, "c00001")
    assert len(found["decisions"]) == len((world.replayed / "decisions.jsonl").read_text().splitlines())
    adds: dict[str, list[tuple[str, float]]] = {}
    for line in explained(found).splitlines():
        if line.startswith("group "):
            group = line.split()[1].rstrip(":")
        elif line.startswith("  look at "):
            time = line.split()[2].rstrip(",")
        elif " adds " in line and line.startswith("    "):
            adds.setdefault(group, []).append((time, float(line.split(" adds ")[1].split()[0])))
    for decision in found["decisions"]:
        until = sum(one for time, one in adds[decision["group"]] if time <= decision["time"])
        assert math.log(until) == pytest.approx(decision["log_e"], abs=1e-3)  # printed with four digits
        assert decision["needed"] == pytest.approx(-math.log(decision["level"]))
        assert decision["log_e"] >= decision["needed"] - 1e-9


def test_it_is_told_in_the_words_of_the_documentation_and_nothing_is_left_out(world: World) -> None:
    found = explain(world.replayed, "c00001")
    text = explained(found)
    (group,) = {one["group"] for one in found["decisions"]}
    assert f"group {group} (decides, strongest): " in text
    for words in ("either view", "words", "times"):
        assert f"    {words:11} ln p" in text
    assert text.count(": log odds +") == len(found["accounts"]) == 240
    assert "from 6.9 on, and likely one's from 4.6" in text
    course = found["evidence"]["course"]
    assert 0.3 < course["ramp"] < 0.7 and "how its accounts came and went, which is not weighed:\n  ramp: " in text
    assert f"  burst: {course['burst']:.0%} of its accounts" in text and "  failover: " in text
    assert sum(course["failover"]["accounts"]) == len(found["accounts"])
    first = found["decisions"][0]
    told = f"{first['time']} {first['action']} {len(first['accounts'])} accounts, review pending"
    assert first["review"] == "pending" and f"{told}: ln e {first['log_e']:.2f} by" in text
    assert f", needed {first['needed']:.2f}" in text


def test_the_evidence_of_a_decision_that_was_edited_does_not_add_up(world: World, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(world.replayed, copy)
    decisions = [json.loads(line) for line in (copy / "decisions.jsonl").read_text().splitlines()]
    decisions[-1]["log_e"] += 0.01
    (copy / "decisions.jsonl").write_text("".join(json.dumps(one) + "\n" for one in decisions))
    with pytest.raises(RecordError, match="the evidence of no group of campaign 'c00001' adds up"):
        explain(copy, "c00001")
