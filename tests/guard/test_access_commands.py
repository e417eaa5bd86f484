"""`stillhouse guard organisation|account|key|action ...` as users have them: what is printed, and faults."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner, Result

from stillhouse.cli.guard import guard_app
from stillhouse.cli.guard_lines import joined
from stillhouse.config import load
from stillhouse.guard.access.detected import Found, bring_about
from stillhouse.guard.access.directory import digest_of
from stillhouse.guard.access.registry import Registry
from stillhouse.guard.ledger.listing import list_entries
from stillhouse.guard.settings import GuardSettings
from stillhouse.guard.state.open import open_state
from tests.guard.conftest import guard_settings

Run = Callable[..., str]
EVIDENCE = {
    "time": "2026-07-20T19:14:49Z",
    "log_e": 12.34,
    "level": 1e-4,
    "because": ["9 of 10 requests [are] one queue", "two accounts share a template"],
}


class Guard:
    """A guard.yaml in a folder, and the commands on it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.config = folder / "guard.yaml"
        self.config.write_text(yaml.safe_dump(guard_settings("sqlite:///guard.db").model_dump(mode="json")))

    def result(self, line: str, *more: str, stdin: str | None = None) -> Result:
        words = [*line.split(), *more]
        words += [] if "--config" in words else ["--config", str(self.config)]
        return CliRunner(env={"SUDO_USER": "anna"}).invoke(guard_app, words, input=stdin)

    def run(self, line: str, *more: str, stdin: str | None = None) -> str:
        """Standard output of a command that must succeed."""
        result = self.result(line, *more, stdin=stdin)
        assert result.exit_code == 0, result.output
        return result.stdout

    def json(self, line: str, *more: str) -> Any:
        return json.loads(self.run(line, *more, "--json"))

    def fault(self, line: str, *more: str) -> str:
        """The one line of a command that must fail."""
        result = self.result(line, *more)
        assert result.exit_code == 2 and result.stdout == "", result.output
        assert result.stderr.startswith("stillhouse: ") and result.stderr.count("\n") == 1
        return result.stderr.removeprefix("stillhouse: ").rstrip()

    def look(self, at: Callable[[Registry], Any]) -> Any:
        with open_state(load(GuardSettings, self.config), self.folder, {}) as state:
            return at(state.registry)


@pytest.fixture
def guard(tmp_path: Path) -> Guard:
    return Guard(tmp_path)


def test_from_nothing_to_a_key(guard: Guard) -> None:
    assert guard.run("organisation create acme --plan pro", "--name", "Acme Ltd") == "acme  Acme Ltd  plan pro\n"
    assert guard.run("account create alice --organisation acme") == "alice  of acme\n"
    result = guard.result("key create alice --id k")
    secret = result.stdout.strip()
    assert result.stdout == f"{secret}\n" and secret.startswith("sk-sh-") and len(secret) == 55
    assert result.stderr == "key k of account alice: keep it now, it is not shown again\n"
    assert guard.look(lambda r: r.key("k").digest) == digest_of(secret)
    assert guard.result("key create alice --quiet").stderr == ""
    entries = guard.look(lambda r: [(one.kind, one.actor) for one in list_entries(r.engine)])
    assert entries[0] == ("ledger.opened", "ledger")
    assert entries[1:] == [(kind, "anna") for kind in ("organisation.changed", "account.changed", *["key.created"] * 2)]


def test_organisations(guard: Guard) -> None:
    assert guard.run("organisation list") == "no organisation yet\n"
    guard.run("organisation create acme --country-deny kp --country-deny RU --ip-allow 10.0.0.0/8 --model small")
    assert guard.json("organisation show acme") == {
        "id": "acme",
        "name": "",
        "plan": None,
        "models": ["small"],
        "countries_allow": [],
        "countries_deny": ["KP", "RU"],
        "ip_allow": ["10.0.0.0/8"],
        "ip_deny": [],
        "closed": False,
    }
    shown = guard.run("organisation change acme --plan pro --country-deny BY --clear ip_allow --clear models")
    assert [line.split(maxsplit=1) for line in shown.splitlines()] == [
        ["id", "acme"],
        ["name"],
        ["plan", "pro"],
        ["models"],
        ["countries_allow"],
        ["countries_deny", "BY"],
        ["ip_allow"],
        ["ip_deny"],
        ["closed", "False"],
    ]
    assert guard.run("organisation close acme") == "acme  plan pro  closed\n"
    assert guard.json("organisation change acme --reopen")["closed"] is False
    assert guard.run("organisation list") == "acme  plan pro\n"
    assert [one["id"] for one in guard.json("organisation list")] == ["acme"]


def test_accounts(guard: Guard) -> None:
    guard.run("organisation create acme")
    guard.run("organisation create beta")
    guard.run("account create alice --organisation acme --registration payment=card --registration email_domain=x.org")
    guard.run("account change alice --registration payment=invoice --plan pro --organisation beta")
    expected = {"payment": "invoice", "email_domain": "x.org"}
    assert guard.json("account show alice")["registration"] == expected
    assert guard.run("account list --organisation beta") == "alice  of beta  plan pro\n"
    assert guard.run("account list --organisation acme") == "no such account\n"
    assert guard.json("account change alice --clear registration --registration a=b=c")["registration"] == {"a": "b=c"}
    assert guard.json("account change alice --clear plan")["plan"] is None
    assert guard.run("account close alice") == "alice  of beta  closed\n"
    assert "closed" in guard.run("account show alice")


def customer(guard: Guard) -> None:
    guard.run("organisation create acme")
    for name in ("alice", "bob"):
        guard.run(f"account create {name} --organisation acme")


def test_keys(guard: Guard) -> None:
    customer(guard)
    guard.run("key create alice --id k --expires 90d --ip-allow ::1")
    key = guard.look(lambda r: r.key("k"))
    assert key.expires == pytest.approx(time.time() + 90 * 86_400, abs=60) and key.ip_allow == ("::1",)
    made = guard.json("key rotate k --overlap 24h --expires 2099-12-31T12:00Z")
    assert (
        made["key"]["expires"] == 4_102_401_600.0 and made["key"]["ip_allow"] == ["::1"] and "digest" not in made["key"]
    )
    assert guard.look(lambda r: r.key("k").expires) == pytest.approx(time.time() + 86_400, abs=60)
    assert guard.run("key revoke k --reason leaked").startswith("k  of alice  ends in ")
    listed = guard.run("key list --account alice")
    assert len(listed.splitlines()) == 2 and "revoked 20" in listed and "expires 2099-12-31T12:00:00Z" in listed
    assert made["secret"] not in listed + json.dumps(guard.json("key list"))
    assert guard.run("key list --account bob") == "no such key\n"


def test_actions(guard: Guard, tmp_path: Path) -> None:
    customer(guard)
    assert guard.run("action list") == "nothing is in force\n"
    line = guard.run("action set suspend alice --until 7d", "--reason", "much [bold]too[/bold] much", "--actor", "ben")
    assert line.startswith("alice  suspend  since ") and line.endswith("  much [bold]too[/bold] much\n")
    (tmp_path / "more.txt").write_text("bob\n\n")
    result = guard.result(f"action set slow alice --campaign wave-1 --accounts-from {tmp_path}/more.txt")
    assert result.stderr == "under a stronger action of another decision: 1 account(s), left as they are\n"
    assert result.stdout.startswith("bob  slow  since ") and "campaign wave-1" in result.stdout
    assert "bob  slow" in guard.run("action set slow --campaign wave-2 --accounts-from -", stdin="bob\n")
    assert [one["account"] for one in guard.json("action list")] == ["alice", "bob"]
    assert guard.json("action list --campaign wave-1") == []
    assert guard.run("action restore --campaign wave-2") == "bob  slow ended\n"
    assert guard.run("action restore alice --reason appeal") == "alice  suspend ended\n"
    assert guard.run("action restore alice") == "nothing was in force\n"


def test_a_name_stays_in_its_line() -> None:
    assert joined("alice\nbob", "", None, "slow\r") == "alice\\nbob  slow\\r"


def test_a_word_on_an_action(guard: Guard) -> None:
    customer(guard)
    guard.run("action set suspend alice")
    guard.run("action set slow --campaign wave alice bob")
    look = "action review alice --action suspend --verdict approved --reason"
    assert guard.run(look, "as agreed", "--actor", "ben") == "alice  suspend approved\n"
    assert [one["action"] for one in guard.json(look, "as agreed")] == ["suspend"]
    reject = "--verdict rejected --reason no"
    fault = guard.fault(f"action review --campaign wave --action strip {reject}")
    assert "account 'bob' is under 'slow', not 'strip'" in fault
    ended = guard.run(f"action review --campaign wave --action slow {reject}")
    assert ended == "bob  slow rejected and ended\n"
    assert [one["account"] for one in guard.json("action list")] == ["alice"]
    fault = guard.fault(f"action review alice --action slow {reject}")
    assert "account 'alice' is under 'suspend', not 'slow'" in fault
    ended = guard.run(f"action review alice --action suspend {reject}")
    assert ended == "alice  suspend rejected and ended\n"
    assert guard.run("action list") == "nothing is in force\n"
    entries = guard.look(lambda r: [one for one in list_entries(r.engine)][-6:])
    assert [(one.kind, one.actor, one.subject, one.details["reason"]) for one in entries] == [
        ("review", "ben", "alice", "as agreed"),
        ("review", "anna", "alice", "as agreed"),
        ("review", "anna", "wave", "no"),
        ("action.ended", "anna", "bob", "no"),
        ("review", "anna", "alice", "no"),
        ("action.ended", "anna", "alice", "no"),
    ]


def test_what_detection_asks_a_person_for(guard: Guard) -> None:
    customer(guard)
    assert guard.run("action pending") == "nothing waits for a person\n"
    found = Found(["alice", "bob"], "c1", "suspend", waits=True, at=0.0, reason="a queue", because=EVIDENCE)
    alone = Found(["alice"], None, "verify", waits=True, at=0.0, reason="odd", because={"log_e": 7.5})
    guard.look(lambda registry: bring_about(registry, alone))
    assert guard.run("action pending").endswith("  odd\n    evidence: ln e 7.50\n")
    guard.look(lambda registry: bring_about(registry, found))
    first, second, *evidence = guard.run("action pending --campaign c1").splitlines()
    assert first.startswith("alice  suspend  since ") and second.endswith("  campaign c1  a queue")
    assert evidence == [
        "    evidence: 2026-07-20T19:14:49Z, ln e 12.34, needed 9.21 (level 0.0001)",
        "      9 of 10 requests [are] one queue",
        "      two accounts share a template",
    ]
    assert guard.json("action pending")[0]["because"] == EVIDENCE
    assert guard.run("action list") == "nothing is in force\n"
    for who in ("alice", "--campaign c1"):
        fault = guard.fault(f"action review {who} --action slow --verdict approved --reason x")
        assert fault.endswith(": 'suspend' waits for a person, not 'slow'; look at that, and review it")
        fault = guard.fault(f"action restore {who}")
        assert ": nothing is in force to end, and 'suspend' waits for a person; reject that with " in fault
    assert len(guard.json("action pending")) == 2
    word = "--action suspend --reason seen"
    assert guard.run(f"action review bob {word} --verdict rejected") == "bob  suspend rejected and ended\n"
    assert guard.run(f"action review --campaign c1 {word} --verdict approved") == "alice  suspend approved\n"
    assert [one["account"] for one in guard.json("action list")] == ["alice"]


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("organisation show no", "there is no organisation 'no'; create it first"),
        ("organisation create a/b", "organisation 'a/b': 'id' is 'a/b'; string should match pattern"),
        (
            "organisation create acme --plan pro",
            "organisation 'acme': there is one already; change it, or take another",
        ),
        (
            "organisation create o --plan gold",
            "organisation 'o': plan: guard.yaml has no plan 'gold'; known: default, pro",
        ),
        ("organisation create o --country-deny UK", "'UK' is no country code of ISO 3166-1; did you mean GB?"),
        (
            "organisation create o --ip-deny 10.0.0.1/8",
            "ip_deny: '10.0.0.1/8' is no address and no range; did you mean",
        ),
        ("organisation change acme", "nothing is to be changed; give at least one option"),
        ("organisation change acme --clear id", "--clear: 'id' cannot be cleared; give one of name, plan, models"),
        ("account create x --organisation no", "there is no organisation 'no'; create it first"),
        ("account create x --organisation acme --registration y", "--registration: 'y' is no KEY=VALUE; give one like"),
        ("key create no", "there is no account 'no'; create it first"),
        (
            "key create alice --expires tomorrow",
            "--expires: 'tomorrow' is no time; give one like 90d, 12h or 2027-01-31T",
        ),
        (
            "key create alice --expires 90y",
            "--expires: '90y' is no length of time; give one like 90s, 30m, 12h, 7d or 2w",
        ),
        ("key create alice --expires 2020-01-01", "expires is 1577836800, in the past; give seconds since 1970, now 1"),
        ("key rotate no", "there is no key 'no'; give the name of a key, not its secret"),
        ("key revoke sk-sh-abc", "there is no key of that name; give the name of a key, not its secret"),
        ("action set hang alice", "'hang' is no action; give one of observe, slow, strip, verify, suspend, remove"),
        ("action set slow alice bob", "2 accounts are named; name one, or give --campaign NAME for several"),
        ("action set slow", "0 accounts are named; name one, or give --campaign NAME for several"),
        ("action set slow --campaign c", "campaign 'c': names no account; give at least one"),
        ("action set slow no", "there is no account 'no'; create it first"),
        (
            "action set slow --campaign c --accounts-from /no",
            "--accounts-from: /no cannot be read ([Errno 2] No such file",
        ),
        ("action restore", "name either an account, or a campaign with --campaign"),
        (
            "action review --action slow --verdict approved --reason x",
            "name either an account, or a campaign with --campaign",
        ),
        (
            "action review alice --action hang --verdict approved --reason x",
            "'hang' is no action; give one of observe, slow",
        ),
        (
            "action review alice --action slow --verdict maybe --reason x",
            "--verdict: 'maybe' is no verdict; give one of approved, re",
        ),
        (
            "action review alice --action slow --verdict approved --reason=",
            "account 'alice': reason is empty; say in one line why it",
        ),
        (
            "action review alice --action slow --verdict approved --reason x",
            "account 'alice': nothing is in force to review; list the",
        ),
        ("action list --config /no/guard.yaml", "/no/guard.yaml: no such config file; give the path of a YAML file"),
    ],
)
def test_faults_are_one_line_and_exit_2(untouched: Guard, line: str, fault: str) -> None:
    assert fault in untouched.fault(line)


@pytest.fixture(scope="module")
def untouched(tmp_path_factory: pytest.TempPathFactory) -> Guard:
    """A guard with the two accounts of `customer`, for commands that change nothing."""
    guard = Guard(tmp_path_factory.mktemp("untouched"))
    customer(guard)
    return guard


def test_a_database_that_cannot_be_used_is_one_line(guard: Guard) -> None:
    guard.folder.joinpath("guard.db").write_text("no database\n" * 400)
    assert "guard.db: file is not a database; give a SQLite file, or a name" in guard.fault("account list")


@pytest.mark.parametrize(
    "line", ["action list", "action pending", "action restore alice", "organisation list", "account list", "key list"]
)
def test_quiet_says_nothing_of_a_fault_elsewhere_in_the_config(untouched: Guard, line: str) -> None:
    settings = yaml.safe_load(untouched.config.read_text())
    config = untouched.folder / "odd.yaml"
    config.write_text(yaml.safe_dump({**settings, "wombat": 1}))
    told, quiet = (untouched.result(f"{line} --config {config}", *more) for more in ((), ("--quiet",)))
    said = " ".join(told.stderr.split())
    assert "unknown key 'wombat'" in said and said.endswith("; going on with its sections state and ledger")
    assert (quiet.exit_code, quiet.stderr, quiet.stdout) == (0, "", told.stdout)


def test_a_fault_of_the_database_in_use_is_one_line(guard: Guard, monkeypatch: pytest.MonkeyPatch) -> None:
    customer(guard)
    guard.look(lambda r: _drop(r, "keys"))
    assert guard.fault("key list").endswith("guard.db: no such table: keys")


def _drop(registry: Registry, table: str) -> None:
    with registry.engine.begin() as connection:
        connection.exec_driver_sql(f"DROP TABLE {table}")


def test_who_did_it_is_who_is_logged_in_also_behind_sudo(guard: Guard) -> None:
    runner = CliRunner(env={"SUDO_USER": "carol"})
    words = ["organisation", "create", "acme", "--config", str(guard.config)]
    assert runner.invoke(guard_app, words).exit_code == 0
    assert guard.look(lambda r: list_entries(r.engine)[-1].actor) == "carol"
    assert "--actor holds a line break" in guard.fault("organisation create o --actor", "a\nb")
