"""Country codes are those that exist."""

import pytest

from stillhouse.errors import ConfigError
from stillhouse.guard.access.countries import check_countries


def test_codes_come_back_in_capitals() -> None:
    assert check_countries(["de", "NO", "Xk"], "here") == ("DE", "NO", "XK")
    assert check_countries([], "here") == ()


@pytest.mark.parametrize(
    ("code", "remedy"),
    [
        ("UK", "did you mean GB?"),
        ("el", "did you mean GR?"),
        ("ZZ", "two letters like DE"),
        ("DEU", "like DE"),
        ("", "DE"),
    ],
)
def test_a_code_that_does_not_exist(code: str, remedy: str) -> None:
    with pytest.raises(ConfigError, match=f"^acme: '{code}' is no country code of ISO 3166-1; ") as caught:
        check_countries(["DE", code], "acme")
    assert str(caught.value).endswith(remedy)
