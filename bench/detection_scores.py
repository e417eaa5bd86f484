"""What decisions did, given the truth: who was hurt among the honest, and how much of each campaign got through.

Counts in, counts out, so that every row of a table, ours and each baseline's, is reckoned by the same few lines, and
the counts of several logs can be added up. Times are milliseconds since 1970. An action counts from when it was first
taken, even if it was lifted later, and a suspension that waits for a reviewer counts as one. Only accounts that asked
anything count: whoever never comes cannot be hurt, and would make every share of honest accounts look better.
"""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from bench.detection_truth import Asked
from stillhouse.errors import RecordError

__all__ = [
    "ACTIONS",
    "CampaignScore",
    "FirstActions",
    "HonestScore",
    "InnocentScore",
    "Scores",
    "first_actions",
    "score",
]

ACTIONS = ("observe", "slow", "strip", "verify", "suspend", "remove")
"""From the weakest to the strongest; `restore` undoes and is none."""

FirstActions = Mapping[str, Mapping[str, int]]
"""Account to action to when it was first taken."""

_SLOWED = frozenset(ACTIONS[ACTIONS.index("slow") :])
_SUSPENDED = frozenset(ACTIONS[ACTIONS.index("suspend") :])


@dataclass(slots=True)
class HonestScore:
    """Honest accounts of one kind: all, those that were ever slowed or worse, those ever suspended or removed."""

    accounts: int = 0
    slowed: int = 0
    suspended: int = 0


@dataclass(slots=True)
class CampaignScore:
    """Accounts of one campaign that asked: all, named by any action, slowed or worse, suspended or removed.

    `own` counts the exchanges that are the campaign's and not its cover, `let_through` those of them that came no later
    than the suspension of their account.
    """

    accounts: int = 0
    named: int = 0
    slowed: int = 0
    suspended: int = 0
    own: int = 0
    let_through: int = 0


@dataclass(slots=True)
class InnocentScore:
    """Innocent people who ask through an account that several share: all, and those who asked after it was slowed (or
    worse), or suspended: who were in fact held up, or refused.
    """

    people: int = 0
    slowed: int = 0
    refused: int = 0


@dataclass(frozen=True, slots=True)
class Scores:
    """Of one log: honest accounts by kind, campaigns by name, innocents by the kind of account that they ask through
    (`cover` where it is a campaign's).
    """

    honest: Mapping[str, HonestScore]
    campaigns: Mapping[str, CampaignScore]
    innocents: Mapping[str, InnocentScore]

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def of(cls, record: Mapping[str, Any]) -> "Scores":
        """From what `as_dict` gave."""
        return cls(
            {kind: HonestScore(**counts) for kind, counts in record["honest"].items()},
            {name: CampaignScore(**counts) for name, counts in record["campaigns"].items()},
            {kind: InnocentScore(**counts) for kind, counts in record["innocents"].items()},
        )


def first_actions(decisions: Iterable[tuple[Iterable[str], str, int]]) -> dict[str, dict[str, int]]:
    """From (accounts that it names, action, time) of each decision, in any order; a baseline's flag is a `suspend`.

    Raises RecordError for an action that is none.
    """
    found: dict[str, dict[str, int]] = {}
    for accounts, action, time in decisions:
        if action == "restore":
            continue
        if action not in ACTIONS:
            raise RecordError(
                f"action '{action}' of a decision is none of {', '.join(ACTIONS)}, restore; mend the file"
            )
        for account in accounts:
            times = found.setdefault(account, {})
            times[action] = min(time, times.get(action, time))
    return found


def score(labels: Iterable[Mapping[str, str | None]], actions: FirstActions, asked: Iterable[Asked]) -> Scores:
    """The counts of one log. `labels` have `account`, `role` (`honest` or `campaign`), `kind` and `campaign`; `asked`
    is every exchange of the log, read once in any order.

    An exchange at the very moment of a decision was answered: a decision follows from an exchange. Raises RecordError
    where an account acted or was acted on and has no label, or a label has no such role.
    """
    truth = {str(label["account"]): label for label in labels}
    slowed, suspended = _first_of(actions, _SLOWED), _first_of(actions, _SUSPENDED)
    honest: dict[str, HonestScore] = {}
    campaigns: dict[str, CampaignScore] = {}
    people: dict[tuple[str, str], tuple[bool, bool]] = {}
    seen: set[str] = set()
    if unlabelled := sorted(actions.keys() - truth.keys()):
        raise _unlabelled(unlabelled[0])
    for account, time, own, user in asked:
        if account not in seen:
            seen.add(account)
            if account not in truth:
                raise _unlabelled(account)
            _count(account, truth[account], honest, campaigns, actions, slowed, suspended)
        late_slowed = account in slowed and time > slowed[account]
        late_suspended = account in suspended and time > suspended[account]
        if own:
            campaign = campaigns[str(truth[account]["campaign"])]
            campaign.own += 1
            campaign.let_through += not late_suspended
        elif user is not None:
            through = str(truth[account]["kind"]) if truth[account]["role"] == "honest" else "cover"
            before = people.get((through, user), (False, False))
            people[through, user] = (before[0] or late_slowed, before[1] or late_suspended)
    innocents: dict[str, InnocentScore] = {}
    for (through, _), (was_slowed, was_refused) in people.items():
        of = innocents.setdefault(through, InnocentScore())
        of.people += 1
        of.slowed += was_slowed
        of.refused += was_refused
    return Scores(dict(sorted(honest.items())), dict(sorted(campaigns.items())), dict(sorted(innocents.items())))


def _count(
    account: str,
    label: Mapping[str, str | None],
    honest: dict[str, HonestScore],
    campaigns: dict[str, CampaignScore],
    actions: FirstActions,
    slowed: Mapping[str, int],
    suspended: Mapping[str, int],
) -> None:
    """Count an account that asks for the first time."""
    of: HonestScore | CampaignScore
    match label["role"]:
        case "honest":
            of = honest.setdefault(str(label["kind"]), HonestScore())
        case "campaign":
            of = campaigns.setdefault(str(label["campaign"]), CampaignScore())
            of.named += account in actions
        case role:
            raise RecordError(f"label of account {account}: role is {role!r}; it must be honest or campaign")
    of.accounts += 1
    of.slowed += account in slowed
    of.suspended += account in suspended


def _first_of(actions: FirstActions, counted: frozenset[str]) -> dict[str, int]:
    """When the first of the `counted` actions was taken, for accounts that it was taken on."""
    return {
        account: min(times[action] for action in counted & times.keys())
        for account, times in actions.items()
        if not counted.isdisjoint(times)
    }


def _unlabelled(account: str) -> RecordError:
    return RecordError(f"account {account} has no label; give the labels of this very log")
