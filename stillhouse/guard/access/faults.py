"""Faults that a program, not only a person, has to tell apart: over HTTP they are 404 and 409."""

from stillhouse.errors import ConfigError

__all__ = ["ConflictError", "UnknownError"]


class UnknownError(ConfigError):
    """There is no organisation, account or key of that name."""


class ConflictError(ConfigError):
    """What is there does not allow it: the name is in use for something else, the account closed, the key revoked."""
