"""Cutting a student into a folder: from the model's own answers, whole or not at all."""

import json
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from transformers import PreTrainedTokenizerFast

from stillhouse.distill.config import DistillSettings
from stillhouse.distill.cut import cut
from stillhouse.distill.encode import EncodedPrompt
from stillhouse.distill.network import Network
from stillhouse.distill.phase import Writers
from stillhouse.distill.prompts import Prompt
from stillhouse.errors import StorageError
from stillhouse.types import Message
from tests.conftest import TinyLlama
from tests.tiny import Pair, run_settings


def prompt(length: int) -> EncodedPrompt:
    return EncodedPrompt(Prompt(id=str(length), messages=(Message("user", "x"),)), tuple(range(3, 3 + length)))


@pytest.fixture
def source(tiny_llama: TinyLlama, tiny_tokenizer: PreTrainedTokenizerFast) -> Writers:
    network = Network(tiny_llama(layers=3), len(tiny_tokenizer))
    return Writers(network, network, tiny_tokenizer, frozenset())


@contextmanager
def largest_file(size: int) -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def settings(pair: Pair, **changes: Any) -> DistillSettings:
    student = {"prune": str(pair.teacher), "layers": 2}
    return DistillSettings.model_validate(run_settings(pair, student=student, **changes))


def test_calibrates_on_three_answers_to_short_prompts(source: Writers, pair: Pair, tmp_path: Path) -> None:
    prompts = [prompt(n) for n in (90, 7, 8, 9, 10)]
    report = cut(source, prompts, 2, tmp_path / "start", settings(pair, rollout__max_new_tokens=100))
    assert report.calibration_answers == 3
    assert report.calibration_tokens == 7 + 8 + 9 + 3 * (48 - 1)
    written = json.loads((tmp_path / "start" / "pruning.json").read_text())
    assert (written["kept"], written["source"]) == (list(report.kept), str(pair.teacher))


def test_full_disk_is_one_line_and_leaves_nothing(source: Writers, pair: Pair, tmp_path: Path) -> None:
    with largest_file(8000), pytest.raises(StorageError, match=rf"^{tmp_path}/start: was not written \("):
        cut(source, [prompt(5)], 2, tmp_path / "start", settings(pair))
    assert list(tmp_path.iterdir()) == []
