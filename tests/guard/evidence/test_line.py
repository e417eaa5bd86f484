"""Lines of evidence and their average, by hand."""

import math

import pytest

from stillhouse.guard.evidence.line import Line, log_e_of


def test_an_average_by_hand() -> None:
    lines = [Line("one", math.log(1e-6), 0.5), Line("other", 0.0, 0.25)]
    # 0.5 * 25118.864 + 0.25 * 0.1
    assert lines[0].log_e == pytest.approx(math.log(25_118.864))
    assert log_e_of(lines) == pytest.approx(math.log(12_559.457), abs=1e-6)
    assert log_e_of(lines, -math.log(6)) == pytest.approx(math.log(12_559.457 / 6), abs=1e-6)


def test_no_line_is_no_evidence() -> None:
    assert log_e_of([]) == log_e_of([], -1.0) == -math.inf


def test_lines_that_weigh_more_than_one_are_refused() -> None:
    with pytest.raises(ValueError, match="together at most 1"):
        log_e_of([Line("one", -1.0, 0.6), Line("other", -1.0, 0.5)])


def test_a_line_tells_whether_it_is_modelled() -> None:
    assert not Line("rank", -1.0, 1.0).modelled and Line("tail", -1.0, 1.0, modelled=True, facts={"n": 3}).modelled
