"""
Processes that are measured: where they run, what they use, on which machine.
"""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import sleep

import msgspec


#: The server under test has a core of its own; all others share the next one.
SERVER_CORE, OTHER_CORE = 0, 1
_TICKS = os.sysconf("SC_CLK_TCK")


class Server(msgspec.Struct, frozen=True):
    """A server under test: where it listens, and its process."""

    port: int
    key: str
    pid: int


@contextmanager
def bare_server() -> Iterator[Server]:
    """The yardstick, on the server core, until the block ends."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(1024)
        process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
            [sys.executable, "-m", "loadtest.bare", str(listener.fileno())],
            pass_fds=(listener.fileno(),),
            start_new_session=True,
        )
        pin(process.pid, SERVER_CORE)
        try:
            sleep(0.1)
            yield Server(listener.getsockname()[1], "none", process.pid)
        finally:
            process.terminate()
            process.wait(timeout=10)


def pin(pid: int | None, core: int) -> None:
    """Keep a process and its threads on one core, where the system can."""
    if pid is None or not hasattr(os, "sched_setaffinity"):
        return
    for thread in Path(f"/proc/{pid}/task").iterdir():
        os.sched_setaffinity(int(thread.name), {core})


def cpu_s(pid: int) -> float:
    """CPU seconds that a process has used."""
    fields = (
        Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()
    )
    return (int(fields[11]) + int(fields[12])) / _TICKS


def hardware() -> str:
    """What the figures were measured on."""
    model = re.search(
        r"model name\s*:\s*(.+)", Path("/proc/cpuinfo").read_text(encoding="utf-8")
    )
    name = model.group(1) if model else "unknown processor"
    return f"{os.cpu_count()} cores, {name}, Python {sys.version.split()[0]}"
