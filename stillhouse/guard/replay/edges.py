"""Why accounts belong to a campaign, as edges: each to another account of it that has the same thing."""

from collections.abc import Collection, Mapping, Sequence, Set
from typing import Any

from stillhouse.guard.detect.detector import Detector
from stillhouse.guard.detect.membership import log_odds
from stillhouse.guard.features.tokens import kind_of
from stillhouse.guard.link.campaign import Campaign, Link
from stillhouse.guard.link.group import Group, is_bound_beside_wording

__all__ = ["edges"]


def edges(detector: Detector, campaign: Campaign) -> list[Mapping[str, Any]]:
    """One for each member, `a`. `b` is another account, a member if there is one, that `shares` what the odds of `a`
    begin with, or is in the same `group`; where that was divided anew since, another of the campaign's groups, and both
    are None.

    `log_lr` is the sum of what `because` lists: all that is known of `a`, and not of the two alone.
    """
    bound = [(group, frozenset(group.accounts)) for group in campaign.groups if is_bound_beside_wording(group)]
    anybody = [*campaign.members, *(at for group in campaign.groups for at in group.accounts)]
    return [_edge(detector, campaign.members, at, bound, anybody) for at in sorted(campaign.members)]


def _edge(
    detector: Detector,
    members: Mapping[int, tuple[Link, ...]],
    at: int,
    bound: Sequence[tuple[Group, Set[int]]],
    anybody: Collection[int],
) -> Mapping[str, Any]:
    accounts, links = detector.population.accounts, members[at]
    token, group = links[0].token, None
    alike = anybody
    if token is not None:
        alike = detector.population.shared.accounts[token]
    elif (home := next((one for one in bound if at in one[1]), None)) is not None:
        group, alike = home
    return {
        "a": accounts[at].name,
        "b": accounts[_other(at, alike, members)].name,
        "shares": None if token is None else kind_of(token).label,
        "group": None if group is None else group.id,
        "log_lr": log_odds(links),
        "because": [f"{_named(link)}: {link.log_lr:+.2f}" for link in links],
    }


def _other(at: int, alike: Collection[int], members: Collection[int]) -> int:
    found = next((index for index in alike if index != at and index in members), None)
    return next(index for index in alike if index != at) if found is None else found


def _named(link: Link) -> str:
    """What is shared is named by its token, which others that share it have too."""
    return link.label if link.token is None else f"{link.label} {link.token:016x}"
