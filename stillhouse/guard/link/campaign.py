"""A campaign: groups that were found to be no people, and the accounts that belong to it with the reasons."""

from dataclasses import dataclass, field

from stillhouse.guard.link.group import Group

__all__ = ["Campaign", "Link", "campaign_id"]


@dataclass(frozen=True, slots=True)
class Link:
    """One reason and the nats that it is worth; `token` is what is shared, if it is something shared."""

    label: str
    log_lr: float
    token: int | None = None


@dataclass(slots=True, eq=False)
class Campaign:
    """`members` maps indexes of accounts to the links that they belong by."""

    number: int
    groups: list[Group] = field(default_factory=list)
    members: dict[int, tuple[Link, ...]] = field(default_factory=dict)
    merged: list[int] = field(default_factory=list)
    """Numbers of campaigns that turned out to be this one."""

    @property
    def id(self) -> str:
        return campaign_id(self.number)

    def absorb(self, other: "Campaign") -> None:
        """Take over another campaign's groups and members."""
        self.groups += other.groups
        self.members = other.members | self.members
        self.merged += [other.number, *other.merged]


def campaign_id(number: int) -> str:
    return f"c{number:05d}"
