"""
The embedded store: a real Valkey server as a child of this process.

One process owns a data folder (``flock``); a second one is refused. The server
listens on a socket in the folder, writes every change to disk before it answers,
dies with its parent, and is started again when it dies alone. A server whose
parent was killed is found by its pid file, verified and stopped first, so that
two servers never write one folder. The folder must be on a local disk.

    <folder>/lock                 who owns the folder
    <folder>/valkey.conf .log     written at each start; what the server says
    <folder>/valkey.pid .sock     of the running server
    <folder>/appendonlydir/       the data
"""

from __future__ import annotations

import atexit
import fcntl
import logging
import os
import subprocess
import threading
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

from gateway.store import orphan, server
from gateway.store.errors import StoreLocked


_log = logging.getLogger(__name__)

#: Pause before the first restart; doubled up to the longest.
FIRST_PAUSE_S = 0.05
LONGEST_PAUSE_S = 2.0

#: A server that ran this long was healthy: pauses start over.
HEALTHY_AFTER_S = 1.0


class EmbeddedStore:
    """
    Runs the server for as long as it is started.

    Start it once, in the process that outlives all its users; other processes
    connect to the URL. Starting twice or stopping twice does nothing.
    """

    def __init__(self, data_dir: Path) -> None:
        self._folder = Path(data_dir).absolute()
        self._socket = server.socket_path(self._folder)
        self._owner = os.getpid()
        self._lock: int | None = None
        self._keeper: _Keeper | None = None

    @property
    def url(self) -> str:
        """Address for :meth:`Scripts.connect`."""
        return f"unix://{quote(str(self._socket))}"

    @property
    def pid(self) -> int | None:
        """Process id of the running server."""
        return self._keeper.pid if self._keeper else None

    @property
    def restarts(self) -> int:
        """How often the server died and another start was tried."""
        return self._keeper.restarts if self._keeper else 0

    def start(self) -> str:
        """
        Start the server, wait until its data is loaded, and return the URL.

        Raises:
            StoreLocked: If another process owns the folder.
            StoreCorrupt: If the data can't be loaded.
            StoreUnavailable: If the server does not come up.
        """
        if self._keeper is not None:
            return self.url
        self._owner = os.getpid()
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._lock = _own(self._folder)
        try:
            orphan.stop_orphan(self._folder)
            self._keeper = _Keeper(self._folder, self._socket)
            self._keeper.start_and_wait()
        except BaseException:
            self.stop()
            raise
        atexit.register(self.stop)
        return self.url

    def stop(self) -> None:
        """Stop the server and give the folder free."""
        if os.getpid() != self._owner:
            # A forked copy of the owner ends; the owner goes on.
            return
        atexit.unregister(self.stop)
        keeper, self._keeper = self._keeper, None
        if keeper is not None:
            keeper.stop()
        lock, self._lock = self._lock, None
        if lock is not None:
            os.close(lock)


class _Keeper:
    """
    The thread that starts the server, again and again.

    On Linux a child dies with the *thread* that started it, so all starts are
    made by this one, which lives as long as the process.
    """

    def __init__(self, folder: Path, socket: Path) -> None:
        self.restarts = 0
        self._folder = folder
        self._socket = socket
        self._child: subprocess.Popen[bytes] | None = None
        self._failure: BaseException | None = None
        self._started = threading.Event()
        self._stopping = threading.Event()
        self._spawning = threading.Lock()
        self._thread = threading.Thread(
            target=self._run, name="embedded-store", daemon=True
        )

    @property
    def pid(self) -> int | None:
        """Of the child, if it lives."""
        child = self._child
        return child.pid if child is not None and child.poll() is None else None

    def start_and_wait(self) -> None:
        """Start the thread; return when the server is ready, raise if it fails."""
        self._thread.start()
        self._started.wait()
        if self._failure is not None:
            self._thread.join()
            raise self._failure

    def stop(self) -> None:
        """Stop the server and the thread."""
        with self._spawning:
            self._stopping.set()
            child = self._child
        if child is not None:
            server.terminate(child)
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        try:
            child = self._spawn()
        except BaseException as exc:  # noqa: BLE001 - raised again by start_and_wait
            self._failure = exc
            self._started.set()
            return
        self._started.set()
        self._watch(child)

    def _watch(self, child: subprocess.Popen[bytes] | None) -> None:
        pause_s = FIRST_PAUSE_S
        while not self._stopping.is_set():
            if child is not None:
                with suppress(subprocess.TimeoutExpired):
                    child.wait(HEALTHY_AFTER_S)
                    child = None
                    continue
                pause_s = FIRST_PAUSE_S
                continue
            self._stopping.wait(pause_s)
            pause_s = min(pause_s * 2, LONGEST_PAUSE_S)
            self.restarts += 1
            child = self._spawn_again()

    def _spawn_again(self) -> subprocess.Popen[bytes] | None:
        try:
            child = self._spawn()
        except Exception:  # noqa: BLE001 - logged; a background loop goes on
            # A full disk or a broken file may be repaired meanwhile: keep trying.
            _log.exception("store_restart_failed")
            return None
        if child is not None:
            _log.warning(
                "store_restarted: pid %s, restart %s", child.pid, self.restarts
            )
        return child

    def _spawn(self) -> subprocess.Popen[bytes] | None:
        with self._spawning:
            if self._stopping.is_set():
                return None
            run = server.spawn(self._folder, self._socket)
            self._child = run.child
        try:
            server.wait_until_ready(self._folder, run)
        except BaseException:
            server.terminate(run.child)
            raise
        return run.child


def _own(folder: Path) -> int:
    """Take the folder's lock; it is never inherited and ends with the process."""
    lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as exc:
        owner = os.read(lock, 32).strip()
        os.close(lock)
        raise StoreLocked(folder, int(owner) if owner.isdigit() else None) from exc
    os.truncate(lock, 0)
    os.write(lock, f"{os.getpid()}\n".encode())
    return lock
