"""The peak of this process's memory."""

import numpy as np

from stillhouse.records import peak_memory_bytes


def test_it_never_falls_and_rises_with_what_is_held() -> None:
    before = peak_memory_bytes()
    held = np.ones(before // 8 + (32 << 20) // 8)
    after = peak_memory_bytes()
    assert after >= before + (16 << 20) and len(held) > 0
    del held
    assert peak_memory_bytes() >= after
