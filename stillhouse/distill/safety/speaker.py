"""One model that answers greedily, with its own tokenizer and chat template.

Start, student and teacher are each asked as their users would ask them, so the gate needs no shared tokenizer. They
are loaded one after the other: three at once would need three times the memory for nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from transformers import PreTrainedTokenizerBase

from stillhouse.distill.encode import encode_prompts, text_of
from stillhouse.distill.hardware import Hardware
from stillhouse.distill.network import Network
from stillhouse.distill.preflight import check_context, check_finite, end_tokens, own_vocabulary
from stillhouse.distill.prompts import Prompt
from stillhouse.distill.rollout import Rollout, generate
from stillhouse.models.local import load_model, load_tokenizer, resolve, weights_digest
from stillhouse.types import Sampling

__all__ = ["Speaker", "check_questions", "identity"]


@dataclass(frozen=True, slots=True)
class Speaker:
    """A loaded model. `longest` is the cap of a prompt in tokens; `system` goes before prompts without one."""

    name: str
    network: Network
    tokenizer: PreTrainedTokenizerBase
    ends: frozenset[int]
    longest: int
    system: str | None
    batch: int

    @classmethod
    def load(
        cls, name: str, revision: str | None, hardware: Hardware, *, longest: int, system: str | None, batch: int
    ) -> "Speaker":
        """The model called `name` (see `models.local.resolve`), checked. Raises ModelError."""
        tokenizer = load_tokenizer(name, revision)
        model = load_model(name, revision=revision, dtype=hardware.torch_dtype, device=hardware.device)
        check_finite(name, model)
        network = Network(model, own_vocabulary(tokenizer))
        return cls(name, network, tokenizer, end_tokens(model, tokenizer), longest, system, batch)

    def answers(self, prompts: Sequence[Prompt], max_tokens: int, repetition_stop: int) -> list[Rollout]:
        """The greedy answer to each prompt. ModelError or RecordError where one does not fit the context."""
        check_context([(self.name, self.network.model)], self.longest + max_tokens)
        encoded = encode_prompts(self.tokenizer, prompts, longest=self.longest, system=self.system)
        return generate(
            self.network.model,
            self.network.head,
            [(p.prompt.id, p.tokens) for p in encoded],
            Sampling(max_tokens=max_tokens, temperature=0.0, repetition_stop=repetition_stop),
            eos=self.ends,
            uniforms=torch.zeros(len(encoded), max_tokens),  # greedy: none is used
            batch=self.batch,
            source=self.name,
        )

    def text(self, rollout: Rollout) -> str:
        return text_of(self.tokenizer, rollout.tokens)


def check_questions(
    name: str, revision: str | None, prompts: Sequence[Prompt], *, longest: int, system: str | None
) -> None:
    """What `Speaker.answers` would raise of `prompts`, told by the tokenizer alone and before weights are loaded."""
    encode_prompts(load_tokenizer(name, revision), prompts, longest=longest, system=system)


def identity(name: str, revision: str | None) -> dict[str, str | None]:
    """What tells one model from another: its name, its weights' digest (None for a hub name), its chat template."""
    where = resolve(name)
    digest = weights_digest(where) if isinstance(where, Path) else None
    template = load_tokenizer(name, revision).chat_template
    return {
        "name": name,
        "revision": revision,
        "weights": digest,
        "template": template if isinstance(template, str) else None,
    }
