"""What a Ray cluster cannot be had for is one line. A real cluster is in test_engine_ray.py."""

import importlib.util
import sys

import pytest

from stillhouse.errors import ConfigError
from stillhouse.guard.replay.cluster_ray import cluster


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
