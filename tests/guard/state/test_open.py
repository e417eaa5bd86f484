"""The state of a guard.yaml: what is made on first use, and what is never made a second time."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from stillhouse.config import validate
from stillhouse.errors import ConfigError
from stillhouse.guard.access.entities import Organisation
from stillhouse.guard.ledger.verify import verify
from stillhouse.guard.settings import GuardSettings
from stillhouse.guard.state.open import State, open_state
from tests.guard.conftest import OpenAt, guard_settings


def test_everything_is_made_on_first_use(tmp_path: Path) -> None:
    with open_state(guard_settings("sqlite:///guard.db"), tmp_path, {}) as state:
        state.registry.create_organisation(Organisation(id="acme"))
    assert (tmp_path / "ledger-key.pem").stat().st_mode & 0o777 == 0o600
    key = (tmp_path / "ledger-key.pem").read_bytes()
    with open_state(guard_settings("sqlite:///guard.db"), tmp_path, {}) as state:
        state.registry.create_organisation(Organisation(id="other"))
        report = verify(tmp_path / "guard.db", public_key=state.ledger.verifier)
    assert (tmp_path / "ledger-key.pem").read_bytes() == key
    assert report.holds and report.entries == 3


def test_gateways_that_start_at_once_share_one_key(database_url: str, tmp_path: Path) -> None:
    def start(number: int) -> str:
        with open_state(guard_settings(database_url), tmp_path, {}) as state:
            state.registry.create_organisation(Organisation(id=f"org-{number}"))
            return str(state.ledger.verifier)

    with ThreadPoolExecutor(5) as pool:
        assert len(set(pool.map(start, range(5)))) == 1


def test_a_lost_key_is_not_replaced_in_silence(open_at: OpenAt, tmp_path: Path) -> None:
    open_at().ledger.open()
    (tmp_path / "ledger-key.pem").unlink()
    with pytest.raises(ConfigError, match=r"ledger.key: .*ledger-key.pem is not there, and the ledger in .*was signed"):
        open_at()
    assert not (tmp_path / "ledger-key.pem").exists()


def test_a_key_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    settings = guard_settings("sqlite:///guard.db").model_dump(mode="json")
    settings["ledger"]["key"] = "nowhere/key.pem"
    with pytest.raises(ConfigError, match=r"nowhere/key.pem: the key cannot be read \(No such file"):
        open_state(validate(GuardSettings, settings, "guard.yaml"), tmp_path, {})


def test_the_url_from_the_environment(tmp_path: Path) -> None:
    settings = guard_settings("sqlite:///other.db").model_dump(mode="json")
    settings["state"]["database_env"] = "GUARD_DATABASE"
    named = validate(GuardSettings, settings, "guard.yaml")
    with pytest.raises(ConfigError, match="the variable GUARD_DATABASE is not set; export it"):
        open_state(named, tmp_path, {})
    with pytest.raises(ConfigError, match=r"^state.database_env GUARD_DATABASE: not a database URL"):
        open_state(named, tmp_path, {"GUARD_DATABASE": "secret"})
    with open_state(named, tmp_path, {"GUARD_DATABASE": "sqlite:///guard.db"}):
        assert (tmp_path / "guard.db").exists() and not (tmp_path / "other.db").exists()


def test_a_checkpoint_is_kept_where_the_settings_say(tmp_path: Path) -> None:
    settings = guard_settings("sqlite:///guard.db").model_dump(mode="json")
    settings["ledger"] |= {"checkpoint": "kept.txt", "origin": "example.com/ledger"}
    with open_state(validate(GuardSettings, settings, "guard.yaml"), tmp_path, {}) as state:
        assert isinstance(state, State)
        state.ledger.open()
    assert (tmp_path / "kept.txt").read_text().startswith("example.com/ledger\n1\n")
