"""`stillhouse guard ledger ...`: what it prints, how it ends, what it uses by default."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import typer
from sqlalchemy import Engine, create_engine
from typer.testing import CliRunner, Result

from stillhouse.cli.guard_ledger import check_proof, prove, show, verify
from stillhouse.guard.ledger.signing_key import write_public_key
from stillhouse.guard.ledger.store import Ledger
from stillhouse.guard.state.tables import metadata

app = typer.Typer()
for one in (verify, prove, check_proof, show):
    app.command()(one)


def run(*words: str | Path) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words], catch_exceptions=False)


def fault(*words: str | Path) -> str:
    """The one line of a mistake of the user."""
    done = run(*words)
    assert done.exit_code == 2 and done.stdout == "" and done.stderr.count("\n") == 1, done.output
    return done.stderr


@pytest.fixture
def filled(ledger: Ledger, engine: Engine, tmp_path: Path) -> Path:
    """A database with its key and checkpoint kept elsewhere (`kept.pub`, `kept.checkpoint`)."""
    for number in range(1, 5):
        ledger.append("action", actor="guard", subject=f"account-{number}", details={"level": "slow"})
    ledger.append("review", actor="ann", subject="account-1")
    engine.dispose()
    write_public_key(tmp_path / "kept.pub", ledger.verifier)
    return tmp_path / "guard.db"


def test_verify_says_what_it_read_and_what_it_cannot_show(filled: Path, tmp_path: Path) -> None:
    done = run("verify", filled)
    assert done.exit_code == 0
    lines = done.stdout.splitlines()
    assert lines[0] == f"{filled}: 6 entries, 1 checkpoints: holds"
    assert [line[:40] for line in lines[3:]] == [
        "not shown: signatures were checked with ",
        "not shown: no checkpoint was given: an o",
        "not shown: whoever has the private key c",
    ]
    words: list[str | Path] = [
        "verify",
        filled,
        "--public-key",
        tmp_path / "kept.pub",
        "--checkpoint",
        tmp_path / "kept.checkpoint",
    ]
    report = json.loads(run(*words, "--json", "--quiet").stdout)
    assert (report["holds"], report["entries"], report["kept"], report["faults"]) == (True, 6, 6, [])
    assert len(report["limits"]) == 1


def test_key_and_checkpoint_beside_the_database_are_used_and_named(filled: Path, tmp_path: Path) -> None:
    shutil.copy(tmp_path / "kept.pub", f"{filled}.pub")
    shutil.copy(tmp_path / "kept.checkpoint", f"{filled}.checkpoint")
    report: dict[str, Any] = json.loads(run("verify", filled, "--json").stdout)
    assert (report["key_given"], report["kept"]) == (True, 6)
    assert report["limits"][0].startswith(f"{filled}.pub lies beside the database")
    assert report["limits"][1].startswith(f"{filled}.checkpoint lies beside the database")


def test_a_changed_ledger_ends_with_1(filled: Path) -> None:
    engine = create_engine(f"sqlite:///{filled}")
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE ledger_entries SET previous = zeroblob(32) WHERE sequence = 2")
    engine.dispose()
    done = run("verify", filled)
    assert done.exit_code == 1
    assert done.stdout.splitlines()[:2] == [
        "entry 2: does not follow the entry before it (column previous)",
        f"{filled}: 6 entries, 1 checkpoints: does NOT hold, 1 fault",
    ]


def test_a_proof_goes_from_hand_to_hand(filled: Path, tmp_path: Path) -> None:
    proof, key = tmp_path / "proof.json", tmp_path / "kept.pub"
    assert run("prove", filled, "3", "--out", proof).exit_code == 0
    assert json.loads(run("prove", filled, "3").stdout) == json.loads(proof.read_text(encoding="utf-8"))
    kept = tmp_path / "kept.checkpoint"
    done = run("check-proof", proof, "--public-key", key, "--checkpoint", kept)
    assert done.exit_code == 0
    assert done.stdout.splitlines()[0] == ('3  2026-09-21T14:13:20.250Z  action  guard  account-3  {"level": "slow"}')
    entry = json.loads(run("check-proof", proof, "--public-key", key, "--json").stdout)["entry"]
    assert (entry["sequence"], entry["subject"]) == (3, "account-3")
    proof.write_text(proof.read_text(encoding="utf-8").replace("account-3", "account-4"), encoding="utf-8")
    done = run("check-proof", proof, "--public-key", key)
    assert done.exit_code == 1
    assert done.stdout == f"{proof}: its path does not lead from the entry to the root over 6 entries\n"
    assert run("prove", filled, "3", "--checkpoint", kept).exit_code == 0


def test_show_prints_a_line_an_entry(filled: Path) -> None:
    lines = run("show", filled).stdout.splitlines()
    assert len(lines) == 6 and lines[5] == "5  2026-09-21T14:13:20.250Z  review  ann  account-1  {}"
    shown = json.loads(run("show", filled, "--subject", "account-1", "--last", "1", "--json").stdout)
    assert [entry["kind"] for entry in shown] == ["review"]
    assert run("show", filled, "--kind", "key.revoked").stdout == "no such entry\n"


def test_mistakes_are_one_line(filled: Path, tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text("{", encoding="utf-8")
    key = tmp_path / "kept.pub"
    assert "absent.db: no such database" in fault("verify", tmp_path / "absent.db")
    assert "kept.checkpoint: not an Ed25519 key" in fault(
        "verify", filled, "--public-key", tmp_path / "kept.checkpoint"
    )
    assert "the checkpoint given: not a signed note" in fault("verify", filled, "--checkpoint", key)
    assert "nothing: no checkpoint can be read there" in fault("verify", filled, "--checkpoint", tmp_path / "nothing")
    assert "entry 9: the checkpoint covers entries 0 to 5" in fault("prove", filled, "9")
    assert "x.json: not JSON" in fault("check-proof", tmp_path / "x.json", "--public-key", key)
    assert "no.json: cannot be read" in fault("check-proof", tmp_path / "no.json", "--public-key", key)
    assert "'banana' is no kind of entry; give one of ledger.opened, " in fault("show", filled, "--kind", "banana")


def test_a_database_url_is_taken_and_its_password_not_shown(postgres_url: str) -> None:
    engine = create_engine(postgres_url)
    metadata.create_all(engine)
    engine.dispose()
    done = run("verify", engine.url.set(password="secret").render_as_string(hide_password=False))
    assert done.exit_code == 1 and "secret" not in done.output and "://" in done.stdout
    assert done.stdout.startswith("ledger: is empty")
