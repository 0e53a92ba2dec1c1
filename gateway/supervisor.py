"""
The parent process: owns the socket, the store and the workers.

    supervisor ── EmbeddedStore (child, restarted when it dies)
        └── fork server (gateway.forkserver, started anew when it dies)
                ├── worker 1 ┐
                ├── worker 2 ├ one inherited listening socket, restarted when one dies
                └── …        ┘

Stop order: workers drain first, the store last. A worker that dies young again
and again is restarted ever more slowly, never given up.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from time import monotonic, sleep

import msgspec

from gateway.config import Config
from gateway.errors import ConfigError
from gateway.secrets import fill
from gateway.store.embedded import EmbeddedStore
from gateway.worker_config import EX_CONFIG, WorkerConfig
from gateway.workers import ForkServerGone, Worker, Workers


#: A worker that lived shorter than this counts as having died young.
YOUNG_S = 2.0
FIRST_PAUSE_S = 0.1
LONGEST_PAUSE_S = 3.0
#: Seconds beyond the drain until a worker that does not end is killed.
GRACE_S = 5.0
#: Waiting connections the kernel keeps for the workers.
BACKLOG = 2048


class Supervisor:
    """
    Runs one gateway on this machine: ``start`` … ``stop``, both synchronous.

    Args:
        tell: Called with one line for each thing worth telling.
    """

    def __init__(self, config: Config, tell: Callable[[str], None]) -> None:
        self._data_dir = Path(config.data_dir)
        self._config, self.secrets = fill(config, self._data_dir)
        self._tell = tell
        self._store: EmbeddedStore | None = None
        self._listener: socket.socket | None = None
        self._forks: Workers | None = None
        self._workers: list[Worker] = []
        self._watchers: list[threading.Thread] = []
        self._is_stopping = threading.Event()
        self._failure = ""

    @property
    def config(self) -> Config:
        """The configuration with every key filled in."""
        return self._config

    @property
    def url(self) -> str:
        """Where the gateway listens; known after :meth:`start`."""
        assert self._listener is not None  # noqa: S101 - documented order
        host, port = self._listener.getsockname()[:2]
        return f"http://{host}:{port}"

    @property
    def store_url(self) -> str:
        """Address of the store; known after :meth:`start`."""
        return self._config.store.url

    @property
    def worker_pids(self) -> list[int]:
        """Process ids of the workers that run now."""
        return [worker.pid for worker in self._workers if worker.is_alive]

    @property
    def store_pid(self) -> int | None:
        """Process id of the embedded store, if there is one and it runs."""
        return self._store.pid if self._store is not None else None

    def start(self) -> None:
        """
        Start store and workers; returns when the socket takes connections.

        Raises:
            ConfigError: If the port is taken.
            StoreLocked: If another gateway owns the data folder.
            StoreCorrupt: If the data on disk cannot be loaded.
        """
        self._listener = _listen(self._config.server.host, self._config.server.port)
        try:
            self._start_store()
            self._empty_metrics()
            handed = self._hand_over()
            forks = self._forks = Workers(partial(self._start_fork_server, handed))
            for number in range(self._config.server.workers):
                watcher = threading.Thread(
                    target=self._watch, args=(number, forks), daemon=True
                )
                watcher.start()
                self._watchers.append(watcher)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Drain the workers, then stop the store; safe to call twice."""
        self._is_stopping.set()
        give_up = monotonic() + self._config.server.drain_s + GRACE_S
        # A copy: each watcher takes its worker off the list when it ends.
        workers = list(self._workers)
        for worker in workers:
            worker.terminate()
        while any(worker.is_alive for worker in workers) and monotonic() < give_up:
            sleep(0.02)
        if self._forks is not None:
            self._forks.close()
        for watcher in self._watchers:
            watcher.join(timeout=1)
        if self._listener is not None:
            self._listener.close()
        if self._store is not None:
            self._store.stop()

    @property
    def failure(self) -> str:
        """Why it cannot go on; empty while it can."""
        return self._failure

    def wait(self) -> None:
        """
        Sleep until SIGINT or SIGTERM asks for the end.

        Raises:
            ConfigError: If a worker could not use its configuration.
        """
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: self._is_stopping.set())
        while not self._is_stopping.wait(timeout=1.0):
            pass
        if self._failure:
            raise ConfigError(self._failure)

    def _start_store(self) -> None:
        if self._config.store.url:
            return
        self._store = EmbeddedStore(self._data_dir)
        store = msgspec.structs.replace(self._config.store, url=self._store.start())
        self._config = msgspec.structs.replace(self._config, store=store)

    def _hand_over(self) -> Path:
        """Write what workers need to a file only this user can read."""
        path = self._data_dir / "worker.json"
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(
                msgspec.json.encode(
                    WorkerConfig(
                        config=self._config,
                        visitor_secret=self.secrets.visitor_secret,
                    )
                )
            )
        return path

    def _watch(self, number: int, forks: Workers) -> None:
        """Keep worker *number* alive until the end."""
        pause_s = FIRST_PAUSE_S
        is_first = True
        while not self._is_stopping.is_set():
            started = monotonic()
            who, code = self._live(forks)
            if code == EX_CONFIG and is_first:
                self._failure = "a worker cannot use its configuration; see above"
                self._is_stopping.set()
            is_first = False
            if self._is_stopping.is_set():
                return
            self._tell(f"worker {number + 1} ({who}) ended with {code}; restarting")
            is_young = monotonic() - started < YOUNG_S
            pause_s = min(pause_s * 2, LONGEST_PAUSE_S) if is_young else FIRST_PAUSE_S
            self._is_stopping.wait(pause_s)

    def _live(self, forks: Workers) -> tuple[str, int]:
        """One life of a worker: who it was, and its exit code."""
        try:
            worker = forks.fork()
        except ForkServerGone as exc:
            return "no fork server", exc.code
        self._workers.append(worker)
        code = worker.wait()
        self._workers.remove(worker)
        self._forget_gauges(worker.pid)
        return f"pid {worker.pid}", code

    def fork_server_command(
        self, handed: Path, listener: int, control: int
    ) -> list[str]:
        """What is run as fork server; fault tests plant bugs here."""
        numbers = [str(listener), str(control)]
        return [sys.executable, "-m", "gateway.forkserver", str(handed), *numbers]

    def _start_fork_server(self, handed: Path, control: int) -> subprocess.Popen[bytes]:
        assert self._listener is not None  # noqa: S101 - documented order
        listener = self._listener.fileno()
        return subprocess.Popen(  # noqa: S603 - our own interpreter and module
            self.fork_server_command(handed, listener, control),
            stdin=subprocess.DEVNULL,
            pass_fds=(listener, control),
            env=self._worker_environ(),
            start_new_session=True,
        )

    @property
    def _metrics_dir(self) -> Path:
        return self._data_dir / "metrics"

    def _empty_metrics(self) -> None:
        """Counts of an earlier run are not this run's."""
        self._metrics_dir.mkdir(parents=True, exist_ok=True)
        for file in self._metrics_dir.glob("*.db"):
            file.unlink()

    def _forget_gauges(self, pid: int) -> None:
        """A dead worker's live gauges no longer count; its counters do."""
        for file in self._metrics_dir.glob(f"gauge_live*_{pid}.db"):
            file.unlink(missing_ok=True)

    def _worker_environ(self) -> dict[str, str]:
        """With several workers, /metrics of any of them speaks for all."""
        environ = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        if self._config.server.workers > 1:
            environ["PROMETHEUS_MULTIPROC_DIR"] = str(self._metrics_dir)
        return environ


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as exc:
        listener.close()
        raise ConfigError(
            f"cannot listen on {host}:{port}: {exc.strerror};"
            " stop what uses the port, or choose another with --port"
        ) from exc
    listener.listen(BACKLOG)
    return listener
