"""How a person writes: his habits show, and only his."""

from random import Random
from typing import Any

import pytest

from stillhouse.range.people.style import Style, draw_style, written

PLAIN = Style(False, False, False, False, "hi", 0.0, "thanks", 0.0, "Keep it short.", 0.0, "For my farm:", 0.0)


def test_without_habits_the_text_stays() -> None:
    assert written(PLAIN, "How are you?", Random(1), True) == "How are you?"


@pytest.mark.parametrize(
    ("habit", "expected"),
    [
        ({"lower": True}, "can you mend it? please."),
        ({"bare_end": True}, "Can you mend it? Please"),
        ({"lower": True, "short_words": True}, "can u mend it? pls."),
        ({"greets": 1.0}, "hi, Can you mend it? Please."),
        ({"thanking": 1.0}, "Can you mend it? Please. thanks"),
        ({"wishes": 1.0}, "Can you mend it? Please.\nKeep it short."),
        ({"names_project": 1.0}, "For my farm: Can you mend it? Please."),
    ],
)
def test_each_habit_shows(habit: dict[str, Any], expected: str) -> None:
    assert written(PLAIN._replace(**habit), "Can you mend it? Please.", Random(1), True) == expected


def test_greetings_wishes_and_projects_only_open_a_conversation() -> None:
    eager = PLAIN._replace(greets=1.0, wishes=1.0, names_project=1.0)
    assert written(eager, "And now?", Random(1), False) == "And now?"


def test_the_terse_say_two_sentences() -> None:
    text = "I have a question about boats. Which one floats? I would love to know. Tell me all."
    assert written(PLAIN._replace(terse=True), text, Random(1), True) == text[: text.index(" I would")]


def test_what_is_pasted_is_left_as_it_is() -> None:
    code = "Mend this:\n\n```\nIf You.Are\n```"
    assert (
        written(PLAIN._replace(lower=True, bare_end=True, short_words=True, terse=True), code, Random(1), True) == code
    )


def test_no_text_becomes_empty() -> None:
    assert written(PLAIN._replace(bare_end=True), "?", Random(1), True) == "?"


def test_people_differ() -> None:
    styles = [draw_style(Random(number), "x") for number in range(200)]
    assert len(set(styles)) == 200 and 30 < sum(style.lower for style in styles) < 90
