"""
The process that workers are forked from.

    supervisor ── control socket ── fork server ── fork ── worker 1, worker 2, …

It has imported everything and compiled the machine code, so a worker that died is back
after reading its own files, and what all workers have in common is in memory once. It
runs no event loop and no thread, because only a process of one thread forks safely.

One line each on the control socket:

    from the supervisor     ``fork``, ``signal PID NUMBER``
    to the supervisor       ``forked PID``, ``ended PID CODE``

A closed control socket means that the supervisor is gone: workers are killed. Workers
notice the end of this process by their standard input (:mod:`gateway.lifeline`).
"""

from __future__ import annotations

import gc
import os
import selectors
import signal
import socket
import sys
import traceback
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import NoReturn

import msgspec

from gateway import worker
from gateway.routers import load_router
from gateway.services import load_rules
from gateway.worker_config import WorkerConfig


_STOPPING = (signal.SIGTERM, signal.SIGINT)


class _Nursery:
    """The workers that live, and the three files that this process watches over."""

    def __init__(self, control: socket.socket) -> None:
        self._control = control
        self._pids: set[int] = set()
        self._buffer = b""
        self._lifeline, self._life = os.pipe()
        self._woken, self._wake = socket.socketpair()
        self._wake.setblocking(False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self._wake.fileno())
        for number in _STOPPING:
            signal.signal(number, signal.SIG_IGN)

    def serve(self, argv: list[str]) -> None:
        """Fork, signal and tell of ends until the supervisor is gone."""
        with selectors.DefaultSelector() as ready:
            ready.register(self._control, selectors.EVENT_READ)
            ready.register(self._woken, selectors.EVENT_READ)
            while True:
                files = [key.fileobj for key, _ in ready.select()]
                if self._woken in files:
                    self._woken.recv(4096)
                    self._tell_ends()
                if self._control in files and not self._obey(argv):
                    break
        for pid in self._pids:
            os.kill(pid, signal.SIGKILL)

    def _obey(self, argv: list[str]) -> bool:
        """Do what the supervisor asks; False if it is gone."""
        found = self._control.recv(4096)
        *lines, self._buffer = (self._buffer + found).split(b"\n")
        for line in lines:
            word, *numbers = line.split()
            if word == b"fork":
                self._fork(argv)
            elif int(numbers[0]) in self._pids:
                # One that was not waited for yet: the number is still its own.
                os.kill(int(numbers[0]), int(numbers[1]))
        return bool(found)

    def _fork(self, argv: list[str]) -> None:
        # Blocked, so that a stop sent to the child waits until it can obey.
        signal.pthread_sigmask(signal.SIG_BLOCK, _STOPPING)
        pid = os.fork()
        if pid == 0:
            self._become_worker(argv)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _STOPPING)
        self._pids.add(pid)
        self._tell(f"forked {pid}")

    def _tell_ends(self) -> None:
        with suppress(ChildProcessError):
            while True:
                pid, status = os.waitpid(-1, os.WNOHANG)
                if pid == 0:
                    return
                self._pids.discard(pid)
                self._tell(f"ended {pid} {os.waitstatus_to_exitcode(status)}")

    def _tell(self, line: str) -> None:
        # A supervisor that is gone is noticed by the next look at the socket.
        with suppress(BrokenPipeError, ConnectionResetError):
            self._control.sendall(line.encode() + b"\n")

    def _become_worker(self, argv: list[str]) -> NoReturn:
        """In the child: leave everything of the fork server behind, then serve."""
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGCHLD, *_STOPPING):
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _STOPPING)
        os.setsid()
        os.dup2(self._lifeline, 0)
        os.close(self._lifeline)
        os.close(self._life)
        for one in (self._control, self._woken, self._wake):
            one.close()
        os._exit(_run(argv))


def _run(argv: list[str]) -> int:
    """Serve as a worker; the exit code."""
    try:
        worker.main(argv)
    except SystemExit as exc:
        return exc.code if isinstance(exc.code, int) else 1
    except BaseException:  # noqa: BLE001 - the last frame of this process
        traceback.print_exc()
        return 1
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
    return 0


def warm_up(handed: WorkerConfig) -> None:
    """
    Compile the machine code, once for all workers; they load their own models and packs.

    What cannot be loaded is left to the workers, who say so.
    """
    arithmetic = handed.config.router.arithmetic
    if arithmetic == "plain" or find_spec("numba") is None:
        return
    with suppress(*worker.UNUSABLE):
        load_router(handed.config.router).model.use(arithmetic)
        load_rules(handed.config.shops[0]).use(arithmetic)


def main(argv: list[str]) -> None:
    """Entry of ``python -m gateway.forkserver CONFIG LISTENER CONTROL``."""
    *inherited, control = argv
    nursery = _Nursery(socket.socket(fileno=int(control)))
    warm_up(msgspec.json.decode(Path(argv[0]).read_bytes(), type=WorkerConfig))
    gc.collect()
    gc.freeze()
    nursery.serve(inherited)


if __name__ == "__main__":
    main(sys.argv[1:])
