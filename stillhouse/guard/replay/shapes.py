"""What the lines of a replay's files have to hold, as far as `explain` reads them: a damaged folder is told as one.

Words are those of the format, also such as detection itself does not write.
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from stillhouse.errors import RecordError
from stillhouse.guard.access.entities import Action
from stillhouse.guard.decide.decision import Decided, Review

__all__ = ["AGAIN", "NO_EVIDENCE", "check_shape"]

AGAIN = "make the replay anew"
NO_EVIDENCE = -745.0
"""JSON has no infinities: where there is no evidence at all, ln e of the least that a float can hold."""
Adds = Annotated[float, Field(ge=0)]


class _Shape(BaseModel):
    model_config = ConfigDict(strict=True)


class _Subject(_Shape):
    kind: Literal["account", "campaign"]
    id: str


class _Decision(_Shape):
    time: str
    subject: _Subject
    accounts: list[str]
    action: Decided
    review: Review
    log_e: float
    level: float = Field(gt=0)


class _Account(_Shape):
    account: str
    campaign: str | None
    exchanges: int
    log_e: float
    action: Action | Literal["none"]


class _Link(_Shape):
    a: str
    b: str
    shares: str | None
    group: str | None
    log_lr: float
    because: list[str]


class _Campaign(_Shape):
    campaign: str
    merged: list[str] = []
    accounts: list[str]
    links: list[_Link]
    log_e: float
    action: Action | Literal["none"]
    first_seen: str | None


class _Failover(_Shape):
    accounts: list[int] = Field(min_length=2, max_length=2)
    over: str
    begun: str
    log_p: float


class _Course(_Shape):
    ramp: float
    burst: float
    failover: _Failover | None


class _GroupLine(_Shape):
    line: Literal["either", "content", "times"]
    log_p: float
    modelled: bool
    log_e: float
    weight: float
    adds: Adds
    facts: dict[str, Any]


class _Look(_Shape):
    time: str
    log_share_of_level: float
    lines: list[_GroupLine]


class _Bound(_Shape):
    shares: str
    accounts: int
    in_reference: int
    log_lift: float


class _Group(_Shape):
    group: str
    kind: str
    accounts: int
    tokens: int
    shares: str
    in_reference: int
    bound_by: list[_Bound]
    log_e: float
    looks: list[_Look]


class _Evidence(_Shape):
    campaign: str
    course: _Course | None
    groups: list[_Group]
    decided_by: str


class _Asks(_Shape):
    cue: str
    surprise: float


class _Part(_Shape):
    name: str
    number: float
    surprise: float
    honest: int


class _Acts(_Shape):
    plan: str
    parts: list[_Part]


class _OwnLine(_Shape):
    line: str
    value: float
    place: int
    honest: int
    log_p: float
    modelled: bool
    log_e: float
    weight: float
    adds: Adds


class _Alone(_Shape):
    account: str
    log_e: float
    needed: dict[str, float]
    asks: _Asks
    acts: _Acts
    lines: list[_OwnLine]
    also: dict[str, int | float]


_SHAPES: dict[str, type[_Shape]] = {
    "decisions.jsonl": _Decision,
    "accounts.jsonl": _Account,
    "campaigns.jsonl": _Campaign,
    "evidence.jsonl": _Evidence,
    "alone.jsonl": _Alone,
}


def check_shape(name: str, record: Any, place: str) -> None:
    """RecordError, which `place` opens, where a line of the file of that name is not as a replay writes it."""
    try:
        _SHAPES[name].model_validate(record)
    except ValidationError as error:
        fault = error.errors(include_url=False)[0]
        where = ".".join(map(str, fault["loc"])) or "the line"
        what = "is missing" if fault["type"] == "missing" else f"is wrong ({fault['msg'].lower()})"
        raise RecordError(f"{place}: no line of a replay: {where} {what}; {AGAIN}") from None
