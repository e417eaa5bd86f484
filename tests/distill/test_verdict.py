"""Each verdict against numbers chosen for it."""

import dataclasses

import pytest

from stillhouse.distill.evidence import Evidence, read_evidence
from stillhouse.distill.verdict import findings, verdict
from tests.distill.example_run import EVALUATION, result, write_example_run


def kl(before: tuple[float, float, float], after: tuple[float, float, float]) -> dict[str, dict[str, object]]:
    return {"before": {"kl_to_teacher": result(*before)}, "after": {"kl_to_teacher": result(*after)}}


@pytest.fixture(scope="module")
def evidence(tmp_path_factory: pytest.TempPathFactory) -> Evidence:
    return read_evidence(write_example_run(tmp_path_factory.mktemp("verdict") / "run"))


@pytest.mark.parametrize(
    ("before", "after", "tone"),
    [
        ((2.0, 1.9, 2.1), (1.0, 0.9, 1.1), "better"),
        ((1.0, 0.9, 1.1), (2.0, 1.9, 2.1), "worse"),
        ((2.0, 1.5, 2.5), (1.4, 1.2, 1.6), "unclear"),
        ((2.0, 1.5, 2.5), (1.4, 1.3, 1.5), "unclear"),  # touching intervals overlap
        ((1.4, 1.3, 1.5), (2.0, 1.5, 2.5), "unclear"),
        ((1.0, 0.9, 1.1), (1.0, 0.9, 1.1), "unclear"),
    ],
)
def test_tone_of_a_divergence(
    evidence: Evidence, before: tuple[float, float, float], after: tuple[float, float, float], tone: str
) -> None:
    judged = verdict(dataclasses.replace(evidence, evaluation=kl(before, after)))
    assert judged.tone == tone
    assert [finding.tone for finding in judged.findings] == [tone]


def test_higher_agreement_is_better_and_lower_is_worse() -> None:
    low, high = {"top1_agreement": result(0.3, 0.28, 0.32)}, {"top1_agreement": result(0.6, 0.58, 0.62)}
    assert findings({"before": low, "after": high})[0].tone == "better"
    assert findings({"before": high, "after": low})[0].tone == "worse"


def test_sentences_of_the_example() -> None:
    assert [finding.sentence for finding in findings(EVALUATION)] == [
        "KL to the teacher fell from 3.413 to 0.935, 27 % of its value before; the 95 % intervals do not overlap.",
        "On-policy KL fell from 4.871 to 0.722, 15 % of its value before; the 95 % intervals do not overlap.",
        "Top-1 agreement rose from 31.6 % to 64.7 %; the 95 % intervals do not overlap.",
        "Exact match, gsm_symbolic rose from 0.0 % to 1.5 % (the teacher has 9.0 %); "
        "the 95 % intervals overlap: no change is shown.",
    ]


def test_interrupted_run_has_no_findings(evidence: Evidence) -> None:
    cut = dataclasses.replace(evidence, steps=evidence.steps[:57], evaluation={"before": EVALUATION["before"]})
    judged = verdict(cut)
    assert judged.headline.startswith("Training stopped at step 57 of 120, before the student was measured again.")
    assert (judged.tone, judged.findings) == ("unclear", ())


def test_without_the_primary_measure_there_is_no_verdict(evidence: Evidence) -> None:
    short = {who: {"top1_agreement": EVALUATION[who]["top1_agreement"]} for who in ("before", "after")}
    judged = verdict(dataclasses.replace(evidence, evaluation=short))
    assert "there is no verdict" in judged.headline
    assert judged.tone == "unclear"
