"""From the counts of all worlds to the tables that are shown, each number made here and nowhere else.

Counts are added up over worlds before any share is taken. Bounds are Clopper and Pearson's, one-sided, 95 %: they hold
for accounts that are independent, and accounts that a detector hits together are not. So a bound is the better the more
worlds it is from; how many different findings hit the honest is in the table of discoveries.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from statistics import fmean, median
from typing import Any

from bench.detection_plan import OBJECTIVES, STRATEGIES, Plan, World
from bench.detection_scores import ACTIONS, CampaignScore, HonestScore, InnocentScore, Scores
from bench.detection_tasks import BASELINES, OURS, Workshop
from stillhouse.stats import upper_share

__all__ = ["ALL", "TOLERATED", "strongest_baseline", "summary", "tables"]

ALL = "all"
"""The kind of honest accounts of every kind together."""
TOLERATED = 0.01
"""The share of honest accounts that a baseline may suspend to be compared with."""
_POOLS = {1: "1 to 3 accounts", 4: "4 to 15 accounts", 16: "16 to 99 accounts", 100: "100 accounts or more"}

Table = list[dict[str, Any]]


def tables(plan: Plan, workshop: Workshop, *, given: bool) -> dict[str, Any]:
    """All tables of the worlds whose text was `given`, or of those whose text comes with packages. JSON can hold them.

    `methods` compares ours with the baselines on the worlds that those were run on; its first row is ours on all.
    """
    worlds = [world for world in plan.worlds if world.is_given == given]
    ours = {world.name: workshop.found(world, world.references[0]) for world in worlds}
    compared = [world for world in worlds if world.baselines is not None]
    by_method: dict[str, list[Scores]] = {}
    for world in compared:
        for name, scores in (ours[world.name]["methods"] | workshop.found(world, BASELINES)["methods"]).items():
            by_method.setdefault(name, []).append(scores)
    every = [found["methods"][OURS] for found in ours.values()]
    return {
        "worlds": _worlds(worlds, ours),
        "methods": [_method(OURS, every), *(_method(name, scores) for name, scores in by_method.items())],
        "strategies": _grouped(every, STRATEGIES, _strategy),
        "objectives": _grouped(every, OBJECTIVES, _objective),
        "sizes": _sizes(worlds, ours),
        "pools": _pools(every),
        "compared": [
            {"strategy": strategy, "methods": {name: _of(scores, strategy) for name, scores in by_method.items()}}
            for strategy in STRATEGIES
            if any(_of(scores, strategy) for scores in by_method.values())
        ],
        "honest": _honest(every, by_method),
        "discoveries": _discoveries(list(ours.values())),
        "innocents": _innocents(every),
        "references": _references(worlds, workshop),
        "costs": _costs(list(ours.values())),
        "courses": {name: course for found in ours.values() for name, course in found["courses"].items()},
    }


def summary(campaigns: Iterable[CampaignScore]) -> dict[str, Any] | None:
    """Of campaigns that asked: how many were `found` (one of their accounts, at least, was slowed or worse); the shares
    of accounts `slowed` (or worse) and `suspended`, and of the campaign's own exchanges that were `let_through` before:
    `median` and `mean` over campaigns, and of `each`. None without campaigns.
    """
    shares = [
        (one.slowed / one.accounts, one.suspended / one.accounts, one.let_through / one.own if one.own else None)
        for one in campaigns
    ]
    if not shares:
        return None
    each = {
        "slowed": [slowed for slowed, _, _ in shares],
        "suspended": [suspended for _, suspended, _ in shares],
        "let_through": [through for _, _, through in shares if through is not None],
    }
    return {
        "campaigns": len(shares),
        "found": sum(slowed > 0 for slowed in each["slowed"]),
        "median": {name: median(values) for name, values in each.items() if values},
        "mean": {name: fmean(values) for name, values in each.items() if values},
        "each": each,
    }


def strongest_baseline(methods: Table) -> dict[str, Any] | None:
    """The baseline that lets least through in the mean, of those that suspend a hundredth of the honest at most."""
    fair = [
        row
        for row in methods
        if row["method"] != OURS and row["suspended_honest"] <= TOLERATED * row["accounts_honest"] and row["campaigns"]
    ]
    return min(fair, key=lambda row: row["campaigns"]["mean"]["let_through"], default=None)


def _worlds(worlds: Sequence[World], ours: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    scores = [found["methods"][OURS] for found in ours.values()]
    return {
        "worlds": len(worlds),
        "without_campaigns": sum(not world.scenario.campaigns for world in worlds),
        "campaigns": sum(len(one.campaigns) for one in scores),
        "campaign_accounts": sum(campaign.accounts for one in scores for campaign in one.campaigns.values()),
        "honest_accounts": _total(scores).accounts,
        "exchanges": sum(found["costs"]["exchanges"] for found in ours.values()),
        "seeds": [world.scenario.seed for world in worlds],
    }


def _method(name: str, scores: Sequence[Scores]) -> dict[str, Any]:
    """One row of the table of methods. `false` is the share of honest accounts among all that were slowed or worse."""
    honest = _total(scores)
    hit = sum(campaign.slowed for one in scores for campaign in one.campaigns.values())
    return {
        "method": name,
        "worlds": len(scores),
        "campaigns": summary(campaign for one in scores for campaign in one.campaigns.values()),
        **{f"{what}_honest": count for what, count in asdict(honest).items()},
        "slowed_upper": _upper(honest.slowed, honest.accounts),
        "suspended_upper": _upper(honest.suspended, honest.accounts),
        "false": honest.slowed / (honest.slowed + hit) if honest.slowed + hit else None,
    }


def _strategy(campaign: str) -> str:
    return campaign.partition(".")[0]


def _objective(campaign: str) -> str:
    return campaign.partition(".")[2]


def _of(scores: Sequence[Scores], strategy: str) -> dict[str, Any] | None:
    return summary(found for one in scores for name, found in one.campaigns.items() if _strategy(name) == strategy)


def _grouped(scores: Sequence[Scores], names: Sequence[str], key: Callable[[str], str]) -> Table:
    found = {
        group: summary(campaign for one in scores for name, campaign in one.campaigns.items() if key(name) == group)
        for group in names
    }
    return [{"name": group, "campaigns": row} for group, row in found.items() if row is not None]


def _sizes(worlds: Sequence[World], ours: Mapping[str, Mapping[str, Any]]) -> Table:
    by_size: dict[int, list[CampaignScore]] = {}
    for world in worlds:
        for settings in world.scenario.campaigns:
            score = ours[world.name]["methods"][OURS].campaigns.get(settings.name)
            if score is not None:
                by_size.setdefault(settings.requests, []).append(score)
    return [{"name": f"{size:,} requests", "campaigns": summary(found)} for size, found in sorted(by_size.items())]


def _pools(scores: Sequence[Scores]) -> Table:
    """By how many of a campaign's accounts asked: a few are less than can be compared, however much they ask."""
    by_least: dict[int, list[CampaignScore]] = {}
    for campaign in (campaign for one in scores for campaign in one.campaigns.values()):
        by_least.setdefault(max(least for least in _POOLS if least <= campaign.accounts), []).append(campaign)
    return [{"name": _POOLS[least], "campaigns": summary(found)} for least, found in sorted(by_least.items())]


def _honest(every: Sequence[Scores], by_method: Mapping[str, Sequence[Scores]]) -> Table:
    """By kind, all of them first; `by_method` has (suspended, accounts) on the worlds of the baselines."""
    ours, methods = _by_kind(every), {name: _by_kind(scores) for name, scores in by_method.items()}
    return [
        {
            "kind": kind,
            **asdict(counts),
            "slowed_upper": _upper(counts.slowed, counts.accounts),
            "suspended_upper": _upper(counts.suspended, counts.accounts),
            "by_method": {name: (of[kind].suspended, of[kind].accounts) for name, of in methods.items() if kind in of},
        }
        for kind, counts in ours.items()
    ]


def _by_kind(scores: Sequence[Scores]) -> dict[str, HonestScore]:
    found = {ALL: _total(scores)}
    for kind in sorted({kind for one in scores for kind in one.honest}):
        found[kind] = _sum(one.honest[kind] for one in scores if kind in one.honest)
    return found


def _total(scores: Sequence[Scores]) -> HonestScore:
    return _sum(counts for one in scores for counts in one.honest.values())


def _sum(counts: Iterable[HonestScore]) -> HonestScore:
    total = HonestScore()
    for one in counts:
        total.accounts += one.accounts
        total.slowed += one.slowed
        total.suspended += one.suspended
    return total


def _discoveries(ours: Sequence[Mapping[str, Any]]) -> Table:
    """For each kind of subject and action: the rate that was stated, the mean over worlds of the proportion that came
    (0 where nothing was found), and what it is made of; `share_honest` of all accounts that were hit, None of none.
    """
    found = []
    for subject in ("campaign", "account"):
        for action in ACTIONS:
            counts = [one["discoveries"][subject][action] for one in ours]
            (stated,) = {one["levels"][f"{subject}s"].get(action) for one in ours}
            if stated is not None:
                proportions = [one["false"] / one["subjects"] if one["subjects"] else 0.0 for one in counts]
                totals = {name: sum(one[name] for one in counts) for name in counts[0]}
                share = totals["honest"] / totals["accounts"] if totals["accounts"] else None
                row = {"subject": subject, "action": action, "stated": stated, "came": fmean(proportions)}
                found.append({**row, **totals, "share_honest": share})
    return found


def _innocents(scores: Sequence[Scores]) -> Table:
    found = []
    for through in sorted({through for one in scores for through in one.innocents}):
        total = InnocentScore()
        for one in scores:
            counts = one.innocents.get(through, InnocentScore())
            total.people += counts.people
            total.slowed += counts.slowed
            total.refused += counts.refused
        found.append({"through": through, **asdict(total), "refused_upper": _upper(total.refused, total.people)})
    return found


def _references(worlds: Sequence[World], workshop: Workshop) -> Table:
    """What decisions on the same worlds are with references of each size, those that count first."""
    compared = [world for world in worlds if len(world.references) > 1]
    found = []
    for names in zip(*(world.references for world in compared), strict=True):
        scores = [workshop.found(world, name)["methods"][OURS] for world, name in zip(compared, names, strict=True)]
        learnt = [workshop.learnt(name) for name in sorted(set(names))]
        about = {f"reference_{what}": fmean(one[what] for one in learnt) for what in ("accounts", "groups")}
        found.append({"references": len(learnt), **about, **_method(OURS, scores)})
    return found


def _costs(ours: Sequence[Mapping[str, Any]]) -> dict[str, list[float]]:
    """One entry a world."""
    costs = [one["costs"] for one in ours]
    return {
        "per_second": [one["per_second"] for one in costs],
        "per_processor_second": [one["per_processor_second"] for one in costs],
        "peak_bytes": [one["peak_bytes"] for one in costs],
        "bytes_per_account": [(one["peak_bytes"] - one["empty_bytes"]) / one["accounts"] for one in costs],
    }


def _upper(hit: int, accounts: int) -> float | None:
    return upper_share(hit, accounts) if accounts else None
