"""
Grounding: no argument of an action comes from nowhere.

Whatever planner made a draft, each id in it must be this customer's own and
each part of an address must stand in what the customer wrote. Amounts are
never taken from a plan at all.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from engines.agent.plan import Draft
from engines.agent.reading.text import Simplify, clean
from engines.shops.port import Order


_LOOSE = re.compile(r"[\s,，。.;；、+-]+")


def ungrounded(
    draft: Draft, orders: Sequence[Order], said: Iterable[str], simplify: Simplify
) -> tuple[str, ...]:
    """
    Fields of *draft* that neither the customer nor the records ever held.

    Args:
        draft: What a planner made.

        orders: The customer's own orders.

        said: Everything the customer wrote in this episode.

        simplify: The same function the planner read with.
    """
    bad = []
    order = next((one for one in orders if one.id == draft.order_id), None)
    if draft.order_id and order is None:
        bad.append("order_id")
    if draft.line and not _has_line(draft, order):
        bad.append("line")
    words = _LOOSE.sub("", "\n".join(clean(text, simplify) for text in said)).lower()
    for field in ("name", "phone", "street"):
        value = str(getattr(draft.address, field))
        if not all(_LOOSE.sub("", part) in words for part in value.lower().split()):
            bad.append(f"address.{field}")
    return tuple(bad)


def _has_line(draft: Draft, order: Order | None) -> bool:
    return order is None or any(
        line.line == draft.line and draft.quantity <= line.quantity
        for line in order.lines
    )
