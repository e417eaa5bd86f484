"""`stillhouse distill sign` and `stillhouse distill verify`: prove that a student is as it was."""

import os
from pathlib import Path
from typing import Annotated

import typer

from stillhouse.cli.common import Json, QuietAnyway, one_line_errors, print_result
from stillhouse.errors import ConfigError

__all__ = ["sign", "verify"]


def sign(
    student: Annotated[Path, typer.Argument(help="Folder to sign.")],
    key: Annotated[Path, typer.Option("--key", help="Private key in PEM form: P-256, P-384 or P-521.")],
    password_env: Annotated[
        str | None, typer.Option("--password-env", help="Environment variable with the key's password.")
    ] = None,
    quiet: QuietAnyway = False,
    as_json: Json = False,
) -> None:
    """Sign a student's folder with your key: writes model.sig into it."""
    with one_line_errors():
        from stillhouse.distill.signing import sign_folder

        password = None if password_env is None else os.environ.get(password_env)
        if password_env is not None and password is None:
            raise ConfigError(f"--password-env: the variable {password_env} is not set; export it, or leave this out")
        signature = sign_folder(student, key, password=password)
        print_result({"student": str(student), "signature": str(signature)}, as_json, f"{signature}: signed with {key}")


def verify(
    student: Annotated[Path, typer.Argument(help="Folder to check.")],
    key: Annotated[Path, typer.Option("--key", help="The signer's public key in PEM form.")],
    signature: Annotated[
        Path | None, typer.Option("--signature", help="Default: model.sig in the folder.", show_default=False)
    ] = None,
    quiet: QuietAnyway = False,
    as_json: Json = False,
) -> None:
    """Check a student's signature; exit 1 and a line for each file that differs where it does not hold."""
    with one_line_errors():
        from stillhouse.distill.signing import NOT_COVERED, verify_folder

        differences = verify_folder(student, key, signature)
        result = {"student": str(student), "holds": not differences, "differences": differences}
        text = "\n".join(differences) or (
            f"{student}: every file is as it was signed with the key of {key}; not covered: {NOT_COVERED}"
        )
        print_result(result, as_json, text)
        if differences:
            raise typer.Exit(1)
