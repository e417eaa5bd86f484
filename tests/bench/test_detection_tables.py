"""Tables of two worlds whose counts are made up, the sums and shares by hand."""

from typing import Any

import pytest

from bench.detection import rows_of
from bench.detection_scores import ACTIONS, CampaignScore
from bench.detection_tables import strongest_baseline, summary
from bench.detection_tasks import OURS
from stillhouse.stats import upper_share

LOUD = CampaignScore(accounts=1, named=1, slowed=1, suspended=0, own=1000, let_through=1000)
FOUR = CampaignScore(accounts=250, named=200, slowed=200, suspended=150, own=1000, let_through=100)
MISSED = CampaignScore(accounts=10, own=100, let_through=100)


def test_medians_are_over_campaigns_and_one_slowed_account_is_found() -> None:
    of = summary([LOUD, FOUR, MISSED])
    assert of is not None
    assert (of["campaigns"], of["found"]) == (3, 2)
    assert of["median"] == {"slowed": 0.8, "suspended": 0.0, "let_through": 1.0}
    assert of["mean"] == pytest.approx({"slowed": 0.6, "suspended": 0.2, "let_through": 0.7})
    assert of["each"] == {"slowed": [1, 0.8, 0], "suspended": [0, 0.6, 0], "let_through": [1, 0.1, 1]}
    assert summary([]) is None


def test_ours_is_over_all_worlds_and_then_over_those_of_the_baselines(found: dict[str, Any]) -> None:
    every, here, fair, hits_all = found["methods"]
    assert [row["method"] for row in found["methods"]] == [OURS, OURS, "fair", "hits all"]
    assert (every["worlds"], every["accounts_honest"], every["campaigns"]["campaigns"]) == (2, 1500, 3)
    assert (here["worlds"], here["accounts_honest"], here["campaigns"]["campaigns"]) == (1, 1000, 2)
    assert every["suspended_upper"] == upper_share(1, 1500)
    assert every["false"] == pytest.approx(2 / (2 + 201))
    assert fair["false"] == pytest.approx(10 / 11) and hits_all["suspended_honest"] == 900


def test_the_strongest_baseline_is_one_that_hits_few(found: dict[str, Any]) -> None:
    peer = strongest_baseline(found["methods"][1:])
    assert peer is not None and peer["method"] == "fair"
    assert strongest_baseline(found["methods"][:1]) is None


def test_groups_of_campaigns(found: dict[str, Any]) -> None:
    by_strategy = {row["name"]: row["campaigns"] for row in found["strategies"]}
    assert list(by_strategy) == ["loud", "four_each"]
    assert (by_strategy["loud"]["campaigns"], by_strategy["loud"]["found"]) == (2, 1)
    assert [row["name"] for row in found["objectives"]] == ["reasoning", "grading"]
    assert [(row["name"], row["campaigns"]["campaigns"]) for row in found["sizes"]] == [
        ("100 requests", 1),
        ("1,000 requests", 2),
    ]
    assert found["compared"][1]["methods"]["fair"]["found"] == 0


def test_honest_accounts_and_innocents_are_added_up(found: dict[str, Any]) -> None:
    total, person = found["honest"]
    assert (total["kind"], total["accounts"], total["slowed"], total["suspended"]) == ("all", 1500, 2, 1)
    assert person["by_method"] == {OURS: (1, 1000), "fair": (10, 1000), "hits all": (900, 1000)}
    assert found["innocents"] == [
        {"through": "relay", "people": 100, "slowed": 8, "refused": 2, "refused_upper": upper_share(2, 100)}
    ]


def test_a_world_without_a_discovery_counts_as_none_false(found: dict[str, Any]) -> None:
    rows = {(row["subject"], row["action"]): row for row in found["discoveries"]}
    assert rows["campaign", "slow"]["came"] == pytest.approx((1 / 4 + 0) / 2)
    assert (rows["campaign", "slow"]["false"], rows["campaign", "slow"]["subjects"]) == (1, 4)
    assert set(rows) == {("campaign", one) for one in ACTIONS[:-1]} | {("account", "observe")}


def test_references_are_compared_on_the_same_worlds(found: dict[str, Any]) -> None:
    large, little = found["references"]
    assert (large["reference_accounts"], large["campaigns"]["found"], large["accounts_honest"]) == (50_000, 2, 1000)
    assert large["references"] == 1
    assert (little["reference_groups"], little["campaigns"]["found"], little["slowed_honest"]) == (50, 0, 3)


def test_state_is_what_a_replay_of_nothing_does_not_need(found: dict[str, Any]) -> None:
    assert found["costs"]["bytes_per_account"] == [200_000.0, 200_000.0]


def test_rows_have_the_peer_and_say_what_text(found: dict[str, Any]) -> None:
    rows = {row.what: row for row in rows_of(found, "given")}
    first = rows["text seen in development; loud | fair: campaigns found"]
    assert (first.ours, first.peer, first.runs) == (1.0, 1.0, 1)
    through = rows["text seen in development; all strategies | hits all: exchanges let through"]
    assert [through.ours, through.peer] == pytest.approx([0.55, 0.1]) and through.runs == 2
    rate = rows["text seen in development; false discovery rate, campaigns, slow (stated 0.05), 1 of 4"]
    assert rate.ours == pytest.approx(0.125)
    assert all("text seen" not in row.what for row in rows_of(found, "packaged"))
