"""A campaign's evidence adds up to what its decision says."""

import json
import math
import shutil
from pathlib import Path

import pytest

from stillhouse.errors import ConfigError, RecordError
from stillhouse.guard.replay.explain import explain, explained
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
    assert "decides" in text and "either" in text and "nats" in text


def test_every_link_adds_up_to_its_log_lr(world: World) -> None:
    found = explain(world.replayed, "c00001")
    assert len(found["links"]) == len(found["accounts"])
    for link in found["links"]:
        parts = [float(reason.rsplit(":", 1)[1]) for reason in link["because"]]
        assert sum(parts) == pytest.approx(link["log_lr"], abs=0.006 * len(parts))  # two places each
        assert link["log_lr"] >= 6.9


def test_an_unknown_campaign_and_an_edited_file_are_told(world: World, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="has no campaign 'c9'; it has c00001"):
        explain(world.replayed, "c9")
    copy = tmp_path / "copy"
    shutil.copytree(world.replayed, copy)
    records = [json.loads(line) for line in (copy / "campaigns.jsonl").read_text().splitlines()]
    records[0]["log_e"] += 1.0
    (copy / "campaigns.jsonl").write_text("".join(json.dumps(one) + "\n" for one in records))
    with pytest.raises(RecordError, match="adds up to"):
        explain(copy, "c00001")
