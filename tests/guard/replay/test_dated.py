"""Clocks that ran ahead are told from pauses by several exchanges, and little is held until then."""

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from stillhouse.guard.replay.dated import Dated

DAY = 86_400_000_000
AHEAD = 26_000 * DAY


def dated(times: Sequence[int]) -> tuple[list[int], list[int]]:
    """(times that count, times that were set aside)."""
    aside: list[int] = []
    judged = Dated[int](lambda _, at: aside.append(at))
    kept = [at for number, time in enumerate(times) for _, at in judged.put(number, time)]
    kept += [at for _, at in judged.rest()]
    return kept, aside


def test_few_wrong_clocks_anywhere_are_set_aside_and_the_rest_goes_on() -> None:
    for wrong in (1, 3, 4):
        for place in (0, 1, 5, 50, 96):
            times = list(range(100))
            times[place:place] = [AHEAD + number for number in range(wrong)]
            kept, aside = dated(times)
            assert kept == list(range(100)), (wrong, place)
            assert aside == [AHEAD + number for number in range(wrong)], (wrong, place)
    times = list(range(100))
    times[50:50] = [AHEAD] * 7
    assert dated(times) == (list(range(100)), [AHEAD] * 7)


def test_wrong_clocks_at_the_end_are_no_pause() -> None:
    assert dated([*range(20), AHEAD, AHEAD + 1]) == (list(range(20)), [AHEAD, AHEAD + 1])
    later = [*range(20), 5 * DAY, 5 * DAY + 1]
    assert dated(later) == (later, [])


def test_pauses_are_no_wrong_clocks_however_few_exchanges_there_are() -> None:
    for times in ([0, 5 * DAY, 5 * DAY + 1], [0, 5 * DAY], [n * 2 * DAY for n in range(60)], [0] * 9 + [400 * DAY] * 9):
        assert dated(times) == (times, [])


def test_a_pause_is_believed_though_a_clock_is_wrong_behind_it_and_one_exchange_comes_from_before_it() -> None:
    later = [10 * DAY + number for number in range(30)]
    kept, aside = dated([*range(20), *later[:2], AHEAD, 19, *later[2:]])
    assert (sorted(kept), aside) == ([*range(19), 19, 19, *later], [AHEAD])


def test_one_that_is_always_wrong_among_others_does_not_become_right() -> None:
    times = [at for number in range(200) for at in (number, AHEAD + number)]
    kept, aside = dated(times)
    assert kept == list(range(200)) and len(aside) == 200


@given(st.lists(st.sampled_from([0, 1, DAY, 3 * DAY, 9 * DAY, AHEAD, AHEAD + 2 * DAY]), max_size=60))
def test_each_is_kept_or_set_aside_once_and_few_are_held(times: list[int]) -> None:
    aside: list[int] = []
    judged = Dated[int](lambda number, _: aside.append(number))
    kept: list[int] = []
    for number, time in enumerate(times):
        kept += [one for one, _ in judged.put(number, time)]
        assert number + 1 - len(kept) - len(aside) <= 22
    kept += [one for one, _ in judged.rest()]
    assert sorted([*kept, *aside]) == list(range(len(times)))
