"""The tree: one base, and each class is also the standard one that it replaces."""

import inspect
import re

import pytest

from stillhouse import errors

CLASSES = [getattr(errors, name) for name in errors.__all__]


@pytest.mark.parametrize(
    ("ours", "standard"),
    [
        (errors.ConfigError, ValueError),
        (errors.RecordError, ValueError),
        (errors.RunFolderError, ValueError),
        (errors.ModelError, RuntimeError),
        (errors.TrainingError, RuntimeError),
        (errors.StorageError, OSError),
    ],
)
def test_code_that_knows_only_the_standard_class_catches_ours(
    ours: type[errors.StillhouseError], standard: type[Exception]
) -> None:
    with pytest.raises(standard, match=r"^run\.yaml: a line$"):
        raise ours("run.yaml: a line")


def test_a_full_disk_stops_training_like_any_other_fault_of_it() -> None:
    assert issubclass(errors.StorageError, errors.TrainingError)


@pytest.mark.parametrize("error", CLASSES)
def test_every_error_is_in_the_tree_and_in_its_drawing(error: type[Exception]) -> None:
    assert issubclass(error, errors.StillhouseError)
    assert str(error("one line")) == "one line"
    assert re.search(rf"^ +{error.__name__}\b", errors.__doc__ or "", re.MULTILINE)


def test_every_error_is_exported() -> None:
    defined = {name for name, value in vars(errors).items() if inspect.isclass(value)}
    assert defined == set(errors.__all__)
