"""What decisions are worth, given the truth: who was hurt among the honest, and how much of each campaign got through.

Numbers in, numbers out, so that every row of a table, ours and each baseline's, is reckoned by the same few lines.
Times are milliseconds since 1970. An action counts from when it was first taken, even if it was lifted later. Only
accounts that asked anything count: whoever never comes cannot be hurt, and would make every share of honest accounts
look better.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from stillhouse.errors import RecordError
from stillhouse.stats import Interval, wilson

__all__ = [
    "ACTIONS",
    "CampaignScore",
    "Exchanges",
    "FirstActions",
    "HonestScore",
    "Scores",
    "count_exchanges",
    "first_actions",
    "score",
]

ACTIONS = ("observe", "slow", "strip", "verify", "suspend", "remove")
"""From the weakest to the strongest; `restore` undoes and is none."""

FirstActions = Mapping[str, Mapping[str, int]]
"""Account to action to when it was first taken."""

_ALL = "all"
_ACTED = frozenset(ACTIONS[ACTIONS.index("slow") :])
_SUSPENDED = frozenset(ACTIONS[ACTIONS.index("suspend") :])


@dataclass(slots=True)
class Exchanges:
    """Of one account: all, those that were its campaign's, and those of them not later than its suspension."""

    seen: int = 0
    own: int = 0
    let_through: int = 0


@dataclass(frozen=True, slots=True)
class HonestScore:
    """Shares of honest accounts of one kind, or of `all`; `high` of each is the upper end of Wilson's 95 % interval.

    `suspended` counts accounts that were suspended or removed, `slowed` those that were slowed or worse.
    """

    kind: str
    accounts: int
    suspended: Interval
    slowed: Interval


@dataclass(frozen=True, slots=True)
class CampaignScore:
    """`found`: any action, were it only `observe`, named one of its accounts. The rest are shares between 0 and 1.

    `acted` and `suspended` are of its accounts (slowed or worse; suspended or removed). `let_through` is of the
    campaign's own exchanges: those no later than the suspension of the account they came by. None where it has none.
    """

    campaign: str
    accounts: int
    found: bool
    acted: float
    suspended: float
    let_through: float | None


@dataclass(frozen=True, slots=True)
class Scores:
    """`honest` begins with `all`. Medians are over campaigns, None without any.

    `false_discoveries` is the share of honest accounts among those that were slowed or worse, None where none was.
    """

    honest: tuple[HonestScore, ...]
    campaigns: tuple[CampaignScore, ...]
    found: int
    median_acted: float | None
    median_suspended: float | None
    median_let_through: float | None
    false_discoveries: Interval | None


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


def count_exchanges(exchanges: Iterable[tuple[str, int, bool]], actions: FirstActions) -> dict[str, Exchanges]:
    """From (account, time, whether it is the campaign's own) of every exchange of the log, read once in any order.

    An exchange at the very moment of the suspension was answered: a suspension follows from an exchange.
    """
    until = {account: found for account, times in actions.items() if (found := _suspended(times)) is not None}
    counts: dict[str, Exchanges] = {}
    for account, time, own in exchanges:
        if account not in counts:
            counts[account] = Exchanges()
        count = counts[account]
        count.seen += 1
        if own:
            count.own += 1
            count.let_through += account not in until or time <= until[account]
    return counts


def score(
    labels: Iterable[Mapping[str, str | None]], actions: FirstActions, exchanges: Mapping[str, Exchanges]
) -> Scores:
    """The table of one log. `labels` have `account`, `role` (`honest` or `campaign`), `kind` and `campaign`.

    Raises RecordError where an account acted or was acted on and has no label, or a label has no such role.
    """
    honest: dict[str, list[str]] = {}
    campaigns: dict[str, list[str]] = {}
    labelled: set[str] = set()
    for label in labels:
        account = str(label["account"])
        labelled.add(account)
        if label["role"] not in ("honest", "campaign"):
            raise RecordError(f"label of account {account}: role is {label['role']!r}; it must be honest or campaign")
        if account in exchanges:
            of, name = (honest, label["kind"]) if label["role"] == "honest" else (campaigns, label["campaign"])
            of.setdefault(str(name), []).append(account)
    if unlabelled := sorted({*exchanges, *actions} - labelled):
        raise RecordError(f"account {unlabelled[0]} has no label; give the labels of this very log")
    acted = {account for account, times in actions.items() if not _ACTED.isdisjoint(times)}
    suspended = {account for account, times in actions.items() if _suspended(times) is not None}
    everyone = [account for accounts in honest.values() for account in accounts]
    rows = [(_ALL, everyone), *sorted(honest.items())] if everyone else []
    scored = tuple(
        _campaign(name, accounts, actions, acted, suspended, exchanges) for name, accounts in sorted(campaigns.items())
    )
    hit = acted & exchanges.keys()
    return Scores(
        honest=tuple(HonestScore(kind, len(of), _share(of, suspended), _share(of, acted)) for kind, of in rows),
        campaigns=scored,
        found=sum(one.found for one in scored),
        median_acted=_median([one.acted for one in scored]),
        median_suspended=_median([one.suspended for one in scored]),
        median_let_through=_median([one.let_through for one in scored if one.let_through is not None]),
        false_discoveries=wilson(len(hit.intersection(everyone)), len(hit)) if hit else None,
    )


def _suspended(times: Mapping[str, int]) -> int | None:
    return min((time for action, time in times.items() if action in _SUSPENDED), default=None)


def _share(accounts: Sequence[str], chosen: set[str]) -> Interval:
    return wilson(sum(account in chosen for account in accounts), len(accounts))


def _campaign(
    name: str,
    accounts: Sequence[str],
    actions: FirstActions,
    acted: set[str],
    suspended: set[str],
    exchanges: Mapping[str, Exchanges],
) -> CampaignScore:
    own = sum(exchanges[account].own for account in accounts)
    return CampaignScore(
        campaign=name,
        accounts=len(accounts),
        found=any(actions.get(account) for account in accounts),
        acted=_share(accounts, acted).value,
        suspended=_share(accounts, suspended).value,
        let_through=sum(exchanges[account].let_through for account in accounts) / own if own else None,
    )


def _median(values: Sequence[float]) -> float | None:
    return median(values) if values else None
