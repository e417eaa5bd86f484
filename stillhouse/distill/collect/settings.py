"""Everything that `stillhouse distill collect` can be told, with its default and its meaning.

Three kinds of keys: what is asked (teacher, prompts, sampling, answers, seed), which a run keeps to its end; how it is
asked (speed, key, budget) and what is kept of the answers (filters, dedup), which may change when it is resumed.
"""

from typing import Literal

from pydantic import Field, model_validator

from stillhouse.config import Settings
from stillhouse.distill.permission import Permission
from stillhouse.distill.sections import PromptSource
from stillhouse.models.endpoint import EndpointSettings

__all__ = ["CollectSettings", "DedupSettings", "FilterSettings", "SamplingSettings", "ServedTeacher"]


class ServedTeacher(Settings):
    """The model that answers, behind an endpoint."""

    model: str = Field(min_length=1, description="its name at the endpoint")
    permission: Permission = Field(
        description="licence or person that allows learning from this teacher; kept in the manifest"
    )
    endpoint: EndpointSettings


class SamplingSettings(Settings):
    """How an answer is drawn."""

    max_tokens: int = Field(512, ge=1, description="cap of one answer, in the teacher's tokens")
    temperature: float = Field(1.0, ge=0, description="0 is greedy")
    top_p: float = Field(1.0, gt=0, le=1, description="nucleus; 1 samples from the whole distribution")


class DedupSettings(Settings):
    """Near-duplicates: of answers that are alike, the first in the order of the prompts stays."""

    threshold: float = Field(
        0.8, gt=0, le=1, description="Jaccard index of two sets of word sequences from which they count as alike"
    )
    words: int = Field(3, ge=1, description="words of one sequence")
    across_prompts: bool = Field(
        False, description="also drop an answer like that to a quite different prompt; false asks that both are alike"
    )


class FilterSettings(Settings):
    """Which answers go into messages.jsonl; the others go into dropped.jsonl, each with its reason."""

    min_chars: int = Field(1, ge=1, description="shortest answer, in characters without white space around it")
    max_chars: int | None = Field(None, ge=1, description="longest answer, counted alike")
    truncated: Literal["drop", "keep"] = Field(
        "drop", description="answers that did not end by themselves, and those of which the endpoint does not say so"
    )
    refusals: Literal["keep", "drop"] = Field(
        "keep", description="answers that refuse; a student that never sees one learns never to refuse"
    )
    checkable: Literal["any", "right"] = Field(
        "any", description="`right` drops wrong answers to prompts that have a checkable one"
    )

    @model_validator(mode="after")
    def _range(self) -> "FilterSettings":
        if self.max_chars is not None and self.max_chars < self.min_chars:
            raise ValueError(
                f"filters.max_chars is {self.max_chars}, below filters.min_chars {self.min_chars}; raise it"
            )
        return self


class CollectSettings(Settings):
    """One collection of a teacher's answers."""

    teacher: ServedTeacher
    prompts: tuple[PromptSource, ...] = Field(min_length=1, description="where the prompts come from")
    system: str | None = Field(None, description="system message put before prompts that have none")
    sampling: SamplingSettings = SamplingSettings()
    answers: int = Field(1, ge=1, description="answers to each prompt")
    filters: FilterSettings = FilterSettings()
    dedup: DedupSettings | None = Field(DedupSettings(), description="null keeps near-duplicates")
    give_up: int = Field(20, ge=1, description="calls that fail for good one after another before the run stops")
    seed: int = Field(0, ge=0, lt=10**9, description="of the answers, where the endpoint takes a seed")

    @model_validator(mode="after")
    def _whole(self) -> "CollectSettings":
        if any(source.name == "magpie" for source in self.prompts):
            raise ValueError(
                "prompts names `magpie`, which a teacher writes from its bare chat template and an endpoint hides; "
                "give a file or another source"
            )
        if self.answers > 1 and self.sampling.temperature == 0:
            raise ValueError(
                f"answers is {self.answers} at sampling.temperature 0, which draws the same answer each time; "
                "raise the temperature or set answers to 1"
            )
        return self
