"""`pruning.json`: what was written comes back, and what somebody else wrote is one line."""

from pathlib import Path

import pytest

from stillhouse.distill.importance import Removal
from stillhouse.distill.pruning import PruningReport, pruning_of, write_pruning
from stillhouse.errors import RecordError

REPORT = PruningReport(
    source="bundled",
    revision=None,
    licence="apache-2.0",
    source_layers=3,
    method="kl",
    kept=(0, 2),
    removed=(Removal(1, 0.25),),
    block_influence=(0.5, 0.1, 0.75),
    calibration_answers=1,
    calibration_tokens=7,
    calibration_sha256="ab",
)


def test_what_was_written_comes_back(tmp_path: Path) -> None:
    write_pruning(tmp_path, REPORT)
    found = pruning_of(tmp_path)
    assert found is not None
    assert (found["source"], found["revision"], found["licence"]) == ("bundled", None, "apache-2.0")
    assert (found["kept"], found["removed"]) == ([0, 2], [{"layer": 1, "score": 0.25}])


def test_a_model_that_was_not_cut_has_none(tmp_path: Path) -> None:
    assert pruning_of(tmp_path) is None
    assert pruning_of(tmp_path / "model.gguf") is None
    assert pruning_of("owner/name") is None


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[" * 100_000,
        "[]",
        '{"kept": [0, 2], "revision": null, "licence": null}',
        '{"source": "a", "kept": [0, 2], "licence": null}',
        '{"source": "a", "kept": [0, "2"], "revision": null, "licence": null}',
        '{"source": "a", "kept": [0, 2], "revision": null, "licence": 3}',
    ],
)
def test_what_somebody_else_wrote_is_one_line(content: str, tmp_path: Path) -> None:
    (tmp_path / "pruning.json").write_text(content)
    with pytest.raises(RecordError) as caught:
        pruning_of(tmp_path)
    assert str(caught.value) == (
        f"{tmp_path}/pruning.json: is not what `stillhouse distill student` writes; cut the student again, or take "
        "this file out of its folder"
    )
