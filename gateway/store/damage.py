"""Why a server gave up on its data, and what an operator can do about it."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

from gateway.store.errors import StoreCorrupt, StoreError, StoreUnavailable


#: Names the parts of the log and their order.
MANIFEST = "appendonly.aof.manifest"

#: What the server says before it gives up on its data, and what that means.
_UNREADABLE = {
    "Bad file format reading the append only file": (
        "the append-only log is damaged in the middle."
    ),
    "Unexpected end of file reading the append only file": (
        "an older part of the append-only log ends too early."
    ),
    "Wrong signature trying to load DB from file": (
        "the base file of the append-only log is damaged."
    ),
    "RDB CRC error": "the base file of the append-only log is damaged.",
    "The AOF manifest file": "the list of the append-only log's parts is damaged.",
    "doesn't exist": "a part of the append-only log is missing.",
    "Unable to obtain the AOF file": "a part of the append-only log is missing.",
}


def check_list_of_parts(folder: Path) -> None:
    """
    Refuse a folder with data but without the list of its parts.

    The server would start empty there, and write over the data.

    Raises:
        StoreCorrupt: If the list is missing.
    """
    parts = folder / "appendonlydir"
    manifest = parts / MANIFEST
    if not manifest.exists() and any(parts.glob("*.aof")):
        raise StoreCorrupt(
            folder,
            "the list of the append-only log's parts is missing.",
            f"put {manifest} or the whole folder back from a copy; "
            "or move the folder away to start empty.",
        )


def explain(folder: Path, log_from: int, code: int, program: Path) -> StoreError:
    """What to raise for a server that ended with *code*, by what it said last."""
    with (folder / "valkey.log").open("rb") as log:
        log.seek(log_from)
        said = log.read().decode(errors="replace")
    for sign, found in _UNREADABLE.items():
        if sign in said:
            return StoreCorrupt(folder, found, _repair(folder, said, program))
    last = " | ".join(said.strip().splitlines()[-3:])
    return StoreUnavailable(f"the server ended with code {code}: {last}")


def _repair(folder: Path, said: str, program: Path) -> str:
    put_back = f"put {folder} back from a copy, or move it away to start empty."
    damaged = re.search(r"the append only file (\S+\.incr\.aof)", said)
    if damaged is None:
        return put_back
    path = folder / "appendonlydir" / damaged[1]
    check = f"exec -a valkey-check-aof {shlex.quote(str(program))}"
    command = f"{check} --fix {shlex.quote(str(path))}"
    return (
        f"copy {folder} to a safe place, then cut the log at the damage, which loses "
        f"all that came after it: bash -c {shlex.quote(command)}; or {put_back}"
    )
