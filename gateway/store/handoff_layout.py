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
#: Life of a day's reply counts.
DAY_LIFE_MS = 40 * 86_400_000

#: Colons of a kept wait: when, how long, class.
_WAIT_COLONS = 2

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

        kind: Class of the handoff, kept with its wait.

        group: Skill group in the line; *max_line* bounds the group.
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
    group: str = ""
    kind: str = ""
    is_miss: bool = False
    max_misses: int = 2
    handled_ms: int | None = None
    waited_ms: int | None = None
    weight: int = 1


class Round(msgspec.Struct, frozen=True, kw_only=True):
    """
    A step of the reply clock, see ``handoff_clock.lua``. Times are milliseconds.

    Attributes:
        day: Of the round, where one begins; a name of the day in the shop's zone.

        due: End of a round that begins; None if it does not count.
    """

    deed: Literal["ask", "reply", "end", "sweep"]
    now_ms: int
    id: str = ""
    day: str = ""
    due: int | None = None


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
    """
    One consistent look at a shop's queue.

    Attributes:
        waits: Latest waits that ended with an operator: when, how long (ms), which class.

        asked: Of whom a person's word is wanted, by handoff: since when (ms).
    """

    waiting: int
    ahead: int
    tickets: int
    line: tuple[bytes, ...]
    ticket_records: tuple[bytes, ...]
    seats: tuple[Seat, ...]
    handled_ms: tuple[int, ...]
    waits: tuple[tuple[int, int, str], ...] = ()
    asked: dict[str, int] = msgspec.field(default_factory=dict)


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
        shop_key(shop, "hg"),
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
        ""
        if change.waited_ms is None
        else f"{change.now_ms}:{change.waited_ms}:{change.kind}",
        MEASUREMENTS,
        desk_channel(shop),
        change.weight,
        change.group,
    )


def clock_args(shop: str, round_: Round) -> Sequence[str | bytes | int]:
    return (
        round_.deed,
        escape(round_.id),
        round_.now_ms,
        round_.day,
        text_of(round_.due),
        DAY_LIFE_MS,
        desk_channel(shop),
    )


def look(reply: list[Any]) -> Look:
    waiting, ahead, tickets, line, ticket_records, seats, handled, waits, asked = reply
    return Look(
        waiting=waiting,
        ahead=ahead,
        tickets=tickets,
        line=tuple(line),
        ticket_records=tuple(ticket_records),
        seats=tuple(map(_seat, seats)),
        handled_ms=tuple(map(int, handled)),
        waits=tuple(_wait(one) for one in waits if one.count(b":") == _WAIT_COLONS),
        asked={
            unescape(name): int(words.partition(b"|")[0])
            for name, words in zip(asked[::2], asked[1::2], strict=True)
        },
    )


def _wait(stored: bytes) -> tuple[int, int, str]:
    at, waited, kind = stored.split(b":")
    return int(at), int(waited), kind.decode()


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
