"""`stillhouse guard action ...`: what is in force against accounts."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from stillhouse.cli.common import Json, Quiet, console_for, print_result
from stillhouse.cli.guard_evidence import with_evidence
from stillhouse.cli.guard_lines import joined, print_all, record
from stillhouse.cli.guard_options import CONFIG, Actor, Config, Reason, Texts, option
from stillhouse.cli.guard_registry import actor_name, open_registry
from stillhouse.cli.guard_times import moment, shown
from stillhouse.errors import ConfigError

if TYPE_CHECKING:
    from stillhouse.guard.access.entities import ActionInForce, Proposal

__all__ = ["list_", "pending", "restore", "review", "set_"]

_Account = Annotated[str | None, typer.Argument(metavar="[ACCOUNT]", help="Whom it is about.")]
_Campaign = Annotated[str | None, option("--campaign", "Every account that is under this one.")]
_Until = Annotated[str | None, option("--until", "When it ends: 7d, 12h, or a time like 2027-01-31T12:00Z.")]


def set_(
    action: Annotated[str, typer.Argument(help="observe, slow, strip, verify, suspend or remove.")],
    accounts: Annotated[Texts, typer.Argument(metavar="[ACCOUNT]...", help="Whom it is about.")] = None,
    campaign: Annotated[
        str | None, option("--campaign", "A name for all of these accounts, for one decision about them.")
    ] = None,
    accounts_from: Annotated[
        Path | None, option("--accounts-from", "A file with further accounts, one a line; - is standard input.")
    ] = None,
    reason: Reason = "",
    until: _Until = None,
    link: Annotated[str | None, option("--link", "Where a person verifies or appeals.")] = None,
    config: Config = CONFIG,
    actor: Actor = None,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Put an account, or a campaign of accounts, under an action."""
    with open_registry(config, quiet) as registry:
        about = [*(accounts or []), *([] if accounts_from is None else _lines(accounts_from))]
        named, end = _action(action), moment(until, "--until")
        if campaign is None:
            if len(about) != 1:
                raise ConfigError(f"{len(about)} accounts are named; name one, or give --campaign NAME for several")
            one = registry.set_action(about[0], named, reason=reason, until=end, link=link, actor=actor_name(actor))
            print_all([one], as_json, _line, "")
            return
        done = registry.set_campaign_action(
            campaign, about, named, reason=reason, until=end, link=link, actor=actor_name(actor)
        )
        if done.stronger:
            console_for(quiet).print(
                f"under a stronger action of another decision: {len(done.stronger):,} account(s), left as they are",
                markup=False,
            )
        print_all(done.actions, as_json, _line, "every account is under a stronger action")


def list_(
    campaign: Annotated[str | None, option("--campaign", "Only accounts of this one.")] = None,
    config: Config = CONFIG,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """List what is in force on accounts."""
    with open_registry(config, quiet) as registry:
        print_all(registry.actions(campaign), as_json, _line, "nothing is in force")


def pending(
    campaign: Annotated[str | None, option("--campaign", "Only accounts of this one.")] = None,
    config: Config = CONFIG,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """List what detection asks a person for, with the evidence: none is in force until `review` approves it."""
    with open_registry(config, quiet) as registry:
        waiting = registry.proposals(campaign)
        text = with_evidence(waiting, _line) or "nothing waits for a person"
        print_result([record(one) for one in waiting], as_json, text)


def restore(
    account: _Account = None,
    campaign: _Campaign = None,
    reason: Reason = "",
    config: Config = CONFIG,
    actor: Actor = None,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """End what an account, or every account of a campaign, is under."""
    with open_registry(config, quiet) as registry:
        _check_one_of(account, campaign)
        if campaign is not None:
            ended = registry.restore_campaign(campaign, reason=reason, actor=actor_name(actor))
        else:
            assert account is not None
            one = registry.restore(account, reason=reason, actor=actor_name(actor))
            ended = [] if one is None else [one]
        print_all(ended, as_json, lambda was: joined(was.account, f"{was.action} ended"), "nothing was in force")


def review(
    action: Annotated[str, typer.Option("--action", help="What you looked at: another in force is left as it is.")],
    verdict: Annotated[str, typer.Option("--verdict", help="approved, or rejected, which ends what is in force.")],
    reason: Annotated[str, typer.Option("--reason", help="Why, for the ledger.")],
    account: _Account = None,
    campaign: _Campaign = None,
    config: Config = CONFIG,
    actor: Actor = None,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Record a person's word on what is in force, or waits for one.

    A rejection ends it; an approval puts in force what waits.
    """
    with open_registry(config, quiet) as registry:
        _check_one_of(account, campaign)
        word = _verdict(verdict)
        how: dict[str, Any] = {"seen": _action(action), "reason": reason, "actor": actor_name(actor)}
        if campaign is not None:
            reviewed = registry.review_campaign(campaign, word, **how)
        else:
            assert account is not None
            reviewed = [registry.review(account, word, **how)]
        after = " and ended" if word == "rejected" else ""
        print_all(reviewed, as_json, lambda was: joined(was.account, f"{was.action} {word}{after}"), "")


def _action(text: str) -> Any:
    from stillhouse.guard.access.entities import ACTIONS

    if text not in ACTIONS:
        raise ConfigError(f"'{text}' is no action; give one of {', '.join(ACTIONS)}")
    return text


def _verdict(text: str) -> Any:
    from stillhouse.guard.access.entities import VERDICTS

    if text not in VERDICTS:
        raise ConfigError(f"--verdict: '{text}' is no verdict; give one of {', '.join(VERDICTS)}")
    return text


def _lines(path: Path) -> list[str]:
    try:
        text = sys.stdin.read() if str(path) == "-" else path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"--accounts-from: {path} cannot be read ({error}); give a text file") from None
    return [line.strip() for line in text.splitlines() if line.strip()]


def _check_one_of(account: str | None, campaign: str | None) -> None:
    if (account is None) == (campaign is None):
        raise ConfigError("name either an account, or a campaign with --campaign")


def _line(value: "ActionInForce | Proposal") -> str:
    until = getattr(value, "until", None)
    end = until and f"until {shown(until)}"
    campaign = value.campaign and f"campaign {value.campaign}"
    return joined(value.account, value.action, f"since {shown(value.since)}", end, campaign, value.reason)
