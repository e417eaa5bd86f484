"""What `stillhouse distill grade` can be told; loads no torch, so that a fault in it shows at once."""

from pathlib import Path

from pydantic import Field

from stillhouse.config import Settings, load
from stillhouse.distill.config import DistillSettings
from stillhouse.distill.judges.settings import JudgeSettings
from stillhouse.distill.sections import TeacherSettings
from stillhouse.errors import ConfigError, RunFolderError

__all__ = ["GradeSettings", "kept_settings", "settings_with"]


class GradeSettings(Settings):
    """One grader for the answers of a run."""

    name: str = Field(description="what the grades are called: a file of that name in the run's `grades/`")
    teacher: TeacherSettings = Field(description="who grades")
    method: JudgeSettings | None = Field(
        None, description="how it judges: `rubric`, `ranking`, `critique`, `reference`; unset: by its probabilities"
    )


def settings_with(run: Path, grader: str) -> GradeSettings:
    """What `--with` names: a YAML file of GradeSettings, or `judge` or `teacher`, those of the run itself.

    ConfigError if it is none of these; RunFolderError if `run` is no run folder.
    """
    kept = kept_settings(run)
    if grader == "teacher":
        return GradeSettings(name="teacher-probability", teacher=kept.teacher)
    if grader == "judge":
        if kept.judge is None:
            raise ConfigError(f"{run}: this run has no judge; give --with a YAML file that names one")
        return GradeSettings(name=kept.judge.by, teacher=kept.teacher_called(kept.judge.by), method=kept.judge.method)
    return load(GradeSettings, Path(grader))


def kept_settings(run: Path) -> DistillSettings:
    """The settings of the run in the folder `run`; RunFolderError if it is no run folder."""
    if not run.is_dir():
        raise RunFolderError(f"{run}: no such folder; give the folder of a `stillhouse distill run`")
    if not (run / "resolved.yaml").is_file():
        raise RunFolderError(f"{run}: no resolved.yaml in it; give the folder of a `stillhouse distill run`")
    return load(DistillSettings, run / "resolved.yaml")
