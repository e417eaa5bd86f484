"""A log as the baselines need it: when, whose, from where, and the newest turn, in a tenth of the memory.

Each of a dozen baselines reads the log, and taking a conversation's JSON apart costs more than most of them do.
"""

from collections.abc import Iterable

from bench.detection_baselines.embedding import newest_turn
from stillhouse.types import Exchange

__all__ = ["slim"]


def slim(log: Iterable[Exchange]) -> list[Exchange]:
    """The same exchanges, of which each baseline reads what it reads of the whole ones."""
    return [
        Exchange(
            id=one.id,
            time=one.time,
            account=one.account,
            model=one.model,
            api="chat.completions",
            request={"messages": [{"role": "user", "content": newest_turn(one)}]},
            client={"ip": one.client.get("ip")},
        )
        for one in log
    ]
