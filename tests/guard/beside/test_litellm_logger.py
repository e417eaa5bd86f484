"""The recorder beside LiteLLM: what it writes, what it counts, that it never raises, and how it ends with its
process."""

import importlib.util
import logging
import os
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from stillhouse.errors import ConfigError
from stillhouse.guard.beside import litellm_logger
from stillhouse.guard.beside.litellm_logger import Recorder, logger_from
from stillhouse.guard.ingest.fields import Fields
from stillhouse.guard.ingest.litellm_payload import FIELDS, exchange_of_payload
from stillhouse.records import ExchangeLog
from tests.guard.ingest.samples import payload

ROOT = Path(__file__).resolve().parents[3]


@contextmanager
def recording(log: Path | str, **limits: Any) -> Iterator[Recorder]:
    recorder = Recorder(str(log), Fields(FIELDS), patience_s=0.01, **limits)
    try:
        yield recorder
    finally:
        recorder.close()


@pytest.mark.parametrize("suffix", [".jsonl", ".jsonl.zst"])
def test_what_litellm_hands_over_is_written_as_ingest_reads_it(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"seen{suffix}"
    payloads = [payload(id=str(number)) for number in range(1200)]
    with recording(path) as recorder:
        for one in payloads:
            recorder.record(one)
    assert list(ExchangeLog(path)) == [exchange_of_payload(one, "x", Fields(FIELDS)) for one in payloads]
    assert recorder.counts == {"recorded": 1200}


def test_nothing_happens_before_the_first_call(tmp_path: Path) -> None:
    with recording(tmp_path / "seen.jsonl"):
        pass
    assert list(tmp_path.iterdir()) == []


class Changing(dict[str, Any]):
    """What a payload may do while LiteLLM still writes to it."""

    def items(self) -> Any:
        raise RuntimeError("dictionary changed size during iteration")


def test_faults_are_counted_and_said_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    deep: list[Any] = []
    for _ in range(2000):
        deep = [deep]
    unwritten = [
        payload(messages=[{"role": "user", "content": "\ud800"}]),
        payload(response={"logprob": float("-inf")}),
        payload(messages=[{"role": "user", "content": object()}]),
        payload(messages=deep),
        payload(response=Changing(a=1)),
    ]
    with caplog.at_level(logging.WARNING), recording(tmp_path / "seen.jsonl") as recorder:
        for one in [None, payload(startTime=None), payload(call_type="aspeech"), *unwritten, payload()]:
            recorder.record(one)
    assert recorder.counts == {"unread": 2, "passed_over": 1, "unwritten": 5, "recorded": 1}
    said = [record.getMessage() for record in caplog.records if record.name == "stillhouse.guard.beside.litellm"]
    assert len(said) == 2
    assert said[0] == "stillhouse: a call came without standard_logging_object (unread; said once, counted from now on)"
    assert said[1].startswith("stillhouse: call 0b54c5aa-6a9b-4a4c-8c77-5a7ce6d31f10: ") and "unwritten" in said[1]
    assert len(list(ExchangeLog(tmp_path / "seen.jsonl"))) == 1


def test_a_full_queue_loses_what_comes_and_never_waits(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with recording(tmp_path / "seen.jsonl", most_waiting=2) as recorder:
        recorder._process = os.getpid()  # so that no thread takes anything out
        for number in range(5):
            recorder.record(payload(id=str(number)))
        assert recorder.counts == {"lost": 3}
    assert [record.getMessage() for record in caplog.records] == [
        "stillhouse: 2 exchanges wait to be written; what comes now is lost (lost; said once, counted from now on)"
    ]


def test_a_log_that_another_process_writes_is_left_alone(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "seen.jsonl"
    with ExchangeLog(path) as held:
        first = exchange_of_payload(payload(), "x", Fields(FIELDS))
        held.append(first)  # type: ignore[arg-type]
        with recording(path) as recorder:
            recorder.record(payload())
        assert recorder.counts == {"unwritten": 1}
    assert list(ExchangeLog(path)) == [first]
    assert "give each process a file of its own" in caplog.text


def test_after_its_end_nothing_is_recorded(tmp_path: Path) -> None:
    with recording(tmp_path / "seen.jsonl") as recorder:
        recorder.record(payload())
    recorder.record(payload())
    assert recorder.counts == {"recorded": 1, "lost": 1}


def test_a_process_that_ends_writes_what_waits_and_forks_write_their_own(tmp_path: Path) -> None:
    code = f"""
        import os
        from stillhouse.guard.beside.litellm_logger import Recorder
        from stillhouse.guard.ingest.fields import Fields
        from stillhouse.guard.ingest.litellm_payload import FIELDS
        from tests.guard.ingest.samples import payload

        recorder = Recorder({str(tmp_path / "seen-{pid}.jsonl")!r}, Fields(FIELDS))
        child = os.fork()
        for number in range(3 if child else 2):
            recorder.record(payload(id=str(number)))
        if child:
            os.waitpid(child, 0)
        """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0 and done.stderr == ""
    lengths = [len(list(ExchangeLog(log))) for log in tmp_path.glob("seen-*.jsonl")]
    assert sorted(lengths) == [2, 3]


@pytest.mark.parametrize("environ", [{}, {"STILLHOUSE_LOG": ""}, {"STILLHOUSE_LOG": "log.csv"}])
def test_a_log_has_to_be_named(environ: dict[str, str]) -> None:
    with pytest.raises(ConfigError, match=r"^STILLHOUSE_LOG is '.*'; set it to the .jsonl or .jsonl.zst file"):
        logger_from(environ)


def test_its_folder_and_the_account_have_to_be_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="make its folder first"):
        logger_from({"STILLHOUSE_LOG": str(tmp_path / "none" / "log.jsonl")})


def test_importing_needs_no_litellm_and_asking_for_the_logger_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", "import stillhouse.guard.beside.litellm_logger, sys; print('litellm' in sys.modules)"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stdout == "False\n"
    with pytest.raises(AttributeError, match="has no attribute 'loger'"):
        _ = litellm_logger.loger
    if importlib.util.find_spec("litellm") is not None:
        pytest.skip("litellm is installed here")
    monkeypatch.setenv("STILLHOUSE_LOG", str(tmp_path / "seen.jsonl"))
    with pytest.raises(ModuleNotFoundError, match="litellm"):
        _ = litellm_logger.logger
