"""What the bench of live detection says of its measurements."""

import pytest

from bench.live_detection import rows_of


def test_differences_are_taken_run_by_run() -> None:
    quantities = ("cpu", "paced_cpu", "p50", "p99")
    found = {(quantity, "without"): [100.0, 200.0, 400.0] for quantity in quantities}
    found |= {(quantity, "with"): [110.0, 220.0, 390.0] for quantity in quantities}
    rows = rows_of(found | {("detector", "with"): [0.25, 0.5, 0.5]})
    assert len(rows) == 9 and rows[-1].ours == 0.5
    both, added = rows[:2]
    assert (both.ours, both.peer) == (220.0, 200.0) and both.ratio == pytest.approx(1.1)
    assert (added.ours, added.peer, added.what.endswith("added by detection")) == (10.0, None, True)
