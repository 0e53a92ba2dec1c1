"""
Grounding: no argument of an action comes from nowhere.

Whatever planner made a draft, each id in it must be this customer's own and
each part of an address must stand in what the customer wrote. Amounts are
never taken from a plan at all.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable
from typing import Any

import msgspec

from engines.agent.plan import Draft
from engines.agent.reading.days import day_in
from engines.agent.reading.text import Simplify, clean
from engines.shops.port import Address, Order


#: Where no order is known yet, no line can be.
_NO_ORDER = Order(
    id="",
    user_id="",
    status="unpaid",
    version=1,
    currency="",
    lines=(),
    coupon_minor=0,
    coupon_threshold_minor=0,
    points_minor=0,
    freight_minor=0,
    paid_minor=0,
    refunded_minor=0,
    address=Address(name="", phone="", region="", city="", street=""),
    placed_at="",
    channel="",
)
_LOOSE = re.compile(r"[\s,，。.;；、+-]+")


def ungrounded(
    draft: Draft,
    order: Order,
    said: Iterable[str],
    simplify: Simplify,
    today: dt.date,
) -> tuple[str, ...]:
    """
    Fields of *draft* that neither the customer nor the records ever held.

    Args:
        draft: What a planner made, on *order*, which is the customer's own.

        said: Everything the customer wrote in this episode.

        simplify: The same function the planner read with.

        today: The shop's date.
    """
    lines = [clean(text, simplify) for text in said]
    words = _LOOSE.sub("", "\n".join(lines)).lower()
    bad = [
        name
        for name, value in _words_of(draft).items()
        if not all(_LOOSE.sub("", part) in words for part in value.lower().split())
    ]
    numbers = {line.line for line in order.lines}
    if draft.line and not _has_line(draft, order):
        bad.append("line")
    if not set(draft.lines) <= numbers:
        bad.append("lines")
    if draft.day and draft.day not in _days(lines, today):
        bad.append("day")
    return tuple(bad)


def grounded(
    draft: Draft,
    order: Order | None,
    said: Iterable[str],
    simplify: Simplify,
    today: dt.date,
) -> Draft:
    """*draft* without the fields that nobody ever said; they are asked for instead."""
    words = list(said)
    if order is None:
        draft = msgspec.structs.replace(draft, line=0, lines=())
    known = order or _NO_ORDER
    for name in ungrounded(draft, known, words, simplify, today):
        outer, _, inner = name.partition(".")
        empty: Any = {"line": 0, "lines": ()}.get(outer, "")
        if inner:
            part = getattr(draft, outer)
            empty = msgspec.structs.replace(part, **{inner: ""})
        draft = msgspec.structs.replace(draft, **{outer: empty})
    return draft


def _words_of(draft: Draft) -> dict[str, str]:
    """Every field whose words must be the customer's own."""
    return {
        "address.name": draft.address.name,
        "address.phone": draft.address.phone,
        "address.street": draft.address.street,
        "phone": draft.phone,
        "name": draft.name,
        "target": draft.target,
        "invoice.title": draft.invoice.title,
        "invoice.tax_id": draft.invoice.tax_id,
        "invoice.email": draft.invoice.email,
        "evidence": draft.evidence,
    }


def _days(lines: Iterable[str], today: dt.date) -> set[str]:
    found = (day_in(line.lower(), today) for line in lines)
    return {day.isoformat() for day in found if day}


def _has_line(draft: Draft, order: Order) -> bool:
    return any(
        line.line == draft.line and 0 <= draft.quantity <= line.quantity
        for line in order.lines
    )
