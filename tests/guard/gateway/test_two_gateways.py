"""The recipe that shows it, in small: decisions and limits hold for two gateways on one Postgres and one Valkey."""

from pathlib import Path

from recipes.two_gateways.run import main
from tests.guard.services import Postgres


def test_a_decision_at_one_gateway_is_in_force_at_the_other(
    postgres_server: Postgres, valkey_server: str, tmp_path: Path
) -> None:
    assert main(["--times", "3", "--out", str(tmp_path)]) == 0
