"""Every change of the directory: one transaction with the rows, their version, and the entry in the ledger.

So nothing is in force that the ledger does not know, and the other way round. The transaction holds the ledger from
its start (`Ledger.transaction`), then the row of the version, always in this order: writers wait for one another and
cannot deadlock, and what they read is what the last one left.
"""

import secrets
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Engine, select

from stillhouse.errors import ConfigError
from stillhouse.guard.access.checks import (
    changed,
    check_account,
    check_action,
    check_because,
    check_key,
    check_name,
    check_organisation,
    check_review,
    check_text,
)
from stillhouse.guard.access.directory import digest_of
from stillhouse.guard.access.entities import (
    ACTIONS,
    Account,
    Action,
    ActionInForce,
    Key,
    Organisation,
    Proposal,
    Verdict,
)
from stillhouse.guard.access.events import (
    account_reviewed,
    campaign_reviewed,
    campaign_set,
    changed_event,
    key_created,
    key_revoked,
    key_rotated,
)
from stillhouse.guard.access.existing import (
    check_existing_accounts,
    check_open_account,
    existing_account,
    existing_key,
    existing_organisation,
)
from stillhouse.guard.access.faults import ConflictError, UnknownError
from stillhouse.guard.access.in_force import confirm, end_actions, in_force, review_proposals, set_actions
from stillhouse.guard.access.listing import (
    account_in,
    campaign_in,
    key_in,
    list_accounts,
    list_actions,
    list_keys,
    list_organisations,
    list_proposals,
    organisation_in,
    proposed_in,
)
from stillhouse.guard.access.rows import (
    LastWord,
    actions_in,
    change_key,
    insert_key,
    next_version,
    proposals_in,
    put,
)
from stillhouse.guard.access.secret import new_secret
from stillhouse.guard.access.spoken import check_none_waits, check_seen, check_waits_seen
from stillhouse.guard.ledger.entry import Event
from stillhouse.guard.ledger.store import Ledger
from stillhouse.guard.settings import GuardSettings
from stillhouse.guard.state.tables import directory_version

__all__ = ["OPERATOR", "CampaignAction", "NewKey", "Registry"]

OPERATOR = "operator"
_HINT = 4
_LONGEST_OVERLAP = 366 * 86_400


@dataclass(frozen=True)
class NewKey:
    """A key and its secret, which nothing else in this house knows: show it once. Unpacks as (key, secret)."""

    key: Key
    secret: str = field(repr=False)

    def __iter__(self) -> Iterator[Any]:
        return iter((self.key, self.secret))


@dataclass(frozen=True)
class CampaignAction:
    """What an action on a campaign came to: `stronger` are accounts that stay under a stronger action of another."""

    campaign: str
    actions: tuple[ActionInForce, ...]
    stronger: tuple[ActionInForce, ...]


class Registry:
    """Writes organisations, accounts, keys and actions; each call is one transaction, and safe from any thread.

    `clock` gives seconds since 1970, `random` that many bytes fit for keys, `settings` the guard.yaml in which plans
    and models are looked up (a gateway that reads it again puts another function there); None leaves them unchecked.
    `actor` is who does it, for the ledger.

    ConfigError (UnknownError, ConflictError) for what cannot be meant; RecordError where the ledger was tampered with;
    SQLAlchemy's errors where the database refuses. Nothing is changed then. A call that finds what it would bring about
    changes nothing and records nothing, so it can be tried again after a lost answer; `create_key` and `rotate_key`
    cannot, and every review is recorded.
    """

    def __init__(
        self,
        engine: Engine,
        ledger: Ledger,
        clock: Callable[[], float] = time.time,
        random: Callable[[int], bytes] = secrets.token_bytes,
        settings: Callable[[], GuardSettings] | None = None,
    ) -> None:
        self.engine = engine
        self.ledger = ledger
        self.clock = clock
        self._random = random
        self.settings = settings

    def version(self) -> int:
        """The version of the last change: a gateway whose directory has it has seen everything up to now."""
        with self.engine.connect() as connection:
            return int(connection.execute(select(directory_version.c.value)).scalar_one())

    def organisation(self, id: str) -> Organisation:
        """The one of this name; UnknownError, here and below, where there is none."""
        with self.engine.connect() as connection:
            return existing_organisation(connection, id)

    def account(self, id: str) -> Account:
        with self.engine.connect() as connection:
            return existing_account(connection, id)

    def key(self, id: str) -> Key:
        with self.engine.connect() as connection:
            return existing_key(connection, id)

    def organisations(self, *, after: str | None = None, limit: int | None = None) -> list[Organisation]:
        """In the order of their names, from the one behind `after` on; likewise the others."""
        return list_organisations(self.engine, after=after, limit=limit)

    def accounts(
        self, organisation: str | None = None, *, after: str | None = None, limit: int | None = None
    ) -> list[Account]:
        return list_accounts(self.engine, organisation=organisation, after=after, limit=limit)

    def keys(self, account: str | None = None, *, after: str | None = None, limit: int | None = None) -> list[Key]:
        """Revoked and expired ones too."""
        return list_keys(self.engine, account=account, after=after, limit=limit)

    def actions(
        self, campaign: str | None = None, *, after: str | None = None, limit: int | None = None
    ) -> list[ActionInForce]:
        """What is in force now, in the order of the accounts' names."""
        return list_actions(self.engine, self.clock(), campaign=campaign, after=after, limit=limit)

    def proposals(
        self, campaign: str | None = None, *, after: str | None = None, limit: int | None = None
    ) -> list[Proposal]:
        """What detection asks a person for, in the order of the accounts' names; `review` answers."""
        return list_proposals(self.engine, campaign=campaign, after=after, limit=limit)

    def create_organisation(self, organisation: Organisation, *, actor: str = OPERATOR) -> Organisation:
        new = check_organisation(organisation, None, self._known())
        with self.ledger.transaction() as connection:
            before = organisation_in(connection, new.id)
            if before is not None and before != new:
                raise ConflictError(f"organisation '{new.id}': there is one already; change it, or take another name")
            if before is None:
                self._put(connection, None, new, actor)
        return new

    def change_organisation(self, id: str, changes: Mapping[str, Any], *, actor: str = OPERATOR) -> Organisation:
        """Replace fields of an organisation; `closed` false opens it again."""
        with self.ledger.transaction() as connection:
            before = existing_organisation(connection, id)
            new = check_organisation(changed(before, changes, f"organisation '{id}'"), before, self._known())
            if new != before:
                self._put(connection, before, new, actor)
        return new

    def close_organisation(self, id: str, *, actor: str = OPERATOR) -> Organisation:
        """Nothing of it is served from now on; its accounts and keys stay as they are."""
        return self.change_organisation(id, {"closed": True}, actor=actor)

    def create_account(self, account: Account, *, actor: str = OPERATOR) -> Account:
        check_account(account, None, self._known())
        with self.ledger.transaction() as connection:
            before = account_in(connection, account.id)
            if before is not None and before != account:
                raise ConflictError(f"account '{account.id}': there is one already; change it, or take another name")
            if before is None:
                existing_organisation(connection, account.organisation)
                self._put(connection, None, account, actor)
        return account

    def change_account(self, id: str, changes: Mapping[str, Any], *, actor: str = OPERATOR) -> Account:
        """Replace fields of an account, `registration` as a whole; `closed` false opens it again."""
        with self.ledger.transaction() as connection:
            before = existing_account(connection, id)
            new = changed(before, changes, f"account '{id}'")
            check_account(new, before, self._known())
            if new != before:
                existing_organisation(connection, new.organisation)
                self._put(connection, before, new, actor)
        return new

    def close_account(self, id: str, *, actor: str = OPERATOR) -> Account:
        """Nothing of it is served from now on; its keys stay as they are."""
        return self.change_account(id, {"closed": True}, actor=actor)

    def create_key(
        self,
        account: str,
        *,
        key_id: str | None = None,
        expires: float | None = None,
        ip_allow: Sequence[str] = (),
        actor: str = OPERATOR,
    ) -> NewKey:
        """A new key of an account; `expires` in seconds since 1970."""
        if key_id is not None:
            check_name(key_id, "key")
        with self.ledger.transaction() as connection:
            check_open_account(connection, account)
            new = self._new_key(account, key_id, expires, ip_allow)
            if key_in(connection, new.key.id) is not None:
                raise ConflictError(f"key '{new.key.id}': there is one already; take another name, or rotate that one")
            insert_key(connection, new.key, next_version(connection))
            self.ledger.extend_in(connection, [key_created(new.key, actor)])
        return new

    def rotate_key(
        self, id: str, *, overlap_seconds: float = 0.0, expires: float | None = None, actor: str = OPERATOR
    ) -> NewKey:
        """A new key in the place of key `id`, which stays valid for the overlap, and is revoked where there is none.

        The new one has a name of its own, the same addresses, and expires when the old one would have, unless
        `expires` says otherwise.
        """
        if not 0 <= overlap_seconds <= _LONGEST_OVERLAP:
            raise ConfigError(f"key '{id}': an overlap of {overlap_seconds} s cannot be; give 0 to {_LONGEST_OVERLAP}")
        with self.ledger.transaction() as connection:
            old, now = existing_key(connection, id), self.clock()
            if old.revoked is not None or (old.expires is not None and old.expires <= now):
                state = "expired" if old.revoked is None else "revoked"
                raise ConflictError(f"key '{id}' is {state}; create a new one for account '{old.account}' instead")
            check_open_account(connection, old.account)
            new = self._new_key(old.account, None, old.expires if expires is None else expires, old.ip_allow)
            end = min(now + overlap_seconds, old.expires or now + overlap_seconds)
            ended = old.model_copy(update={"expires": end} if overlap_seconds else {"revoked": now})
            version = next_version(connection)
            insert_key(connection, new.key, version)
            change_key(connection, ended, version)
            self.ledger.extend_in(connection, [key_rotated(old, new.key, overlap_seconds, actor)])
        return new

    def revoke_key(self, id: str, *, reason: str = "", actor: str = OPERATOR) -> Key:
        """Refused from now on, everywhere as soon as gateways have seen it. There is no way back."""
        check_text(reason, f"key '{id}': reason")
        with self.ledger.transaction() as connection:
            old = existing_key(connection, id)
            if old.revoked is not None:
                return old
            new = old.model_copy(update={"revoked": self.clock()})
            change_key(connection, new, next_version(connection))
            self.ledger.extend_in(connection, [key_revoked(new, reason, actor)])
        return new

    def set_action(
        self,
        account: str,
        action: Action,
        *,
        reason: str = "",
        until: float | None = None,
        link: str | None = None,
        because: Mapping[str, Any] | None = None,
        actor: str = OPERATOR,
    ) -> ActionInForce:
        """Put an account under an action, in the place of whatever it is under; `reason` is what the client is told.

        `until` is in seconds since 1970, None until it is restored. `because` is the evidence, for the ledger.
        """
        place, now = f"account '{account}'", self.clock()
        check_action(action, reason=reason, until=until, link=link, now=now, place=place)
        check_because(because, place)
        with self.ledger.transaction() as connection:
            existing_account(connection, account)
            before = in_force(actions_in(connection, [account]), now)
            new = ActionInForce(account=account, action=action, reason=reason, since=now, until=until, link=link)
            old = before.get(account)
            if old is not None and _same(old, new):
                return old
            set_actions(connection, self.ledger, [new], before, LastWord(actor, now), because=because)
        return new

    def set_campaign_action(
        self,
        campaign: str,
        accounts: Iterable[str],
        action: Action,
        *,
        reason: str = "",
        until: float | None = None,
        link: str | None = None,
        because: Mapping[str, Any] | None = None,
        actor: str = OPERATOR,
    ) -> CampaignAction:
        """Put a named set of accounts under an action; called again with others, these come to it.

        An account that another decision holds under a stronger action stays there. The ledger gets one entry about the
        campaign, with the evidence, and one about each account, so that each can be proved without showing the others.
        """
        place, now, wanted = f"campaign '{campaign}'", self.clock(), sorted(set(accounts))
        check_name(campaign, "campaign")
        check_action(action, reason=reason, until=until, link=link, now=now, place=place)
        check_because(because, place)
        if not wanted:
            raise ConfigError(f"{place}: names no account; give at least one")
        with self.ledger.transaction() as connection:
            check_existing_accounts(connection, wanted, place)
            before = in_force(actions_in(connection, wanted), now)
            new: list[ActionInForce] = []
            settled: list[ActionInForce] = []
            stronger: list[ActionInForce] = []
            for account in wanted:
                old = before.get(account)
                one = ActionInForce(
                    account=account, action=action, campaign=campaign, reason=reason, since=now, until=until, link=link
                )
                if old is None or not (_outweighs(old, one) or _same(old, one)):
                    new.append(one)
                else:
                    (stronger if _outweighs(old, one) else settled).append(old)
            if new:
                word = campaign_set(campaign, action, reason, len(new), len(stronger), actor, because)
                set_actions(connection, self.ledger, new, before, LastWord(actor, now), words=[word])
        return CampaignAction(campaign, tuple([*settled, *new]), tuple(stronger))

    def restore(self, account: str, *, reason: str = "", actor: str = OPERATOR) -> ActionInForce | None:
        """End what an account is under, and say what that was: None where it was nothing.

        An earlier action, which this one had replaced, does not come back. ConflictError where it is under nothing and
        an action waits for a person, who has to reject that by `review`.
        """
        check_text(reason, f"account '{account}': reason")
        with self.ledger.transaction() as connection:
            existing_account(connection, account)
            before = list(actions_in(connection, [account]).values())
            if not before:
                check_none_waits(f"account '{account}'", proposals_in(connection, [account]).values())
            end_actions(connection, self.ledger, before, self._said(actor), reason)
        return before[0] if before else None

    def restore_campaign(self, campaign: str, *, reason: str = "", actor: str = OPERATOR) -> list[ActionInForce]:
        """End the campaign's action on every account that is under it, and say what ended.

        ConflictError as `restore` where it is none, and something waits.
        """
        check_name(campaign, "campaign")
        check_text(reason, f"campaign '{campaign}': reason")
        with self.ledger.transaction() as connection:
            before = campaign_in(connection, campaign)
            if not before:
                check_none_waits(f"campaign '{campaign}'", proposed_in(connection, campaign))
            end_actions(connection, self.ledger, before, self._said(actor), reason)
        return before

    def review(
        self, account: str, verdict: Verdict, *, seen: Action, reason: str, actor: str = OPERATOR
    ) -> ActionInForce:
        """Record a person's word on what an account is under, and say what that is; `rejected` ends it as `restore`.

        Where `seen` waits for a person about the account, the word is about that: `approved` puts it in force.
        ConflictError where it is not under `seen`, the action that the person looked at, or under none, so also after a
        rejection. An approval that was given before is recorded again, also of the same actor: each is a person's word.
        """
        check_review(verdict, reason, f"account '{account}'")
        with self.ledger.transaction() as connection:
            existing_account(connection, account)
            asked = proposals_in(connection, [account]).values()
            waiting = [one for one in asked if one.action == seen]
            if waiting:
                said = self._said(actor)
                return review_proposals(connection, self.ledger, waiting, None, verdict, said, reason)[0]
            one = in_force(actions_in(connection, [account]), self.clock()).get(account)
            if one is None:
                check_waits_seen(f"account '{account}'", asked, seen)
                raise ConflictError(f"account '{account}': nothing is in force to review; list the actions that are")
            check_seen([one], seen)
            self._review(connection, [one], account_reviewed(one, verdict, reason, actor))
        return one

    def review_campaign(
        self, campaign: str, verdict: Verdict, *, seen: Action, reason: str, actor: str = OPERATOR
    ) -> list[ActionInForce]:
        """`review` of every account that is under a campaign, in one entry; UnknownError where none is.

        Where `seen` waits for a person about some of its accounts, the word is about those alone.
        ConflictError where one of them is under another action than `seen`: nothing is recorded or ended then.
        """
        check_name(campaign, "campaign")
        check_review(verdict, reason, f"campaign '{campaign}'")
        with self.ledger.transaction() as connection:
            asked = proposed_in(connection, campaign)
            waiting = [one for one in asked if one.action == seen]
            if waiting:
                said = self._said(actor)
                return review_proposals(connection, self.ledger, waiting, campaign, verdict, said, reason)
            under = {one.account: one for one in campaign_in(connection, campaign)}
            reviewed = list(in_force(under, self.clock()).values())
            if not reviewed:
                check_waits_seen(f"campaign '{campaign}'", asked, seen)
                raise UnknownError(f"campaign '{campaign}': nothing is in force to review; list the actions that are")
            check_seen(reviewed, seen)
            self._review(connection, reviewed, campaign_reviewed(campaign, reviewed, verdict, reason, actor))
        return reviewed

    def _known(self) -> GuardSettings | None:
        return None if self.settings is None else self.settings()

    def _put(
        self,
        connection: Connection,
        before: Organisation | Account | None,
        new: Organisation | Account,
        actor: str,
    ) -> None:
        put(connection, new, next_version(connection), new=before is None)
        self.ledger.extend_in(connection, [changed_event(before, new, actor)])

    def _new_key(self, account: str, id: str | None, expires: float | None, ip_allow: Sequence[str]) -> NewKey:
        id, now = id or f"key-{self._random(8).hex()}", self.clock()
        check_key(id, expires, ip_allow, now)
        secret = new_secret(self._random)
        digest, hint = digest_of(secret), secret[-_HINT:]
        key = Key(
            id=id,
            account=account,
            digest=digest,
            hint=hint,
            created=now,
            expires=expires,
            ip_allow=tuple(ip_allow),
        )
        return NewKey(key, secret)

    def _review(self, connection: Connection, reviewed: Sequence[ActionInForce], word: Event) -> None:
        """What a person has rejected may not stay in force, so it ends in the same transaction."""
        said = self._said(word.actor)
        if word.details["verdict"] == "rejected":
            end_actions(connection, self.ledger, reviewed, said, word.details["reason"], [word])
        else:
            confirm(connection, self.ledger, reviewed, said, word)

    def _said(self, actor: str) -> LastWord:
        return LastWord(actor, self.clock())


def _outweighs(old: ActionInForce, new: ActionInForce) -> bool:
    stronger = ACTIONS.index(old.action) > ACTIONS.index(new.action)
    return stronger and old.campaign != new.campaign


def _same(old: ActionInForce, new: ActionInForce) -> bool:
    return old.model_copy(update={"since": new.since}) == new
