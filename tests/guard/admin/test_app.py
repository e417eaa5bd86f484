"""Each operation over HTTP, and how each kind of fault is answered."""

import json
import logging
import sqlite3
import time
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from starlette.routing import Route
from starlette.testclient import TestClient

from stillhouse.guard.access.detected import Found, bring_about
from stillhouse.guard.access.directory import Directory, digest_of
from stillhouse.guard.admin.app import admin_app
from stillhouse.guard.ledger.proof import verify_proof
from stillhouse.guard.state.database import writing
from tests.guard.admin.conftest import Desk, DeskAt, customer
from tests.guard.conftest import OpenAt


def test_organisations(desk: Desk) -> None:
    made = desk.ask("POST", "/v1/organisations", {"id": "acme", "countries_deny": ["kp"]}, 201)
    assert made["countries_deny"] == ["KP"] and made["closed"] is False
    assert desk.ask("POST", "/v1/organisations", {"id": "acme", "countries_deny": ["KP"]}, 201) == made
    assert "there is one already" in desk.fault("POST", "/v1/organisations", {"id": "acme"}, 409)
    assert desk.ask("GET", "/v1/organisations/acme") == made
    changed = desk.ask("PATCH", "/v1/organisations/acme", {"plan": "pro", "countries_deny": []})
    assert changed == made | {"plan": "pro", "countries_deny": []}
    assert desk.ask("PATCH", "/v1/organisations/acme", {"plan": None})["plan"] is None
    assert desk.ask("POST", "/v1/organisations/acme/close")["closed"] is True
    desk.ask("POST", "/v1/organisations", {"id": "beta"}, 201)
    page = desk.ask("GET", "/v1/organisations?limit=1")
    assert [one["id"] for one in page["items"]] == ["acme"] and page["next"] == "acme"
    page = desk.ask("GET", "/v1/organisations?limit=2&after=acme")
    assert [one["id"] for one in page["items"]] == ["beta"] and page["next"] is None


def test_accounts(desk: Desk) -> None:
    desk.ask("POST", "/v1/organisations", {"id": "acme"}, 201)
    body = {"id": "alice", "organisation": "acme", "registration": {"payment": "card"}}
    made = desk.ask("POST", "/v1/accounts", body, 201)
    assert made == {"plan": None, "closed": False, **body}
    assert desk.ask("GET", "/v1/accounts/alice") == made
    assert desk.ask("PATCH", "/v1/accounts/alice", {"plan": "pro"}) == made | {"plan": "pro"}
    assert desk.ask("POST", "/v1/accounts/alice/close")["closed"] is True
    assert desk.ask("PATCH", "/v1/accounts/alice", {"closed": False})["closed"] is False
    assert [one["id"] for one in desk.ask("GET", "/v1/accounts?organisation=acme")["items"]] == ["alice"]
    assert desk.ask("GET", "/v1/accounts?organisation=beta") == {"items": [], "next": None}
    assert "there is no organisation 'no'" in desk.fault("POST", "/v1/accounts", {"id": "x", "organisation": "no"}, 404)


def test_keys_and_their_secrets(desk: Desk) -> None:
    customer(desk.state)
    made = desk.ask("POST", "/v1/keys", {"account": "alice", "id": "k", "ip_allow": ["::1"]}, 201)
    assert made["key"]["account"] == "alice" and made["key"]["ip_allow"] == ["::1"] and "digest" not in made["key"]
    seen = desk.directory.key(digest_of(made["secret"]))
    assert seen is not None and seen.id == "k", "this gateway has not seen its own change"
    rotated = desk.ask("POST", "/v1/keys/k/rotate", {"overlap_seconds": 60}, 201)
    assert rotated["secret"] != made["secret"] and rotated["key"]["ip_allow"] == ["::1"]
    assert desk.ask("GET", "/v1/keys/k")["expires"] == pytest.approx(time.time() + 60, abs=30)
    revoked = desk.ask("POST", "/v1/keys/k/revoke", {"reason": "leaked"})
    assert revoked["revoked"] is not None and desk.ask("POST", "/v1/keys/k/revoke") == revoked
    listed = desk.ask("GET", "/v1/keys?account=alice")["items"]
    assert {one["id"] for one in listed} == {"k", rotated["key"]["id"]}
    told = json.dumps([listed, desk.ask("GET", "/v1/ledger/entries?limit=1000"), desk.ask("GET", "/v1/status")])
    assert not [secret for secret in (made["secret"], rotated["secret"]) if secret in told]
    assert desk.fault("POST", "/v1/keys/k/rotate", {}, 409).startswith("key 'k' is revoked; create a new one")


def test_actions(desk: Desk) -> None:
    customer(desk.state)
    body = {"account": "alice", "action": "suspend", "reason": "much", "link": "https://example.com/appeal"}
    done = desk.ask("POST", "/v1/actions", body, stillhouse_actor="anna")
    assert done["stronger"] == [] and done["actions"][0]["action"] == "suspend"
    assert desk.directory.action("alice", time.time()) is not None
    done = desk.ask("POST", "/v1/actions", {"campaign": "c", "accounts": ["alice", "bob"], "action": "slow"})
    assert [one["account"] for one in done["actions"]] == ["bob"]
    assert [one["account"] for one in done["stronger"]] == ["alice"]
    assert [one["account"] for one in desk.ask("GET", "/v1/actions")["items"]] == ["alice", "bob"]
    assert [one["account"] for one in desk.ask("GET", "/v1/actions?campaign=c")["items"]] == ["bob"]
    page = desk.ask("GET", "/v1/actions?limit=1")
    assert page["next"] == "alice" and desk.ask("GET", "/v1/actions?after=alice")["items"][0]["account"] == "bob"
    assert [one["account"] for one in desk.ask("POST", "/v1/actions/restore", {"campaign": "c"})["ended"]] == ["bob"]
    assert [one["account"] for one in desk.ask("POST", "/v1/actions/restore", {"account": "alice"})["ended"]] == [
        "alice"
    ]
    assert desk.ask("POST", "/v1/actions/restore", {"account": "alice"}) == {"ended": []}
    assert desk.directory.action("alice", time.time()) is None
    actors = [
        one["actor"] for one in desk.ask("GET", "/v1/ledger/entries")["items"] if one["kind"].startswith("action")
    ]
    assert actors == ["anna", "admin", "admin", "admin", "admin"]


def test_a_word_on_an_action(desk: Desk) -> None:
    customer(desk.state)
    desk.ask("POST", "/v1/actions", {"account": "alice", "action": "suspend"})
    desk.ask("POST", "/v1/actions", {"campaign": "c", "accounts": ["alice", "bob"], "action": "slow"})
    body = {"account": "alice", "action": "suspend", "verdict": "approved", "reason": "as agreed"}
    done = desk.ask("POST", "/v1/actions/review", body, stillhouse_actor="anna")
    assert done["verdict"] == "approved" and [one["action"] for one in done["actions"]] == ["suspend"]
    assert desk.directory.action("alice", time.time()) is not None
    body = {"campaign": "c", "action": "slow", "verdict": "rejected", "reason": "an office"}
    replaced = desk.fault("POST", "/v1/actions/review", {**body, "action": "strip"}, 409)
    assert replaced.startswith("account 'bob' is under 'slow', not 'strip'")
    done = desk.ask("POST", "/v1/actions/review", body)
    assert done["verdict"] == "rejected" and [one["account"] for one in done["actions"]] == ["bob"]
    assert desk.directory.action("bob", time.time()) is None, "this gateway has not seen its own change"
    again = {"account": "bob", "action": "slow", "verdict": "rejected", "reason": "an office"}
    assert desk.fault("POST", "/v1/actions/review", again, 409).startswith("account 'bob': nothing is in force")
    assert desk.fault("POST", "/v1/actions/review", body, 404).startswith("campaign 'c': nothing is in force")
    approved, rejected, ended = desk.ask("GET", "/v1/ledger/entries")["items"][-3:]
    assert (approved["kind"], approved["actor"], approved["subject"]) == ("review", "anna", "alice")
    assert (rejected["kind"], rejected["actor"], rejected["subject"]) == ("review", "admin", "c")
    assert rejected["details"] == {
        "verdict": "rejected",
        "reason": "an office",
        "accounts": 1,
        "actions": {"slow": 1},
    }
    assert (ended["kind"], ended["subject"], ended["details"]["reason"]) == ("action.ended", "bob", "an office")


def test_what_detection_asks_a_person_for(desk: Desk) -> None:
    customer(desk.state)
    found = Found(["alice", "bob"], "c1", "suspend", waits=True, at=0.0, reason="a queue", because={"log_e": 7.5})
    bring_about(desk.state.registry, found)
    assert desk.ask("GET", "/v1/actions")["items"] == []
    page = desk.ask("GET", "/v1/actions/pending?limit=1")
    assert page["next"] == "alice" and page["items"][0]["because"] == {"log_e": 7.5}
    assert [one["account"] for one in desk.ask("GET", "/v1/actions/pending?after=alice&campaign=c1")["items"]] == [
        "bob"
    ]
    word = {"action": "suspend", "reason": "seen"}
    desk.ask("POST", "/v1/actions/review", {**word, "account": "bob", "verdict": "rejected"})
    desk.ask("POST", "/v1/actions/review", {**word, "campaign": "c1", "verdict": "approved"})
    assert desk.directory.action("bob", time.time()) is None
    assert desk.directory.action("alice", time.time()) is not None, "this gateway has not seen its own change"
    assert desk.ask("GET", "/v1/actions/pending") == {"items": [], "next": None}


@pytest.mark.parametrize(
    "body",
    [
        {"action": "slow"},
        {"action": "slow", "account": "alice", "campaign": "c", "accounts": ["bob"]},
        {"action": "slow", "account": "alice", "accounts": ["bob"]},
        {"action": "slow", "campaign": "c"},
    ],
)
def test_an_action_is_about_one_thing(calm: Desk, body: Any) -> None:
    assert calm.fault("POST", "/v1/actions", body) == "body: give either 'account', or 'campaign' with its 'accounts'"
    assert calm.fault("POST", "/v1/actions/restore", {}) == "body: give either 'account' or 'campaign'"
    word = {"action": "slow", "verdict": "approved", "reason": "x", "account": "alice", "campaign": "c"}
    assert calm.fault("POST", "/v1/actions/review", word) == "body: give either 'account' or 'campaign'"


def test_the_ledger(desk: Desk) -> None:
    assert "no checkpoint yet" in desk.fault("GET", "/v1/ledger/checkpoint", status=404)
    assert desk.ask("GET", "/v1/ledger/entries") == {"items": [], "next": None}
    customer(desk.state)
    first = desk.ask("GET", "/v1/ledger/entries?limit=2")
    assert [one["kind"] for one in first["items"]] == ["ledger.opened", "organisation.changed"] and first["next"] == 1
    rest = desk.ask("GET", "/v1/ledger/entries?after=1")
    assert [one["subject"] for one in rest["items"]] == ["alice", "bob"] and rest["next"] is None
    assert desk.ask("GET", "/v1/ledger/entries/2") == rest["items"][0]
    checkpoint = desk.ask("GET", "/v1/ledger/checkpoint")
    assert checkpoint["size"] == 4 and checkpoint["public_key"] == str(desk.state.ledger.verifier)
    proof = desk.ask("GET", "/v1/ledger/entries/2/proof")
    assert verify_proof(proof, desk.state.ledger.verifier, checkpoint=checkpoint["note"]) == []
    assert "bob" not in proof["body"]
    for sequence in ("4", "99999999999999999999", "-1", "x", "٣"):
        for tail in ("", "/proof"):
            assert "there is no entry" in desk.fault("GET", f"/v1/ledger/entries/{sequence}{tail}", status=404)


def test_status_and_reload(desk: Desk) -> None:
    customer(desk.state)
    desk.directory.refresh(desk.state.engine)
    status = desk.ask("GET", "/v1/status")
    assert 0 <= status.pop("directory_age_seconds") < 60
    assert status == {
        "running": 3,
        "directory_version": 3,
        "directory_failures": 0,
        "organisations": 1,
        "accounts": 2,
        "keys": 0,
        "actions": 0,
    }
    assert desk.ask("POST", "/v1/reload") == {"reloaded": True} and desk.process.reloads == 1
    desk.process.fault = "guard.yaml: unknown key 'lisen'"
    assert desk.fault("POST", "/v1/reload") == "guard.yaml: unknown key 'lisen'" and desk.process.reloads == 1


def test_before_the_directory_was_read_its_age_is_unknown(open_at: OpenAt) -> None:
    state = open_at()
    app = admin_app(state.registry, Directory(), state.ledger, None, lambda: None, dict)
    with TestClient(app, base_url="http://localhost") as client:
        assert client.get("/v1/status").json()["directory_age_seconds"] is None


@pytest.mark.parametrize(
    ("method", "path", "body", "line"),
    [
        (
            "POST",
            "/v1/organisations",
            {"id": "a", "plam": "pro"},
            "body: unknown key 'plam' (value 'pro'); did you mean",
        ),
        ("POST", "/v1/organisations", {}, "body: key 'id' is missing; add it"),
        ("POST", "/v1/organisations", {"id": "a/b"}, "body: 'id' is 'a/b'; string should match pattern"),
        ("POST", "/v1/organisations", {"id": 7}, "body: 'id' is 7; input should be a valid string"),
        (
            "POST",
            "/v1/organisations",
            {"id": "a", "closed": "no"},
            "body: 'closed' is 'no'; input should be a valid bool",
        ),
        (
            "POST",
            "/v1/organisations",
            {"id": "a", "models": "x"},
            "body: 'models' is 'x'; input should be a valid list",
        ),
        (
            "POST",
            "/v1/organisations",
            {"id": "a", "countries_deny": ["UK"]},
            "'UK' is no country code of ISO 3166-1; did",
        ),
        (
            "POST",
            "/v1/organisations",
            {"id": "a", "ip_allow": ["1.2.3"]},
            "ip_allow: '1.2.3' is no address and no range",
        ),
        ("POST", "/v1/organisations", [], "body: is a JSON list; give an object"),
        ("PATCH", "/v1/organisations/acme", {"id": "b"}, "body: unknown key 'id'"),
        (
            "PATCH",
            "/v1/accounts/alice",
            {"organisation": None},
            "account 'alice': 'organisation' is None; input should be",
        ),
        ("PATCH", "/v1/accounts/alice", {"plan": "gold"}, "guard.yaml has no plan 'gold'; known: default, pro"),
        (
            "POST",
            "/v1/keys",
            {"account": "alice", "expires": "2027"},
            "body: 'expires' is '2027'; give a number, without quotes",
        ),
        ("POST", "/v1/keys", {"account": "alice", "expires": 5}, "expires is 5, in the past"),
        (
            "POST",
            "/v1/actions",
            {"account": "alice", "action": "hang"},
            "body: 'action' is 'hang'; input should be 'observe'",
        ),
        (
            "POST",
            "/v1/actions/review",
            {"account": "alice", "action": "slow", "verdict": "pending", "reason": "x"},
            "body: 'verdict' is 'pending'; input should be 'approved' or 'rejected'",
        ),
        (
            "POST",
            "/v1/actions/review",
            {"account": "alice", "action": "slow", "verdict": "approved", "reason": ""},
            "body: 'reason' is ''; string should have at least 1 character",
        ),
        (
            "POST",
            "/v1/actions/review",
            {"account": "alice", "verdict": "approved", "reason": "x"},
            "body: key 'action' is missing; add it (what the person looked at",
        ),
        ("GET", "/v1/accounts?limt=5", None, "query: unknown key 'limt' (value '5'); did you mean 'limit'?"),
        ("GET", "/v1/accounts?limit=0", None, "query: 'limit' is '0'; input should be greater than or equal to 1"),
        ("GET", "/v1/accounts?limit=1.0", None, "query: 'limit' is '1.0'; input should be a valid integer"),
        ("GET", "/v1/accounts?limit=5&limit=6", None, "query: 'limit' is given twice; give it once"),
        ("GET", "/v1/accounts?after=%00", None, "query: 'after' is '\\x00'; string should match pattern"),
        ("GET", "/v1/status?verbose=1", None, "query: unknown key 'verbose'"),
    ],
)
def test_what_cannot_be_meant_is_one_line(calm: Desk, method: str, path: str, body: Any, line: str) -> None:
    version = calm.state.registry.version()
    assert line in calm.fault(method, path, body)
    assert calm.state.registry.version() == version


@pytest.mark.parametrize(
    "path", ["organisations/no", "accounts/no", "keys/no", "keys/sk-sh-secret", "accounts/%00", "accounts/é"]
)
def test_what_is_not_there(calm: Desk, path: str) -> None:
    message = calm.fault("GET", f"/v1/{path}", status=404)
    assert message.startswith("there is no ") and "secret" not in message.replace("not its secret", "")


def test_paths_and_methods(calm: Desk) -> None:
    assert calm.fault("GET", "/v1/nothing", status=404) == "there is no such path; /v1/openapi.json has them all"
    assert calm.fault("GET", "/", status=404)
    answer = calm.client.delete("/v1/organisations/acme")
    assert answer.status_code == 405 and set(answer.headers["allow"].split(", ")) == {"GET", "HEAD", "PATCH"}
    assert answer.json()["error"]["code"] == "method"
    assert calm.client.head("/v1/status").status_code == 200


def test_bodies_that_are_none(calm: Desk) -> None:
    def post(content: bytes, kind: str = "application/json") -> tuple[int, str]:
        answer = calm.client.post("/v1/organisations", content=content, headers={"content-type": kind})
        return answer.status_code, answer.json()["error"]["message"]

    assert post(b"{}", "text/plain") == (415, "send the body as content-type: application/json")
    assert post(b"")[0] == 400
    for bad in (b"{", b'{"id": NaN}', b'{"id": "\xff"}', b"[" * 5000, b'{"id": "\\ud800"}'):
        status, message = post(bad)
        assert status == 400 and message.startswith("the body is not JSON (")
    assert post(b"{}", "application/json; charset=utf-8") == (422, "body: key 'id' is missing; add it")
    assert post(b" " * (1 << 20) + b"{}") == (413, "the body is longer than 1,048,576 bytes; send it in parts")
    assert post(b" " * ((1 << 20) - 2) + b"{}")[0] == 422


@pytest.mark.parametrize("actor", ["", "a" * 129, "a\tb", " "])
def test_an_actor_that_is_no_name(calm: Desk, actor: str) -> None:
    message = calm.fault("POST", "/v1/organisations", {"id": "beta"}, 400, stillhouse_actor=actor)
    assert message == "the header stillhouse-actor is not a name of up to 128 ASCII characters"
    assert [one.id for one in calm.state.registry.organisations()] == ["acme"]


def test_a_database_that_does_not_answer(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    customer(desk.state)
    other = sqlite3.connect(tmp_path / "guard.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with desk.state.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA busy_timeout = 1")  # the pool hands out this connection again
    message = desk.fault("POST", "/v1/accounts/alice/close", status=503)
    assert message == "database: database is locked; another process has held it for long; end that one"
    other.close()
    assert [record.levelname for record in caplog.records if record.name == "stillhouse.guard"] == ["ERROR"]


def test_a_ledger_that_was_tampered_with(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    customer(desk.state)
    with writing(desk.state.engine) as connection:
        connection.execute(text("DELETE FROM ledger_entries WHERE sequence = 3"))
    assert "find out what happened" in desk.fault("POST", "/v1/accounts/alice/close", status=500)
    assert caplog.records[-1].levelname == "ERROR"


def test_a_fault_of_ours_shows_nothing_of_itself(open_at: OpenAt, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL)
    state = open_at()

    def status() -> dict[str, Any]:
        raise AssertionError("a secret detail")

    app = admin_app(state.registry, Directory(), state.ledger, None, lambda: None, status)
    with TestClient(app, base_url="http://127.0.0.1", raise_server_exceptions=False) as client:
        answer = client.get("/v1/status")
    assert answer.status_code == 500 and "secret" not in answer.text
    assert answer.json()["error"]["code"] == "internal"


def test_further_pages_are_behind_the_same_door(desk_at: DeskAt) -> None:
    from starlette.responses import PlainTextResponse

    desk = desk_at(token=b"t", routes=[Route("/metrics", lambda request: PlainTextResponse("up 1"))])
    assert desk.client.get("/metrics").status_code == 401
    assert desk.client.get("/metrics", headers={"authorization": "Bearer t"}).text == "up 1"


def test_all_of_it_on_postgres(desk_at: DeskAt, postgres_url: str) -> None:
    desk = desk_at(postgres_url)
    customer(desk.state)
    secret = desk.ask("POST", "/v1/keys", {"account": "alice", "id": "k"}, 201)["secret"]
    desk.ask("POST", "/v1/actions", {"campaign": "c", "accounts": ["alice", "bob"], "action": "verify"})
    desk.ask("POST", "/v1/keys/k/revoke", {})
    key = desk.directory.key(digest_of(secret))
    assert key is not None and key.revoked is not None
    assert len(desk.ask("GET", "/v1/actions?campaign=c")["items"]) == 2
    assert desk.ask("GET", "/v1/ledger/checkpoint")["size"] == 9
    assert verify_proof(desk.ask("GET", "/v1/ledger/entries/5/proof"), desk.state.ledger.verifier) == []
