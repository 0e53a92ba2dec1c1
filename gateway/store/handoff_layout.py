"""
How the human queue's data stand in keys, arguments and replies.

Only :mod:`gateway.store.handoff` and the Lua files beside it know this.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import msgspec

from gateway.store.keys import escape, shop_key, unescape


#: Handling and waiting times kept.
MEASUREMENTS = 50

MoveResult = Literal["done", "stale", "full", "absent", "busy", "missing"]
RESULTS: tuple[MoveResult, ...] = (
    "stale",
    "done",
    "full",
    "absent",
    "busy",
    "missing",
)


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """
    One move, as the store writes it. Times are milliseconds; None means "none".

    Attributes:
        expected: Version the mover read; 0 for a new handoff.

        keep_ms: Set if *state* is final: how long the record stays.

        gains / loses: Operator whose capacity it uses from now / no longer.
    """

    id: str
    expected: int
    version: int
    state: str
    record: bytes
    now_ms: int
    keep_ms: int | None = None
    line: int | None = None
    ticket: int | None = None
    due: int | None = None
    max_line: int | None = None
    effect: bytes = b""
    effect_due_ms: int = 0
    gains: str = ""
    loses: str = ""
    is_miss: bool = False
    max_misses: int = 2
    handled_ms: int | None = None
    waited_ms: int | None = None
    weight: int = 1


class Seat(msgspec.Struct, frozen=True, kw_only=True):
    """
    A present operator: facts of the store, and what they hold.

    Attributes:
        held: Units of capacity in use.
    """

    name: str
    until_ms: int
    held: int
    records: tuple[bytes, ...]
    display: str
    capacity: int
    is_away: bool
    offered_ms: int
    skills: tuple[str, ...] = ()


class Look(msgspec.Struct, frozen=True, kw_only=True):
    """One consistent look at a shop's queue."""

    waiting: int
    ahead: int
    tickets: int
    line: tuple[bytes, ...]
    ticket_records: tuple[bytes, ...]
    seats: tuple[Seat, ...]
    handled_ms: tuple[int, ...]


class Due(msgspec.Struct, frozen=True, kw_only=True):
    """What time alone must move."""

    ids: tuple[str, ...]
    gone: tuple[tuple[str, tuple[str, ...]], ...]
    unsettled: tuple[str, ...]


def desk_channel(shop: str) -> str:
    """Where the moves of a shop's queue are published."""
    return f"tg:desk:{shop_key(shop)}"


def text_of(number: int | None) -> str | int:
    return "" if number is None else number


def seat_keys(shop: str, name: str) -> tuple[str, str]:
    return shop_key(shop, "ps", name), shop_key(shop, "ph", name)


def prefixes(shop: str, *parts: str) -> list[str]:
    return [f"{shop_key(shop, part)}:" for part in parts]


def move_keys(shop: str, change: Change) -> list[str]:
    gain_seat, gain_held = seat_keys(shop, change.gains)
    lose_seat, lose_held = seat_keys(shop, change.loses)
    return [
        shop_key(shop, "h", change.id),
        *(shop_key(shop, name) for name in ("hl", "ht", "hd", "hc", "hu")),
        shop_key(shop, "hx", change.id),
        shop_key(shop, "p"),
        gain_held,
        gain_seat,
        lose_held,
        lose_seat,
        shop_key(shop, "hm"),
        shop_key(shop, "hw"),
    ]


def move_args(shop: str, change: Change) -> Sequence[str | bytes | int]:
    return (
        escape(change.id),
        change.expected,
        change.version,
        change.record,
        change.state,
        text_of(change.keep_ms),
        text_of(change.line),
        text_of(change.ticket),
        text_of(change.due),
        text_of(change.max_line),
        change.now_ms,
        change.effect,
        change.effect_due_ms,
        escape(change.gains),
        escape(change.loses),
        int(change.is_miss),
        change.max_misses,
        text_of(change.handled_ms),
        text_of(change.waited_ms),
        MEASUREMENTS,
        desk_channel(shop),
        change.weight,
    )


def look(reply: list[Any]) -> Look:
    waiting, ahead, tickets, line, ticket_records, seats, handled = reply
    return Look(
        waiting=waiting,
        ahead=ahead,
        tickets=tickets,
        line=tuple(line),
        ticket_records=tuple(ticket_records),
        seats=tuple(map(_seat, seats)),
        handled_ms=tuple(map(int, handled)),
    )


def _seat(row: list[Any]) -> Seat:
    name, until_ms, held, records, *flat = row
    fields = dict(zip(flat[::2], flat[1::2], strict=True))
    return Seat(
        name=unescape(name),
        until_ms=int(float(until_ms)),
        held=max(held, int(fields.get(b"used", 0))),
        records=tuple(records),
        display=fields.get(b"display", name).decode(),
        capacity=int(fields.get(b"capacity", 0)),
        is_away=fields.get(b"away") == b"1",
        offered_ms=int(fields.get(b"offered", 0)),
        skills=tuple(fields.get(b"skills", b"").decode().split()),
    )
