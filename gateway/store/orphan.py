"""
A server that outlived its parent: found, recognised, stopped.

A pid alone proves nothing, since numbers are given again. The process must have
been started as our server with this very folder's configuration.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

from gateway.store.errors import StoreUnavailable
from gateway.store.server import POLL_S, STOP_GRACE_S


def stop_orphan(folder: Path) -> int | None:
    """
    Stop the server a killed parent left on *folder*; its pid, None if none.

    Call it only as the owner of the folder's lock.

    Raises:
        StoreUnavailable: If it can't be stopped.
    """
    pid = _pid_in(folder / "valkey.pid")
    if pid is None or not _is_server_of(folder, pid):
        return None
    for order in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.kill(pid, order)
        if _wait_until_gone(folder, pid):
            return pid
    raise StoreUnavailable(f"server {pid} of a former parent can't be stopped")


def _pid_in(path: Path) -> int | None:
    try:
        text = path.read_text().strip()
    except (FileNotFoundError, UnicodeDecodeError):
        return None
    return int(text) if text.isascii() and text.isdigit() else None


def _is_server_of(folder: Path, pid: int) -> bool:
    words = _command_line(pid)
    return b"valkey-server" in words and os.fsencode(folder / "valkey.conf") in words


def _command_line(pid: int) -> bytes:
    if sys.platform == "linux":
        with suppress(OSError):
            return Path(f"/proc/{pid}/cmdline").read_bytes()
        return b""
    return subprocess.run(  # noqa: S603 - our own words
        ["/bin/ps", "-ww", "-o", "command=", "-p", str(pid)],
        capture_output=True,
        check=False,
    ).stdout


def _wait_until_gone(folder: Path, pid: int) -> bool:
    give_up = time.monotonic() + STOP_GRACE_S
    while time.monotonic() < give_up:
        if not _is_server_of(folder, pid):
            return True
        time.sleep(POLL_S)
    return False
