"""
Strict reading of YAML and TOML files into Structs.

Scalars of YAML stay what a writer of texts meant: ``no``, ``on``, ``12345`` and
``1e3`` are strings; only ``true``, ``false`` and ``null`` are not. A key given
twice is an error instead of a silent loss.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Hashable
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import yaml

from router_models.errors import DataError


T = TypeVar("T")

#: No data file of ours comes near; a larger one is a mistake or an attack.
MAX_BYTES = 32_000_000
#: Levels of lists and mappings; no file of ours has half of them.
MAX_DEPTH = 24

_Base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Loader(_Base):  # type: ignore[misc]
    """A safe loader whose plain scalars are text."""

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012 - the parent's shape

    def construct_mapping(
        self, node: yaml.MappingNode, deep: bool = False
    ) -> dict[Hashable, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if key.value in seen if isinstance(key.value, str) else True:
                raise yaml.constructor.ConstructorError(
                    None, None, f"key {key.value!r} is not one new word", key.start_mark
                )
            seen.add(key.value)
        result: dict[Hashable, Any] = super().construct_mapping(node, deep=deep)
        return result


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:bool", re.compile("^(?:true|false)$"), ["t", "f"]
)
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:null", re.compile("^(?:null|~|)$"), ["n", "~", ""]
)


def read_yaml(path: Path, shape: type[T], fix: str) -> T:
    """
    Read *path* as one YAML document of the given shape.

    Args:
        fix: What a writer should do if the shape is wrong, one sentence.

    Raises:
        DataError: If the file is missing, too large, not UTF-8, not YAML, or of
            another shape; names file, place and fix.
    """
    text = _read(path)
    try:
        _refuse_depth(text)
        raw = yaml.load(text, Loader=_Loader)  # noqa: S506 - a safe loader's child
    except (yaml.YAMLError, ValueError, RecursionError) as exc:
        mark = getattr(exc, "problem_mark", None)
        where = f"line {mark.line + 1}" if mark else ""
        problem = getattr(exc, "problem", None) or str(exc) or "nested too deeply"
        raise DataError(path, problem, "write valid YAML", where) from exc
    return convert(path, raw, shape, fix)


def _refuse_depth(text: str) -> None:
    """To compose it would end the process: the C library recurses for each level."""
    depth = 0
    for event in yaml.parse(text, Loader=_Loader):
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        if depth > MAX_DEPTH:
            raise RecursionError


def read_toml(path: Path) -> dict[str, Any]:
    """
    Read *path* as TOML.

    Raises:
        DataError: As :func:`read_yaml`.
    """
    try:
        return tomllib.loads(_read(path))
    except (tomllib.TOMLDecodeError, RecursionError) as exc:
        problem = str(exc) or "nested too deeply"
        raise DataError(path, problem, "write valid TOML") from exc


def convert(path: Path, raw: object, shape: type[T], fix: str) -> T:
    """Turn plain data from *path* into *shape* or raise :class:`DataError`."""
    try:
        return msgspec.convert(raw, shape)
    except (msgspec.ValidationError, RecursionError) as exc:
        text = str(exc)
        problem, _, where = text.partition(" - at ")
        raise DataError(path, problem, fix, where.strip("`")) from exc


def _read(path: Path) -> str:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise DataError(path, "is too large", f"keep it under {MAX_BYTES} bytes")
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as exc:
        raise DataError(path, str(exc), "give a readable UTF-8 file") from exc
