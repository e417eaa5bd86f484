"""A trainer of tiny models, for tests of the training loop and of what is planned with it."""

from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import PreTrainedTokenizerFast

from stillhouse.distill.config import DistillSettings
from stillhouse.distill.encode import encode_prompts
from stillhouse.distill.network import Network
from stillhouse.distill.phase import Writers
from stillhouse.distill.prompts import read_prompts
from stillhouse.distill.train import Trainer
from tests.conftest import TinyLlama
from tests.tiny import Pair, run_settings


@pytest.fixture
def make_trainer(tiny_llama: TinyLlama, tiny_tokenizer: PreTrainedTokenizerFast, pair: Pair) -> Any:
    def trainer(folder: Path, precision: torch.dtype = torch.float32, **changes: Any) -> Trainer:
        settings = DistillSettings.model_validate(run_settings(pair, **changes))
        size = len(tiny_tokenizer)
        models: list[Any] = [tiny_llama(3, seed=1), tiny_llama(2, seed=2)]
        teacher, student = (model.to(precision) for model in models)
        teacher.requires_grad_(False)
        writers = Writers(Network(student, size), Network(teacher, size), tiny_tokenizer, frozenset({2}))
        prompts = encode_prompts(tiny_tokenizer, list(read_prompts(pair.prompts)), longest=200)
        return Trainer(writers, prompts, settings, folder)

    return trainer
