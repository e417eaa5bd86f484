"""Device, number format and thread count: measured, within what is there, and never silently another."""

import platform
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from stillhouse.distill import hardware
from stillhouse.distill.config import DistillSettings
from stillhouse.distill.hardware import Hardware, choose_device, choose_dtype, choose_threads, matmul_seconds
from stillhouse.errors import ConfigError
from tests.tiny import Pair, run_settings


def flags() -> set[str]:
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    return {flag for line in lines if line.startswith("flags") for flag in line.split()}


@pytest.mark.skipif(not flags() or bool(flags() & {"avx512_bf16", "amx_bf16"}), reason="this CPU has bfloat16")
def test_cpu_without_the_instructions_computes_in_float32() -> None:
    assert choose_dtype("cpu") == "float32"


def test_format_follows_the_measurement(monkeypatch: pytest.MonkeyPatch) -> None:
    """Seconds of a float32 product where a bfloat16 one takes 1: of the tiny one, and of one of training's shape."""
    for tiny, large, wanted in ((0.9, 1.4, "float32"), (0.9, 1.6, "bfloat16"), (0.3, 9.0, "float32")):
        seconds = {32: tiny, 256: large}
        monkeypatch.setattr(
            hardware,
            "matmul_seconds",
            lambda shape, dtype, s=seconds: 1.0 if dtype == torch.bfloat16 else s[shape[0]],
        )
        assert choose_dtype("cpu") == wanted


@pytest.mark.parametrize(("has", "wanted"), [(True, "bfloat16"), (False, "float32")])
def test_gpu_without_bfloat16_computes_in_float32(has: bool, wanted: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: has)
    assert choose_dtype("cuda:1") == wanted


def test_threads_are_within_range_and_left_as_they_were() -> None:
    before = torch.get_num_threads()
    assert choose_threads(1, torch.float32) == 1
    assert choose_threads(3, torch.float32) in (1, 2, 3)
    assert torch.get_num_threads() == before


def test_fastest_thread_count_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    seconds = {1: 4.0, 2: 1.0, 4: 3.0, 6: 2.0}
    tried: list[int] = []
    monkeypatch.setattr(torch, "set_num_threads", tried.append)
    monkeypatch.setattr(
        hardware,
        "matmul_seconds",
        lambda shape, dtype, small: seconds[tried[-1]] if dtype == torch.bfloat16 else -tried[-1],
    )
    assert choose_threads(6, torch.bfloat16) == 2
    assert tried[:-1] == [1, 2, 4, 6]


def test_seconds_are_the_median() -> None:
    times = iter([0.0, 5.0, 10.0, 11.0, 20.0, 22.0])
    assert matmul_seconds((2, 3, 4), torch.float32, repeats=3, clock=lambda: next(times)) == 2.0


def test_devices() -> None:
    assert choose_device("cpu") == "cpu"
    assert choose_device("auto") in ("cpu", "cuda")
    for wrong in ("tpu", "cpu:3", "cuda:x", "cuda:", "cuda:-1", "cuda:1:2"):
        with pytest.raises(ConfigError, match=f"device '{wrong}' is not known; use auto, cpu, cuda or cuda:N"):
            choose_device(wrong)


def test_gpu_number_beyond_those_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert [choose_device(name) for name in ("cuda", "cuda:1")] == ["cuda", "cuda:1"]
    with pytest.raises(ConfigError, match="device 'cuda:9': PyTorch sees 2 here; use cuda:0 to cuda:1"):
        choose_device("cuda:9")


def test_what_is_given_is_not_measured(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hardware, "matmul_seconds", None)
    before = torch.get_num_threads()
    found = Hardware.measure(DistillSettings.model_validate(run_settings(pair)))
    torch.set_num_threads(before)
    assert found == Hardware(device="cpu", dtype="float32", threads=1)
    assert found.torch_dtype == torch.float32


FAULTS = """
import resource, torch
from stillhouse.distill.hardware import keep_freed_memory
def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(20):
        torch.empty(4_000_000).fill_(1.0)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
torch.set_num_threads(1)
faults()
{call}
faults()
print(faults())
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc can be told")
def test_freed_memory_is_used_again() -> None:
    """Twenty arrays of 16 MB, one after the other: 78,000 fresh pages where each is given back in between."""
    code = FAULTS.format(call="assert keep_freed_memory()")
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert int(done.stdout) < 1000
