"""Every strategy meets every objective, no two campaigns of a world are after the same, seeds are nobody's."""

from collections import Counter
from pathlib import Path

from bench.detection_plan import OBJECTIVES, STRATEGIES, World, full, small

SEEN = {1, 2, 11, 12}
"""Seeds that thresholds were chosen on."""


def strategies_in(world: World) -> set[str]:
    return {campaign.name.partition(".")[0] for campaign in world.scenario.campaigns}


def test_every_strategy_with_every_objective_once() -> None:
    worlds = full(None).worlds
    names = [campaign.name for world in worlds for campaign in world.scenario.campaigns]
    assert sorted(names) == sorted(f"{strategy}.{objective}" for strategy in STRATEGIES for objective in OBJECTIVES)
    for world in worlds:
        objectives = [campaign.objective for campaign in world.scenario.campaigns]
        assert len(set(objectives)) == len(objectives)
    assert sum(not world.scenario.campaigns for world in worlds) == 2


def test_every_strategy_has_each_size_twice_unless_its_cover_is_too_large() -> None:
    sizes: dict[str, Counter[int]] = {}
    for world in full(None).worlds:
        for campaign in world.scenario.campaigns:
            sizes.setdefault(campaign.name.partition(".")[0], Counter())[campaign.requests] += 1
    assert sizes.pop("diluted_99") == {1000: 2, 2000: 4}
    assert all(counts == {1000: 2, 4000: 2, 16_000: 2} for counts in sizes.values())


def test_baselines_meet_every_strategy() -> None:
    worlds = [world for world in full(None).worlds if world.baselines is not None]
    assert set().union(*map(strategies_in, worlds)) == set(STRATEGIES)
    assert len(worlds) == 4


def test_seeds_are_new_and_each_world_has_its_own(tmp_path: Path) -> None:
    for plan in (full(tmp_path), small(None)):
        learnt, decided = ([one.scenario.seed for one in part] for part in (plan.references, plan.worlds))
        seeds = [*learnt, *decided]
        assert len(set(seeds)) == len(seeds) and not SEEN.intersection(seeds)
        assert all(not one.scenario.campaigns for one in plan.references)
        known = {one.name for one in plan.references}
        assert all(known.issuperset(world.references) for world in plan.worlds)


def test_given_text_is_for_worlds_of_their_own(tmp_path: Path) -> None:
    plan = full(tmp_path)
    given = [world for world in plan.worlds if world.is_given]
    assert [world for world in plan.worlds if not world.is_given] == full(None).worlds
    assert set().union(*map(strategies_in, given)) == set(STRATEGIES)
    folders = {one.name: one.scenario.corpus.folder for one in plan.references}
    assert all(folders[world.references[0]] == tmp_path for world in given)
    assert [world.is_given for world in small(tmp_path).worlds] == [True]
