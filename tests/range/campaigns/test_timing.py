"""When campaigns send: rhythms, trials first, and the break between two pools."""

from itertools import pairwise
from typing import Any

import pytest

from stillhouse.range.arrivals import DAY, HOUR
from stillhouse.range.campaigns.settings import CampaignSettings
from stillhouse.range.campaigns.timing import send_times
from stillhouse.range.world import World

COUNT = 4000


def hours(world: World, **strategy: Any) -> list[float]:
    """Times in hours from the campaign's beginning."""
    settings = CampaignSettings.model_validate({"name": "a", "day": 1, "hours": 48, "strategy": strategy})
    times = list(send_times(world, settings, COUNT))
    assert times == sorted(times) and len(times) == COUNT
    return [(time - world.begin - DAY) / HOUR for time in times]


def share(times: list[float], first: float, last: float) -> float:
    return sum(first <= time < last for time in times) / len(times)


def test_flat_is_even(world: World) -> None:
    times = hours(world)
    assert all(share(times, hour, hour + 6) == pytest.approx(1 / 8, abs=0.01) for hour in range(0, 48, 6))


def test_office_hours_leave_the_nights_out(world: World) -> None:
    times = hours(world, rhythm="office_hours")
    assert share(times, 0, 10) == pytest.approx(0.5, abs=0.01) and share(times, 10, 24) == 0


def test_a_ramp_grows_slowly(world: World) -> None:
    times = hours(world, rhythm="ramp")
    assert share(times, 0, 24) == pytest.approx(1 / 8, abs=0.01) and share(times, 36, 48) > 0.5


def test_bursts_leave_long_silences(world: World) -> None:
    gaps = sorted(after - before for before, after in pairwise(hours(world, rhythm="bursts")))
    assert sum(gap > 6 for gap in gaps) == 5


def test_trials_come_first_and_thin(world: World) -> None:
    times = hours(world, exploration=0.05)
    assert share(times, 0, 16) == pytest.approx(0.05, abs=0.005)
    assert share(times, 16, 32) == pytest.approx(0.475, abs=0.02)


@pytest.mark.parametrize("minutes", [2.0, 45.0])
def test_the_second_pool_starts_within_minutes_of_the_firsts_stop(world: World, minutes: float) -> None:
    times = hours(world, pools=2, failover_at=0.25, failover_minutes=minutes)
    gaps = [after - before for before, after in pairwise(times)]
    assert gaps.index(max(gaps)) == COUNT // 4 - 1
    assert max(gaps) * 60 == pytest.approx(minutes, abs=2.5)
