"""
The import map holds, and the test that says so can fail.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import source_tree
from import_map import FENCES, MAP, matches, violations
from source_tree import cycle, graph, room


@pytest.fixture(scope="module")
def sources() -> dict[str, str]:
    """Every module of the repository."""
    return source_tree.read()


def test_every_import_is_allowed_by_the_map(sources: dict[str, str]) -> None:
    """Imports run one way, third parties stay behind their fences."""
    assert list(violations(sources)) == []


def test_every_row_of_the_map_is_alive(sources: dict[str, str]) -> None:
    """A row for a module that is gone would be a lie about the house."""
    dead = [row for row in MAP if not any(matches(name, (row,)) for name in sources)]
    assert dead == []


def test_no_module_stands_in_a_cycle(sources: dict[str, str]) -> None:
    """Lazy imports count, so a cycle cannot hide in a function."""
    assert cycle(graph(sources)) == []


def test_no_room_stands_in_a_cycle(sources: dict[str, str]) -> None:
    """Two rooms that need each other are one room."""
    rooms: dict[str, set[str]] = {}
    for module, targets in graph(sources).items():
        here = rooms.setdefault(room(module), set())
        here |= {room(target) for target in targets if room(target) != room(module)}
    assert cycle(rooms) == []


PLANTED = {
    "an engine knows the gateway": (
        "engines.rules.engine",
        "from gateway.config import Config\n",
    ),
    "a lazy import turns the direction": (
        "gateway.store.keys",
        "def f():\n    from gateway.handoff import desk\n    return desk\n",
    ),
    "an import only for types": (
        "engines.retrieval.engine",
        (
            "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n"
            "    from engines.rules.engine import RulesEngine\n"
        ),
    ),
    "the store's client outside its room": (
        "gateway.http.system",
        "import redis.asyncio\n",
    ),
    "a module nobody placed": ("gateway.helpers", '"""New."""\n'),
    "a library nobody fenced": ("gateway.live", "import requests\n"),
    "the load test from inside": (
        "gateway.dispatch",
        "from loadtest import generator\n",
    ),
    "pickle": ("router_models.artifact", "import pickle\n"),
    "training at run time": (
        "gateway.app",
        "from router_models import train\n",
    ),
    "the demo shop as a library": (
        "engines.agent.engine",
        "from engines.shops.demo import books\n",
    ),
    "a relative import": ("gateway.config", "from .errors import ConfigError\n"),
}


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_violation_is_caught(sources: dict[str, str], name: str) -> None:
    """Each kind of wrong import is found, alone, by name."""
    module, text = PLANTED[name]
    planted = {**sources, module: text}
    found = [line for line in violations(planted) if line.startswith(module)]
    assert len(found) == 1, found


def test_a_planted_cycle_is_caught(sources: dict[str, str]) -> None:
    """The lowest module of the gateway may not lean on a higher one."""
    text = sources["gateway.errors"] + "\ndef f():\n    import gateway.config\n"
    found = cycle(graph({**sources, "gateway.errors": text}))
    assert {"gateway.errors", "gateway.config"} <= set(found)


def foreign_imports(sources: dict[str, str]) -> Iterator[str]:
    """Top-level names of every third party in use."""
    for name, text in sources.items():
        for one in source_tree.imports(name, text, sources):
            if source_tree.is_foreign(one.name):
                yield one.name.split(".")[0]


def test_every_fence_stands_around_something(sources: dict[str, str]) -> None:
    """A fence around a library that is gone is removed with it."""
    planned = {"numba"}
    assert set(FENCES) - set(foreign_imports(sources)) <= planned
