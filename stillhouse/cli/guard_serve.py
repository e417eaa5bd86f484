"""`stillhouse guard serve`: the gateway."""

import os
from typing import Annotated

import typer

from stillhouse.cli.common import Json, Quiet, QuietAnyway, one_line_errors, print_result
from stillhouse.cli.guard_options import CONFIG, Config
from stillhouse.config import load

__all__ = ["check", "serve"]


def serve(
    config: Config = CONFIG,
    overrides: Annotated[list[str] | None, typer.Argument(metavar="[A.B=VALUE]...", help="Keys to change.")] = None,
    quiet: Quiet = False,
) -> None:
    """Serve models behind keys, limits and one record of every exchange, until told to stop.

    SIGTERM or Ctrl-C lets running requests end; SIGHUP reads the config again. With `detect.reference` set it looks
    for campaigns meanwhile, and acts.
    """
    with one_line_errors():
        from stillhouse.guard.gateway.serve import serve

        raise typer.Exit(serve(config, overrides or [], os.environ, quiet=quiet))


def check(
    config: Config = CONFIG,
    overrides: Annotated[list[str] | None, typer.Argument(metavar="[A.B=VALUE]...", help="Keys to change.")] = None,
    quiet: QuietAnyway = False,
    as_json: Json = False,
) -> None:
    """Read a config as `serve` would, say what is wrong with it in one line, and serve nothing."""
    with one_line_errors():
        from stillhouse.guard.gateway.prepare import prepare
        from stillhouse.guard.settings import GuardSettings

        settings = load(GuardSettings, config, overrides or [])
        runtime = prepare(settings, config.resolve().parent, os.environ).runtime
        result = {"config": str(config), "models": sorted(runtime.models), "upstreams": sorted(runtime.upstreams)}
        print_result(result, as_json, f"{config} can be served: {', '.join(sorted(runtime.models))}")
