"""A key file that only its owner reads, is never lost by a command, and says in one line what is wrong with it."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from stillhouse.errors import ConfigError
from stillhouse.guard.blobs.key_file import load_keyring, make_keyring, retire_key, rotate_keys
from stillhouse.guard.blobs.keyring import KEY_BYTES, Keyring

NOW = 1_790_000_000.9


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "blob-keys.json"
    make_keyring(path, NOW)
    return path


def numbers(ring: Keyring) -> tuple[list[int], int, list[int]]:
    return [key.number for key in ring.keys], ring.seals, list(ring.retired)


def fault(path: Path) -> str:
    with pytest.raises(ConfigError) as error:
        load_keyring(path)
    message = str(error.value)
    assert "\n" not in message and message.startswith(f"{path}: ")
    return message.removeprefix(f"{path}: ")


def test_a_made_file_is_its_owner_s_alone_and_comes_back(path: Path) -> None:
    ring = load_keyring(path)
    assert numbers(ring) == ([1], 1, [])
    assert ring.keys[0].made == "2026-09-21T14:13:20Z"
    assert len(ring.keys[0].secret) == KEY_BYTES
    assert path.stat().st_mode & 0o777 == 0o600
    assert [one.name for one in path.parent.iterdir()] == [path.name]


def test_a_file_is_never_replaced_by_a_new_one(path: Path) -> None:
    before = path.read_bytes()
    with pytest.raises(ConfigError, match="is there already; rotate its keys, or give another name"):
        make_keyring(path, NOW)
    assert path.read_bytes() == before


def test_keys_are_added_and_retired(path: Path) -> None:
    first = load_keyring(path).keys[0]
    assert numbers(rotate_keys(path, NOW)) == ([1, 2], 2, [])
    ring = rotate_keys(path, NOW)
    assert numbers(ring) == ([1, 2, 3], 3, []) and ring == load_keyring(path)
    assert ring.keys[0] == first and len({key.secret for key in ring.keys}) == 3
    assert numbers(retire_key(path, 1)) == ([2, 3], 3, [1])
    assert path.stat().st_mode & 0o777 == 0o600
    assert base64.b64encode(first.secret).decode() not in path.read_text()


def test_a_prepared_key_seals_with_the_next_rotation(path: Path) -> None:
    assert numbers(rotate_keys(path, NOW, prepare=True)) == ([1, 2], 1, [])
    prepared = load_keyring(path).keys[1]
    ring = rotate_keys(path, NOW)
    assert numbers(ring) == ([1, 2], 2, []) and ring.keys[1] == prepared
    assert numbers(rotate_keys(path, NOW)) == ([1, 2, 3], 3, [])


def test_a_number_is_never_given_twice(path: Path) -> None:
    rotate_keys(path, NOW, prepare=True)
    assert numbers(retire_key(path, 2)) == ([1], 1, [2])
    assert numbers(rotate_keys(path, NOW)) == ([1, 3], 3, [2])


def test_the_key_that_seals_and_unknown_ones_are_not_retired(path: Path) -> None:
    rotate_keys(path, NOW)
    with pytest.raises(ConfigError, match="key 2 is the one that seals; rotate first"):
        retire_key(path, 2)
    with pytest.raises(ConfigError, match="has no key 7; it has 1, 2"):
        retire_key(path, 7)
    assert numbers(load_keyring(path)) == ([1, 2], 2, [])


def test_keys_are_not_shown(path: Path) -> None:
    ring = load_keyring(path)
    secret = ring.keys[0].secret
    for shown in (repr(ring), repr(ring.keys[0]), str(ring)):
        assert repr(secret) not in shown and base64.b64encode(secret).decode() not in shown


def test_a_missing_file(tmp_path: Path) -> None:
    path = tmp_path / "none.json"
    assert fault(path) == (
        f"the keys cannot be read (No such file or directory); `stillhouse guard blob-key new {path}` makes some"
    )
    with pytest.raises(ConfigError):
        rotate_keys(path, NOW)
    with pytest.raises(ConfigError):
        retire_key(path, 1)
    assert not path.exists()


def test_a_file_that_everybody_reads(path: Path) -> None:
    path.chmod(0o644)
    assert fault(path) == f"everybody on this machine may read it (mode 0644); chmod 600 {path}"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"format": "stillhouse.blob-keys/2"}, "its format is not stillhouse.blob-keys/1"),
        ({"keys": []}, "it has no keys"),
        ({"keys": {}}, "it has no keys"),
        ({"keys": ["x"]}, "a key is not an object"),
        ({"seals": 2}, "`seals` is not the number of one of its keys"),
        ({"seals": None}, "`seals` is not the number of one of its keys"),
        ({"seals": []}, "`seals` is not the number of one of its keys"),
        ({"retired": [1]}, "number 1 is there twice"),
        ({"retired": 3}, "`retired` is not a list of numbers"),
        ({"retired": ["1"]}, "`retired` is not a list of numbers"),
        ({"number": 0}, "a key's number is not one of 1 to 65535"),
        ({"number": True}, "a key's number is not one of 1 to 65535"),
        ({"number": 65536}, "a key's number is not one of 1 to 65535"),
        ({"made": None}, "key 1 lacks `made` or `key`"),
        ({"key": 3}, "key 1 lacks `made` or `key`"),
        ({"key": "not base64!"}, "key 1 is not 64 random bytes in base64"),
        ({"key": "ä"}, "key 1 is not 64 random bytes in base64"),
        ({"key": base64.b64encode(bytes(range(32))).decode()}, "key 1 is not 64 random bytes in base64"),
        ({"key": base64.b64encode(bytes(64)).decode()}, "key 1 is not 64 random bytes in base64"),
    ],
)
def test_a_file_of_another_kind(path: Path, change: dict[str, Any], reason: str) -> None:
    value = json.loads(path.read_text())
    for key, changed in change.items():
        (value if key in value else value["keys"][0])[key] = changed
    path.write_text(json.dumps(value))
    assert fault(path) == f"no file of blob keys, {reason}; put a copy of the right file back"


@pytest.mark.parametrize("content", [b"", b"secret", b"\xff\xfe", b"[1]", b'{"key": "c2VjcmV0', b"[" * 5000])
def test_what_is_no_json_is_not_quoted(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    message = fault(path)
    assert message.startswith("no file of blob keys, it") and "secret" not in message and "c2Vj" not in message


def test_numbers_run_out(path: Path) -> None:
    value = json.loads(path.read_text())
    value["keys"][0]["number"] = value["seals"] = 65535
    path.write_text(json.dumps(value))
    with pytest.raises(ConfigError, match="has had 65535 keys"):
        rotate_keys(path, NOW)
