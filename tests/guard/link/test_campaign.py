"""A campaign as a value."""

from stillhouse.guard.features.tokens import Kind, token
from stillhouse.guard.link.campaign import Campaign, Link, campaign_id
from stillhouse.guard.link.families import Family

RARE, ADDRESS = token(Kind.WORDING, 1), token(Kind.ADDRESS, 3)


def test_a_campaign_is_named_by_its_number() -> None:
    assert Campaign(7).id == campaign_id(7) == "c00007" and campaign_id(123_456) == "c123456"


def test_one_that_turns_out_to_be_another_is_taken_over() -> None:
    ours, theirs = (Link("ours", 1.0),), (Link("theirs", 2.0),)
    first, other = Campaign(1, [Family(0, RARE, [1])], {1: ours, 2: ours}), Campaign(3, [Family(1, ADDRESS, [2])])
    other.members, other.merged = {2: theirs, 3: theirs}, [5]
    first.absorb(other)
    assert first.members == {1: ours, 2: ours, 3: theirs}
    assert [group.id for group in first.groups] == ["g0", "g1"] and first.merged == [3, 5]
