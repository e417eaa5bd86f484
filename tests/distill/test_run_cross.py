"""Whole runs with a teacher of another tokenizer and another chat template."""

import json
from pathlib import Path
from typing import Any

import pytest

from stillhouse.distill.store import RolloutStore
from stillhouse.errors import ModelError
from stillhouse.models.local import load_tokenizer
from stillhouse.stats import wilson
from tests.conftest import TinyLlama
from tests.distill.other_tokenizers import other_tokenizer
from tests.distill.test_run import train
from tests.tiny import Pair, rows, run_settings, write_folder


@pytest.fixture(scope="module")
def foreign(tiny_llama: TinyLlama, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A teacher whose tokenizer and template are not the student's."""
    tokenizer = other_tokenizer()
    model = tiny_llama(4, vocab=len(tokenizer) + 4, seed=5)
    return write_folder(model, tokenizer, tmp_path_factory.mktemp("foreign") / "teacher")


def crossing(pair: Pair, foreign: Path, **changes: Any) -> dict[str, Any]:
    teacher = {"model": str(foreign), "permission": "made by this test"}
    return run_settings(
        pair, **{"teacher": teacher, "grader": {"kind": "cross_tokenizer"}, "rollout__steps_ahead": 1, **changes}
    )


@pytest.mark.parametrize("compare", ["sampled", "binary", "shared"])
def test_student_comes_nearer(pair: Pair, foreign: Path, tmp_path: Path, compare: str) -> None:
    out = tmp_path / "run"
    grader = {"kind": "cross_tokenizer", "compare": compare, "k": 32}
    train(out, crossing(pair, foreign, grader=grader, steps=24, batch=16, micro_batch=8, evaluation__held_out=16))
    found = json.loads((out / "evaluation.json").read_text())
    before, after = (found[who]["on_policy_kl_per_byte"]["value"] for who in ("before", "after"))
    assert 0 < after < before
    assert found["teacher"]["kl_to_teacher"]["value"] == 0 and found["after"]["kl_to_teacher"]["value"] is None
    assert found["after"]["kl_to_teacher_per_byte"]["n"] == 16
    theirs, first, last = (RolloutStore(out / "evaluation").read(phase) for phase in range(3))
    assert theirs is not None
    for when, who, answers in (("before", "teacher", theirs), ("before", "student", first), ("after", "student", last)):
        cut = sum(answer.finish_reason != "stop" for answer in answers or [])
        assert found[when][f"cut_answers/{who}"] == wilson(cut, 16).as_dict() and cut > 0
    text = str(load_tokenizer(str(foreign)).decode(list(theirs[0].prompt_tokens)))
    assert text.startswith("<turn>user: Where is the") and text.endswith("</turn><turn>assistant: ")
    for page in ("report.html", "student/README.md"):
        said = (out / page).read_text()
        assert "nats per byte" in said and "The student&#39;s answers cut" in said.replace("'", "&#39;"), page
    assert {"loss", "entropy", "grad_norm"} <= set(rows(out / "metrics.jsonl")[0])


def test_resumed_run_ends_with_the_same_bytes(pair: Pair, foreign: Path, tmp_path: Path) -> None:
    whole, out = tmp_path / "whole", tmp_path / "run"
    train(whole, crossing(pair, foreign))
    with pytest.raises(KeyboardInterrupt):
        _interrupted(out, crossing(pair, foreign))
    train(out, crossing(pair, foreign), resume=True)
    assert (out / "student" / "model.safetensors").read_bytes() == (
        whole / "student" / "model.safetensors"
    ).read_bytes()


def _interrupted(out: Path, settings: dict[str, Any]) -> None:
    """A run that Ctrl-C ends after the fifth step."""
    from stillhouse.distill.progress import Metrics

    log = Metrics.log

    def stop(self: Metrics, line: dict[str, Any]) -> None:
        log(self, line)
        if line["step"] == 5:
            raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Metrics, "log", stop)
        train(out, settings)


@pytest.mark.parametrize("grader", ["divergence", "top_k", "sampled"])
def test_mixed_tokenizers_without_this_grader_are_refused_before_anything(
    pair: Pair, foreign: Path, tmp_path: Path, grader: str
) -> None:
    with pytest.raises(ModelError, match=r"have different tokenizers .* use grader `cross_tokenizer`"):
        train(tmp_path / "run", crossing(pair, foreign, grader={"kind": grader}))
    assert not (tmp_path / "run").exists()
