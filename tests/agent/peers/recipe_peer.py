"""
Workflows of other engines, timed in an environment of their own: ``python recipe_peer.py``.

Stands alone: it is run by the Python of a folder that holds DBOS or LangGraph and
prints one line of JSON. A workflow has as many durable steps as an action of ours has
writes in the ledger, and each step does nothing else.
"""

from __future__ import annotations

import json
import os
import sqlite3
import sys
import time
from collections.abc import Callable
from importlib import import_module
from itertools import pairwise
from pathlib import Path
from typing import TypedDict


class _Held(TypedDict):
    """What a graph hands from step to step."""

    n: int


def _dbos(folder: Path, steps: int) -> Callable[[int], object]:
    DBOS = import_module("dbos").DBOS  # noqa: N806 - a class
    url = f"sqlite:///{folder / 'dbos.sqlite'}"
    DBOS(config={"name": "bench", "system_database_url": url, "log_level": "ERROR"})

    @DBOS.step()  # type: ignore[untyped-decorator]
    def step(number: int) -> int:
        return number

    @DBOS.workflow()  # type: ignore[untyped-decorator]
    def work(number: int) -> int:
        return sum(step(number + one) for one in range(steps))

    DBOS.launch()
    run: Callable[[int], object] = work
    return run


def _langgraph(folder: Path, steps: int) -> Callable[[int], object]:
    saver_of = import_module("langgraph.checkpoint.sqlite").SqliteSaver
    graph = import_module("langgraph.graph").StateGraph(_Held)
    names = [f"step{number}" for number in range(steps)]
    for name in names:
        graph.add_node(name, lambda held: {"n": held["n"] + 1})
    graph.set_entry_point(names[0])
    for before, after in pairwise(names):
        graph.add_edge(before, after)
    graph.set_finish_point(names[-1])
    path = str(folder / "graph.sqlite")
    saver = saver_of(sqlite3.connect(path, check_same_thread=False))
    app = graph.compile(checkpointer=saver)

    def work(number: int) -> object:
        own = {"configurable": {"thread_id": str(number)}}
        return app.invoke({"n": number}, own, durability="sync")

    return work


def main() -> None:
    """Time workflows of the engine named first; folder, count and steps follow."""
    name, folder, count, steps = sys.argv[1:]
    work = {"dbos": _dbos, "langgraph": _langgraph}[name](Path(folder), int(steps))
    work(-1)
    started, busy = time.perf_counter(), time.process_time()
    for number in range(int(count)):
        work(number)
    took, busy = time.perf_counter() - started, time.process_time() - busy
    told = {"per_s": int(count) / took, "cpu_ms": busy / int(count) * 1e3}
    sys.stdout.write(json.dumps(told) + "\n")
    sys.stdout.flush()
    # Threads of the engine would keep the process.
    os._exit(0)


if __name__ == "__main__":
    main()
