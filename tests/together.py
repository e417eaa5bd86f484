"""Several processes of one command, started as `torchrun` starts them."""

import socket
from pathlib import Path

from tests.command import Command, Result, Running

__all__ = ["Together"]


class Together:
    """The command as `torchrun` starts it, once for each process."""

    def __init__(self, command: Command) -> None:
        self.command = command

    def start(self, *args: str | Path, size: int = 2) -> list[Running]:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        shared = {"WORLD_SIZE": str(size), "LOCAL_WORLD_SIZE": str(size)}
        shared |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
        ranks = [{**shared, "RANK": str(rank), "LOCAL_RANK": str(rank)} for rank in range(size)]
        return [self.command.start(*args, environment=own) for own in ranks]

    def __call__(self, *args: str | Path, size: int = 2) -> list[Result]:
        return [running.wait() for running in self.start(*args, size=size)]
