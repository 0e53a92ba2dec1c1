"""
The fault matrix: each row a fault, what must come of it, and what came of it.

Rows run one after the other on real processes. What no machine here could do is listed
as not run, with the reason; rows that only tests hold say where.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from time import monotonic
from typing import NamedTuple

import msgspec

from loadtest.llm_manners import Manners
from loadtest.matrix_disks import (
    damaged_log,
    failing_disk,
    full_disk,
    nearly_full_disk,
    torn_log,
    why_no_failing_disk,
    why_no_small_disk,
)
from loadtest.matrix_engines import flood, garbage, model, shop_away
from loadtest.matrix_row import Matrix, Outcome
from loadtest.matrix_stores import (
    dead_primaries,
    dead_primaries_unconfirmed,
    line,
    moving_slots,
    no_room,
    processes,
    weak_store,
    whole_gateways,
)


_NOTHING_LOST = "0 lost, 0 twice, 0 out of order; all ended"


class _Row(NamedTuple):
    """
    *number* is the row of the house's list of faults; *why_not* says why this machine
    cannot run it.
    """

    number: str
    fault: str
    store: str
    expected: str
    run: Callable[[Matrix], Outcome]
    why_not: Callable[[], str] = lambda: ""


ROWS: dict[str, _Row] = {
    "worker": _Row(
        "1, 2, 4", "kill -9 a worker", "embedded", _NOTHING_LOST, processes("worker")
    ),
    "workers": _Row(
        "4", "kill -9 all workers", "embedded", _NOTHING_LOST, processes("workers")
    ),
    "store": _Row(
        "7", "kill -9 the store", "embedded", _NOTHING_LOST, processes("store")
    ),
    "pause": _Row(
        "6",
        "worker asleep past its lease",
        "embedded",
        _NOTHING_LOST,
        processes("pause"),
    ),
    "stall": _Row(
        "42", "all workers stall 2 s", "embedded", _NOTHING_LOST, processes("stall")
    ),
    "term": _Row(
        "39, 40",
        "SIGTERM a worker, again and again",
        "embedded",
        _NOTHING_LOST,
        processes("term"),
    ),
    "duplicates": _Row(
        "24, 25",
        "a fifth sent twice at once, 5 ms apart",
        "embedded",
        _NOTHING_LOST,
        processes("none"),
    ),
    "slow": _Row("14", "store 200 ms away", "external", _NOTHING_LOST, line("slow")),
    "cut": _Row("14", "line to the store cut", "external", _NOTHING_LOST, line("cut")),
    "silent": _Row(
        "14, 20",
        "line half dead: no answers",
        "external",
        _NOTHING_LOST,
        line("silent"),
    ),
    "no-room": _Row(
        "13", "store out of memory", "external", f"{_NOTHING_LOST}; 0 evicted", no_room
    ),
    "full-disk": _Row(
        "29",
        "disk full at once",
        "embedded",
        _NOTHING_LOST,
        full_disk,
        why_no_small_disk,
    ),
    "nearly-full-disk": _Row(
        "29",
        "disk fills up",
        "embedded",
        f"{_NOTHING_LOST}; 503 names the disk, no process ends",
        nearly_full_disk,
        why_no_small_disk,
    ),
    "failing-disk": _Row(
        "30",
        "fdatasync answers EIO",
        "embedded",
        _NOTHING_LOST,
        failing_disk,
        why_no_failing_disk,
    ),
    "torn-log": _Row(
        "15",
        "log ends in half a command",
        "embedded",
        _NOTHING_LOST,
        torn_log,
    ),
    "damaged-log": _Row(
        "15",
        "log damaged in the middle, at start",
        "embedded",
        "refused with file and fix; the fix works",
        damaged_log,
    ),
    "everysec": _Row(
        "8", "store syncs once a second", "external", "best-effort is shown", weak_store
    ),
    "failover": _Row(
        "10, 11",
        "primaries killed, return as replicas",
        "cluster 3+3, WAITAOF 1 1",
        _NOTHING_LOST,
        dead_primaries,
    ),
    "gateways": _Row(
        "4, 39",
        "two whole gateways killed, some at once",
        "cluster 3+3, WAITAOF 1 1",
        _NOTHING_LOST,
        whole_gateways,
    ),
    "failover-unconfirmed": _Row(
        "10",
        "the same, nobody waits for replicas",
        "cluster 3+3",
        "loss counted, none promised away",
        dead_primaries_unconfirmed,
    ),
    "slots": _Row("12", "slots move", "cluster 3+3", _NOTHING_LOST, moving_slots),
    "model-silent": _Row(
        "16",
        "model never answers",
        "embedded",
        "all ended, 0 effects",
        model(Manners(first_token_s=3_600.0)),
    ),
    "model-429": _Row(
        "17",
        "model answers 429 with Retry-After",
        "embedded",
        "all ended, 0 effects",
        model(Manners(status=429, retry_after="2")),
    ),
    "model-500": _Row(
        "18",
        "model answers 500",
        "embedded",
        "all ended, 0 effects",
        model(Manners(status=500)),
    ),
    "model-garbage": _Row(
        "19, 20, 21",
        "model says garbage of ten kinds",
        "embedded",
        "all ended, 0 effects",
        garbage(),
    ),
    "shop-away": _Row(
        "43", "the shop's system is gone", "embedded", "all ended, 0 effects", shop_away
    ),
    "flood": _Row(
        "38, 44", "ids without end", "embedded", "all ended, series bounded", flood
    ),
}

#: Rows of the list that this command does not run: where they are held, or why not.
ELSEWHERE: dict[str, str] = {
    "3": "tests/http/test_events.py (resume), tests/browser",
    "5": "tidegate loadtest tasks (kills between intent and receipt)",
    "9": "not run: power loss needs a file system of its own (LazyFS)",
    "22, 23": "tests/agent/test_agent_faults.py, tidegate loadtest tasks",
    "26, 27": "tests/channels, tidegate loadtest attack --row S2",
    "28": "tests/simulation (clocks set forth and back, on virtual time)",
    "31, 32": "tests/faults/test_turns.py (a message that kills its workers)",
    "33, 34": "tests/handoff",
    "35-37": "tidegate loadtest tide, tide-live",
    "41": "tests/rules/test_reload.py",
    "45": "tests/store/test_store_embedded.py (lock, orphan)",
}


class RowResult(msgspec.Struct, frozen=True, kw_only=True):
    """One row, run."""

    row: str
    number: str
    fault: str
    store: str
    expected: str
    passed: bool
    found: str
    kills: int
    seconds: float


def run_matrix(matrix: Matrix, rows: Sequence[str]) -> list[RowResult]:
    """Run *rows* one after the other; what cannot be run here is told and left out."""
    results = []
    for name in rows:
        row, started = ROWS[name], monotonic()
        if why := row.why_not():
            matrix.tell(f"{name}: not run: {why}")
            continue
        matrix.tell(f"{name}: {row.fault}")
        outcome = row.run(matrix)
        results.append(
            RowResult(
                row=name,
                number=row.number,
                fault=row.fault,
                store=row.store,
                expected=row.expected,
                passed=outcome.is_fine,
                found=outcome.found,
                kills=outcome.kills,
                seconds=monotonic() - started,
            )
        )
    return results
