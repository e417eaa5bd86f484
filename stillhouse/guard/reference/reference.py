"""A reference as a value, and as a folder: `reference.json` for people, `reference.npz` for the numbers."""

import json
import struct
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from stillhouse.errors import RecordError
from stillhouse.guard.evidence.conduct import ConductScale
from stillhouse.guard.evidence.group import SIZES
from stillhouse.guard.evidence.horizons import BANDS
from stillhouse.guard.evidence.nulls import VIEWS, GroupNull
from stillhouse.guard.evidence.own import OWN_LINES
from stillhouse.guard.evidence.persistence import PersistenceNull
from stillhouse.guard.evidence.placing import Places
from stillhouse.guard.evidence.standing import Scale
from stillhouse.guard.features.cues import CUES
from stillhouse.guard.features.words import BUCKETS
from stillhouse.guard.link.group import KINDS, Kind
from stillhouse.guard.link.rarity import Rarity
from stillhouse.guard.reference.about import ABOUT, ARRAYS, KEY, VERSION, about_reference
from stillhouse.records.files import disk_errors, write_json, write_private

__all__ = ["Reference", "load", "save"]

# What reading raises of files that were cut off or changed, as their parts are unpacked and put together.
_DAMAGED = (OSError, ValueError, KeyError, TypeError, EOFError, RuntimeError, BadZipFile, zlib.error, struct.error)


@dataclass(frozen=True, slots=True)
class Reference:
    """`key` splits requests and hashes what is shared; who has it can aim at both, so it is kept private.

    `idf` [BUCKETS] weights words, `cue_rates` are shares of honest requests. `scale` and `conduct` say how odd what an
    account asks for is, and how it asks; `places` ranks accounts by each of their lines. `groups` has the null of
    groups of each kind, `span` the reference's length in microseconds.
    """

    key: bytes
    idf: NDArray[np.float32]
    cue_rates: tuple[float, ...]
    rarity: Rarity
    scale: Scale
    conduct: ConductScale
    places: Mapping[str, Places]
    groups: Mapping[Kind, GroupNull]
    span: int
    about: Mapping[str, Any]

    @property
    def digest(self) -> str:
        """`sha256:<hex>` over all that decisions rest on."""
        hashed = sha256(self.key)
        for name, array in sorted(_arrays(self).items()):
            hashed.update(name.encode())
            hashed.update(np.ascontiguousarray(array).tobytes())
        hashed.update(json.dumps(_numbers(self), sort_keys=True).encode())
        return f"sha256:{hashed.hexdigest()}"


def save(reference: Reference, folder: Path) -> None:
    """Write the files of a reference into an empty `folder`. StorageError where the disk refuses."""
    with disk_errors(folder, 1 << 22):
        np.savez_compressed(folder / ARRAYS, allow_pickle=False, **_arrays(reference))
        write_private(folder / KEY, reference.key.hex() + "\n", replace=False)
        about = {"v": VERSION, **reference.about, **_numbers(reference), "digest": reference.digest}
        write_json(folder / ABOUT, about)


def load(folder: Path) -> Reference:
    """RecordError where the folder is no reference of this version, or was changed since it was made."""
    about = about_reference(folder)
    try:
        key = _key(folder / KEY)
        with (folder / ARRAYS).open("rb") as stream, np.load(stream, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        reference = _reference(key, arrays, about)
        digest = about["digest"]
    except RecordError:
        raise
    except _DAMAGED as error:
        reason = f"{type(error).__name__}: {error}"
        raise RecordError(
            f"{folder}: cannot be read as a reference ({reason}); copy it again, or make it anew with "
            "`stillhouse guard reference`"
        ) from None
    if reference.digest != digest:
        raise RecordError(f"{folder}: its numbers are not those that its digest was made of; make the reference anew")
    return reference


def _key(path: Path) -> bytes:
    try:
        return bytes.fromhex(path.read_text(encoding="ascii").strip())
    except ValueError:
        raise RecordError(
            f"{path}: is no key, which is hexadecimal digits; copy it again, or make the reference anew with "
            "`stillhouse guard reference`"
        ) from None


def _arrays(reference: Reference) -> dict[str, NDArray[Any]]:
    found: dict[str, NDArray[Any]] = {
        "idf": reference.idf,
        "tokens": reference.rarity.tokens,
        "counts": reference.rarity.counts,
        "spread": reference.conduct.spread,
        "regularity": reference.conduct.regularity,
    }
    found |= {f"use_{at}": reference.conduct.use[plan] for at, plan in enumerate(reference.conduct.use)}
    found |= {f"place_{name}": reference.places[name].values for name in OWN_LINES}
    for at, cue in enumerate(CUES):
        for band in range(BANDS):
            found[f"reached_{band}_{str(cue.name).lower()}"] = reference.scale.reached[band][at]
    return found


def _numbers(reference: Reference) -> dict[str, Any]:
    return {
        "accounts": reference.rarity.accounts,
        "cue_rates": list(reference.cue_rates),
        "plans": list(reference.conduct.use),
        "groups": {kind: reference.groups[kind].groups for kind in KINDS},
        "span": reference.span,
        "persistence": {
            f"{kind}_{view}_{size}": None if null is None else [null.mean, null.spread, null.groups]
            for kind in KINDS
            for (view, size), null in sorted(reference.groups[kind].persistence.items())
        },
    }


def _reference(key: bytes, arrays: Mapping[str, NDArray[Any]], about: Mapping[str, Any]) -> Reference:
    if arrays["idf"].shape != (BUCKETS,):
        raise RecordError(f"a reference's idf has {arrays['idf'].shape} numbers, not {BUCKETS}; make it anew")
    names = [str(cue.name).lower() for cue in CUES]
    groups = {}
    for kind in KINDS:
        persistence = {}
        for view in VIEWS:
            for size in SIZES:
                fitted = about["persistence"][f"{kind}_{view}_{size}"]
                persistence[view, size] = None if fitted is None else PersistenceNull(*fitted)
        groups[kind] = GroupNull(persistence, about["groups"][kind])
    use = {plan: arrays[f"use_{at}"] for at, plan in enumerate(about["plans"])}
    told = {"v", "digest", "accounts", "cue_rates", "plans", "groups", "span", "persistence"}
    return Reference(
        key=key,
        idf=arrays["idf"],
        cue_rates=tuple(about["cue_rates"]),
        rarity=Rarity(arrays["tokens"], arrays["counts"], about["accounts"]),
        scale=Scale([[arrays[f"reached_{band}_{name}"] for name in names] for band in range(BANDS)]),
        conduct=ConductScale(arrays["spread"], arrays["regularity"], use),
        places={name: Places.of(arrays[f"place_{name}"]) for name in OWN_LINES},
        groups=groups,
        span=about["span"],
        about={name: value for name, value in about.items() if name not in told},
    )
