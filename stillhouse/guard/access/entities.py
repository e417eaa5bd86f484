"""Who asks: organisations, their accounts, the accounts' keys, and what is in force against an account.

They live in the database and change while gateways run; what they may do is written in plans, in guard.yaml. The
values are frozen, so a request that has begun goes on under the rules that it began with.
"""

from typing import Any, Literal, get_args

from pydantic import Field

from stillhouse.config import Settings

__all__ = ["ACTIONS", "VERDICTS", "Account", "Action", "ActionInForce", "Key", "Organisation", "Proposal", "Verdict"]

Action = Literal["observe", "slow", "strip", "verify", "suspend", "remove"]
# Mildest first. `restore` ends any of them and is not itself in force.
ACTIONS: tuple[Action, ...] = ("observe", "slow", "strip", "verify", "suspend", "remove")

Verdict = Literal["approved", "rejected"]  # a person's, on what is in force
VERDICTS: tuple[Verdict, ...] = get_args(Verdict)

_ID = r"^[A-Za-z0-9][A-Za-z0-9_.:@-]{0,127}$"


class Organisation(Settings):
    """Whoever signed the contract. Empty lists of permission mean no restriction; lists of denial win."""

    id: str = Field(pattern=_ID, description="its name in logs and commands")
    name: str = Field("", description="for people")
    plan: str | None = Field(None, description="the plan of accounts that name none; none is `default`")
    models: tuple[str, ...] = Field((), description="the only models that it may ask for")
    countries_allow: tuple[str, ...] = Field((), description="the only client countries, ISO 3166-1 alpha-2")
    countries_deny: tuple[str, ...] = Field((), description="client countries that are refused")
    ip_allow: tuple[str, ...] = Field((), description="the only client addresses or ranges; an IPv6 address is its /64")
    ip_deny: tuple[str, ...] = Field((), description="client addresses or ranges that are refused")
    closed: bool = Field(False, description="nothing of it is served")


class Account(Settings):
    """One customer of the organisation: what limits count and what decisions are about."""

    id: str = Field(pattern=_ID, description="its name in logs and commands")
    organisation: str = Field(pattern=_ID, description="the organisation that it belongs to")
    plan: str | None = Field(None, description="its plan; none is the organisation's")
    registration: dict[str, Any] = Field(
        default_factory=dict, description="`created`, `payment`, `email_domain`, `phone`, as in the exchange format"
    )
    closed: bool = Field(False, description="nothing of it is served")


class Key(Settings):
    """One secret of an account. The secret itself is shown once and never stored."""

    id: str = Field(pattern=_ID, description="its name in logs and commands")
    account: str = Field(pattern=_ID, description="the account that it belongs to")
    digest: bytes = Field(min_length=32, max_length=32, description="SHA-256 of the secret")
    hint: str = Field("", description="the secret's last characters, for people")
    created: float = Field(description="seconds since 1970")
    expires: float | None = Field(None, description="seconds since 1970; refused from then on")
    revoked: float | None = Field(None, description="seconds since 1970; refused from then on")
    ip_allow: tuple[str, ...] = Field((), description="the only client addresses or ranges")


class ActionInForce(Settings):
    """What a decision has set on an account. `campaign` names the group that the decision was about, if it was one."""

    account: str = Field(pattern=_ID)
    action: Action
    campaign: str | None = None
    reason: str = Field("", description="what the client is told, in words")
    since: float = Field(description="seconds since 1970")
    until: float | None = Field(None, description="seconds since 1970; over then by itself")
    link: str | None = Field(None, description="where a person verifies or appeals; none is the link of guard.yaml")


class Proposal(Settings):
    """What detection asks a person for: an action that is not in force. An account has one, the strongest."""

    account: str = Field(pattern=_ID)
    action: Action
    campaign: str | None = None
    reason: str = Field("", description="what the client would be told, in words")
    since: float = Field(description="seconds since 1970")
    because: dict[str, Any] = Field(default_factory=dict, description="the evidence")
