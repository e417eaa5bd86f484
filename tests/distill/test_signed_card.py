"""A signature that a new card breaks is named, and no other."""

from pathlib import Path

from stillhouse.distill.card import write_card
from stillhouse.distill.signed_card import rewrite_card
from tests.distill.example_run import write_example_run


def warnings(run: Path) -> list[str]:
    found: list[str] = []
    rewrite_card(run, found.append)
    return found


def test_a_changed_card_breaks_the_signature(tmp_path: Path) -> None:
    run = write_example_run(tmp_path / "run")
    signature = run / "student" / "model.sig"
    signature.touch()
    line = (
        f"{signature}: no longer holds, because README.md was written again and differs; "
        f"sign again: stillhouse distill sign {run / 'student'} --key KEY"
    )
    card = write_card(run)
    whole = card.read_bytes()
    card.write_text("as it was signed", encoding="utf-8")
    assert warnings(run) == [line]
    assert card.read_bytes() == whole
    card.unlink()
    assert warnings(run) == [line]


def test_the_same_card_breaks_nothing(tmp_path: Path) -> None:
    run = write_example_run(tmp_path / "run")
    write_card(run)
    (run / "student" / "model.sig").touch()
    assert warnings(run) == []


def test_without_a_signature_nothing_is_said(tmp_path: Path) -> None:
    assert warnings(write_example_run(tmp_path / "run")) == []
