"""Lines of evidence against a group, each by hand from what it rests on."""

import math

import numpy as np
import pytest

from stillhouse.guard.evidence.group import SIZES, Look
from stillhouse.guard.evidence.line import log_e_of
from stillhouse.guard.evidence.nulls import VIEWS, GroupNull
from stillhouse.guard.evidence.persistence import LEAST_GROUPS, Counted, PersistenceNull

NONE = (0.0, 0.0, 0.0, 0.0, 0.0)


def saw(
    persistent: int | None,
    *,
    accounts: int = 40,
    size: int = 2,
    shown: tuple[float, ...] = NONE,
    times: int | None = 30,
) -> Look:
    """`either` is what the content says, where both can tell."""
    content = None if persistent is None else Counted(persistent, accounts)
    at = None if times is None else Counted(times, accounts)
    return Look(size, content, at, None if content is None or at is None else content, shown, 1.0)


def honest(n: int) -> list[Look]:
    rng = np.random.default_rng(0)
    return [saw(int(rng.integers(15, 36)), shown=(number / 100, 0.0, 0.0, 0.0, 0.0)) for number in range(n)]


def test_lines_by_hand() -> None:
    groups = honest(24)
    null = GroupNull.of(groups)
    lines = {line.name: line for line in null.lines(saw(1))}
    assert list(lines) == ["either", "content", "times", "purpose"]
    expected = PersistenceNull.fit([one.content for one in groups if one.content is not None])
    assert expected is not None
    assert lines["content"].log_p == lines["either"].log_p == expected.log_p(Counted(1, 40)) < math.log(0.01)
    # Its times are those of every group.
    assert lines["times"].log_p > math.log(0.2)
    assert lines["content"].facts == {"persistent": 1, "parties": 40, "requests_each": 2}
    assert [line.modelled for line in lines.values()] == [True, True, True, False]
    assert sum(line.weight for line in lines.values()) == pytest.approx(1.0)
    # So the average of the e-values is one again, and can be taken.
    assert log_e_of(list(lines.values())) > 0


def test_the_smallest_of_five_ranks_pays_for_five() -> None:
    null = GroupNull.of(honest(99))
    line = null.lines(saw(20, shown=(0.99, 0.0, 0.0, 0.0, 0.0)))[-1]
    # Above all 99: 1 / 100, times five cues.
    assert line.name == "purpose" and line.log_p == pytest.approx(math.log(0.05))
    assert line.facts == {"cue": "reasoning", "share": 0.99}
    line = null.lines(saw(20, shown=(0.0, 0.0, 0.0, 0.3, 0.0)))[-1]
    assert line.facts == {"cue": "distribution", "share": 0.3} and line.log_p == pytest.approx(math.log(0.05))
    # 0.95 is reached by four: (1 + 4) / 100 times five; and a probability is at most one.
    assert null.lines(saw(20, shown=(0.95, 0.0, 0.0, 0.0, 0.0)))[-1].log_p == pytest.approx(math.log(0.25))
    assert null.lines(saw(20))[-1].log_p == 0.0


def test_a_view_that_cannot_tell_has_no_line() -> None:
    null = GroupNull.of(honest(20))
    assert [line.name for line in null.lines(saw(None))] == ["times", "purpose"]
    assert [line.name for line in null.lines(saw(5, times=None))] == ["content", "purpose"]
    assert [line.name for line in null.lines(saw(None, times=None))] == ["purpose"]


def test_a_size_that_too_few_honest_groups_had_has_no_line() -> None:
    null = GroupNull.of(honest(LEAST_GROUPS - 1))
    assert [line.name for line in null.lines(saw(0))] == ["purpose"] and null.sizes == []
    null = GroupNull.of(honest(LEAST_GROUPS))
    assert [line.name for line in null.lines(saw(0))] == [*VIEWS, "purpose"]
    assert [line.name for line in null.lines(saw(0, size=4))] == ["purpose"] and null.sizes == [2]
    assert set(null.persistence) == {(view, size) for view in VIEWS for size in SIZES}


def test_no_honest_group_is_no_evidence() -> None:
    assert GroupNull.of([]).lines(saw(0)) == [] and log_e_of(GroupNull.of([]).lines(saw(0))) == -math.inf


def test_a_group_that_was_looked_at_in_every_size_counts_once() -> None:
    """Its shares stand in all of its looks: four of each of nine would make 1 / 37 of a rank among nine."""
    groups = [saw(20, size=size, shown=(number / 10, 0.0, 0.0, 0.0, 0.0)) for number in range(9) for size in SIZES]
    null = GroupNull.of(groups)
    assert null.groups == 9 and [len(shares) for shares in null.shown] == [9] * 5
    for size in SIZES:
        assert null.lines(saw(20, size=size, shown=(1.0, 0.0, 0.0, 0.0, 0.0)))[-1].log_p == pytest.approx(math.log(0.5))


def test_the_line_of_purpose_is_super_uniform() -> None:
    """The new group is drawn as 99 honest ones are, and each cue's shares in their own way."""
    rng = np.random.default_rng(1)
    log_ps = []
    for _ in range(1500):
        *known, new = (tuple(one) for one in rng.beta([0.2, 1, 5, 1, 1], [5, 1, 5, 9, 1], (100, 5)).tolist())
        looks = [saw(None, size=size, shown=one, times=None) for one in known for size in (2, 4)]
        log_ps.append(GroupNull.of(looks).lines(saw(None, shown=new, times=None))[-1].log_p)
    for level in (0.05, 0.1, 0.25):
        rate = float((np.array(log_ps) <= math.log(level) + 1e-9).mean())
        assert rate <= level + 3 * math.sqrt(level * (1 - level) / 1500) and rate > level / 2
