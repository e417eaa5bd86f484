"""The checkpoint of the c2sp.org page is read, ours is that form, and everything else is refused."""

from base64 import b64encode

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from stillhouse.errors import RecordError
from stillhouse.guard.ledger.checkpoint import Checkpoint, parse_checkpoint
from stillhouse.guard.ledger.merkle import Frontier, leaf_hash
from stillhouse.guard.ledger.note import Signer, sign_note
from stillhouse.guard.ledger.tip import Tip

EXAMPLE = (
    "example.com/behind-the-sofa\n"
    "20852163\n"
    "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"
    "\n"
    "— example.com/behind-the-sofa "
    "Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n"
)
LEAVES = [leaf_hash(bytes([number])) for number in range(5)]


def tip(size: int) -> Tip:
    edge = Frontier()
    for leaf in LEAVES[:size]:
        edge = edge.append(leaf)
    return Tip("2026-09-21T13:33:20.250Z", 2, LEAVES[size - 1], edge)


def test_the_example_of_the_standard_is_read() -> None:
    found = parse_checkpoint(EXAMPLE, "example").checkpoint
    assert (found.origin, found.size, found.extensions) == ("example.com/behind-the-sofa", 20852163, ())
    assert found.text() == EXAMPLE.partition("\n\n")[0] + "\n"


def test_ours_has_the_form_of_the_standard(key: Ed25519PrivateKey) -> None:
    text = tip(5).checkpoint("ledger.example").text()
    found = tip(5).frontier
    root, last, *nodes = (b64encode(one).decode() for one in (found.root(), LEAVES[4], *found.nodes))
    lines = ["time 2026-09-21T13:33:20.250Z", "before 2", f"last {last}", f"frontier {nodes[0]} {nodes[1]}"]
    assert text.split("\n") == ["ledger.example", "5", root, *lines, ""]
    signed = parse_checkpoint(sign_note(text, [Signer("ledger.example", key)]), "here")
    assert signed.checkpoint == tip(5).checkpoint("ledger.example")
    assert Tip.of(signed.checkpoint, "here") == tip(5)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("20852163", "020852163"),
        ("20852163", "-1"),
        ("20852163", "2e3"),
        ("20852163", "9" * 30),
        ("q2I=", "q2J="),
        ("CsUY", ""),
        ("\n20852163", ""),
        ("example.com/behind-the-sofa\n208", "\n208"),
        ("q2I=\n", "q2I=\n\nmore\n"),
    ],
)
def test_what_is_no_checkpoint_is_refused(old: str, new: str) -> None:
    with pytest.raises(RecordError, match=r"^here: .*signed note"):
        parse_checkpoint(EXAMPLE.replace(old, new, 1), "here")


@pytest.mark.parametrize(
    ("lines", "fault"),
    [
        ((), "has not the extension lines"),
        (tip(5).checkpoint("o").extensions[1:], "has not the extension lines"),
        ((*tip(5).checkpoint("o").extensions, "more"), "has not the extension lines"),
        (tip(5).checkpoint("o").extensions[::-1], "has not the extension lines"),
        (tip(4).checkpoint("o").extensions, "something that is no hash"),
        (
            ("time x", "before 01", *tip(5).checkpoint("o").extensions[2:]),
            "the size of the checkpoint before it is '01'",
        ),
        ((*tip(5).checkpoint("o").extensions[:3], "frontier a b"), "something that is no hash"),
        ((*tip(5).checkpoint("o").extensions[:3], tip(3).checkpoint("o").extensions[3]), "does not give its root"),
    ],
)
def test_extension_lines_that_do_not_give_the_root_are_refused(lines: tuple[str, ...], fault: str) -> None:
    with pytest.raises(RecordError, match=fault):
        Tip.of(Checkpoint("o", 5, tip(5).frontier.root(), lines), "here")
