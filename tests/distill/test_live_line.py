"""A line that moves on a terminal and is a line a minute in a file."""

import io

from rich.console import Console

from stillhouse.distill.live_line import LiveLine


def lines(terminal: bool, quiet: bool = False) -> list[str]:
    text, now = io.StringIO(), [0.0]
    console = Console(file=text, width=120, force_terminal=terminal, quiet=quiet, color_system=None)
    with LiveLine(console, "counting", total=10, done=2, clock=lambda: now[0]) as line:
        for done, seconds in ((3, 30.0), (4, 61.0), (5, 90.0), (6, 122.0)):
            now[0] = seconds
            line.update(done=done, figures=f"[{done}]")
    return text.getvalue().splitlines()


def test_a_file_gets_a_line_a_minute_and_the_end() -> None:
    *minutes, end = lines(terminal=False)
    assert minutes == ["counting 4/10  [4]", "counting 6/10  [6]"]
    assert "counting" in end and "6/10" in end


def test_a_terminal_gets_no_further_lines() -> None:
    assert not any(line.startswith("counting") for line in lines(terminal=True))


def test_a_quiet_console_gets_nothing() -> None:
    assert lines(terminal=False, quiet=True) == []
