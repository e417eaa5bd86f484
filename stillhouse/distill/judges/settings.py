"""What a config says about a judge: one class for each `kind`. How its model is reached stands elsewhere."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from stillhouse.config import Settings
from stillhouse.types import Sampling

__all__ = [
    "MOST_IN_A_LIST",
    "Criterion",
    "CritiqueSettings",
    "JudgeSettings",
    "RankingSettings",
    "ReferenceSettings",
    "RubricSettings",
    "Scale",
]

MOST_IN_A_LIST = 26
"""One letter for each answer of a list."""
_SLACK = 1e-6


class Scale(Settings):
    """Whole numbers that a judge may give."""

    lowest: int = Field(1, ge=0, description="the worst score")
    highest: int = Field(5, le=100, description="the best score")

    @model_validator(mode="after")
    def _goes_up(self) -> "Scale":
        if self.highest <= self.lowest:
            raise ValueError(f"highest {self.highest} is not above lowest {self.lowest}; a scale needs two numbers")
        return self

    @property
    def numbers(self) -> list[int]:
        """Every score, worst first."""
        return list(range(self.lowest, self.highest + 1))

    def share(self, score: float) -> float:
        """A score as a number in [0, 1]."""
        return (score - self.lowest) / (self.highest - self.lowest)


class Criterion(Settings):
    """One thing that a rubric looks at."""

    name: str = Field(pattern="^[a-z][a-z0-9_]*$", description="small letters, digits and `_`: a key of the reply")
    description: str = Field(min_length=1, description="what a good answer does, in a sentence")
    weight: float | None = Field(
        None, gt=0, description="its share of the score; the weights sum to 1; unset in all: equal shares"
    )


class _Common(Settings):
    """What every kind has."""

    temperature: float = Field(0.0, ge=0, description="of the judge's sampling; 0 is greedy")
    max_tokens: int = Field(256, ge=16, description="cap of one reply, in tokens")
    instructions: str = Field("", description="more text for the judge, put before the form of the reply")

    def sampling(self, seed: int, schema: Mapping[str, Any] | None = None) -> Sampling:
        """How one reply is drawn; with `schema`, in that form."""
        return Sampling(max_tokens=self.max_tokens, temperature=self.temperature, seed=seed, schema=schema)

    @property
    def paragraph(self) -> str:
        """`instructions` as they stand in a text to the judge: between empty lines, or nothing."""
        return f"\n{self.instructions}\n" if self.instructions else ""


class _Single(_Common):
    """What the kinds have that judge each answer by itself."""

    repeats: int = Field(1, ge=1, description="times that each answer is judged; the score is the mean")

    @model_validator(mode="after")
    def _repeats_differ(self) -> "_Single":
        if self.repeats > 1 and self.temperature == 0:
            raise ValueError(
                f"repeats {self.repeats} at temperature 0 ask the same and hear the same; raise temperature, or set "
                "repeats to 1"
            )
        return self


class RubricSettings(_Single):
    """Score each answer by itself on several criteria."""

    kind: Literal["rubric"] = "rubric"
    criteria: tuple[Criterion, ...] = Field(description="what is looked at, with weights that sum to 1 or with none")
    scale: Scale = Scale()

    @field_validator("criteria")
    @classmethod
    def _weights(cls, criteria: tuple[Criterion, ...]) -> tuple[Criterion, ...]:
        if not criteria:
            raise ValueError("a rubric needs at least one criterion; add one with name, description and weight")
        names = [criterion.name for criterion in criteria]
        if len(set(names)) < len(names) or "reason" in names:
            raise ValueError(f"criteria are called {', '.join(names)}; give each its own name, none `reason`")
        given = [criterion.weight for criterion in criteria if criterion.weight is not None]
        if given and len(given) < len(criteria):
            raise ValueError(f"{len(given)} of {len(criteria)} criteria have a weight; give one to each, or to none")
        total = sum(given)
        if given and abs(total - 1) > _SLACK:
            raise ValueError(f"the weights sum to {total:.6g}; make them sum to 1")
        return criteria

    @property
    def shares(self) -> tuple[float, ...]:
        """The weights of the criteria; they sum to 1."""
        weights = [1.0 if criterion.weight is None else criterion.weight for criterion in self.criteria]
        # Given weights sum to 1 only within rounding.
        return tuple(weight / sum(weights) for weight in weights)


class RankingSettings(_Common):
    """Compare the answers to one prompt with each other."""

    kind: Literal["ranking"] = "ranking"
    compare: Literal["list", "pairs"] = Field(
        "list", description="all answers in one list, or two at a time; two answers are always a pair"
    )
    rounds: int | None = Field(
        None,
        ge=1,
        description="with `pairs`: each answer meets this many others on either side in a random circle",
    )
    ties: bool = Field(True, description="whether the judge may call a pair equal")
    repeats: int = Field(1, ge=1, description="times that each list or pair is asked, in an order and its reverse")

    @model_validator(mode="after")
    def _rounds_of_pairs(self) -> "RankingSettings":
        if self.rounds is not None and self.compare == "list":
            raise ValueError("rounds goes with compare: pairs; set that, or leave rounds out")
        return self


class CritiqueSettings(_Single):
    """Write a critique of each answer first, then draw a score from it."""

    kind: Literal["critique"] = "critique"
    scale: Scale = Scale(lowest=1, highest=10)


class ReferenceSettings(_Single):
    """Compare each answer with the prompt's reference."""

    kind: Literal["reference"] = "reference"


JudgeSettings = Annotated[
    RubricSettings | RankingSettings | CritiqueSettings | ReferenceSettings, Field(discriminator="kind")
]
