"""One campaign's evidence, taken apart and added up again."""

import json
import math
from pathlib import Path
from typing import Any

from stillhouse.errors import RecordError
from stillhouse.guard.replay.lookup import record_of

__all__ = ["explain", "explained"]

_TOLERANCE = 1e-9
_SHOWN_LINKS = 10


def explain(folder: Path, campaign: str) -> dict[str, Any]:
    """The campaign's record with its evidence, and for the deciding group the sum of what each line adds.

    ConfigError where the folder has no such campaign, RecordError where its evidence does not add up to its `log_e`.
    """
    found = record_of(folder / "campaigns.jsonl", "campaign", campaign)
    evidence = record_of(folder / "evidence.jsonl", "campaign", campaign)
    group = next(one for one in evidence["groups"] if one["group"] == evidence["decided_by"])
    adds = [line["adds"] for look in group["looks"] for line in look["lines"]]
    total = math.log(math.fsum(adds)) if adds else -745.0
    if abs(total - found["log_e"]) > _TOLERANCE * max(1.0, abs(total)):
        raise RecordError(
            f"{folder}: the evidence of campaign '{campaign}' adds up to ln e = {total}, "
            f"and its record says {found['log_e']}; replay the log again"
        )
    return {**found, "evidence": evidence, "adds_up_to": total}


def explained(found: dict[str, Any]) -> str:
    """The same for people."""
    evidence = found["evidence"]
    lines = [
        f"campaign {found['campaign']}: {len(found['accounts']):,} accounts, first seen {found['first_seen']}, "
        f"action {found['action']}, ln e {found['log_e']:.2f}"
    ]
    for group in evidence["groups"]:
        decides = " (decides)" if group["group"] == evidence["decided_by"] else ""
        lines.append(
            f"group {group['group']}{decides}: {group['accounts']:,} accounts share {group['shares']}, "
            f"{group['in_reference']:,} in the reference do; ln e {group['log_e']:.2f}"
        )
        for look in group["looks"]:
            lines.append(f"  look at {look['time']}, ln of its share of the level {look['log_share_of_level']:.2f}")
            for line in look["lines"]:
                facts = ", ".join(f"{name} {_shown(value)}" for name, value in line["facts"].items())
                model = ", modelled" if line["modelled"] else ""
                lines.append(
                    f"    {line['line']:8} ln p {line['log_p']:8.2f}  ln e {line['log_e']:7.2f}  weight "
                    f"{line['weight']:.2f}  adds {line['adds']:.4g}  ({facts}{model})"
                )
    lines.append(f"what the lines of the deciding group add: ln of the sum {found['adds_up_to']:.6f}")
    lines.append(f"links of {min(_SHOWN_LINKS, len(found['links']))} of {len(found['links']):,} accounts:")
    for link in found["links"][:_SHOWN_LINKS]:
        lines.append(f"  {link['a']} - {link['b']}: {link['log_lr']:+.2f} nats ({'; '.join(link['because'])})")
    return "\n".join(lines)


def _shown(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else json.dumps(value, ensure_ascii=False)
