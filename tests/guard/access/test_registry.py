"""Changes of the directory: what they do, what they refuse, what the ledger is told, and what it is not."""

import logging
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import inspect, select, text

from stillhouse.errors import ConfigError, RecordError
from stillhouse.guard.access.directory import Directory, digest_of
from stillhouse.guard.access.entities import ACTIONS, Account, Organisation
from stillhouse.guard.access.faults import ConflictError, UnknownError
from stillhouse.guard.access.registry import Registry
from stillhouse.guard.access.secret import is_secret
from stillhouse.guard.ledger.entry import Entry
from stillhouse.guard.ledger.listing import list_entries
from stillhouse.guard.ledger.verify import verify
from stillhouse.guard.state.database import writing
from stillhouse.guard.state.open import State, open_state
from stillhouse.guard.state.tables import accounts
from tests.guard.conftest import OpenAt, guard_settings

NOW = 1_000_000.0


@pytest.fixture
def state(open_at: OpenAt) -> State:
    """One organisation `acme` with the accounts `alice` and `bob`, at the time NOW."""
    opened = open_at(clock=lambda: NOW)
    opened.registry.create_organisation(Organisation(id="acme"))
    for name in ("alice", "bob"):
        opened.registry.create_account(Account(id=name, organisation="acme"))
    return opened


@pytest.fixture
def registry(state: State) -> Registry:
    return state.registry


def recorded(registry: Registry, kind: str | None = None) -> list[Entry]:
    return list_entries(registry.engine, kind=kind)


def unchanged(registry: Registry, call: Callable[[], object]) -> bool:
    """Whether a call left version and ledger alone."""
    before = registry.version(), len(recorded(registry))
    call()
    return (registry.version(), len(recorded(registry))) == before


def test_both_makes_of_database_do_the_same(postgres_url: str, open_at: OpenAt) -> None:
    def life(registry: Registry) -> list[Any]:
        registry.create_organisation(Organisation(id="acme", name="Ünïcode", countries_allow=("de",)))
        registry.change_organisation("acme", {"plan": "pro"})
        for name in ("alice", "bob", "Bob_1"):
            registry.create_account(Account(id=name, organisation="acme", registration={"note": "é\0"}))
        registry.change_account("bob", {"registration": {}})
        registry.create_key("alice", key_id="k")
        registry.rotate_key("k", overlap_seconds=60)
        registry.create_key("alice", key_id="k2", expires=NOW + 5)
        registry.revoke_key("k2", reason="lost")
        registry.set_action("alice", "slow", reason="%", until=NOW + 60)
        registry.set_campaign_action("c_1", ["alice", "bob"], "verify")
        registry.restore("bob")
        registry.set_campaign_action("c_2", ["Bob_1"], "strip")
        registry.restore_campaign("c_2")
        registry.set_campaign_action("c_3", ["bob", "Bob_1"], "slow")
        registry.review("bob", "rejected", seen="slow", reason="%")
        registry.review_campaign("c_3", "approved", seen="slow", reason="ü")
        keys = [(key.account, key.expires, key.revoked) for key in registry.keys(None)]
        entries = [(one.kind, one.actor, one.subject) for one in recorded(registry) if one.kind != "key.rotated"]
        everything = [registry.organisations(), registry.accounts(), registry.actions(), registry.actions("c_1")]
        return [registry.version(), sorted(map(repr, keys)), entries, sorted(map(repr, everything))]

    lives = [life(open_at(url, clock=lambda: NOW).registry) for url in ("sqlite:///guard.db", postgres_url)]
    assert lives[0] == lives[1] and lives[0][0] == 17


def test_organisations(registry: Registry) -> None:
    made = registry.create_organisation(
        Organisation(id="beta", name="Beta GmbH", plan="pro", models=("small",), countries_deny=("kp",)), actor="anna"
    )
    assert made.countries_deny == ("KP",)
    assert registry.organisation("beta") == made
    assert [one.id for one in registry.organisations()] == ["acme", "beta"]
    changed = registry.change_organisation("beta", {"plan": None, "ip_allow": ["10.0.0.0/8", "2001:db8::1"]})
    assert (changed.plan, changed.ip_allow, changed.models) == (None, ("10.0.0.0/8", "2001:db8::1"), ("small",))
    assert registry.close_organisation("beta").closed
    assert not registry.change_organisation("beta", {"closed": False}).closed
    entries = [(one.actor, one.subject, one.details) for one in recorded(registry, "organisation.changed")[1:]]
    values = {"plan": "pro", "models": ["small"], "countries_deny": ["KP"]}
    assert entries == [
        ("anna", "beta", {"change": "created", "values": values, "personal": ["name"]}),
        (
            "operator",
            "beta",
            {"change": "changed", "values": {"plan": None, "ip_allow": ["10.0.0.0/8", "2001:db8::1"]}},
        ),
        ("operator", "beta", {"change": "changed", "values": {"closed": True}}),
        ("operator", "beta", {"change": "changed", "values": {"closed": False}}),
    ]


def test_accounts(registry: Registry) -> None:
    made = Account(id="carol", organisation="acme", plan="pro", registration={"email_domain": "carol.example"})
    assert registry.create_account(made, actor="anna") == made == registry.account("carol")
    registry.create_organisation(Organisation(id="beta"))
    assert registry.change_account("carol", {"organisation": "beta"}).organisation == "beta"
    assert [one.id for one in registry.accounts("beta")] == ["carol"]
    assert [one.id for one in registry.accounts()] == ["alice", "bob", "carol"]
    assert registry.close_account("carol").closed
    entries = [one.details for one in recorded(registry, "account.changed")[2:]]
    assert entries == [
        {"change": "created", "values": {"organisation": "acme", "plan": "pro"}, "personal": ["registration"]},
        {"change": "changed", "values": {"organisation": "beta"}},
        {"change": "changed", "values": {"closed": True}},
    ]


def test_what_a_person_may_ask_to_have_erased_is_not_in_the_ledger(registry: Registry) -> None:
    registry.create_organisation(Organisation(id="o", name="Carol Miller"))
    registry.create_account(Account(id="c", organisation="o", registration={"email_domain": "carol-miller.example"}))
    registry.change_account("c", {"registration": {"phone": "+49 30 1234567"}})
    written = str([one.to_record() for one in recorded(registry)])
    assert not [word for word in ("Carol", "carol-miller", "1234567") if word in written]


@pytest.mark.parametrize(
    "again",
    [
        lambda r: r.create_organisation(Organisation(id="acme")),
        lambda r: r.create_account(Account(id="alice", organisation="acme")),
        lambda r: r.change_organisation("acme", {"name": "", "closed": False}),
        lambda r: r.change_account("alice", {}),
        lambda r: r.restore("alice"),
        lambda r: r.restore_campaign("nobody-knows-it"),
    ],
)
def test_what_is_so_already_changes_nothing(registry: Registry, again: Callable[[Registry], object]) -> None:
    assert unchanged(registry, lambda: again(registry))


def test_a_second_time_changes_nothing(registry: Registry) -> None:
    registry.close_account("bob")
    assert unchanged(registry, lambda: registry.close_account("bob"))
    registry.create_key("alice", key_id="k")
    revoked = registry.revoke_key("k")
    assert unchanged(registry, lambda: registry.revoke_key("k", reason="again"))
    assert registry.key("k") == revoked
    registry.set_action("alice", "slow", reason="much", until=NOW + 60)
    assert unchanged(registry, lambda: registry.set_action("alice", "slow", reason="much", until=NOW + 60))
    registry.set_campaign_action("c", ["bob"], "strip")
    assert unchanged(registry, lambda: registry.set_campaign_action("c", ["bob"], "strip"))


def word(text: str) -> Any:
    """One that the types would not let through."""
    return text


FAULTS: list[tuple[Callable[[Registry], object], type[ConfigError], str]] = [
    (
        lambda r: r.create_organisation(Organisation(id="acme", plan="pro")),
        ConflictError,
        "organisation 'acme': there is one already; change it, or take another name",
    ),
    (
        lambda r: r.create_account(Account(id="bob", organisation="acme", closed=True)),
        ConflictError,
        "account 'bob': there is",
    ),
    (
        lambda r: r.create_account(Account(id="x", organisation="no")),
        UnknownError,
        "there is no organisation 'no'; create",
    ),
    (lambda r: r.change_account("bob", {"organisation": "no"}), UnknownError, "there is no organisation 'no'"),
    (lambda r: r.change_account("no", {"plan": "pro"}), UnknownError, "there is no account 'no'; create it first"),
    (lambda r: r.close_organisation("no"), UnknownError, "there is no organisation 'no'"),
    (lambda r: r.organisation("no\0thing"), UnknownError, "there is no organisation of that name"),
    (lambda r: r.create_key("no"), UnknownError, "there is no account 'no'"),
    (lambda r: r.revoke_key("no"), UnknownError, "there is no key 'no'; give the name of a key, not its secret"),
    (lambda r: r.rotate_key("no"), UnknownError, "there is no key 'no'"),
    (lambda r: r.set_action("no", "slow"), UnknownError, "there is no account 'no'"),
    (lambda r: r.restore("no"), UnknownError, "there is no account 'no'"),
    (
        lambda r: r.set_campaign_action("c", ["alice", "no", "none"], "slow"),
        UnknownError,
        "campaign 'c': there is no account 'no' and 1 more; nothing was changed",
    ),
    (
        lambda r: r.set_campaign_action("c", [], "slow"),
        ConfigError,
        "campaign 'c': names no account; give at least one",
    ),
    (lambda r: r.set_campaign_action("c d", ["alice"], "slow"), ConfigError, "campaign: 'c d' cannot be a name; give"),
    (lambda r: r.review("no", "approved", seen="slow", reason="x"), UnknownError, "there is no account 'no'"),
    (
        lambda r: r.review("bob", "rejected", seen="slow", reason="x"),
        ConflictError,
        "account 'bob': nothing is in force to review; list the actions that are",
    ),
    (
        lambda r: r.review_campaign("c", "rejected", seen="slow", reason="x"),
        UnknownError,
        "campaign 'c': nothing is in force to review; list the actions that are",
    ),
    (
        lambda r: r.review("bob", word("maybe"), seen="slow", reason="x"),
        ConfigError,
        "account 'bob': 'maybe' is no verdict; give one of approved, rejected",
    ),
    (
        lambda r: r.review("bob", "approved", seen="slow", reason=" "),
        ConfigError,
        "account 'bob': reason is empty; say in one line why it is approved",
    ),
    (
        lambda r: r.review_campaign("c", "approved", seen="slow", reason="a\nb"),
        ConfigError,
        "campaign 'c': reason holds a line break",
    ),
    (
        lambda r: r.review_campaign("c d", "approved", seen="slow", reason="x"),
        ConfigError,
        "campaign: 'c d' cannot be a name; giv",
    ),
    (lambda r: r.change_account("bob", {"id": "rob"}), ConfigError, "account 'bob': its name cannot be changed"),
    (
        lambda r: r.change_account("bob", {"plam": "pro"}),
        ConfigError,
        "unknown key 'plam' (value 'pro'); did you mean 'plan'",
    ),
    (
        lambda r: r.change_account("bob", {"plan": "gold"}),
        ConfigError,
        "plan: guard.yaml has no plan 'gold'; known: default",
    ),
    (
        lambda r: r.create_organisation(Organisation(id="o", models=("smal",))),
        ConfigError,
        "organisation 'o': models: guard.yaml has no model 'smal'; known: small, large",
    ),
    (
        lambda r: r.create_organisation(Organisation(id="o", countries_allow=("UK",))),
        ConfigError,
        "organisation 'o': countries_allow: 'UK' is no country code of ISO 3166-1; did you mean GB?",
    ),
    (
        lambda r: r.change_organisation("acme", {"ip_deny": ["10.0.0.1/8"]}),
        ConfigError,
        "organisation 'acme': ip_deny: '10.0.0.1/8' is no address and no range; did you mean 10.0.0.0/8?",
    ),
    (lambda r: r.create_key("bob", ip_allow=["::x"]), ConfigError, "ip_allow: '::x' is no address and no range"),
    (lambda r: r.create_key("bob", key_id="sk sh"), ConfigError, "key: 'sk sh' cannot be a name"),
    (
        lambda r: r.create_key("bob", expires=NOW),
        ConfigError,
        "expires is 1000000, in the past; give seconds since 1970",
    ),
    (lambda r: r.create_key("bob", expires=float("nan")), ConfigError, "expires is nan"),
    (
        lambda r: r.create_organisation(Organisation(id="o", name="a\nb")),
        ConfigError,
        "name holds a line break or another",
    ),
    (
        lambda r: r.create_organisation(Organisation(id="o", name="\ud800")),
        ConfigError,
        "name holds half of a surrogate",
    ),
    (
        lambda r: r.change_account("bob", {"registration": {"created": 1784505600}}),
        ConfigError,
        "registration: created is 1784505600; it must be text",
    ),
    (
        lambda r: r.change_account("bob", {"registration": {"a": 2**60}}),
        ConfigError,
        "registration: .a is 1152921504606846976",
    ),
    (
        lambda r: r.change_account("bob", {"registration": {"a": "x" * 20_000}}),
        ConfigError,
        "takes 20,008 bytes; give at",
    ),
    (
        lambda r: r.set_action("bob", word("hang")),
        ConfigError,
        "account 'bob': 'hang' is no action; give one of observe, slow",
    ),
    (lambda r: r.set_action("bob", "slow", until=NOW - 1), ConfigError, "account 'bob': until is 999999, in the past"),
    (lambda r: r.set_action("bob", "slow", until=1e12), ConfigError, "until is 1000000000000, beyond the year 9999"),
    (
        lambda r: r.set_action("bob", "slow", link="javascript:x"),
        ConfigError,
        "link 'javascript:x' leads nowhere; give one",
    ),
    (
        lambda r: r.set_action("bob", "slow", reason="x" * 1001),
        ConfigError,
        "reason has 1,001 characters; at most 1,000",
    ),
    (
        lambda r: r.set_action("bob", "slow", because={"e": float("inf")}),
        ConfigError,
        "because: .e is inf, which is no JSON",
    ),
]


@pytest.fixture(scope="module")
def untouched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    """As `registry`, for tests that change nothing."""
    with open_state(
        guard_settings("sqlite:///guard.db"), tmp_path_factory.mktemp("untouched"), {}, clock=lambda: NOW
    ) as opened:
        opened.registry.create_organisation(Organisation(id="acme"))
        for name in ("alice", "bob"):
            opened.registry.create_account(Account(id=name, organisation="acme"))
        yield opened.registry


@pytest.mark.parametrize(("call", "kind", "line"), FAULTS, ids=[line[:40] for _, _, line in FAULTS])
def test_faults_are_one_line_and_change_nothing(
    untouched: Registry, call: Callable[[Any], object], kind: type[ConfigError], line: str
) -> None:
    registry = untouched
    before = registry.version(), len(recorded(registry))
    with pytest.raises(ConfigError) as caught:
        call(registry)
    assert line in str(caught.value) and "\n" not in str(caught.value)
    assert type(caught.value) is kind
    assert (registry.version(), len(recorded(registry))) == before


def test_a_plan_that_is_gone_from_the_config_keeps_nobody_from_being_closed(state: State) -> None:
    loose = Registry(state.engine, state.ledger, lambda: NOW)
    loose.create_organisation(Organisation(id="old", plan="gold", models=("ancient",)))
    loose.create_account(Account(id="o", organisation="old", plan="gold"))
    assert state.registry.close_account("o").closed
    assert state.registry.close_organisation("old").closed
    with pytest.raises(ConfigError, match=r"guard.yaml has no plan 'silver'"):
        state.registry.change_account("o", {"plan": "silver"})


def test_a_new_key(registry: Registry) -> None:
    made = registry.create_key("alice", expires=NOW + 60, ip_allow=["10.0.0.0/8"], actor="anna")
    key, secret = made
    assert is_secret(secret) and key.digest == digest_of(secret) and key.hint == secret[-4:]
    assert key == registry.key(key.id) == made.key
    assert (key.created, key.expires, key.revoked, key.ip_allow) == (NOW, NOW + 60, None, ("10.0.0.0/8",))
    assert registry.keys("alice") == [key] and registry.keys("bob") == []
    entry = recorded(registry, "key.created")[0]
    assert (entry.actor, entry.subject) == ("anna", key.id)
    assert entry.details == {"account": "alice", "expires": NOW + 60, "ip_allow": ["10.0.0.0/8"]}
    assert registry.create_key("alice", key_id="mine").key.id == "mine"
    with pytest.raises(
        ConflictError, match=r"^key 'mine': there is one already; take another name, or rotate that one$"
    ):
        registry.create_key("bob", key_id="mine")
    registry.close_account("bob")
    with pytest.raises(
        ConfigError, match=r"^account 'bob' is closed, so a key of it would not be served; open it first$"
    ):
        registry.create_key("bob")


def test_rotation_without_overlap_ends_the_old_one_now(registry: Registry) -> None:
    old = registry.create_key("alice", key_id="k", ip_allow=["::1"], expires=NOW + 500)
    new = registry.rotate_key("k")
    assert registry.key("k").revoked == NOW
    assert new.secret != old.secret and new.key.id != "k"
    assert (new.key.account, new.key.ip_allow, new.key.expires) == ("alice", ("::1",), NOW + 500)
    entry = recorded(registry, "key.rotated")[0]
    assert (entry.subject, entry.details["replaced_by"], entry.details["overlap_seconds"]) == ("k", new.key.id, 0)
    with pytest.raises(ConfigError, match=r"^key 'k' is revoked; create a new one for account 'alice' instead$"):
        registry.rotate_key("k")


def test_rotation_with_overlap_leaves_the_old_one_its_time(registry: Registry) -> None:
    for name, expires in (("a", None), ("b", NOW + 100)):
        registry.create_key("alice", key_id=name, expires=expires)
        new = registry.rotate_key(name, overlap_seconds=3600, expires=NOW + 7200)
        assert registry.key(name).expires == (NOW + 3600 if name == "a" else NOW + 100)
        assert registry.key(name).revoked is None and new.key.expires == NOW + 7200
    for overlap in (-1.0, float("nan"), 1e9):
        with pytest.raises(ConfigError, match=r"an overlap of .* s cannot be; give 0 to 31622400"):
            registry.rotate_key("a", overlap_seconds=overlap)


def test_an_expired_key_is_not_rotated(open_at: OpenAt) -> None:
    now = NOW
    registry = open_at(clock=lambda: now).registry
    registry.create_organisation(Organisation(id="acme"))
    registry.create_account(Account(id="alice", organisation="acme"))
    registry.create_key("alice", key_id="k", expires=NOW + 10)
    now = NOW + 10
    with pytest.raises(ConfigError, match=r"^key 'k' is expired; create a new one"):
        registry.rotate_key("k")


@pytest.mark.parametrize("action", ACTIONS)
def test_an_action_and_its_end(open_at: OpenAt, action: Any) -> None:
    registry = open_at(clock=lambda: NOW).registry
    registry.create_organisation(Organisation(id="acme"))
    registry.create_account(Account(id="alice", organisation="acme"))
    link, because = "https://example.com/appeal", {"e_value": 412.5, "evidence": ["ev-1"]}
    one = registry.set_action("alice", action, reason="much", until=NOW + 60, link=link, because=because, actor="anna")
    assert registry.actions() == [one] and (one.action, one.since, one.campaign) == (action, NOW, None)
    assert registry.restore("alice", reason="appeal", actor="ben") == one
    assert registry.actions() == []
    set_, ended = recorded(registry)[-2:]
    assert (set_.kind, set_.actor, set_.subject) == ("action", "anna", "alice")
    assert set_.details == {
        "action": action,
        "campaign": None,
        "reason": "much",
        "until": NOW + 60,
        "link": link,
        "before": None,
        "because": because,
    }
    assert (ended.kind, ended.actor, ended.subject) == ("action.ended", "ben", "alice")
    assert ended.details == {"action": action, "campaign": None, "since": NOW, "reason": "appeal"}


def test_a_new_action_replaces_the_old_one(registry: Registry) -> None:
    registry.set_action("alice", "suspend")
    registry.set_action("alice", "slow")
    assert [one.action for one in registry.actions()] == ["slow"]
    assert recorded(registry, "action")[-1].details["before"] == "suspend"


def test_an_action_whose_time_is_over_is_no_longer_there(open_at: OpenAt) -> None:
    now = NOW
    registry = open_at(clock=lambda: now).registry
    registry.create_organisation(Organisation(id="acme"))
    registry.create_account(Account(id="alice", organisation="acme"))
    registry.set_action("alice", "slow", until=NOW + 10)
    now = NOW + 10
    assert registry.actions() == []
    again = registry.set_action("alice", "slow", until=NOW + 20)
    assert again.since == now and recorded(registry, "action")[-1].details["before"] is None


def test_a_campaign(registry: Registry) -> None:
    registry.create_account(Account(id="carol", organisation="acme"))
    strong = registry.set_action("bob", "suspend")
    done = registry.set_campaign_action("wave_1", ["carol", "alice", "bob", "alice"], "slow", because={"p": 0.001})
    assert [one.account for one in done.actions] == ["alice", "carol"] and done.stronger == (strong,)
    assert [one.account for one in registry.actions("wave_1")] == ["alice", "carol"]
    assert len(registry.actions()) == 3
    whole, alice, carol = recorded(registry, "action")[-3:]
    assert (whole.subject, whole.details["accounts"], whole.details["stronger"]) == ("wave_1", 2, 1)
    assert whole.details["because"] == {"p": 0.001}
    assert [one.subject for one in (alice, carol)] == ["alice", "carol"] and "because" not in alice.details
    assert "carol" not in str(alice.to_record()), "an account's own entry shows the others"

    harder = registry.set_campaign_action("wave_1", ["alice", "carol", "bob"], "suspend")
    assert [one.action for one in harder.actions] == ["suspend"] * 3 and harder.stronger == ()
    milder = registry.set_campaign_action("wave_1", ["alice", "carol", "bob"], "strip")
    assert [one.action for one in milder.actions] == ["strip"] * 3, "a campaign's own action can be made milder"

    ended = registry.restore_campaign("wave_1", reason="an error", actor="ben")
    assert sorted(one.account for one in ended) == ["alice", "bob", "carol"] and registry.actions() == []


def test_a_word_on_what_an_account_is_under(registry: Registry) -> None:
    one = registry.set_action("alice", "suspend", reason="much")
    assert registry.review("alice", "approved", seen="suspend", reason="talked to them", actor="ben") == one
    version = registry.version()
    assert registry.review("alice", "approved", seen="suspend", reason="talked to them", actor="ben") == one
    assert registry.actions() == [one] and registry.version() == version
    assert registry.review("alice", "rejected", seen="suspend", reason="one client", actor="anna") == one
    assert registry.actions() == []
    *approved, rejected, ended = recorded(registry)[-4:]
    about = {"action": "suspend", "since": NOW, "campaign": None}
    word = {"verdict": "approved", "reason": "talked to them", **about}
    assert [(it.kind, it.actor, it.subject, it.details) for it in approved] == [("review", "ben", "alice", word)] * 2
    assert (rejected.kind, rejected.actor, rejected.subject) == ("review", "anna", "alice")
    assert rejected.details == {"verdict": "rejected", "reason": "one client", **about}
    assert (ended.kind, ended.actor, ended.subject) == ("action.ended", "anna", "alice")
    assert ended.details == {"reason": "one client", **about}


def test_a_word_on_a_campaign(registry: Registry) -> None:
    registry.create_account(Account(id="carol", organisation="acme"))
    registry.set_campaign_action("wave", ["alice", "bob", "carol"], "slow")
    other = registry.set_action("carol", "strip")
    under = registry.review_campaign("wave", "approved", seen="slow", reason="seen", actor="ben")
    assert sorted((one.account, one.action) for one in under) == [("alice", "slow"), ("bob", "slow")]
    assert len(registry.actions()) == 3
    approved = recorded(registry)[-1]
    assert (approved.kind, approved.actor, approved.subject) == ("review", "ben", "wave")
    counts = {"accounts": 2, "actions": {"slow": 2}}
    assert approved.details == {"verdict": "approved", "reason": "seen", **counts}
    assert "alice" not in str(approved.to_record()), "a campaign's entry names its accounts"

    assert registry.review_campaign("wave", "rejected", seen="slow", reason="an office", actor="anna") == under
    assert registry.actions() == [other], "another decision's action ended, or the campaign's did not"
    rejected, *ended = recorded(registry)[-3:]
    assert rejected.kind == "review" and rejected.subject == "wave"
    assert rejected.details == {"verdict": "rejected", "reason": "an office", **counts}
    assert {(one.kind, one.actor, one.details["reason"]) for one in ended} == {("action.ended", "anna", "an office")}
    assert sorted((one.subject, one.details["action"]) for one in ended) == [("alice", "slow"), ("bob", "slow")]


def test_a_word_on_one_action_does_nothing_to_another_that_came_in_its_place(registry: Registry) -> None:
    registry.set_action("alice", "slow")
    registry.set_action("alice", "suspend")

    def on_an_account() -> None:
        with pytest.raises(ConflictError, match=r"^account 'alice' is under 'suspend', not 'slow'; look at that"):
            registry.review("alice", "rejected", seen="slow", reason="x")

    assert unchanged(registry, on_an_account)
    registry.restore("alice")
    registry.set_campaign_action("wave", ["alice", "bob"], "slow")
    registry.set_campaign_action("wave", ["bob"], "strip")

    def on_a_campaign() -> None:
        with pytest.raises(ConflictError, match=r"^account 'bob' is under 'strip', not 'slow'; look at that"):
            registry.review_campaign("wave", "rejected", seen="slow", reason="x")

    assert unchanged(registry, on_a_campaign)


def test_one_account_of_a_campaign_can_be_rejected_alone(registry: Registry) -> None:
    registry.set_campaign_action("wave", ["alice", "bob"], "slow")
    registry.review("alice", "rejected", seen="slow", reason="a mistake")
    assert [one.account for one in registry.actions("wave")] == ["bob"]
    assert recorded(registry, "review")[0].details["campaign"] == "wave"
    registry.review_campaign("wave", "approved", seen="slow", reason="the rest is right")
    assert recorded(registry, "review")[1].details["accounts"] == 1


def test_what_is_over_by_itself_cannot_be_reviewed(open_at: OpenAt) -> None:
    now = NOW
    registry = open_at(clock=lambda: now).registry
    registry.create_organisation(Organisation(id="acme"))
    registry.create_account(Account(id="alice", organisation="acme"))
    registry.set_campaign_action("wave", ["alice"], "slow", until=NOW + 10)
    now = NOW + 10

    def refused() -> None:
        with pytest.raises(ConflictError, match=r"^account 'alice': nothing is in force to review"):
            registry.review("alice", "rejected", seen="slow", reason="x")
        with pytest.raises(UnknownError, match=r"^campaign 'wave': nothing is in force to review"):
            registry.review_campaign("wave", "rejected", seen="slow", reason="x")

    assert unchanged(registry, refused)


def test_names_of_campaigns_are_no_patterns(registry: Registry) -> None:
    registry.create_account(Account(id="carol", organisation="acme"))
    registry.set_campaign_action("A_B", ["carol"], "slow")
    registry.set_campaign_action("a_b", ["alice"], "slow")
    registry.set_campaign_action("aXb", ["bob"], "slow", reason='"campaign":"a_b"')
    assert [one.account for one in registry.actions("a_b")] == ["alice"]
    assert [one.account for one in registry.restore_campaign("a_b")] == ["alice"]
    assert [one.account for one in registry.actions()] == ["bob", "carol"]


def test_a_campaign_of_many(database_url: str, open_at: OpenAt, monkeypatch: pytest.MonkeyPatch) -> None:
    """More than go into one statement."""
    monkeypatch.setattr("stillhouse.guard.access.rows._CHUNK", 40)
    state = open_at(database_url)
    state.registry.create_organisation(Organisation(id="acme"))
    names = [f"a{number:04d}" for number in range(100)]
    with writing(state.engine) as connection:
        rows = [{"id": name, "organisation": "acme", "document": "{}", "version": 1} for name in names]
        connection.execute(accounts.insert(), rows)
    directory = Directory()
    directory.load(state.engine)
    version = state.registry.version()
    assert len(state.registry.set_campaign_action("c", names, "verify").actions) == 100
    assert state.registry.version() == version + 1
    directory.refresh(state.engine)
    assert all(directory.action(name, 0.0) for name in names)
    assert len(state.registry.restore_campaign("c")) == 100
    directory.refresh(state.engine)
    assert not any(directory.action(name, 0.0) for name in names)


def test_lists_come_in_pages(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stillhouse.guard.access.listing._PAGE", 2)
    for number in range(5):
        registry.create_account(Account(id=f"c{number}", organisation="acme"))
        registry.create_key("alice", key_id=f"k{number}")
        registry.set_action(f"c{number}", "slow")
    assert [one.id for one in registry.accounts()] == ["alice", "bob", "c0", "c1", "c2", "c3", "c4"]
    assert [one.id for one in registry.accounts(after="bob", limit=3)] == ["c0", "c1", "c2"]
    assert [one.id for one in registry.keys(after="k3", limit=9)] == ["k4"]
    assert [one.account for one in registry.actions(after="c0", limit=2)] == ["c1", "c2"]
    assert registry.organisations(limit=0) == [] and registry.organisations(after="acme") == []


def test_many_writers_lose_nothing(database_url: str, open_at: OpenAt, tmp_path: Path) -> None:
    """Eight threads on five engines, as several gateways have them; a reader looks on all the while."""
    first = open_at(database_url)
    first.registry.create_organisation(Organisation(id="acme"))
    states = [first, *(open_at(database_url) for _ in range(4))]
    reading, directory = True, Directory()
    directory.load(first.engine)

    def write(thread: int) -> None:
        registry = states[thread % len(states)].registry
        for number in range(3):
            name = f"a-{thread}-{number}"
            registry.create_account(Account(id=name, organisation="acme"))
            registry.create_key(name, key_id=f"k-{thread}-{number}")

    def read() -> None:
        while reading:
            directory.refresh(first.engine)

    with ThreadPoolExecutor(9) as pool:
        looking = pool.submit(read)
        for done in [pool.submit(write, thread) for thread in range(8)]:
            done.result()
        reading = False
        looking.result()
    directory.refresh(first.engine)
    assert directory.version == first.registry.version() == 49
    assert directory.counts["accounts"] == directory.counts["keys"] == 24
    versions: list[int] = []
    with first.engine.connect() as connection:
        for table in ("organisations", "accounts", "keys"):
            versions += connection.execute(text(f"SELECT version FROM {table}")).scalars()
    assert sorted(versions) == list(range(1, 50))
    assert len(recorded(first.registry)) == 50
    place = str(tmp_path / "guard.db") if database_url.startswith("sqlite") else database_url
    assert verify(place, public_key=first.ledger.verifier).holds


def test_no_change_without_its_entry(state: State, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the ledger refuses, nothing is in force: here its last entry was changed."""
    with writing(state.engine) as connection:
        connection.execute(text("UPDATE ledger_entries SET hash = previous WHERE sequence = 3"))
    version = state.registry.version()
    with pytest.raises(RecordError, match=r"nothing is appended; find out what happened"):
        state.registry.set_action("alice", "suspend")
    assert state.registry.version() == version and state.registry.actions() == []


def test_no_end_without_the_word_that_rejects(state: State) -> None:
    """Where the ledger refuses the word, the action stays in force: here its last entry was changed."""
    one = state.registry.set_action("alice", "suspend")
    with writing(state.engine) as connection:
        connection.execute(text("UPDATE ledger_entries SET hash = previous WHERE sequence = 4"))
    with pytest.raises(RecordError, match=r"nothing is appended; find out what happened"):
        state.registry.review("alice", "rejected", seen="suspend", reason="x")
    assert state.registry.actions() == [one]


def test_secrets_are_nowhere(
    database_url: str, open_at: OpenAt, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    state = open_at(database_url)
    registry, directory = state.registry, Directory()
    registry.create_organisation(Organisation(id="acme"))
    registry.create_account(Account(id="alice", organisation="acme"))
    first = registry.create_key("alice", key_id="k")
    second = registry.rotate_key("k", overlap_seconds=5)
    directory.load(state.engine)
    seen = [repr(one) for one in (first, second, registry, directory, state, directory.key(digest_of(first.secret)))]
    for call in (registry.key, registry.revoke_key, registry.rotate_key, registry.create_key, registry.account):
        with pytest.raises(UnknownError) as caught:
            call(first.secret)
        seen.append(str(caught.value))
    assert caplog.records, "nothing was logged, so nothing was looked at"
    seen += [record.getMessage() for record in caplog.records]
    with state.engine.connect() as connection:
        for table in inspect(state.engine).get_table_names():
            seen += [repr(row) for row in connection.execute(select(text("*")).select_from(text(table)))]
    if database_url.startswith("sqlite"):
        seen += [path.read_bytes().decode("latin-1") for path in tmp_path.iterdir()]
    for secret in (first.secret, second.secret):
        assert not [text for text in seen if secret in text or secret[6:49] in text]
        assert any(secret[-4:] in text for text in seen), "the hint should be there, so the search finds things"
