"""
A child that must not outlive its parent.

The parent keeps the write end of the child's standard input open and never
writes; when the parent ends, however it ends, the child reads the end of the
file. Works wherever there are pipes.
"""

from __future__ import annotations

import os
import signal
import threading


def end_with_parent() -> None:
    """
    Kill this process when its parent is gone.

    Killed, not asked: the store goes with the parent, so there is nothing to
    drain into, and the port must be free for the next start.
    """
    threading.Thread(target=_wait_and_die, daemon=True).start()


def _wait_and_die() -> None:
    while os.read(0, 1):  # not sys.stdin: its lock would be held at exit
        pass
    os.kill(os.getpid(), signal.SIGKILL)
