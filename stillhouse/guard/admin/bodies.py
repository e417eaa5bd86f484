"""What requests may hold: as strict as it can be said, since a field that is ignored is a wish that is not fulfilled.

Types are those of JSON (no number given as text); moments are seconds since 1970.
"""

from typing import Annotated, Any, Self

from pydantic import BeforeValidator, ConfigDict, Field, model_validator

from stillhouse.config import Settings
from stillhouse.guard.access.entities import Action, Verdict

__all__ = [
    "AccountQuery",
    "ActionQuery",
    "Body",
    "ChangeAccount",
    "ChangeOrganisation",
    "CreateAccount",
    "CreateKey",
    "CreateOrganisation",
    "EntryQuery",
    "KeyQuery",
    "NoQuery",
    "PageQuery",
    "Query",
    "Restore",
    "Review",
    "RevokeKey",
    "RotateKey",
    "SetAction",
]

_ID = r"^[A-Za-z0-9][A-Za-z0-9_.:@-]{0,127}$"
_LINE = r"^[^\x00-\x1f\x7f]{0,1000}$"
_Id = Annotated[str, Field(pattern=_ID)]
_Line = Annotated[str, Field(pattern=_LINE)]
_Moment = Annotated[float, Field(gt=0, lt=253_402_300_800, description="seconds since 1970")]
_Country = Annotated[str, Field(pattern="^[A-Za-z]{2}$", description="ISO 3166-1 alpha-2")]
_Range = Annotated[str, Field(min_length=2, max_length=64, description="an address or a range in CIDR form")]


class Body(Settings):
    """Base of what a request's body may be."""

    model_config = ConfigDict(strict=True)


class ChangeOrganisation(Body):
    """Fields that are to change."""

    name: _Line = ""
    plan: str | None = None
    models: list[str] = Field(default_factory=list)
    countries_allow: list[_Country] = Field(default_factory=list)
    countries_deny: list[_Country] = Field(default_factory=list)
    ip_allow: list[_Range] = Field(default_factory=list)
    ip_deny: list[_Range] = Field(default_factory=list)
    closed: bool = False


class CreateOrganisation(ChangeOrganisation):
    """Fields of a new one."""

    id: _Id


class _AccountFields(Body):
    plan: str | None = None
    registration: dict[str, Any] = Field(default_factory=dict)
    closed: bool = False


class ChangeAccount(_AccountFields):
    """Fields that are to change; `registration` as a whole."""

    organisation: _Id | None = None


class CreateAccount(_AccountFields):
    """Fields of a new one."""

    id: _Id
    organisation: _Id


class CreateKey(Body):
    account: _Id
    id: _Id | None = Field(None, description="a name; none given makes one")
    expires: _Moment | None = None
    ip_allow: list[_Range] = Field(default_factory=list)


class RotateKey(Body):
    overlap_seconds: float = Field(0.0, ge=0, le=31_622_400, description="how long the old secret stays valid")
    expires: _Moment | None = Field(None, description="none is when the old one would have")


class RevokeKey(Body):
    reason: _Line = ""


class SetAction(Body):
    """On one `account`, or on a `campaign` with its `accounts`."""

    action: Action
    account: _Id | None = None
    campaign: _Id | None = None
    accounts: list[_Id] = Field(default_factory=list)
    reason: _Line = Field("", description="what the client is told")
    until: _Moment | None = None
    link: str | None = Field(None, pattern=r"^https?://[^\s\x00-\x1f\x7f]{1,2000}$")
    because: dict[str, Any] | None = Field(None, description="the evidence, for the ledger")

    @model_validator(mode="after")
    def _about_one_thing(self) -> Self:
        one, group = self.account is not None, self.campaign is not None
        if one == group or group != bool(self.accounts):
            raise ValueError("give either 'account', or 'campaign' with its 'accounts'")
        return self


class _AccountOrCampaign(Body):
    """One `account`, or all that are under a `campaign`."""

    account: _Id | None = None
    campaign: _Id | None = None

    @model_validator(mode="after")
    def _about_one_thing(self) -> Self:
        if (self.account is None) == (self.campaign is None):
            raise ValueError("give either 'account' or 'campaign'")
        return self


class Restore(_AccountOrCampaign):
    """Whom what is in force ends for."""

    reason: _Line = ""


class Review(_AccountOrCampaign):
    """A person's word on what is in force, or waits for one; `rejected` ends it."""

    action: Action = Field(description="what the person looked at; where another is in force, nothing is done")
    verdict: Verdict
    reason: Annotated[_Line, Field(min_length=1, description="for the ledger")]


def _digits(value: object) -> object:
    """As a query has it: text of digits, and no other spelling of a number."""
    return int(value) if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 19 else value


_Count = Annotated[int, BeforeValidator(_digits), Field(strict=True)]


class Query(Settings):
    """Base of what may stand behind the question mark."""


class NoQuery(Query):
    """Nothing."""


class PageQuery(Query):
    after: _Id | None = Field(None, description="`next` of the page before")
    limit: Annotated[_Count, Field(ge=1, le=1000)] = 100


class AccountQuery(PageQuery):
    organisation: _Id | None = None


class KeyQuery(PageQuery):
    account: _Id | None = None


class ActionQuery(PageQuery):
    campaign: _Id | None = None


class EntryQuery(Query):
    after: Annotated[_Count, Field(ge=0)] | None = Field(None, description="`next` of the page before")
    limit: Annotated[_Count, Field(ge=1, le=1000)] = 100
