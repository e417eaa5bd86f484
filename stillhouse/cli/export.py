"""`stillhouse distill export`: a student for other programs."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from stillhouse.cli.common import Json, Quiet, console_for, one_line_errors, print_result

__all__ = ["export"]

Type = Literal["f32", "f16", "bf16", "q8_0"]


def export(
    student: Annotated[str, typer.Argument(help="The student: a folder or a hub name.")],
    file: Annotated[Path, typer.Option("--gguf", help="GGUF file to make, for llama.cpp.")],
    kind: Annotated[Type, typer.Option("--type", help="Of the matrices; q8_0 is 8 bits and a half each.")] = "f16",
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Write a student as one GGUF file: weights, tokenizer and chat template."""
    with one_line_errors():
        from stillhouse.distill.export_gguf import export_gguf

        with console_for(quiet).status(f"writing {file}"):
            size = export_gguf(student, file, kind)
        result = {"student": student, "gguf": str(file), "type": kind, "bytes": size}
        print_result(result, as_json, f"{file}: {student} in {kind}, {size / 1e6:.1f} MB")
