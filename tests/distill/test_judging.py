"""The short call with which a judged run begins: paid for by the run, within its budget, and once."""

from pathlib import Path

import pytest

from stillhouse.distill.grades import GradeBook
from stillhouse.distill.judges import ranking
from stillhouse.distill.judges.settings import RankingSettings
from stillhouse.distill.judging import Judging, judge_id, spent_on_calls
from stillhouse.distill.sections import TeacherSettings
from stillhouse.errors import BudgetError, EndpointError
from stillhouse.models.local import load_tokenizer
from tests.distill.judges.readers import longest
from tests.judge_server import judge_server, served
from tests.tiny import Pair

ONE_CALL = 110
"""Tokens that the server says a call took."""


def judging(pair: Pair, run: Path, url: str, tokens: int = 10_000) -> Judging:
    teacher = TeacherSettings.model_validate(served(url, budget={"tokens": tokens}))
    tokenizer = load_tokenizer(str(pair.student))
    return Judging(teacher, "teacher", RankingSettings(), {}, tokenizer, run, GradeBook(run, "teacher"), {})


def test_a_new_run_is_charged_for_the_call_and_a_folder_is_not_needed(pair: Pair, tmp_path: Path) -> None:
    run = tmp_path / "run"
    with judge_server(longest) as judge:
        calls = judging(pair, run, judge.url).check()
        assert not run.exists()
        run.mkdir()
        judging(pair, run, judge.url).note(calls)
    assert spent_on_calls(run).tokens == ONE_CALL


def test_each_later_part_asks_as_the_run_and_pays_once(pair: Pair, tmp_path: Path) -> None:
    """One call begins the run, one the second part; the third part and all after it know the answer."""
    with judge_server(longest) as judge:
        for part in range(1, 6):
            asked = judging(pair, tmp_path, judge.url)
            asked.note(asked.check())
            assert judge.calls == min(part, 2)
            assert spent_on_calls(tmp_path).tokens == judge.calls * ONE_CALL


def test_a_later_part_is_held_to_what_is_left_of_the_budget(pair: Pair, tmp_path: Path) -> None:
    with judge_server(longest) as judge:
        first = judging(pair, tmp_path, judge.url)
        first.note(first.check())
        for _ in range(3):
            with pytest.raises(BudgetError, match=r"1 calls took 110 of budget\.tokens 111"):
                judging(pair, tmp_path, judge.url, tokens=ONE_CALL + 1).check()
        assert judge.calls == 1 and spent_on_calls(tmp_path).tokens == ONE_CALL


def test_a_call_that_fails_later_on_is_in_the_runs_log(pair: Pair, tmp_path: Path) -> None:
    with judge_server(longest) as judge:
        first = judging(pair, tmp_path, judge.url)
        first.note(first.check())
        judge.last = 1
        with pytest.raises(EndpointError, match="404"):
            judging(pair, tmp_path, judge.url).check()
    assert len((tmp_path / "calls" / "teacher.jsonl").read_text().splitlines()) == 2


def test_other_words_or_another_way_to_score_is_another_judge(monkeypatch: pytest.MonkeyPatch) -> None:
    """A cap on the reply is not: it may be raised when a run goes on."""
    teacher = TeacherSettings.model_validate(served("http://127.0.0.1:9/v1", key_env="NO_SUCH_KEY"))
    ids = [judge_id(teacher, RankingSettings(max_tokens=cap)) for cap in (64, 512)]
    assert ids[0] == ids[1], "no key is needed either"
    with monkeypatch.context() as other:
        other.setattr(ranking, "_PAIR", ranking._PAIR.replace("better", "best"))
        ids.append(judge_id(teacher, RankingSettings()))
    with monkeypatch.context() as other:
        other.setattr(ranking.RankingJudge, "scoring", "mean rank")
        ids.append(judge_id(teacher, RankingSettings()))
    assert len(set(ids)) == 3
