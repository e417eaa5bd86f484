"""What a Ray cluster cannot be had for is one line. A real cluster is in test_engine_ray.py."""

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
