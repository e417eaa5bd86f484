"""`pruning.json`: what the folder of a cut student says of the model that it was cut out of.

A cut student is a model of its own to whoever loads it, and no older than its folder. Whose work its weights are and
under which licence is known only while they are cut, so it is written down beside them.
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from stillhouse.distill.importance import Removal
from stillhouse.errors import RecordError

__all__ = ["Method", "PruningReport", "pruning_of", "write_pruning"]

Method = Literal["kl", "block_influence"]
_FILE = "pruning.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class PruningReport:
    """How a student was cut: what `pruning.json` holds. Layers are numbered as in the source model.

    `source` is the model as it was named (`bundled`, a hub name), a folder or file by its absolute path; `licence` is
    its own, None where it names none; `revision` is the commit of a source from the hub. `removed` is in the order of
    removal; `block_influence` is that of each layer of the whole model. Calibration tokens include those of the
    prompts.
    """

    source: str
    revision: str | None
    licence: str | None
    source_layers: int
    method: Method
    kept: tuple[int, ...]
    removed: tuple[Removal, ...]
    block_influence: tuple[float, ...]
    calibration_answers: int
    calibration_tokens: int
    calibration_sha256: str


def write_pruning(folder: Path, report: PruningReport) -> None:
    """Write `report` into `folder`, which is still a draft: nobody reads it before it is whole."""
    (folder / _FILE).write_text(json.dumps(asdict(report), indent=2) + "\n", encoding="utf-8")


def pruning_of(where: str | Path) -> dict[str, Any] | None:
    """What `pruning.json` says of the model at `where` (see `models.local.resolve`), as JSON values.

    None for a model that was not cut. RecordError for a file that `write_pruning` did not write.
    """
    if isinstance(where, str) or not (where / _FILE).is_file():
        return None
    path = where / _FILE
    try:
        found: Any = json.loads(path.read_bytes())
    except (ValueError, RecursionError):
        found = None
    match found:
        case {"source": str(), "revision": str() | None, "licence": str() | None, "kept": [*kept]} if all(
            type(layer) is int for layer in kept
        ):
            report: dict[str, Any] = found
            return report
    raise RecordError(
        f"{path}: is not what `stillhouse distill student` writes; cut the student again, or take this file out of "
        "its folder"
    )
