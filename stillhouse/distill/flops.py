"""What a run costs in floating-point operations, by part, from sizes and token counts alone.

Counted by formula, not by a profiler: a formula is the same on every machine, so two runs can be compared
and the rate (FLOPs by formula / seconds measured) says how well a part uses its machine.

A multiply-add is 2 FLOPs, so a forward pass costs 2 per weight and token, and a backward pass twice that
(Kaplan et al. 2020, "Scaling Laws for Neural Language Models", section 2.1). Weights are the backbone (all
but embeddings) at every token, and the vocabulary projection at completion tokens only, because Stillhouse
computes it nowhere else. The attention term, 4 * layers * hidden * context per token and forward pass,
is omitted: about 8 % of the backbone for a 135M model at 512 tokens of context, less for larger models.

The tokens are those of a plain implementation: what all prompts of a batch begin with counts in each of its
rows, although Stillhouse reads it once. So the figures say what the work amounts to, a little less is done,
and a rate from them is that of a plain implementation as fast as this one.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from transformers import PreTrainedModel

__all__ = ["ModelShape", "flops_by_part", "model_shape", "rollout_flops", "student_flops", "teacher_flops"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelShape:
    """The sizes that the cost depends on.

    `backbone` is the number of weights without the token embedding and the vocabulary projection;
    `hidden` x `vocab` is the size of that projection.
    """

    backbone: int
    hidden: int
    vocab: int

    @property
    def head(self) -> int:
        """Weights of the vocabulary projection."""
        return self.hidden * self.vocab


def model_shape(model: "PreTrainedModel") -> ModelShape:
    """The shape of a loaded causal language model, with tied or untied embeddings."""
    untyped: Any = model  # transformers' accessors carry no types
    embedding, head = untyped.get_input_embeddings().weight, untyped.get_output_embeddings().weight
    outside = {id(weight): weight.numel() for weight in (embedding, head)}
    vocab, hidden = head.shape
    backbone = sum(weight.numel() for weight in model.parameters()) - sum(outside.values())
    return ModelShape(backbone=backbone, hidden=hidden, vocab=vocab)


def rollout_flops(model: ModelShape, *, prompt_tokens: int, completion_tokens: int) -> int:
    """Answering with a KV cache: each prompt token once through the backbone, each completion token through all."""
    return _forward(model, prompt_tokens=prompt_tokens, completion_tokens=completion_tokens)


def teacher_flops(model: ModelShape, *, prompt_tokens: int, completion_tokens: int) -> int:
    """Scoring given answers: one forward pass, the vocabulary projection at completion tokens only."""
    return _forward(model, prompt_tokens=prompt_tokens, completion_tokens=completion_tokens)


def student_flops(
    model: ModelShape, *, prompt_tokens: int, completion_tokens: int, activation_checkpointing: bool = False
) -> int:
    """Forward and backward of a training step: three forward passes' worth.

    Activation checkpointing runs the backbone, not the projection, forward once more. Frozen weights
    (LoRA) save about a third that is not subtracted here.
    """
    flops = 3 * _forward(model, prompt_tokens=prompt_tokens, completion_tokens=completion_tokens)
    if activation_checkpointing:
        flops += 2 * model.backbone * (prompt_tokens + completion_tokens)
    return flops


def flops_by_part(
    teacher: ModelShape | None,
    student: ModelShape,
    totals: Mapping[str, float],
    *,
    graded: bool,
    activation_checkpointing: bool = False,
) -> dict[str, int]:
    """What a run's tokens cost here, by part of a step; `totals` are those of `stillhouse.distill.train.Totals`.

    `teacher` is None where it computes elsewhere.

    The vocabulary projections of both models happen in the part `loss` and are counted there.
    """
    tokens = {name: int(value) for name, value in totals.items()}
    read, written = tokens.get("trained_read", 0), tokens.get("trained", 0)
    rollout = 0
    for who, shape in (("student", student), ("teacher", teacher)):
        if shape is None:
            continue
        prompt, completion = tokens.get(f"{who}_read", 0), tokens.get(f"{who}_written", 0)
        rollout += rollout_flops(shape, prompt_tokens=prompt, completion_tokens=completion)
    by_student = student_flops(
        student,
        prompt_tokens=read,
        completion_tokens=written,
        activation_checkpointing=activation_checkpointing,
    )
    by_teacher = of_teacher = 0
    if teacher is not None and graded:
        by_teacher = teacher_flops(teacher, prompt_tokens=read, completion_tokens=written)
        of_teacher = 2 * teacher.head * written
    of_student = 6 * student.head * written
    return {
        "rollout": rollout,
        "teacher": by_teacher - of_teacher,
        "student": by_student - of_student,
        "loss": of_teacher + of_student,
    }


def _forward(model: ModelShape, *, prompt_tokens: int, completion_tokens: int) -> int:
    return 2 * model.backbone * (prompt_tokens + completion_tokens) + 2 * model.head * completion_tokens
