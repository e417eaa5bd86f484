"""Models and tokenizers that more than one test file needs: tiny ones with seeded weights, and the bundled one."""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

# Read once, when huggingface_hub is first imported: no test may wait for a network.
os.environ["HF_HUB_OFFLINE"] = "1"

import pytest
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from stillhouse.models.bundled import bundled_model
from tests.command import Command
from tests.tiny import Pair, write_folder, write_prompts

TinyLlama = Callable[..., LlamaForCausalLM]

SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
TEMPLATE = (
    "{% for message in messages %}"
    "{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)


@pytest.fixture(scope="session")
def tiny_tokenizer() -> PreTrainedTokenizerFast:
    """A byte-level BPE of 300 entries: any text goes through it and comes back. Ids 0, 1, 2 are special."""
    backend = Tokenizer(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=300,
        special_tokens=SPECIAL,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    backend.train_from_iterator(["user assistant system the answer is in the question that the user asks"] * 2, trainer)
    make: Any = PreTrainedTokenizerFast  # its constructor has no types
    tokenizer: PreTrainedTokenizerFast = make(
        tokenizer_object=backend,
        bos_token="<|im_start|>",
        eos_token="<|im_end|>",
        pad_token="<|endoftext|>",
        model_max_length=512,
    )
    tokenizer.chat_template = TEMPLATE
    return tokenizer


@pytest.fixture(scope="session")
def tiny_llama(tiny_tokenizer: PreTrainedTokenizerFast) -> TinyLlama:
    """`tiny_llama(layers=4, vocab=None, seed=0, hidden=32)`: a Llama with seeded weights and tied embeddings.

    `vocab` None is the size of `tiny_tokenizer`; a larger one pads the vocabulary.
    """

    def make(layers: int = 4, vocab: int | None = None, seed: int = 0, hidden: int = 32) -> LlamaForCausalLM:
        config = LlamaConfig(
            vocab_size=vocab or len(tiny_tokenizer),
            hidden_size=hidden,
            intermediate_size=2 * hidden,
            num_hidden_layers=layers,
            num_attention_heads=4,
            num_key_value_heads=2,
            max_position_embeddings=512,
            tie_word_embeddings=True,
            bos_token_id=1,
            eos_token_id=2,
            pad_token_id=0,
            initializer_range=0.2,
        )
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            model: Any = LlamaForCausalLM(config)
            evaluating: LlamaForCausalLM = model.eval()
            return evaluating

    return make


@pytest.fixture(scope="session")
def bundled_folder() -> Path:
    """The bundled model in the user's own cache: converted by the first test run of a machine, then reused."""
    return bundled_model()


CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip with the reason what this machine cannot run."""
    lacks = {}
    if not torch.cuda.is_available():
        lacks["gpu"] = "no CUDA device here"
    if not any(shutil.which(name) for name in CHROMIUM_NAMES):
        lacks["chromium"] = "no Chromium on PATH"
    for item in items:
        for mark, reason in lacks.items():
            if item.get_closest_marker(mark):
                item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture(scope="session")
def chromium() -> Path:
    """The browser, for tests marked `chromium`."""
    return Path(next(found for name in CHROMIUM_NAMES if (found := shutil.which(name))))


@pytest.fixture(scope="session")
def pair(
    tiny_llama: TinyLlama, tiny_tokenizer: PreTrainedTokenizerFast, tmp_path_factory: pytest.TempPathFactory
) -> Pair:
    """A teacher of 4 layers, a student of 2, and prompts, on disk."""
    folder = tmp_path_factory.mktemp("pair")
    return Pair(
        teacher=write_folder(tiny_llama(4, seed=1), tiny_tokenizer, folder / "teacher"),
        student=write_folder(tiny_llama(2, seed=2), tiny_tokenizer, folder / "student"),
        prompts=write_prompts(folder / "prompts.jsonl"),
    )


@pytest.fixture(scope="session")
def command(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Command]:
    """The command line, each call in a process of its own."""
    with Command(tmp_path_factory.mktemp("command")) as running:
        yield running
