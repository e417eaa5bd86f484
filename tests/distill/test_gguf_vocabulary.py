"""A tokenizer in a GGUF file cuts text as it does in Transformers: llama.cpp itself is asked."""

from pathlib import Path
from typing import Any

import pytest
from gguf import TokenType
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import PreTrainedTokenizerFast
from transformers.integrations.gguf.gguf_tokenizer_mapping import _LLAMA3_SPLIT
from transformers.models.qwen2.tokenization_qwen2 import PRETOKENIZE_REGEX as QWEN2_SPLIT

from stillhouse.distill.export_gguf import export_gguf
from stillhouse.distill.gguf_vocabulary import gguf_vocabulary
from stillhouse.errors import ModelError
from tests.conftest import SPECIAL, TinyLlama
from tests.distill.llama_cpp import LlamaCpp
from tests.tiny import write_folder

TEXTS = (
    "In 1984 we'll pay 12.50, they'd pay 3000; it isn't fair!!\n\n  def f(x2):\n\treturn x2 ** 10\r\n",
    "Füße, naïve café — 東京 🙂 ½ ٣٤   end  ",
    "<|im_start|>user\nHello <mark>1000</mark> there<|im_end|>",
)
BYTES = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
CUTS: dict[str, Any] = {
    "gpt-2": pre_tokenizers.ByteLevel(add_prefix_space=False),
    "smollm": pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    ),
    "qwen2": pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(QWEN2_SPLIT), "isolated"), BYTES]),
    "llama-bpe": pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(_LLAMA3_SPLIT), "isolated"), BYTES]),
}


def trained(cut: Any, *, ignore_merges: bool = False, normalizer: Any = None) -> PreTrainedTokenizerFast:
    """A byte-level BPE of at most 420 entries, and `<mark>`; trained on TEXTS so that its merges matter there."""
    backend = Tokenizer(models.BPE(ignore_merges=ignore_merges))
    backend.pre_tokenizer, backend.decoder = cut, decoders.ByteLevel()
    if normalizer is not None:
        backend.normalizer = normalizer
    trainer = trainers.BpeTrainer(
        vocab_size=420,
        special_tokens=SPECIAL,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    backend.train_from_iterator([*TEXTS] * 3, trainer)
    backend.add_tokens([AddedToken("<mark>", normalized=False)])
    make: Any = PreTrainedTokenizerFast
    tokenizer: PreTrainedTokenizerFast = make(tokenizer_object=backend, bos_token=SPECIAL[1], eos_token=SPECIAL[2])
    return tokenizer


@pytest.mark.parametrize("name", CUTS)
def test_llama_cpp_cuts_text_alike(name: str, tiny_llama: TinyLlama, tmp_path: Path) -> None:
    tokenizer = trained(CUTS[name], ignore_merges=name == "llama-bpe")
    folder = write_folder(tiny_llama(layers=1, vocab=448), tokenizer, tmp_path / "student")
    export_gguf(str(folder), tmp_path / "student.gguf", "f32")
    served = LlamaCpp(tmp_path / "student.gguf")
    others = [trained(cut) for other, cut in CUTS.items() if other != name]
    for text in TEXTS:
        assert served.tokens(text) == tokenizer(text)["input_ids"]
        assert served.ask("/detokenize", {"tokens": tokenizer(text)["input_ids"]})["content"] == text
    # The texts tell the four ways of cutting apart, else the agreement above would say nothing of the name.
    assert all(any(t(text).tokens() != tokenizer(text).tokens() for text in TEXTS) for t in others)


def test_kinds_of_entries_and_fillers() -> None:
    tokenizer = trained(CUTS["smollm"])
    size = len(tokenizer)
    vocabulary = gguf_vocabulary(tokenizer, size + 2)
    assert vocabulary.pre == "smollm" and not vocabulary.adds_bos and not vocabulary.adds_eos
    assert vocabulary.tokens[:3] == tuple(SPECIAL)
    assert vocabulary.tokens[size - 1 :] == ("<mark>", f"[PAD{size}]", f"[PAD{size + 1}]")
    assert vocabulary.kinds[:4] == (*[TokenType.CONTROL] * 3, TokenType.NORMAL)
    assert vocabulary.kinds[size - 1 :] == (TokenType.USER_DEFINED, TokenType.UNUSED, TokenType.UNUSED)
    assert len(vocabulary.merges) == size - 1 - 256 - 3


def test_a_token_that_opens_every_text_is_declared() -> None:
    tokenizer = trained(CUTS["gpt-2"])
    opening = processors.TemplateProcessing(single="<|im_start|> $A", special_tokens=[("<|im_start|>", 1)])
    tokenizer.backend_tokenizer.post_processor = opening
    vocabulary = gguf_vocabulary(tokenizer, 448)
    assert vocabulary.adds_bos and not vocabulary.adds_eos


@pytest.mark.parametrize("template", ["<mark> $A", "<|im_start|> <mark> $A", "$A <mark>", "<|im_end|> $A"])
def test_any_other_token_around_a_text_is_refused(template: str) -> None:
    tokenizer = trained(CUTS["gpt-2"])
    named = [(word, tokenizer.convert_tokens_to_ids(word)) for word in template.split() if word != "$A"]
    tokenizer.backend_tokenizer.post_processor = processors.TemplateProcessing(single=template, special_tokens=named)
    with pytest.raises(ModelError, match=r"its tokenizer makes \[.*'a'.*\] of the text 'a'; a GGUF file can only say"):
        gguf_vocabulary(tokenizer, 448)


@pytest.mark.parametrize(
    "option",
    [{"end_of_word_suffix": "</w>"}, {"continuing_subword_prefix": "##"}, {"byte_fallback": True}, {"dropout": 0.1}],
)
def test_what_a_file_cannot_say_of_merging_is_refused(option: dict[str, Any]) -> None:
    ((name, value),) = option.items()
    tokenizer = trained(CUTS["gpt-2"])
    setattr(tokenizer.backend_tokenizer.model, name, value)
    with pytest.raises(ModelError, match=f"its tokenizer has {name} {value!r}, which a GGUF file cannot say"):
        gguf_vocabulary(tokenizer, 448)


def test_bundled_names_its_pattern(bundled_folder: Path) -> None:
    tokenizer = PreTrainedTokenizerFast.from_pretrained(bundled_folder)
    vocabulary = gguf_vocabulary(tokenizer, 49152)
    assert vocabulary.pre == "gpt-2" and len(vocabulary.merges) == 48900
    assert vocabulary.kinds.count(TokenType.CONTROL) == 17


@pytest.mark.parametrize(
    "tokenizer",
    [
        trained(pre_tokenizers.ByteLevel(add_prefix_space=True)),
        trained(pre_tokenizers.Sequence([pre_tokenizers.Punctuation(), CUTS["gpt-2"]])),
        trained(pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=False), CUTS["gpt-2"]])),
        trained(CUTS["gpt-2"], ignore_merges=True),
        trained(CUTS["llama-bpe"]),
        trained(CUTS["gpt-2"], normalizer=normalizers.Lowercase()),
    ],
    ids=["prefix", "punctuation", "digit runs", "ignore merges", "merges", "lowercase"],
)
def test_another_tokenizer_is_refused(tokenizer: PreTrainedTokenizerFast) -> None:
    with pytest.raises(ModelError, match="cuts text in a way that has no name in GGUF; export knows byte-level BPE as"):
        gguf_vocabulary(tokenizer, 448)


def test_more_tokens_than_rows_is_refused() -> None:
    tokenizer = trained(CUTS["gpt-2"])
    with pytest.raises(ModelError, match=f"{len(tokenizer)} tokens, but the model has 300 embedding rows"):
        gguf_vocabulary(tokenizer, 300)
