"""Learning a reference from files: what `stillhouse guard reference` does."""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from stillhouse.errors import RecordError
from stillhouse.guard.detect.extract import Extractor
from stillhouse.guard.detect.ordered import Once
from stillhouse.guard.detect.row import Row
from stillhouse.guard.detect.settings import DetectSettings
from stillhouse.guard.reference.learn import learn
from stillhouse.guard.reference.reference import save
from stillhouse.guard.replay.finding import find_logs, passed_over
from stillhouse.guard.replay.notices import losses
from stillhouse.guard.replay.reading import Logs, Maker, Put
from stillhouse.records import RejectedLines, commit, versions, whole_folder
from stillhouse.stats.conformal import least_p

__all__ = ["learn_reference"]

_STEP = 2000
_MOST_LATE = 0.1
_COUNTED = ("exchanges", "duplicates", "rejected", "late", "textless", "absent")


def learn_reference(
    given: Sequence[Path],
    out: Path,
    settings: DetectSettings,
    key: bytes,
    *,
    strict: bool = False,
    without: Collection[str] = (),
    progress: Callable[[str], None] = lambda text: None,
) -> dict[str, Any]:
    """Read the logs twice and make the folder `out`; what the reference says of itself. Accounts of `without` are left
    out.

    RecordError for what cannot be read, is too little to learn from or not in order, or is to be left out and is not
    there; nothing is left behind then.
    """
    files = find_logs(given)
    with whole_folder(out) as draft:
        rejected = RejectedLines(draft / "rejected.jsonl")
        set_aside = None if strict else rejected
        logs = Logs(files, settings.lateness, set_aside, frozenset(without), passed_over(given, files))
        counted, followed = Once.of(settings), Once.of(settings)

        def read(maker: Maker[Put], once: Once, done: str) -> Iterator[Put]:
            for number, one in enumerate(logs.rows(maker), start=1):
                if number % _STEP == 0:
                    progress(f"{number:,} exchanges {done}")
                if once.has_new(one):
                    yield one

        def rows(extractor: Extractor) -> Iterator[Row]:
            logs.check()
            if rejected.unfinished:
                raise RecordError(f"{rejected.unfinished[0]}; a reference is learnt from whole logs")
            if unknown := logs.without - logs.left_out:
                raise RecordError(
                    f"account '{min(unknown)}' is to be left out and asks nothing in the log; mend its name"
                )
            if logs.late > _MOST_LATE * logs.exchanges:
                raise RecordError(
                    f"{logs.late:,} of {logs.exchanges:,} exchanges are late, so they would count at a wrong time; "
                    "a reference needs logs in the order of time: sort each by `time`"
                )
            return read(extractor, followed, "followed")

        def why() -> str:
            return "; ".join(losses(logs.told(followed)))

        about = {"logs": logs.digests(), "without": sorted(without), "versions": versions(), "commit": commit()}
        reference = learn(lambda listener: read(listener, counted, "counted"), rows, key, about, why)
        told = logs.told(followed)
        counts = {name: told[name] for name in _COUNTED}
        save(replace(reference, about={**reference.about, **counts}), draft)
    return {
        "reference": str(out),
        "digest": reference.digest,
        **told,
        "accounts": reference.rarity.accounts,
        "groups": sum(null.groups for null in reference.groups.values()),
        "days": reference.span / 86_400e6,
        "smallest_p": least_p(reference.rarity.accounts),
        "suspicious": len(reference.about["suspicious"]),
    }
