"""Where a replay's settings come from: section `detect` of a whole guard.yaml, or of a file that holds nothing else."""

from pathlib import Path

from stillhouse.config import Settings, read, validate
from stillhouse.guard.detect.settings import DetectSettings
from stillhouse.guard.settings import GuardSettings

__all__ = ["load_detect"]


class _DetectAlone(Settings):
    detect: DetectSettings


def load_detect(path: Path) -> DetectSettings:
    """The section, its reference as a path from here. ConfigError for any fault of the file: also of other sections,
    where it has some.
    """
    data = read(path)
    whole: type[_DetectAlone | GuardSettings] = _DetectAlone if data.keys() == {"detect"} else GuardSettings
    settings = validate(whole, data, str(path)).detect
    if settings.reference is None:
        return settings
    return settings.model_copy(update={"reference": path.parent / settings.reference})
