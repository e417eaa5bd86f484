"""The recipe in small: every kind of tampering is found twice or more, and its forgeries would pass without the key."""

import random
from collections import Counter
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from recipes.ledger_tampering.ledger import Honest, make_ledger
from recipes.ledger_tampering.run import tamper_often
from recipes.ledger_tampering.tamperings import FLIP, KINDS, ROLL_BACK, tamper
from stillhouse.guard.ledger.verify import verify


@pytest.fixture(scope="module")
def honest(tmp_path_factory: pytest.TempPathFactory) -> Honest:
    return make_ledger(tmp_path_factory.mktemp("honest"), entries=60, seed=1)


def test_every_kind_is_found(honest: Honest, tmp_path: Path) -> None:
    count = 3 * (len(KINDS) + 4)
    tried, found, idle = tamper_often(honest, tmp_path, count, seed=5)
    assert tried.keys() == {*KINDS, FLIP, ROLL_BACK} and tried.total() == count
    assert found == tried and idle > 0


def test_the_honest_ledger_passes(honest: Honest) -> None:
    report = verify(honest.database, public_key=honest.public_key, checkpoint=honest.checkpoint)
    assert report.holds and report.entries == 60


def test_what_the_key_and_the_checkpoint_are_needed_for(honest: Honest, tmp_path: Path) -> None:
    """Otherwise the recipe would show only that its forgeries are clumsy."""
    passed: Counter[str] = Counter()
    for kind in ("the same, the first entry names that key", ROLL_BACK):
        tamper(kind, honest, tmp_path / "copy.db", random.Random(2), Ed25519PrivateKey.generate())
        passed[kind] += verify(tmp_path / "copy.db").holds
    assert passed.total() == 2
