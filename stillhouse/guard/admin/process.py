"""The gateway's own process over HTTP: how it is, and the config read again."""

import math
from collections.abc import Callable, Mapping
from typing import Any

from stillhouse.guard.access.directory import Directory
from stillhouse.guard.admin.answers import Reloaded, Status
from stillhouse.guard.admin.operation import Call, Operation

__all__ = ["process_operations"]


def process_operations(
    directory: Directory, reload: Callable[[], object], status: Callable[[], Mapping[str, Any]]
) -> list[Operation]:
    return [
        Operation(
            method="GET",
            path="/v1/status",
            summary="How this gateway is",
            answer=Status,
            inline=True,
            run=lambda call: _status(directory, status),
        ),
        Operation(
            method="POST",
            path="/v1/reload",
            summary="Read the config again; a faulty one changes nothing",
            answer=Reloaded,
            run=lambda call: _reload(reload, call),
        ),
    ]


def _status(directory: Directory, status: Callable[[], Mapping[str, Any]]) -> Status:
    age = directory.seconds_behind
    return Status.model_validate(
        {
            **status(),
            "directory_version": directory.version,
            "directory_age_seconds": age if math.isfinite(age) else None,
            "directory_failures": directory.failures,
            **directory.counts,
        }
    )


def _reload(reload: Callable[[], object], _call: Call) -> Reloaded:
    reload()
    return Reloaded()
