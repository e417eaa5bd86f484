"""`stillhouse distill merge`: a LoRA adapter and its base as one model."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from stillhouse.cli.common import Json, Quiet, console_for, one_line_errors, print_result

__all__ = ["merge"]

Type = Literal["auto", "float32", "bfloat16", "float16"]


def merge(
    adapter: Annotated[Path, typer.Argument(help="Folder of a LoRA adapter, as peft saves it.")],
    base: Annotated[str, typer.Option("--base", help="`bundled`, a folder, or a hub name: what it was trained on.")],
    out: Annotated[Path, typer.Option("--out", help="Folder to make.")],
    dtype: Annotated[Type, typer.Option("--dtype", help="Of the saved weights; auto is the base's.")] = "auto",
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Fold a LoRA adapter into its base: an ordinary model folder, tokenizer included."""
    with one_line_errors():
        from stillhouse.distill.merge import merge_adapter

        with console_for(quiet).status(f"merging {adapter} into {base}"):
            kept = str(merge_adapter(adapter, base, out, dtype)).removeprefix("torch.")
        result = {"student": str(out), "adapter": str(adapter), "base": base, "dtype": kept}
        print_result(result, as_json, f"{out}: {base} with {adapter} in it, {kept}")
