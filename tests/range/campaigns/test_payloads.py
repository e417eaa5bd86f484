"""Queues: every unit different, for every objective, far beyond the corpus."""

from dataclasses import replace
from typing import get_args

import pytest

from stillhouse.range.campaigns.payloads import payloads_of
from stillhouse.range.campaigns.settings import Objective
from stillhouse.range.world import World


@pytest.mark.parametrize("objective", get_args(Objective))
def test_no_payload_comes_twice(world: World, objective: Objective) -> None:
    payloads = payloads_of(world, objective, "alpha", 5000)
    units = [payloads.unit(number).payload for number in range(5000)]
    assert len(set(units)) == 5000


def test_each_campaign_has_an_order_of_its_own(world: World) -> None:
    one, two = (payloads_of(world, "instructions", name, 10) for name in ("alpha", "beta"))
    assert {unit.payload for unit in one.base} == {unit.payload for unit in two.base} and one.base != two.base


def test_objectives_ask_what_they_are_after(world: World) -> None:
    texts = {objective: payloads_of(world, objective, "a", 5).unit(0).payload for objective in get_args(Objective)}
    assert texts["instructions"].startswith("Task ")
    assert texts["reasoning"].startswith("Train: ")
    assert texts["grading"].startswith("Rubric: ") and "Response B: " in texts["grading"]
    assert texts["analyst"].startswith("Data set ") and texts["analyst"].endswith(("?", "why?"))
    assert texts["tool_traces"].startswith("In file_")
    assert len(texts["logprobs"].split()) <= 12


def test_without_training_parts_reasoning_takes_every_benchmark(world: World) -> None:
    benchmarks = {name: items for name, items in world.corpus.benchmarks.items() if name != "sums_train"}
    bare = replace(world, corpus=replace(world.corpus, benchmarks=benchmarks))
    assert len(payloads_of(bare, "reasoning", "a", 1).base) == 120
