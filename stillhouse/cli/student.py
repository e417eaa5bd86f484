"""`stillhouse distill student`: cut a student out of a model."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Literal

import typer

from stillhouse.cli.common import Json, Quiet, console_for, one_line_errors, print_result

__all__ = ["student"]

Method = Literal["kl", "block_influence"]


def student(
    source: Annotated[str, typer.Option("--from", help="`bundled`, a folder, a .gguf file, or a hub name.")],
    layers: Annotated[int, typer.Option("--layers", min=1, help="Decoder layers to keep.")],
    out: Annotated[Path, typer.Option("--out", help="Folder to make.")],
    method: Annotated[Method, typer.Option("--method", help="How layers are ranked.")] = "kl",
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Cut a student out of a model: keep the layers that matter most, by measurement."""
    with one_line_errors():
        from stillhouse.distill.cut import cut_student

        console = console_for(quiet)
        with console.status(f"cutting {layers} layers out of {source}"):
            report = cut_student(source, layers, out, method=method)
        result = {"student": str(out), **asdict(report)}
        print_result(
            result, as_json, f"{out}: {layers} of {report.source_layers} layers of {source}, kept {list(report.kept)}"
        )
