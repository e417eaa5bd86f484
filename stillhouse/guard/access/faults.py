"""Faults that a program, not only a person, has to tell apart: over HTTP they are 404 and 409."""

from stillhouse.errors import ConfigError

__all__ = ["ConflictError", "UnknownError"]


class UnknownError(ConfigError):
    """There is no organisation, account or key of that name, or no account under that campaign."""


class ConflictError(ConfigError):
    """What is there does not allow it: a name in use for something else, a closed account, a revoked key, no action."""
