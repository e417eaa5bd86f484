"""Tables of two worlds whose counts are made up, the sums and shares by hand."""

import json
from dataclasses import replace
from typing import Any

import pytest

from bench.detection import rows_of
from bench.detection_plan import Plan
from bench.detection_scores import ACTIONS, CampaignScore, Scores
from bench.detection_tables import strongest_baseline, summary, tables
from bench.detection_tasks import OURS, Workshop
from stillhouse.stats import upper_share
from tests.bench.conftest import replayed

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


def test_campaigns_by_how_many_of_their_accounts_asked(found: dict[str, Any], plan: Plan, workshop: Workshop) -> None:
    by_pool = {row["name"]: row["campaigns"] for row in found["pools"]}
    assert {name: (of["found"], of["campaigns"]) for name, of in by_pool.items()} == {
        "1 to 3 accounts": (1, 1),
        "4 to 15 accounts": (0, 1),
        "100 accounts or more": (1, 1),
    }
    edges = (1, 3, 4, 15, 16, 99, 100, 24_000)
    campaigns = {f"loud.{accounts}": CampaignScore(accounts=accounts, slowed=accounts % 2) for accounts in edges}
    scored = Scores({}, campaigns, {})
    (workshop.folder / "scores" / "two.large.json").write_text(json.dumps(replayed(scored, 0, 0)))
    rows = tables(replace(plan, worlds=plan.worlds[1:]), workshop, given=False)["pools"]
    assert [(row["name"], row["campaigns"]["found"], row["campaigns"]["campaigns"]) for row in rows] == [
        ("1 to 3 accounts", 2, 2),
        ("4 to 15 accounts", 1, 2),
        ("16 to 99 accounts", 1, 2),
        ("100 accounts or more", 0, 2),
    ]


def test_the_honest_among_all_that_were_hit(found: dict[str, Any]) -> None:
    """Four subjects of the first world hit forty accounts, one of them honest; nobody hit any account by itself."""
    rows = {(row["subject"], row["action"]): row for row in found["discoveries"]}
    assert [rows["campaign", "suspend"][name] for name in ("honest", "accounts", "share_honest")] == [1, 40, 0.025]
    assert rows["account", "observe"]["share_honest"] is None
    shown = {row.what: row.ours for row in rows_of(found, "packaged")}
    for what in ("slowed", "suspended"):
        assert shown[f"honest accounts among all {what} by decisions about campaigns (1 of 40)"] == 0.025
    assert shown["campaigns of 4 to 15 accounts: campaigns found"] == 0.0
    by_objective = {row["name"]: row["campaigns"] for row in found["objectives"]}
    for name, of in by_objective.items():
        assert shown[f"objective {name}: campaigns found"] == of["found"] / of["campaigns"]
    assert len(by_objective) > 1
    assert shown["campaigns of 100 accounts or more: accounts suspended"] == 0.6


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
