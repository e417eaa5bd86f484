"""Every error that Stillhouse raises on purpose.

    StillhouseError
      ConfigError      (ValueError)     a setting is unknown, missing, or cannot be meant
      RecordError      (ValueError)     a file or a line of one is not what its format says
      RunFolderError   (ValueError)     an output place holds something that must not be overwritten
      ModelError       (RuntimeError)   a model is missing, does not load, or does not fit its partner
        EndpointError  (ConnectionError)  a served model refuses, cannot do what is asked, or does not answer
          CallError      (ConnectionError)  one call failed for good; others may succeed
          JudgeError     (ConnectionError)  a judge answers, and hardly anything of it can be read
      BudgetError      (RuntimeError)   the tokens or the money that a config allows are spent
      TrainingError    (RuntimeError)   a run cannot go on; its last good checkpoint is kept
        StorageError   (OSError)        the disk refused a write

Each class also inherits the standard class that it replaces, so code that knows nothing of Stillhouse
still catches it. A message is one line and names the thing, the value, the place and the remedy. The
command line prints any of these as that one line and exits with 2; everything else keeps its traceback.
"""

__all__ = [
    "BudgetError",
    "CallError",
    "ConfigError",
    "EndpointError",
    "JudgeError",
    "ModelError",
    "RecordError",
    "RunFolderError",
    "StillhouseError",
    "StorageError",
    "TrainingError",
]


class StillhouseError(Exception):
    """Base of the tree: the user can mend what it names."""


class ConfigError(StillhouseError, ValueError):
    """A setting is unknown, missing or impossible."""


class RecordError(StillhouseError, ValueError):
    """A file, or one line of it, is not what its format says."""


class RunFolderError(StillhouseError, ValueError):
    """An output place holds something that must not be overwritten."""


class ModelError(StillhouseError, RuntimeError):
    """A model is missing, does not load, or does not fit its partner."""


class EndpointError(ModelError, ConnectionError):
    """A served model refuses, cannot do what is asked of it, or does not answer."""


class CallError(EndpointError):
    """One call to a served model failed for good, tries included; other calls may succeed."""


class JudgeError(EndpointError):
    """A judge answers, and hardly anything that it says can be read as a judgement."""


class BudgetError(StillhouseError, RuntimeError):
    """The tokens or the money that a config allows are spent; what was answered before is kept."""


class TrainingError(StillhouseError, RuntimeError):
    """A run cannot go on; what was saved last is still good."""


class StorageError(TrainingError, OSError):
    """The disk refused a write."""
