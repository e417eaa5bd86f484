"""Lines of evidence against a group, each by hand from what it rests on."""

import math

import numpy as np
import pytest

from stillhouse.guard.evidence.group import SIZES, Look
from stillhouse.guard.evidence.line import log_e_of
from stillhouse.guard.evidence.nulls import VIEWS, GroupNull
from stillhouse.guard.evidence.persistence import LEAST_GROUPS, Counted, PersistenceNull
from stillhouse.guard.features.cues import CUES


def saw(
    persistent: int | None,
    *,
    accounts: int = 40,
    size: int = 2,
    times: int | None = 30,
) -> Look:
    """`either` is what the content says, where both can tell."""
    content = None if persistent is None else Counted(persistent, accounts)
    at = None if times is None else Counted(times, accounts)
    return Look(size, content, at, None if content is None or at is None else content, (0.0,) * len(CUES), 1.0)


def honest(n: int, parts: int = 1) -> list[tuple[int, Look]]:
    """So many groups, of each so many parts."""
    rng = np.random.default_rng(0)
    return [(number, saw(int(rng.integers(15, 36)))) for number in range(n) for _ in range(parts)]


def test_lines_by_hand() -> None:
    groups = honest(24)
    null = GroupNull.of(groups)
    lines = {line.name: line for line in null.lines(saw(1))}
    assert tuple(lines) == VIEWS
    expected = PersistenceNull.fit([one.content for _, one in groups if one.content is not None])
    assert expected is not None
    assert lines["content"].log_p == lines["either"].log_p == expected.log_p(Counted(1, 40)) < math.log(0.01)
    # Its times are those of every group.
    assert lines["times"].log_p > math.log(0.2)
    assert lines["content"].facts == {"persistent": 1, "parties": 40, "requests_each": 2}
    assert all(line.modelled for line in lines.values())
    assert sum(line.weight for line in lines.values()) == pytest.approx(1.0)
    # So the average of the e-values is one again, and can be taken.
    assert log_e_of(list(lines.values())) > 0


def test_parts_of_one_crowd_are_one_group() -> None:
    crowds = honest(12, parts=5)
    null = GroupNull.of(crowds)
    assert null.groups == 12
    expected = PersistenceNull.fit([one.content for _, one in crowds if one.content is not None], [1 / 5] * 60)
    assert null.persistence["content", 2] == expected and expected is not None and expected.groups == 12
    # However many parts, nine crowds are too few.
    assert GroupNull.of(honest(LEAST_GROUPS - 1, parts=5)).sizes == []


def test_a_view_that_cannot_tell_has_no_line() -> None:
    null = GroupNull.of(honest(20))
    assert [line.name for line in null.lines(saw(None))] == ["times"]
    assert [line.name for line in null.lines(saw(5, times=None))] == ["content"]
    assert null.lines(saw(None, times=None)) == []


def test_a_size_that_too_few_honest_groups_had_has_no_line() -> None:
    null = GroupNull.of(honest(LEAST_GROUPS - 1))
    assert null.lines(saw(0)) == [] and null.sizes == []
    null = GroupNull.of(honest(LEAST_GROUPS))
    assert [line.name for line in null.lines(saw(0))] == [*VIEWS]
    assert null.lines(saw(0, size=4)) == [] and null.sizes == [2]
    assert set(null.persistence) == {(view, size) for view in VIEWS for size in SIZES}


def test_no_honest_group_is_no_evidence() -> None:
    assert GroupNull.of([]).lines(saw(0)) == [] and log_e_of(GroupNull.of([]).lines(saw(0))) == -math.inf


def test_a_group_that_was_looked_at_in_every_size_counts_once() -> None:
    null = GroupNull.of([(number, saw(20, size=size)) for number in range(9) for size in SIZES])
    assert null.groups == 9 and null.sizes == []
