"""What a campaign inside the reference does: `python -m recipes.poisoned_reference.run --out runs/poisoned_reference`

Learns references from one log of honest people with 0, 0.1, 1 and 5 % of campaign accounts in it, and replays a later
log with two campaigns, one with the same template and one with another. Then once more without the accounts that
learning named. Exit 0 if leaving the named ones out gives the evidence of the clean reference, and slows no more
honest accounts than it does; 1 if not.
"""

import argparse
import json
import sys
import tempfile
from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from recipes.poisoned_reference.worlds import OTHER, SAME, World, compose
from recipes.result import Result
from stillhouse.guard.access.entities import ACTIONS
from stillhouse.guard.detect.settings import DetectSettings
from stillhouse.guard.reference.reference import load
from stillhouse.guard.replay.learning import learn_reference
from stillhouse.guard.replay.run import replay
from stillhouse.records import ExchangeLog

SHARES = (0.0, 0.001, 0.01, 0.05)
_INSIDE, _LATER = 160, 200
_TOLERANCE = 0.5
"""Nats: some accounts of a campaign may be in no group that is named."""


@dataclass(frozen=True)
class Found:
    """What became of a kind of accounts: how many there were, noted or more, slowed or more, and their largest ln e."""

    accounts: int
    observed: int
    slowed: int
    log_e: float


@dataclass(frozen=True)
class Outcome:
    """`named` accounts were in groups that look like queues; `of_campaign` of them are the campaign's. With `left_out`
    those that the reference named before are not in it."""

    seed: int
    share: float
    inside: int
    left_out: bool
    named: int
    of_campaign: int
    same: Found
    other: Found
    honest: Found

    def __str__(self) -> str:
        found = "  ".join(_cell(one) for one in (self.same, self.other, self.honest))
        named = "left out" if self.left_out else f"{self.of_campaign:3} of {self.named:3}"
        return f"{self.seed:4} {self.share:6.1%} {self.inside:4}  {named:10}  {found}"


def _cell(found: Found) -> str:
    log_e = "      " if found.log_e < 0 else f"{found.log_e:6.1f}"
    return f"{found.observed:4} {found.slowed:4} of {found.accounts:4} {log_e}"


_HEAD = (
    "                               same template              another template           honest\n"
    "seed      inside  named        obs. slow         ln e     obs. slow         ln e     obs. slow"
)


def outcomes(world: World, seed: int, folder: Path) -> Iterator[Outcome]:
    """For each share, and where learning named accounts once more without them."""
    honest = len({one.account for one in ExchangeLog(world.learnt)} - set(world.inside))
    for share in SHARES:
        inside = round(share * honest)
        absent = world.inside[inside:]
        outcome, named = _one(world, seed, share, inside, absent, folder / f"{seed}-{inside}")
        yield outcome
        if named:
            without = {*absent, *named}
            yield _one(world, seed, share, inside, without, folder / f"{seed}-{inside}-without")[0]


def _one(
    world: World, seed: int, share: float, inside: int, without: Collection[str], folder: Path
) -> tuple[Outcome, list[str]]:
    settings, key = DetectSettings(), sha256(f"key {seed}".encode()).digest()
    learn_reference([world.learnt], folder / "reference", settings, key, without=without)
    reference = load(folder / "reference")
    replay([world.replayed], reference, folder / "replay", settings)
    named = [name for group in reference.about["suspicious"] for name in group["accounts"]]
    records = [json.loads(line) for line in (folder / "replay" / "accounts.jsonl").read_text().splitlines()]
    found = [_found(world, records, campaign) for campaign in (SAME, OTHER, None)]
    of_campaign = len(set(named) & set(world.inside))
    left_out = len(without) > len(world.inside) - inside
    return Outcome(seed, share, inside, left_out, len(named), of_campaign, *found), named


def _found(world: World, records: list[dict[str, Any]], campaign: str | None) -> Found:
    own = [one for one in records if world.truth[one["account"]].campaign == campaign]
    actions = Counter(one["action"] for one in own)
    stronger = sum(actions[action] for action in ACTIONS if action != "observe")
    return Found(len(own), actions["observe"] + stronger, stronger, max(one["log_e"] for one in own))


def holds(found: list[Outcome]) -> bool:
    """Without what was named both the evidence and who is slowed are what they are with a clean reference."""
    clean = {one.seed: one for one in found if one.inside == 0}
    return all(
        after.log_e >= before.log_e - _TOLERANCE
        for one in found
        if one.left_out
        for after, before in ((one.same, clean[one.seed].same), (one.other, clean[one.seed].other))
    ) and all(one.honest.slowed <= clean[one.seed].honest.slowed for one in found if one.left_out)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--worlds", type=int, default=2)
    parser.add_argument("--out", type=Path, help="folder for result.json")
    arguments = parser.parse_args()
    say = Result()
    say(_HEAD)
    found: list[Outcome] = []
    with tempfile.TemporaryDirectory() as name:
        for seed in range(arguments.worlds):
            for outcome in outcomes(compose(Path(name), seed, _INSIDE, _LATER), seed, Path(name)):
                say(str(outcome))
                found.append(outcome)
    say(
        "leaving out what was named mends it: evidence, and honest accounts slowed, as with a clean reference"
        if holds(found)
        else "NOT as expected"
    )
    if arguments.out is not None:
        arguments.out.mkdir(parents=True, exist_ok=True)
        say.write(arguments.out, {"outcomes": [asdict(one) for one in found]})
    return 0 if holds(found) else 1


if __name__ == "__main__":
    sys.exit(main())
