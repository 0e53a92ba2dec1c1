"""
The supervisor's side of the fork server: asks for workers and waits for their ends.
"""

from __future__ import annotations

import signal
import socket
import subprocess
import threading
from collections.abc import Callable
from contextlib import suppress
from queue import SimpleQueue


#: Seconds for a fork server to end once its control socket is closed.
_GRACE_S = 2.0


class ForkServerGone(Exception):
    """The fork server ended before it forked; *code* is how."""

    def __init__(self, code: int) -> None:
        super().__init__(f"the fork server ended with {code}")
        self.code = code


class Worker:
    """A worker process, child of the fork server."""

    def __init__(self, pid: int, send: Callable[[int, int], None]) -> None:
        self.pid = pid
        self._send = send
        self._code = 0
        self._is_over = threading.Event()

    @property
    def is_alive(self) -> bool:
        """False once its end was told."""
        return not self._is_over.is_set()

    def wait(self) -> int:
        """Its exit code once it has ended, negative for a signal."""
        self._is_over.wait()
        return self._code

    def terminate(self) -> None:
        """Ask it to drain and end."""
        self._send(self.pid, signal.SIGTERM)

    def ended(self, code: int) -> None:
        """Told by the fork server."""
        self._code = code
        self._is_over.set()


class Workers:
    """
    Forks workers; may be asked by several threads.

    Args:
        start: Starts a fork server that has this end of the control socket.
    """

    def __init__(self, start: Callable[[int], subprocess.Popen[bytes]]) -> None:
        self._start = start
        self._asking = threading.Lock()
        self._server: _ForkServer | None = None
        self._is_closed = False

    def fork(self) -> Worker:
        """
        One worker more; the first call waits until all is imported and compiled.

        Raises:
            ForkServerGone: If there is none to fork it; the next call starts another.
        """
        with self._asking:
            if self._is_closed:
                raise ForkServerGone(0)
            server = self._server = self._server or _ForkServer(self._start)
            worker = server.fork()
            if worker is None:
                self._server = None
                raise ForkServerGone(server.close())
            return worker

    def close(self) -> None:
        """End the fork server, and with it every worker that still lives."""
        self._is_closed = True
        if (server := self._server) is not None:
            server.close()


class _ForkServer:
    """One run of the fork server."""

    def __init__(self, start: Callable[[int], subprocess.Popen[bytes]]) -> None:
        self._control, theirs = socket.socketpair()
        with theirs:
            self._process = start(theirs.fileno())
        self._alive: dict[int, Worker] = {}
        self._forked: SimpleQueue[Worker | None] = SimpleQueue()
        threading.Thread(target=self._listen, daemon=True).start()

    def fork(self) -> Worker | None:
        """A new worker; None if the fork server is gone."""
        self._tell("fork")
        return self._forked.get()

    def close(self) -> int:
        """End it, by force if need be; its exit code."""
        with suppress(OSError):
            self._control.shutdown(socket.SHUT_RDWR)
        try:
            return self._process.wait(_GRACE_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            return self._process.wait()

    def _tell(self, line: str) -> None:
        # That it is gone is told by the listening thread.
        with suppress(OSError):
            self._control.sendall(line.encode() + b"\n")

    def _signal(self, pid: int, number: int) -> None:
        self._tell(f"signal {pid} {int(number)}")

    def _listen(self) -> None:
        with self._control, self._control.makefile("rb") as lines:
            with suppress(OSError):
                for line in lines:
                    self._heard(*line.split())
            for worker in self._alive.values():
                worker.ended(-signal.SIGKILL)
            self._forked.put(None)

    def _heard(self, word: bytes, pid: bytes, code: bytes = b"") -> None:
        if word == b"forked":
            worker = self._alive[int(pid)] = Worker(int(pid), self._signal)
            self._forked.put(worker)
        else:
            self._alive.pop(int(pid)).ended(int(code))
