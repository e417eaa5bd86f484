"""A campaign as a value."""

from stillhouse.guard.features.tokens import Kind, token
from stillhouse.guard.link.campaign import Campaign, Link
from stillhouse.guard.link.families import Family

RARE, FREQUENT, ADDRESS = token(Kind.WORDING, 1), token(Kind.OPENING, 2), token(Kind.ADDRESS, 3)


def test_a_campaign_has_the_tokens_of_its_groups() -> None:
    campaign = Campaign(7, [Family(0, RARE, [1], [FREQUENT]), Family(3, ADDRESS, [2])])
    assert campaign.id == "c00007" and campaign.tokens() == {RARE, FREQUENT, ADDRESS}


def test_one_that_turns_out_to_be_another_is_taken_over() -> None:
    ours, theirs = (Link("ours", 1.0),), (Link("theirs", 2.0),)
    first, other = Campaign(1, [Family(0, RARE, [1])], {1: ours, 2: ours}), Campaign(3, [Family(1, ADDRESS, [2])])
    other.members, other.merged = {2: theirs, 3: theirs}, [5]
    first.absorb(other)
    assert first.members == {1: ours, 2: ours, 3: theirs}
    assert [group.id for group in first.groups] == ["g0", "g1"] and first.merged == [3, 5]
