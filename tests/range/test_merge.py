"""Many sources as one: in order, and no source is asked before its time."""

from collections.abc import Iterator

from stillhouse.range.cast import Account, Answer, Ask, Script
from stillhouse.range.merge import merged, started

ACCOUNT = Account("acct_1", "chat.completions", {})


def ask(time: int, name: str = "") -> Ask:
    return Ask(time, ACCOUNT, {}, name, (), Answer({}, 0), {})


def times(script: Script) -> list[int]:
    return [event if isinstance(event, int) else event.time for event in script]


def test_merged_is_in_time_order_with_earlier_scripts_first_at_the_same_moment() -> None:
    scripts: list[Script] = [iter([ask(1, "a"), 5, ask(5, "a")]), iter([ask(1, "b"), ask(9, "b")]), iter([])]
    events = list(merged(scripts))
    assert times(iter(events)) == [1, 1, 5, 5, 9]
    assert [event.system for event in events if isinstance(event, Ask)] == ["a", "b", "a", "b"]


def test_merged_holds_one_entry_of_each_script() -> None:
    made = []

    def script(name: int) -> Script:
        for time in range(name, 1000, 10):
            made.append(time)
            yield ask(time)

    merging = merged(script(name) for name in range(10))
    first = [next(merging) for _ in range(20)]
    assert times(iter(first)) == list(range(20))
    assert len(made) <= 20 + 10


def test_started_opens_a_script_only_when_its_time_has_come() -> None:
    opened = []

    def entry(start: int) -> Script:
        opened.append(start)
        yield ask(start)
        yield ask(start + 15)

    def entries() -> Iterator[tuple[int, Script]]:
        for start in range(0, 100, 10):
            yield start, entry(start)

    script = started(entries())
    # The word that comes before each opening is a time, so a merge around it can wait.
    assert next(script) == 0 and opened == []
    assert times(iter([next(script) for _ in range(2)])) == [0, 10] and opened == [0]
    rest = times(script)
    assert rest == sorted(rest) and opened == list(range(0, 100, 10))


def test_started_goes_on_after_its_entries_have_ended() -> None:
    script: Script = iter([ask(3), ask(50)])
    assert times(started(iter([(3, script)]))) == [3, 3, 50]
