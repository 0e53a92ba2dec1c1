"""
Where a setting stands in a TOML file, so that a complaint can name its line.

The parser of the standard library gives no positions. This reads headers and
keys line by line; what stands inside a value of several lines is reported at
the line where that value starts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator


#: Keys and list positions from the top of the file to one setting.
Place = tuple[str | int, ...]

_PART = r"""(?:[A-Za-z0-9_-]+|"[^"\n]*"|'[^'\n]*')"""
_NAME = rf"{_PART}(?:\s*\.\s*{_PART})*"
_HEADER = re.compile(rf"\s*(\[\[?)\s*({_NAME})\s*\]")
_KEY = re.compile(rf"\s*({_NAME})\s*=")


def line_of(text: str, place: Place) -> int:
    """The line of *place*, or of the nearest table around it that has one; else 1."""
    best, depth = 1, 0
    for number, here in _places(text):
        if len(here) > depth and place[: len(here)] == here:
            best, depth = number, len(here)
    return best


def place_of(path: str) -> Place:
    """``$.shops[0].channels[1].name`` as keys and positions."""
    return tuple(
        int(index) if index else key
        for key, index in re.findall(r"\.([\w-]+)|\[(\d+)\]", path)
    )


def _places(text: str) -> Iterator[tuple[int, Place]]:
    """Every header and key with its line number, in the order of the file."""
    table: Place = ()
    tables: dict[Place, int] = {}
    for number, line in enumerate(text.splitlines(), 1):
        header, key = _HEADER.match(line), _KEY.match(line)
        if header:
            name = _absolute(_parts(header[2]), tables)
            if header[1] == "[[":
                tables[name] = tables.get(name, -1) + 1
                name = (*name, tables[name])
            table = name
            yield number, table
        elif key:
            yield number, (*table, *_parts(key[1]))


def _parts(name: str) -> tuple[str, ...]:
    return tuple(part.strip("\"'") for part in re.findall(_PART, name))


def _absolute(parts: tuple[str, ...], tables: dict[Place, int]) -> Place:
    """A header speaks of the last element of every list on its way."""
    name: Place = ()
    for rank, part in enumerate(parts, 1):
        name = (*name, part)
        if rank < len(parts) and name in tables:
            name = (*name, tables[name])
    return name
