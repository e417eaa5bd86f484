"""A process that adds exchanges until it is killed, and says which are acknowledged (or added, with the time).

python -m tests.guard.log.adding FOLDER always|interval SECONDS
"""

import asyncio
import os
import sys
import time
from pathlib import Path

from stillhouse.guard.log.ids import ExchangeIds
from stillhouse.guard.log.writer import ExchangeWriter
from tests.guard.log.drafts import draft, log_settings


async def add_for_ever(folder: Path, fsync: str, seconds: float) -> None:
    settings = log_settings(fsync=fsync, interval_seconds=seconds, segment_bytes=1 << 16)
    writer = ExchangeWriter(settings, folder, gateway="gw", clock=time.time)
    writer.start(asyncio.get_running_loop())
    ids = ExchangeIds(os.urandom)

    async def add_one_after_the_other() -> None:
        while True:
            name = ids.new(time.time())
            added = time.time()
            kept = writer.add(draft(name, incompressible=600))
            if kept is not None:
                await kept
            # One write of less than a page, so a line is whole or absent.
            os.write(1, f"{name} {added:.6f}\n".encode())
            await asyncio.sleep(0 if fsync == "always" else 0.005)

    await asyncio.gather(*[add_one_after_the_other() for _ in range(8)])


if __name__ == "__main__":
    asyncio.run(add_for_ever(Path(sys.argv[1]), sys.argv[2], float(sys.argv[3])))
