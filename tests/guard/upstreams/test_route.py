"""The order in which upstreams are asked: by weight, and those that rest last."""

import random
from collections import Counter

import pytest

from stillhouse.errors import ConfigError
from stillhouse.guard.settings import HealthSettings, UpstreamSettings
from stillhouse.guard.upstreams.route import in_order
from stillhouse.guard.upstreams.upstream import Health, Upstream, make_upstream


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def upstream(name: str, clock: Clock, weight: float = 1.0, failures: int = 2) -> Upstream:
    health = HealthSettings(failures=failures, rest_seconds=10)
    settings = UpstreamSettings(name=name, base_url="http://127.0.0.1:1/v1/", weight=weight, health=health)
    return make_upstream(settings, {}, clock, Health())


def test_the_first_is_drawn_by_weight() -> None:
    clock = Clock()
    three = [upstream("a", clock, 6.0), upstream("b", clock, 3.0), upstream("c", clock, 1.0)]
    draw = random.Random(1)
    first = Counter(in_order(three, draw)[0].name for _ in range(20_000))
    # Five standard errors of a share at 20,000 draws are at most 0.018.
    for name, share in (("a", 0.6), ("b", 0.3), ("c", 0.1)):
        assert abs(first[name] / 20_000 - share) < 0.018
    # Without replacement: after `a`, the others by their weights, 3 to 1.
    second = Counter(order[1].name for order in (in_order(three, draw) for _ in range(20_000)) if order[0].name == "a")
    assert abs(second["b"] / second.total() - 0.75) < 0.02


def test_one_that_fails_rests_and_is_asked_last() -> None:
    clock = Clock()
    sick, well = upstream("sick", clock, 1000.0), upstream("well", clock)
    sick.failed()
    assert not sick.resting
    sick.failed()
    assert sick.resting
    draw = random.Random(2)
    assert {in_order([sick, well], draw)[0].name for _ in range(50)} == {"well"}
    assert {in_order([sick, well], draw)[1].name for _ in range(50)} == {"sick"}
    clock.now += 10.0
    assert not sick.resting
    sick.failed()
    assert sick.resting, "one more failure after its rest, and it rests again"
    sick.succeeded()
    assert not sick.resting and sick.health.failures == 0


def test_its_address_and_key() -> None:
    settings = UpstreamSettings(name="a", base_url="http://127.0.0.1:1/v1/", key_env="KEY", headers={"X-Own": "1"})
    made = make_upstream(settings, {"KEY": "secret"}, Clock(), Health())
    assert made.url("/chat/completions") == "http://127.0.0.1:1/v1/chat/completions"
    assert made.headers == {"x-own": "1", "authorization": "Bearer secret"} and "secret" not in repr(settings)
    other = make_upstream(settings.model_copy(update={"api": "anthropic"}), {"KEY": "secret"}, Clock(), Health())
    assert other.headers["x-api-key"] == "secret"
    with pytest.raises(ConfigError, match=r"^upstreams: 'a' takes its key from the environment variable KEY, which"):
        make_upstream(settings, {}, Clock(), Health())
