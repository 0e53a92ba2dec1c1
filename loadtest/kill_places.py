"""
A worker that dies, or kills its store, at a named place of a message's way.

    <data folder>/dies-at   "PLACE PID": whoever comes by PLACE first takes the
                            order away and kills PID, or itself if PID is 0

Run in place of :mod:`gateway.forkserver`; without an order it changes nothing.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import msgspec

from gateway.forkserver import main
from gateway.store.conversations import Conversations
from gateway.supervisor import Supervisor
from gateway.worker_config import WorkerConfig


#: In the order of a message's way; ``sent``: the store has the call, the answer is
#: not back; the last: somebody's conversations were just taken over.
PLACES = (
    "accept.before", "accept.sent", "accept.after",
    "commit.before", "commit.sent", "commit.after",
    "sweep.after",
)  # fmt: skip
ORDER = "dies-at"


class KillableSupervisor(Supervisor):
    """Runs workers of this module; the rest is the real one."""

    def fork_server_command(
        self, handed: Path, listener: int, control: int
    ) -> list[str]:
        """This module in place of the fork server's."""
        numbers = [str(listener), str(control)]
        return [sys.executable, "-m", "loadtest.kill_places", str(handed), *numbers]


def give_order(folder: Path, place: str, pid: int) -> None:
    """Whoever comes by *place* next kills *pid*, or itself if it is 0."""
    draft = folder / f"{ORDER}.new"
    draft.write_text(f"{place} {pid}", encoding="ascii")
    draft.replace(folder / ORDER)


def is_ordered(folder: Path) -> bool:
    """True while nobody has carried out the last order."""
    return (folder / ORDER).exists()


def withdraw(folder: Path) -> bool:
    """Take an order back; False if somebody carried it out already."""
    try:
        (folder / ORDER).unlink()
    except FileNotFoundError:
        return False
    return True


class _Killer:
    """Carries out the order, if this is the place it names."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def at(self, place: str) -> None:
        try:
            order = (self._folder / ORDER).read_text(encoding="ascii").split()
        except FileNotFoundError:
            return
        # Of several workers at the place only the one that takes it away dies.
        if order and order[0] == place and withdraw(self._folder):
            os.kill(int(order[1]) or os.getpid(), signal.SIGKILL)

    def around(
        self, name: str, real: Callable[..., Awaitable[Any]]
    ) -> Callable[..., Awaitable[Any]]:
        """*real*, with three places around it."""

        async def call(*args: Any, **named: Any) -> Any:
            self.at(f"{name}.before")
            sent = asyncio.ensure_future(real(*args, **named))
            # Two turns of the loop: the call joined a batch, and that was written.
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            self.at(f"{name}.sent")
            found = await sent
            if name != "sweep" or found:
                self.at(f"{name}.after")
            return found

        return call


def plant(folder: Path) -> None:
    """Put the places around this process's calls of the store."""
    killer = _Killer(folder)
    for name in ("accept", "commit", "sweep"):
        setattr(Conversations, name, killer.around(name, getattr(Conversations, name)))


if __name__ == "__main__":
    config = msgspec.json.decode(Path(sys.argv[1]).read_bytes(), type=WorkerConfig)
    plant(Path(config.config.data_dir))
    main(sys.argv[1:])
