"""Which groups have accounts that may show none of their wording."""

import pytest

from stillhouse.guard.features.tokens import Kind, token
from stillhouse.guard.link.communities import Community
from stillhouse.guard.link.families import Family
from stillhouse.guard.link.group import Group, is_bound_beside_wording

WORDING, NEAR, CLIENT, ADDRESS = (token(kind, 1) for kind in (Kind.WORDING, Kind.NEAR, Kind.CLIENT, Kind.ADDRESS))


@pytest.mark.parametrize(
    ("group", "told"),
    [
        (Family(0, WORDING, [1, 2], [CLIENT]), False),
        (Family(0, NEAR, [1, 2]), False),
        (Family(0, CLIENT, [1, 2], [WORDING]), True),
        (Family(0, ADDRESS, [1, 2]), True),
        (Community(0, [1, 2], [WORDING, NEAR]), True),
    ],
)
def test_only_where_a_wording_leads_everybody_shows_it(group: Group, told: bool) -> None:
    assert is_bound_beside_wording(group) is told
