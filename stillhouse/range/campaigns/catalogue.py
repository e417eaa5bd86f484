"""Strategies by name, for measurements that want one row for each, with sizes that providers have published and others.

Published are four requests an account (16,000 from over 4,000 users in two days), 270, 690 and 1,150, and a second pool
that takes over when the first is banned; 4,300 were published too and have no name here. Pools of 20, 40 and 100 an
account, and one account for all, are ours: with dilution to a hundredth, and enemies that know what a detector looks
at.
"""

from collections.abc import Mapping

from stillhouse.range.campaigns.settings import Strategy

__all__ = ["strategies"]


def strategies(requests: int) -> Mapping[str, Strategy]:
    """Named strategies for a campaign of so many requests of its own."""

    def pool(each: float) -> int:
        return max(2, round(requests / each))

    four = pool(4)
    return {
        "loud": Strategy(accounts=1),
        "four_each": Strategy(accounts=four, network="residential"),
        "pool_270": Strategy(accounts=pool(270), network="residential"),
        "pool_1150": Strategy(accounts=pool(1150)),
        "one_by_one": Strategy(accounts=pool(690), routing="one_by_one"),
        "two_pools": Strategy(accounts=pool(100), pools=2, network="residential"),
        "shared_registration": Strategy(accounts=pool(40), registration="shared"),
        "diluted_50": Strategy(accounts=pool(20), honest_share=0.5, network="residential"),
        "diluted_90": Strategy(accounts=pool(20), honest_share=0.9, network="residential"),
        "diluted_99": Strategy(accounts=pool(20), honest_share=0.99, network="residential"),
        "paraphrased": Strategy(accounts=four, network="residential", wording="paraphrase_pool", software="mixed"),
        "randomised": Strategy(accounts=four, network="residential", wording="randomised", software="mixed"),
        "popular_tool": Strategy(accounts=four, network="residential", wording="randomised", software="popular"),
        "ramp": Strategy(accounts=pool(270), network="residential", rhythm="ramp"),
        "explored": Strategy(accounts=pool(270), network="residential", exploration=0.1),
        "topic_shards": Strategy(
            accounts=pool(20), network="residential", routing="topic_shards", wording="randomised", software="mixed"
        ),
        "follow_ups": Strategy(
            accounts=pool(20), network="residential", follow_ups=2, wording="randomised", software="mixed"
        ),
        "bought_people": Strategy(
            accounts=pool(20), network="residential", honest_share=0.8, cover="people", wording="randomised"
        ),
        "all_at_once": Strategy(
            accounts=pool(20), network="residential", routing="topic_shards", follow_ups=2, wording="randomised",
            software="mixed", honest_share=0.8, cover="people", rhythm="ramp", account_days=400,
        ),
    }  # fmt: skip
