"""Old segments are told of and then removed, once, and never one that is written."""

import os
import threading
import time
from pathlib import Path

import pytest

from stillhouse.errors import StorageError
from stillhouse.guard.log.retention import Keeper, remove_old
from stillhouse.guard.log.segment import SegmentName, open_segment
from stillhouse.records.files import digest_file, lock_for_writing
from stillhouse.records.zstd_lines import compress_frame


def segment(folder: Path, started: int, lines: int = 1, gateway: str = "gw") -> Path:
    path = folder / SegmentName(started, gateway, 1).file
    path.write_bytes(compress_frame(b"{}\n" * lines) + compress_frame(b"{}\n" * lines))
    return path


class Told:
    def __init__(self) -> None:
        self.calls: list[tuple[str, str, int | None]] = []
        self.fault: StorageError | None = None
        self.called = threading.Event()

    def __call__(self, path: Path, digest: str, exchanges: int | None) -> None:
        assert digest == digest_file(path), "told after the file was gone"
        self.calls.append((path.name, digest, exchanges))
        self.called.set()
        if self.fault is not None:
            raise self.fault


def test_only_older_ones_go_and_each_is_told_before(tmp_path: Path) -> None:
    old, others, young = segment(tmp_path, 100, 3), segment(tmp_path, 199, 5, "other"), segment(tmp_path, 200)
    digests = [digest_file(old), digest_file(others)]
    (tmp_path / "notes").touch()
    told = Told()
    assert remove_old(tmp_path, 200.0, told) == 2
    assert told.calls == [(old.name, digests[0], 6), (others.name, digests[1], 10)]
    assert sorted(os.listdir(tmp_path)) == sorted([young.name, "notes"])
    assert remove_old(tmp_path, 200.0, told) == 0


def test_one_that_is_written_stays(tmp_path: Path) -> None:
    held = open_segment(tmp_path, "gw", 100.0, 1)
    held.append(compress_frame(b"{}\n"))
    told = Told()
    assert remove_old(tmp_path, 200.0, told) == 0 and told.calls == []
    held.close()
    assert remove_old(tmp_path, 200.0, told) == 1


def test_a_segment_that_was_cut_off_or_spoilt_is_told_as_far_as_it_can_be(tmp_path: Path) -> None:
    torn, spoilt = segment(tmp_path, 100, 4), segment(tmp_path, 101)
    torn.write_bytes(torn.read_bytes()[:-4])
    spoilt.write_bytes(b"no frame")
    told = Told()
    assert remove_old(tmp_path, 200.0, told) == 2
    assert [exchanges for _, _, exchanges in told.calls] == [8, None]


def test_what_cannot_be_told_is_not_removed(tmp_path: Path) -> None:
    path = segment(tmp_path, 100)
    told = Told()
    told.fault = StorageError("ledger: full")
    with pytest.raises(StorageError, match="ledger: full"):
        remove_old(tmp_path, 200.0, told)
    assert path.exists()


def test_two_keepers_remove_and_tell_each_segment_once(tmp_path: Path) -> None:
    paths = [segment(tmp_path, started, gateway=f"g{started}") for started in range(40)]
    told = Told()
    threads = [threading.Thread(target=remove_old, args=(tmp_path, 200.0, told)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(name for name, _, _ in told.calls) == sorted(path.name for path in paths)
    assert os.listdir(tmp_path) == []


def test_one_that_another_keeper_removed_just_now_is_not_told_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = segment(tmp_path, 100)

    def late(descriptor: int, path: Path) -> None:
        path.unlink()
        lock_for_writing(descriptor, path)

    monkeypatch.setattr("stillhouse.guard.log.retention.lock_for_writing", late)
    told = Told()
    assert remove_old(tmp_path, 200.0, told) == 0 and told.calls == [] and not path.exists()


def test_the_keeper_looks_at_its_start_and_when_told(tmp_path: Path) -> None:
    now = 86400.0 * 10
    segment(tmp_path, 86400 * 8 - 1)
    told = Told()
    keeper = Keeper(tmp_path, 2.0, lambda: now, told)
    keeper.start()
    try:
        assert told.called.wait(10)
        told.called.clear()
        late = segment(tmp_path, 5)
        keeper.look()
        assert told.called.wait(10)
    finally:
        keeper.stop()
    assert [name for name, _, _ in told.calls][1] == late.name and keeper.failed is None


def test_a_keeper_that_fails_says_so_and_tries_again(tmp_path: Path) -> None:
    path = segment(tmp_path, 0)
    told = Told()
    told.fault = StorageError("ledger: full")
    keeper = Keeper(tmp_path, 1.0, lambda: 1e9, told)
    keeper.start()
    try:
        assert told.called.wait(10)
        until = time.monotonic() + 10
        while keeper.failed is None and time.monotonic() < until:
            time.sleep(0.01)
        assert str(keeper.failed) == "ledger: full" and path.exists()
        told.fault = None
        keeper.look()
        while (path.exists() or keeper.failed) and time.monotonic() < until:
            time.sleep(0.01)
        assert not path.exists() and keeper.failed is None
    finally:
        keeper.stop()


def test_a_folder_that_is_gone_is_a_storage_error(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="make the folder first"):
        remove_old(tmp_path / "gone", 1.0, Told())
