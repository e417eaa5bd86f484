"""Settings of grading by a teacher of another tokenizer."""

from typing import Literal

from pydantic import Field

from stillhouse.config import Settings

__all__ = ["CrossTokenizerSettings"]


class CrossTokenizerSettings(Settings):
    """Grade across two tokenizers, by the stretches of text that both cut out of an answer."""

    kind: Literal["cross_tokenizer"] = "cross_tokenizer"
    compare: Literal["sampled", "binary", "shared"] = Field(
        "sampled",
        description="`sampled`: a span's log-ratio is the advantage of a policy gradient; `binary`: divergence between "
        "the span and any other text; `shared`: both models' distributions over the tokens that they share",
    )
    window: int = Field(
        0,
        ge=0,
        description="with `sampled`: neighbouring spans on each side whose log-ratio counts too; a number above the "
        "length of an answer is unbiased for whole answers, and noisier",
    )
    k: int = Field(64, ge=1, description="with `shared`: how many of the teacher's shared tokens are kept")
    beta: float = Field(0.0, ge=0, le=1, description="with `binary` and `shared`: 0 forward KL, 0.5 JSD, 1 reverse KL")
