"""
Which version the stored data has, and how older data becomes today's.

The number stands in one key. Data without it is of the first release, version 1;
data of a newer release is refused, because this one would not understand it. A
migration may be cut off at any instruction and be run by two processes at once, so
each must do nothing to what it has done already.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from gateway.store.connection import Scripts
from gateway.store.errors import StoreMisused
from gateway.store.keys import DATA_VERSION


#: Brings data from the version before it to its own.
Migration = Callable[[Scripts], Awaitable[None]]

#: Of data that has no number: what the first release wrote.
FIRST = 1
#: By the version they lead to. Every reader since the first release reads its data:
#: fields were only added, with defaults.
MIGRATIONS: Mapping[int, Migration] = {}


async def bring_up_to_date(
    scripts: Scripts, migrations: Mapping[int, Migration] = MIGRATIONS
) -> int:
    """
    Migrate the stored data, step by step, and return its version.

    Raises:
        StoreMisused: If a newer release wrote the data.
        StoreUnavailable: If the store does not answer.
    """
    ours = max(migrations, default=FIRST)
    found = await scripts.command(DATA_VERSION, "GET", DATA_VERSION)
    version = int(found) if found else FIRST
    if version > ours:
        raise StoreMisused(
            f"the stored data has version {version}, this release knows {ours}:"
            " install the release that wrote it, or restore an older backup"
        )
    for step in range(version + 1, ours + 1):
        await migrations[step](scripts)
        await scripts.command(DATA_VERSION, "SET", DATA_VERSION, step)
    if found is None and version == ours:
        await scripts.command(DATA_VERSION, "SET", DATA_VERSION, ours, "NX")
    return ours
