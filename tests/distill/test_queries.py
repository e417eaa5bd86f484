"""The teacher writes prompts from its own template, whatever the student's looks like."""

import copy
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from transformers import PreTrainedTokenizerFast

from stillhouse.distill.config import DistillSettings
from stillhouse.distill.encode import EncodedPrompt
from stillhouse.distill.queries import teacher_queries
from stillhouse.distill.sections import PromptSource
from stillhouse.distill.setup import Models
from tests.conftest import TinyLlama
from tests.tiny import Pair, run_settings


def test_prefix_is_that_of_the_teacher(
    tiny_llama: TinyLlama, tiny_tokenizer: PreTrainedTokenizerFast, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = copy.deepcopy(tiny_tokenizer)
    other.chat_template = "{% for m in messages %}<|im_start|>ask: {{ m['content'] }}<|im_end|>{% endfor %}"
    shown: list[EncodedPrompt] = []

    def spy(writers: Any, who: str, prompts: Sequence[EncodedPrompt], *rest: Any) -> list[Any]:
        shown.extend(prompts)
        return []

    monkeypatch.setattr("stillhouse.distill.queries.write_answers", spy)
    models = Models(tiny_llama(1), None, None, tiny_tokenizer, other, len(other), frozenset({2}))
    settings = DistillSettings.model_validate(run_settings(Pair(Path("t"), Path("s"), Path("p"))))
    assert teacher_queries(models, settings, PromptSource(name="magpie", limit=1), Path("absent.json")) == []
    assert tiny_tokenizer.decode(list(shown[0].tokens)) == "<|im_start|>ask: "
