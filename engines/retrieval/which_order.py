"""
Which of the customer's orders a question is about.

Orders come from the shop, newest first, and are the customer's own; a number
in the text only chooses among them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import msgspec

from engines.contract import Locale, UserId
from engines.retrieval.kinds import Kind
from engines.shops.port import Order, OrderStatus


_ORDER_ID: Final = re.compile(
    r"(?<![A-Za-z\d])[A-Za-z]{1,4}-?\d{3,20}(?!\d)|(?<!\d)\d{8,20}(?!\d)"
)
_PHONE: Final = re.compile(r"1[3-9]\d{9}\Z")
_ORDINAL: Final = re.compile(
    r"第([一二三四五1-5])[个单笔]|\bthe (first|second|third|fourth|fifth) (?:one|order)\b",
    re.IGNORECASE,
)
#: One end of a list: "the last one", "后面那个".
_END: Final = re.compile(
    r"(?P<first>[前上](?:面|边)的?那?[个单笔])|[后下](?:面|边)的?那?[个单笔]|最后(?:那|一)?[个单笔]"
    r"|\bthe (?P<former>former)\b|\bthe (?:latter|last (?:one|order))\b",
    re.IGNORECASE,
)
_PLACES: Final = (
    {sign: place for place, sign in enumerate("一二三四五")}
    | {str(place + 1): place for place in range(5)}
    | {
        word: place
        for place, word in enumerate(("first", "second", "third", "fourth", "fifth"))
    }
)


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """
    What to look up for a question.

    Attributes:
        text: The question, with what it takes over from earlier turns.

        earlier: Lines before it, newest first; orders are looked for here.

        products: Stock number to a title the shop's search knows.
    """

    kind: Kind
    user_id: UserId
    locale: Locale
    text: str
    earlier: tuple[str, ...] = ()
    products: Mapping[str, str] = msgspec.field(default_factory=dict)


def counts_orders(text: str) -> bool:
    """True if *text* means one of several by its place: "the second one"."""
    return bool(_ORDINAL.search(text) or _END.search(text))


def unknown_id(text: str, orders: Sequence[Order]) -> str | None:
    """An order number in *text* that is none of the customer's."""
    known = {order.id.lower() for order in orders}
    known |= {order.tracking_id.lower() for order in orders if order.tracking_id}
    found: list[str] = _ORDER_ID.findall(text)
    named = [name for name in found if not _PHONE.match(name)]
    if not named or any(name.lower() in known for name in named):
        return None
    return named[0]


def chosen(orders: Sequence[Order], wanted: Wanted) -> Order:
    """The named order, the one with the product, else the newest of the right kind."""
    for text in (wanted.text, *wanted.earlier):
        for order in orders:
            if _names(text, order):
                return order
    with_product = [
        order
        for order in orders
        if any(line.sku in wanted.products for line in order.lines)
    ]
    return _newest(with_product or orders, wanted.kind)


def counted_order(orders: Sequence[Order], wanted: Wanted) -> Order | None:
    """The order of "the second one", counted in the newest line that lists orders."""
    place = _place_in(wanted.text)
    if place is None:
        return None
    for line in wanted.earlier:
        listed = _listed(line, orders)
        if len(listed) > 1:
            return listed[place] if place < len(listed) else None
    return None


def _place_in(text: str) -> int | None:
    """The place, from 0, that the last ordinal of *text* names; -1 for the last one."""
    found = [*_ORDINAL.finditer(text), *_END.finditer(text)]
    if not found:
        return None
    last = max(found, key=re.Match.start)
    if last.re is _ORDINAL:
        return _PLACES[(last[1] or last[2]).lower()]
    return 0 if last["first"] or last["former"] else -1


def named_orders(orders: Sequence[Order], text: str) -> list[Order]:
    """The *orders* that *text* names by their numbers."""
    return [order for order in orders if _names(text, order)]


def _listed(line: str, orders: Sequence[Order]) -> list[Order]:
    """The orders that *line* names, as it names them."""
    by_id = {order.id: order for order in orders}
    names = re.compile("|".join(map(_whole, by_id)))
    return [by_id[id_] for id_ in dict.fromkeys(names.findall(line))]


def _whole(name: str) -> str:
    """Pattern of a number that is no part of a longer one."""
    return rf"(?<![A-Za-z\d]){re.escape(name)}(?![A-Za-z\d])"


def _newest(orders: Iterable[Order], kind: Kind) -> Order:
    """Newest first as the shop lists them, by how likely the question is on it."""
    ranks: tuple[OrderStatus, ...] = ("paid", "shipped", "unpaid", "delivered")
    if kind is Kind.PARCEL:
        ranks = ("shipped", "paid", "delivered", "unpaid")
    rank = {status: number for number, status in enumerate(ranks)}
    return min(
        orders,
        key=lambda o: (rank.get(o.status, len(rank)), o.tracking_id is None),
    )


def _names(text: str, order: Order) -> bool:
    names = [order.id, order.tracking_id or order.id]
    return any(re.search(_whole(name), text, re.IGNORECASE) for name in names)


def is_named(order: Order, wanted: Wanted) -> bool:
    """True if the question, or a line before it, names *order*."""
    return any(_names(text, order) for text in (wanted.text, *wanted.earlier))
