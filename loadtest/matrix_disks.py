"""
Rows of the fault matrix about the disk of the embedded store: full, failing, torn, damaged.

A full disk is a small one of its own that the row fills; a failing one answers EIO to
the store's fdatasync. Both need rights or programs that not every machine gives: then
the row is not run, and says why.
"""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from time import monotonic

import httpx

from gateway.stack import Stack
from gateway.store.beside import run_beside
from gateway.store.connection import Scripts
from gateway.store.embedded import EmbeddedStore
from gateway.store.errors import StoreCorrupt
from gateway.supervisor import Supervisor
from loadtest.faults import FaultReport, run_faults
from loadtest.matrix_row import Matrix, Outcome, judged
from loadtest.striker import Strike


#: Size of the small disk, and what its filler is made of at last.
DISK, BLOCK = "160m", 4096
#: Left free on a disk that is nearly full: less than ``store.least_free_mb``.
NEARLY = 40 * 2**20
#: How long the disk stays full, or fails, seconds.
_BAD_S = 2.0
#: A store whose disk fails must have ended after so long, seconds.
_END_S = 15.0
#: Clients ask again until the store is back.
_PATIENCE_S = 90.0
#: Half of a command, as a crash in the middle of a write leaves it.
_TORN = b"*3\r\n$3\r\nSET\r\n$9\r\nhalf-writ"
_KEYS = 200
#: What ``/readyz`` answers while no message is taken.
_UNREADY = 503
#: Lets every sync of the process fail that is named after it.
_SPOIL = (
    "strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=fdatasync,fsync",
    "-e", "inject=fdatasync,fsync:error=EIO", "-p",
)  # fmt: skip


def why_no_small_disk() -> str:
    """Why a small disk cannot be mounted here; empty if it can."""
    if os.geteuid() != 0 or shutil.which("mount") is None:
        return "a small disk is mounted: needs root on Linux"
    with tempfile.TemporaryDirectory(prefix="tg-") as folder:
        done = _mount(Path(folder), "1m")
        if done.returncode == 0:
            _unmount(Path(folder))
        return done.stderr.decode(errors="replace").strip()


def why_no_failing_disk() -> str:
    """Why fdatasync cannot be made to fail here; empty if it can."""
    if shutil.which("strace") is None:
        return "fdatasync is made to fail by strace: install it"
    return "" if os.geteuid() == 0 else "strace must look into the store: needs root"


def _mount(folder: Path, size: str) -> subprocess.CompletedProcess[bytes]:
    words = [
        "mount",
        "-t",
        "tmpfs",
        "-o",
        f"size={size},mode=700",
        "tmpfs",
        str(folder),
    ]
    return subprocess.run(words, check=False, capture_output=True)  # noqa: S603 - our words


def _unmount(folder: Path) -> None:
    subprocess.run(["umount", "-l", str(folder)], check=True)  # noqa: S603, S607 - ours


@contextmanager
def small_disk() -> Iterator[str]:
    """A folder on a disk of its own that is quickly full."""
    with tempfile.TemporaryDirectory(prefix="tg-") as name:
        folder = Path(name)
        _mount(folder, DISK).check_returncode()
        try:
            yield name
        finally:
            _unmount(folder)


def full_disk(matrix: Matrix) -> Outcome:
    """The disk is full to its last byte from one moment to the next, under load."""
    return judged(_run(matrix, "full disk", _fills, small_disk))


def nearly_full_disk(matrix: Matrix) -> Outcome:
    """The disk fills up: messages are refused with the reason, and no process ends."""
    strikes: list[Strike] = []

    def make(stack: Stack) -> Strike:
        strikes.append(_nearly_fills(stack))
        return strikes[-1]

    report = _run(matrix, "nearly full disk", make, small_disk)
    outcome = judged(report)
    return Outcome(
        outcome.is_fine and report.struck == matrix.strikes,
        f"{outcome.found}; refused by name with all processes alive {report.struck}"
        f" times of {matrix.strikes}",
        outcome.kills,
    )


def _nearly_fills(stack: Stack) -> Strike:
    supervisor = stack.supervisor
    folder = Path(supervisor.config.data_dir)

    async def strike(_: str) -> int:
        """1 if ``/readyz`` named the disk and every process is still there."""
        before = {supervisor.store_pid, *supervisor.worker_pids}
        filler = folder / "filler"
        try:
            _leave(filler, NEARLY)
            await asyncio.sleep(_BAD_S)
            said = await asyncio.to_thread(
                httpx.get, f"{stack.url}/readyz", trust_env=False
            )
        finally:
            filler.unlink(missing_ok=True)
        is_told = said.status_code == _UNREADY and str(folder) in said.json()["shut"]
        return int(
            is_told and before == {supervisor.store_pid, *supervisor.worker_pids}
        )

    return strike


def _leave(filler: Path, free: int) -> None:
    """Write until only *free* bytes are left."""
    found = os.statvfs(filler.parent)
    with filler.open("wb", buffering=0) as file:
        for _ in range((found.f_bavail * found.f_frsize - free) >> 20):
            file.write(b"x" * 2**20)


def _run(
    matrix: Matrix,
    fault: str,
    make_strike: object,
    make_folder: object = None,
) -> FaultReport:
    kept = {} if make_folder is None else {"make_folder": make_folder}
    return run_faults(
        matrix.config,
        fault,
        messages=matrix.messages,
        strikes=matrix.strikes,
        seed=matrix.seed,
        tell=matrix.tell,
        give_up_s=_PATIENCE_S,
        make_strike=make_strike,  # type: ignore[arg-type]
        **kept,  # type: ignore[arg-type]
    )


def _fills(stack: Stack) -> Strike:
    supervisor = stack.supervisor
    filler = Path(supervisor.config.data_dir) / "filler"

    async def strike(_: str) -> int:
        give_up = monotonic() + _BAD_S
        try:
            while monotonic() < give_up:
                await asyncio.to_thread(_fill, filler)
                await asyncio.sleep(0.02)
        finally:
            filler.unlink(missing_ok=True)
        return 1

    return strike


async def _store_of(supervisor: Supervisor) -> int:
    """Process id of the store; waits while it is between two lives."""
    while (pid := supervisor.store_pid) is None:  # noqa: ASYNC110 - another thread's
        await asyncio.sleep(0.02)
    return pid


async def _ended(supervisor: Supervisor, pid: int) -> bool:
    """Wait until the store with *pid* has ended; False if it did not in time."""
    give_up = monotonic() + _END_S
    while supervisor.store_pid == pid and monotonic() < give_up:  # noqa: ASYNC110 - a pid
        await asyncio.sleep(0.02)
    return supervisor.store_pid != pid


def _fill(path: Path) -> None:
    """Take every block that is left; a restarted store may have freed some."""
    with suppress(OSError), path.open("ab", buffering=0) as file:
        for size in (2**20, BLOCK):
            with suppress(OSError):
                while file.write(b"x" * size) == size:
                    pass


def failing_disk(matrix: Matrix) -> Outcome:
    """The store's fdatasync answers EIO: it ends before it answers, and starts anew."""
    return judged(_run(matrix, "fdatasync fails", _fails))


def _fails(stack: Stack) -> Strike:
    supervisor = stack.supervisor

    async def strike(_: str) -> int:
        pid = await _store_of(supervisor)
        spoiler = await asyncio.create_subprocess_exec(*_SPOIL, str(pid))
        is_ended = await _ended(supervisor, pid)
        with suppress(ProcessLookupError):
            spoiler.send_signal(signal.SIGINT)
        await spoiler.wait()
        return int(is_ended)

    return strike


def torn_log(matrix: Matrix) -> Outcome:
    """The store is killed with half a command at the end of its log."""
    return judged(_run(matrix, "torn log", _tears))


def _tears(stack: Stack) -> Strike:
    parts = Path(stack.supervisor.config.data_dir) / "appendonlydir"

    async def strike(_: str) -> int:
        pid = await _store_of(stack.supervisor)
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGSTOP)
            with _last_part(parts).open("ab") as log:
                log.write(_TORN)
            os.kill(pid, signal.SIGKILL)
        return 1

    return strike


def _last_part(parts: Path) -> Path:
    return max(parts.glob("*.incr.aof"), key=lambda one: int(one.name.split(".")[-3]))


def damaged_log(matrix: Matrix) -> Outcome:
    """A byte in the middle is wrong at start: refused, and the fix that is told works."""
    with tempfile.TemporaryDirectory(prefix="tg-") as name:
        folder = Path(name)
        _filled(folder)
        path = _last_part(folder / "appendonlydir")
        raw = bytearray(path.read_bytes())
        raw[raw.index(b"*3", len(raw) // 2)] = ord("?")
        path.write_bytes(raw)
        said = _refusal(folder)
        command = re.search(r"bash -c ('.*?'); or", said)
        is_named = str(path) in said and command is not None
        if command is not None:
            matrix.tell(f"carries out the fix: {command[1]}")
            _carry_out(command[1])
        left = _count(folder) if is_named else 0
    found = (
        f"{'refused' if said else 'NOT refused'}, file and fix"
        f" {'named' if is_named else 'NOT named'}; after the fix {left} of {_KEYS} keys,"
        " those before the damage"
    )
    return Outcome(bool(said) and is_named and 0 < left < _KEYS, found, 1)


def _filled(folder: Path) -> None:
    async def fill(scripts: Scripts) -> None:
        for number in range(_KEYS):
            await scripts.command("k", "SET", f"k{number}", "v" * 40)

    run_beside("", folder, fill)


def _refusal(folder: Path) -> str:
    try:
        EmbeddedStore(folder).start()
    except StoreCorrupt as exc:
        return str(exc)
    return ""


def _carry_out(quoted: str) -> None:
    """As an operator would: the words are those of our own error."""
    subprocess.run(  # noqa: S602 - what the error tells an operator to run
        f"yes | bash -c {quoted}", shell=True, check=True, stdout=subprocess.DEVNULL
    )


def _count(folder: Path) -> int:
    async def count(scripts: Scripts) -> int:
        return int(await scripts.command("k", "DBSIZE"))

    return run_beside("", folder, count)
