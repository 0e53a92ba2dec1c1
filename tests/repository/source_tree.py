"""
The source tree as data: modules, what each imports, and where.

Imports inside functions and under ``TYPE_CHECKING`` count: a lazy import is a
dependency too.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple


ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("engines", "router_models", "gateway", "loadtest")

#: Name of a module -> its text.
Sources = Mapping[str, str]


class Import(NamedTuple):
    """One imported module, and the line that does it."""

    name: str
    line: int


def files() -> dict[str, Path]:
    """Name of every module of ours -> its file."""
    return {
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(
            ".__init__"
        ): path
        for package in PACKAGES
        for path in sorted((ROOT / package).rglob("*.py"))
    }


def read() -> dict[str, str]:
    """Every module of ours with its text."""
    return {name: path.read_text(encoding="utf-8") for name, path in files().items()}


def is_ours(name: str) -> bool:
    """True for a module of this repository."""
    return name.split(".", maxsplit=1)[0] in PACKAGES


def is_foreign(name: str) -> bool:
    """True for a module of a third party."""
    top = name.split(".", maxsplit=1)[0]
    return top not in PACKAGES and top not in sys.stdlib_module_names


def imports(name: str, text: str, known: Sources) -> Iterator[Import]:
    """
    What module *name* imports, wherever it does so.

    ``from gateway import config`` names ``gateway.config`` if that is a module,
    else ``gateway``. A relative import is named as written: it is not allowed.
    """
    for node in _import_statements(name, text):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(alias.name, node.lineno)
        else:
            yield from _imported_from(node, known)


@lru_cache(1000)
def _import_statements(name: str, text: str) -> list[ast.Import | ast.ImportFrom]:
    return [
        node
        for node in ast.walk(ast.parse(text, name))
        if isinstance(node, ast.Import | ast.ImportFrom)
    ]


def _imported_from(node: ast.ImportFrom, known: Sources) -> Iterator[Import]:
    source = "." * node.level + (node.module or "")
    for alias in node.names:
        full = f"{source}.{alias.name}"
        yield Import(full if full in known else source, node.lineno)


def graph(sources: Sources) -> dict[str, set[str]]:
    """Module -> modules of ours that it imports."""
    return {
        name: {one.name for one in imports(name, text, sources) if one.name in sources}
        for name, text in sources.items()
    }


def room(module: str) -> str:
    """
    The room of a module: a sub-package, or a top-level module itself.

    ``gateway.store.keys`` lies in ``gateway.store``, ``gateway.config`` is one.
    """
    return ".".join(module.split(".")[:2])


def cycle(edges: Mapping[str, set[str]]) -> list[str]:
    """One cycle of a graph, or an empty list."""
    done: set[str] = set()
    for start in edges:
        found = _cycle_from(start, edges, done, [])
        if found:
            return found
    return []


def _cycle_from(
    node: str, edges: Mapping[str, set[str]], done: set[str], path: list[str]
) -> list[str]:
    if node in path:
        return [*path[path.index(node) :], node]
    if node in done:
        return []
    path.append(node)
    for target in sorted(edges.get(node, ())):
        found = _cycle_from(target, edges, done, path)
        if found:
            return found
    path.pop()
    done.add(node)
    return []
