"""What a Ray cluster cannot be had for is one line. A real cluster is in test_engine_ray.py."""

import importlib.util
import subprocess
import sys
from pathlib import Path
from tempfile import mkdtemp

import pytest

from stillhouse.errors import ConfigError
from stillhouse.guard.replay.cluster_ray import _folder, cluster


@pytest.mark.parametrize("name", ["ray", "psutil"])
def test_what_is_not_installed_is_named_with_the_extra(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, name, None)
    wanted = rf"engine 'ray' needs {name}, .* pip install 'stillhouse\[scale\]', or take engine 'local'"
    with pytest.raises(ConfigError, match=wanted), cluster():
        pass


@pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="Ray is not installed (extra `scale`)")
@pytest.mark.parametrize(
    ("address", "reason"), [("127.0.0.1:1", "Connection refused"), ("nonsense", "Invalid address")]
)
def test_where_no_cluster_is_to_be_joined_is_said_at_once(address: str, reason: str) -> None:
    with (
        pytest.raises(ConfigError, match=rf"RAY_ADDRESS is '{address}', and no .* there \(.*{reason}.*\); mend it"),
        cluster(address=address),
    ):
        pass


HOLDING = """
import sys, time
from stillhouse.guard.replay.cluster_ray import _folder
with _folder() as folder:
    print(folder, flush=True)
    time.sleep(600)
"""


def test_what_a_killed_process_left_goes_with_the_next_and_what_is_held_stays() -> None:
    old = Path(mkdtemp(prefix="stillhouse-ray-", dir="/tmp"))
    (old / "r").mkdir()
    with subprocess.Popen([sys.executable, "-c", HOLDING], stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        held = Path(other.stdout.readline().strip()).parent
        try:
            assert not old.exists() and held.stat().st_mode & 0o777 == 0o700
            with _folder():
                assert held.exists()
        finally:
            other.kill()
    assert held.exists()
    with _folder() as folder:
        assert not held.exists()
    assert not Path(folder).parent.exists()
