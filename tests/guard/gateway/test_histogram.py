"""Our histogram says on the page what prometheus-client's own would."""

import random

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client import Histogram as Theirs

from stillhouse.guard.gateway.histogram import Histogram

BUCKETS = (0.001, 0.01, 0.1, 1, 10)


def test_the_page_is_the_same() -> None:
    ours, theirs = CollectorRegistry(), CollectorRegistry()
    mine = Histogram("seconds", "how long", "api", BUCKETS, ours)
    other = Theirs("seconds", "how long", ("api",), buckets=BUCKETS, registry=theirs)
    draw = random.Random(1)
    for _ in range(2000):
        api, amount = draw.choice("ab"), draw.choice((draw.expovariate(1), *BUCKETS))
        mine.of(api)(amount)
        other.labels(api).observe(amount)

    def lines(registry: CollectorRegistry) -> list[str]:
        page = generate_latest(registry).decode().splitlines()
        return sorted(line for line in page if "_created" not in line and not line.startswith("#"))

    assert lines(ours) == lines(theirs) and len(lines(ours)) == 2 * (len(BUCKETS) + 3)
