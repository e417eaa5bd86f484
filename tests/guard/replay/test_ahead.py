"""What is begun ahead: each log in its order, the earliest first, and never more than was allowed."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from stillhouse.guard.replay.ahead import Ahead
from stillhouse.guard.replay.blocks import Block


def log(name: str, ends: Sequence[int | None]) -> Iterator[Block]:
    for number, end in enumerate(ends):
        yield Block(Path(f"{name}{number}"), end)


def test_every_log_begins_before_any_goes_on() -> None:
    begun: list[str] = []
    ahead = Ahead(
        [log("a", [1, 2]), log("b", [8, 9]), log("c", [4, 5])], lambda block: begun.append(str(block.path)), 9
    )
    next(ahead.of(0))
    assert begun == ["a0", "b0", "c0", "a1", "c1", "b1"]


def test_the_log_that_reaches_least_far_goes_on() -> None:
    begun: list[str] = []
    ahead = Ahead([log("a", [10, 11, 12]), log("b", [5, 20, 30])], lambda block: begun.append(str(block.path)), 2)
    one, other = ahead.of(0), ahead.of(1)
    next(one)
    assert begun == ["a0", "b0", "b1"]
    next(other)
    assert begun == ["a0", "b0", "b1", "a1"]


@given(
    st.lists(st.lists(st.none() | st.integers(0, 50), max_size=6), min_size=1, max_size=4),
    st.integers(1, 5),
    st.randoms(use_true_random=False),
)
def test_each_log_comes_whole_and_few_wait(ends: list[list[int | None]], most: int, random: object) -> None:
    begun = asked = 0

    def begin(block: Block) -> str:
        nonlocal begun
        begun += 1
        assert begun - asked <= most + 1
        return str(block.path)

    ahead = Ahead([log(f"log{number}-", one) for number, one in enumerate(ends)], begin, most)
    parts = {number: ahead.of(number) for number in range(len(ends))}
    found: dict[int, list[str]] = {number: [] for number in parts}
    while parts:
        number = random.choice(sorted(parts))  # type: ignore[attr-defined]
        one = next(parts[number], None)
        if one is None:
            del parts[number]
        else:
            asked += 1
            found[number].append(one)
    assert found == {number: [f"log{number}-{at}" for at in range(len(one))] for number, one in enumerate(ends)}
