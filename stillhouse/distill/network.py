"""A language model as training sees it: hidden states in the middle, a head at the end.

Models differ in how they wrap this (adapters, soft caps, tied embeddings). The rest of `distill` sees only
`hidden` and `head`, so that the vocabulary projection happens where and when we choose: on completion
tokens, a chunk at a time.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.nn import Parameter
from transformers import PreTrainedModel

from stillhouse.distill.attention import use_own_attention
from stillhouse.distill.batching import MicroBatch, micro_batches
from stillhouse.distill.lean_layers import use_lean_layers
from stillhouse.distill.loss import Head, LossInputs, LossOutputs, Rule, graded_loss
from stillhouse.distill.rollout import Rollout
from stillhouse.errors import ModelError

__all__ = ["Network"]

_ONLY_ATTENTION = (
    "its layers do not mix tokens by attention alone; give a model of the kind of Llama, Qwen 3 or Gemma 3"
)
_MOST_ERROR = 0.05  # relative; bfloat16 alone makes one or two hundredths


class Network:
    """A causal language model and the `vocabulary` (number of token ids) that its tokenizer can produce."""

    def __init__(self, model: PreTrainedModel, vocabulary: int) -> None:
        self.model = model
        head = model.get_output_embeddings()
        if head is None or getattr(head, "bias", None) is not None:
            raise ModelError(f"{type(model).__name__}: no bias-free output projection; use a causal language model")
        if len(head.weight) < vocabulary:
            raise ModelError(
                f"{type(model).__name__} has {len(head.weight)} vocabulary rows for a tokenizer of {vocabulary}; "
                "resize its embeddings or give the tokenizer that belongs to it"
            )
        for scale in ("logits_scaling", "logit_scale"):
            if getattr(model.config.get_text_config(), scale, None) not in (None, 1, 1.0):
                raise ModelError(f"{type(model).__name__} scales its logits ({scale}), which is not supported")
        self.vocabulary = vocabulary
        use_own_attention(model)
        use_lean_layers(model)

    @property
    def head(self) -> Head:
        config = self.model.config.get_text_config()
        softcap = getattr(config, "final_logit_softcapping", None)
        return Head(self.model.get_output_embeddings().weight, self.vocabulary, softcap)

    @property
    def device(self) -> torch.device:
        return self.head.weight_VH.device

    def share_embedding_gradient(self) -> None:
        """Let a tied embedding hand over the rows that it read instead of a gradient as large as the vocabulary.

        They are added to the head's gradient. An embedding with a weight of its own keeps its dense gradient.
        """
        embedding = self.model.get_input_embeddings()
        if isinstance(embedding, nn.Embedding) and embedding.weight is self.head.weight_VH:
            embedding.sparse = True

    def trainable(self) -> dict[str, Parameter]:
        """What an optimiser changes, by name."""
        return {name: p for name, p in self.model.named_parameters() if p.requires_grad}

    @contextmanager
    def whole(self) -> Iterator[None]:
        """Inside, `model` has all of its weights, so that it can write, be measured and be saved."""
        yield

    @torch.no_grad()
    def check_packing(self, name: str) -> None:
        """ModelError unless two packed texts get the hidden states that the model gives each of them by itself.

        A model that mixes tokens in another way as well, or attends by more than queries, keys and values, does not.
        """
        texts = [[(7 * i + 3) % self.vocabulary for i in (*range(6), *range(at, at + 9))] for at in (40, 70)]
        (batch,) = micro_batches([Rollout("", tuple(t[:8]), tuple(t[8:]), (), "length", "reference") for t in texts], 2)
        try:
            packed = self.hidden(batch.to(self.device)).float()
        except (ModelError, RuntimeError, TypeError, ValueError) as fault:
            raise ModelError(f"'{name}': {_ONLY_ATTENTION} ({str(fault).partition(chr(10))[0]})") from fault
        ids = torch.tensor(texts, device=self.device)
        alone = self.model.base_model(input_ids=ids, use_cache=False).last_hidden_state[:, 7:-1].flatten(0, 1).float()
        error = float((packed - alone).square().mean().sqrt() / alone.square().mean().sqrt())
        if not error < _MOST_ERROR:
            raise ModelError(f"'{name}': {_ONLY_ATTENTION} (packed texts differ by {error:.0%} from single ones)")

    def hidden(self, batch: MicroBatch) -> Tensor:
        """Last hidden states [N, H] at the places that predict the batch's completion tokens.

        ModelError if a layer of the model mixes tokens in another way than by the attention that knows the packing.
        """
        batch.packing.layers = 0
        output: Tensor = self.model.base_model(
            input_ids=batch.ids_T[None],
            position_ids=batch.position_T[None],
            attention_mask=self._no_mask,
            use_cache=False,
            packing=batch.packing,
        ).last_hidden_state
        layers = self.model.config.get_text_config().num_hidden_layers
        if batch.packing.layers != layers:
            raise ModelError(f"{batch.packing.layers} of the {layers} layers of {type(self.model).__name__} attend")
        return output[0, batch.place_N]

    def loss(
        self,
        batch: MicroBatch,
        rule_of: Callable[[Tensor, Head], Rule],
        weight_N: Tensor,
        temperature: float,
        chunk: int,
    ) -> LossOutputs:
        """Read the batch, and compare by the rule that `rule_of` makes once it sees hidden states and head.

        See `graded_loss` for the rest.
        """
        hidden_NH = self.hidden(batch)
        rule = rule_of(hidden_NH.detach(), self.head)
        return graded_loss(LossInputs(hidden_NH, self.head, weight_N, temperature, chunk), rule)

    @property
    def _no_mask(self) -> Tensor:
        """Four dimensions are taken as a ready mask by Transformers, which then makes none; attention ignores it."""
        return torch.ones(1, 1, 1, 1, dtype=torch.bool, device=self.device)
