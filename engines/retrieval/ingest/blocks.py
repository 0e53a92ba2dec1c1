"""
What readers give: headings, paragraphs and rows in order, with their place.
"""

from __future__ import annotations

from datetime import date
from typing import Final

import msgspec


#: Larger files are refused unread, unless the caller allows more.
MAX_FILE_BYTES: Final = 64 * 1024 * 1024
#: Bytes that a compressed file may unpack to.
MAX_UNPACKED_BYTES: Final = 128 * 1024 * 1024
#: Longest text of one block; the rest of a longer one is cut into more blocks.
MAX_BLOCK: Final = 20_000
MAX_CELLS: Final = 200


class Refused(Exception):
    """A file cannot be used; the message is the reason, in words."""


class Heading(msgspec.Struct, frozen=True):
    """A heading; *level* 1 is the highest."""

    level: int
    text: str
    place: str = ""


class Paragraph(msgspec.Struct, frozen=True):
    """A paragraph, a list item or a line of a text."""

    text: str
    place: str = ""


class Row(msgspec.Struct, frozen=True):
    """A row of a table with the table's header; cells may be empty."""

    header: tuple[str, ...]
    cells: tuple[str, ...]
    place: str = ""


class Asked(msgspec.Struct, frozen=True):
    """Other wordings of the question that the section answers."""

    wordings: tuple[str, ...]


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """What a document says of itself, before its text."""

    title: str = ""
    audience: str = ""
    effective_from: date | None = None
    effective_until: date | None = None
    products: tuple[str, ...] = ()
    names: tuple[str, ...] = ()


Block = Heading | Paragraph | Row | Asked | Facts
