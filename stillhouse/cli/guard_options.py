"""Options that commands of several nouns of `stillhouse guard` have: said once, so that they mean the same."""

from pathlib import Path
from typing import Annotated, Any

import typer

__all__ = ["CONFIG", "Actor", "Config", "Id", "IpAllow", "Plan", "Reason", "Texts", "option"]

CONFIG = Path("guard.yaml")
Texts = list[str] | None


def option(name: str, text: str) -> Any:
    """One that may be left out."""
    return typer.Option(name, help=text, show_default=False)


Config = Annotated[Path, typer.Option("--config", help="YAML file; every key is in docs/guard.md.")]
Actor = Annotated[str | None, option("--actor", "Who does it, for the ledger; default: who is logged in.")]
Id = Annotated[str, typer.Argument(metavar="ID", help="Its name.")]
Reason = Annotated[str, typer.Option("--reason", help="Why; on an action it is what the client is told.")]
Plan = Annotated[str | None, option("--plan", "A plan of guard.yaml.")]
IpAllow = Annotated[Texts, option("--ip-allow", "The only client address or range; may be repeated.")]
