"""Stillhouse: teach a small model from a stronger one that grades the small one's own answers.

The names below load on first use, so `import stillhouse` costs nothing and pulls in no torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from stillhouse.errors import StillhouseError
    from stillhouse.records import ExchangeLog
    from stillhouse.stats import Interval
    from stillhouse.types import Completion, Exchange, Message, Sampler, Sampling, Scorer

__version__ = "0.1.0"

__all__ = [
    "Completion",
    "Exchange",
    "ExchangeLog",
    "Interval",
    "Message",
    "Sampler",
    "Sampling",
    "Scorer",
    "StillhouseError",
]

_HOME = {
    "Completion": "stillhouse.types",
    "Exchange": "stillhouse.types",
    "ExchangeLog": "stillhouse.records",
    "Interval": "stillhouse.stats",
    "Message": "stillhouse.types",
    "Sampler": "stillhouse.types",
    "Sampling": "stillhouse.types",
    "Scorer": "stillhouse.types",
    "StillhouseError": "stillhouse.errors",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'stillhouse' has no attribute '{name}'")
    return getattr(import_module(_HOME[name]), name)
