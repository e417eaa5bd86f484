"""Tokenizers that cut text otherwise than `tiny_tokenizer`: other merges, other names of roles, other spellings."""

from typing import Any

from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

__all__ = ["OTHER_TEMPLATE", "bpe_tokenizer", "metaspace_tokenizer", "other_tokenizer"]

OTHER_SPECIAL = ["<pad>", "<turn>", "</turn>", "<|im_start|>"]
OTHER_TEMPLATE = (
    "{% for message in messages %}{{ '<turn>' + message['role'] + ': ' + message['content'] + '</turn>' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<turn>assistant: ' }}{% endif %}"
)
CORPUS = ["the bird is in the river and the lamp is on the stone", "where is the door that the user asks for?"]


def bpe_tokenizer(special: list[str], corpus: list[str], size: int, *, composed: bool = False) -> Tokenizer:
    """Byte-level BPE; `composed` gives it Unicode's composition (NFC), which changes some texts."""
    backend = Tokenizer(models.BPE())
    if composed:
        backend.normalizer = normalizers.NFC()
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        special_tokens=special,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    backend.train_from_iterator(corpus, trainer)
    return backend


def other_tokenizer(*, composed: bool = False) -> PreTrainedTokenizerFast:
    """A teacher's: 340 entries, turns between `<turn>` (1) and `</turn>` (2)."""
    return _wrapped(bpe_tokenizer(OTHER_SPECIAL, CORPUS * 2, 340, composed=composed))


def metaspace_tokenizer() -> PreTrainedTokenizerFast:
    """SentencePiece's kind: spaces as a character of their own, one put before each text, bytes as a fallback."""
    pieces = [*OTHER_SPECIAL, *(f"<0x{byte:02X}>" for byte in range(256))]
    pieces += ["▁", "t", "h", "e", "▁t", "▁th", "▁the", "l", "o", "w", "lo", "low", "▁low"]
    merges = [("▁", "t"), ("▁t", "h"), ("▁th", "e"), ("l", "o"), ("lo", "w"), ("▁", "low")]
    backend = Tokenizer(
        models.BPE({piece: i for i, piece in enumerate(pieces)}, merges, byte_fallback=True, unk_token=None)
    )
    backend.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    backend.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    backend.add_special_tokens(OTHER_SPECIAL)
    return _wrapped(backend)


def _wrapped(backend: Tokenizer) -> PreTrainedTokenizerFast:
    make: Any = PreTrainedTokenizerFast  # its constructor has no types
    tokenizer: PreTrainedTokenizerFast = make(
        tokenizer_object=backend, bos_token="<turn>", eos_token="</turn>", pad_token="<pad>", model_max_length=512
    )
    tokenizer.chat_template = OTHER_TEMPLATE
    return tokenizer
