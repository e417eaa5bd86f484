"""The keys of all endpoints of a run, looked for before a model loads: one that is missing should show at once."""

from collections.abc import Mapping

from stillhouse.distill.config import DistillSettings
from stillhouse.models.refusal import key_from

__all__ = ["check_keys"]


def check_keys(settings: DistillSettings, environ: Mapping[str, str]) -> None:
    """ConfigError if an environment variable that an endpoint of these settings names holds no key."""
    teachers = (settings.teacher, *settings.teachers.values())
    server = settings.rollout.server
    for endpoint in (*(teacher.endpoint for teacher in teachers), None if server is None else server.endpoint):
        if endpoint is not None:
            key_from(environ, endpoint.key_env)
