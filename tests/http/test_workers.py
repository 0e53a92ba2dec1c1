"""Workers are forked from one process; whatever dies, nothing is left and all is told."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from gateway.config_file import load
from gateway.worker_config import WorkerConfig
from gateway.workers import ForkServerGone, Worker, Workers


IDLE = Path(__file__).parent / "idle_worker.py"


class Started:
    """Fork servers started for a test, the last one at the end."""

    def __init__(self, folder: Path) -> None:
        config = load(None, {}, {"router.arithmetic": "plain"})
        self._handed = folder / "worker.json"
        self._handed.write_bytes(
            msgspec.json.encode(WorkerConfig(config=config, visitor_secret="s" * 40))
        )
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.servers: list[subprocess.Popen[bytes]] = []
        self.script = IDLE

    def __call__(self, control: int) -> subprocess.Popen[bytes]:
        listener = self._listener.fileno()
        names = [str(self._handed), str(listener), str(control)]
        server = subprocess.Popen(
            [sys.executable, str(self.script), *names], pass_fds=(listener, control)
        )
        self.servers.append(server)
        return server

    def close(self) -> None:
        self._listener.close()


@pytest.fixture
def started(tmp_path: Path) -> Iterator[Started]:
    """What starts fork servers."""
    starts = Started(tmp_path)
    yield starts
    starts.close()


@pytest.fixture
def workers(started: Started) -> Iterator[Workers]:
    """Workers that wait."""
    forks = Workers(started)
    yield forks
    forks.close()


def ends(pid: int) -> bool:
    """True once no process has the number, within five seconds."""
    for _ in range(500):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.01)
    return False


def ready(worker: Worker) -> Worker:
    """The worker once it is at its wait: its own session is the last step before."""
    while os.getsid(worker.pid) != worker.pid:
        time.sleep(0.01)
    time.sleep(0.1)
    return worker


def test_each_end_is_told_with_its_code(workers: Workers, started: Started) -> None:
    """A signal is negative, an exit is itself; one worker's end leaves the other."""
    one, other = ready(workers.fork()), ready(workers.fork())
    assert len(started.servers) == 1
    one.terminate()
    assert one.wait() == -signal.SIGTERM
    assert not one.is_alive
    assert other.is_alive
    os.kill(other.pid, signal.SIGUSR1)
    assert other.wait() == 7
    one.terminate()  # the number may be another process's by now: nothing is sent
    assert ready(workers.fork()).is_alive


def test_a_stop_of_the_whole_group_lets_workers_drain(
    workers: Workers, started: Started
) -> None:
    """Service managers signal every process; the fork server waits for its workers."""
    worker = ready(workers.fork())
    started.servers[0].terminate()
    started.servers[0].send_signal(signal.SIGINT)
    again = ready(workers.fork())
    assert worker.is_alive
    assert again.is_alive
    assert len(started.servers) == 1


def test_workers_end_with_their_fork_server_and_another_takes_its_place(
    workers: Workers, started: Started
) -> None:
    """Killed, it is noticed by workers and supervisor alike."""
    worker = ready(workers.fork())
    started.servers[0].kill()
    assert worker.wait() == -signal.SIGKILL
    assert ends(worker.pid)
    with pytest.raises(ForkServerGone):
        workers.fork()
    assert ready(workers.fork()).is_alive
    assert len(started.servers) == 2


def test_closing_ends_everything(workers: Workers, started: Started) -> None:
    """A supervisor that is gone closes its socket too."""
    worker = ready(workers.fork())
    workers.close()
    assert started.servers[0].poll() == 0
    assert worker.wait() == -signal.SIGKILL
    assert ends(worker.pid)
    with pytest.raises(ForkServerGone):
        workers.fork()


def test_a_fork_server_that_cannot_start_says_how_it_ended(
    workers: Workers, started: Started, tmp_path: Path
) -> None:
    """It is not waited for."""
    started.script = tmp_path / "broken.py"
    started.script.write_text("raise SystemExit(3)\n", encoding="utf-8")
    with pytest.raises(ForkServerGone, match="ended with 3"):
        workers.fork()
