"""
Look up what only the shop knows: orders, parcels, stock, prices, freight.

Reads through the port, always with the identity the channel gave, never one
from text. What a look-up found is said plainly and cited as
``order:<id>``, ``parcel:<id>``, ``product:<sku>``, ``freight:<region>``,
``variants:<sku>``, ``coupon:<id>``, ``points:own`` or ``companions:<sku>``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from engines.contract import Citation, Locale
from engines.guard.number_words import chinese_value
from engines.retrieval import phrases
from engines.retrieval.compose import Piece
from engines.retrieval.kinds import Kind
from engines.retrieval.own_orders import is_own, means_several
from engines.retrieval.places import region_in
from engines.retrieval.which_order import (
    Wanted,
    chosen,
    counted_order,
    is_named,
    named_orders,
    unknown_id,
)
from engines.retrieval.which_product import the_one_meant
from engines.shops.naming import title
from engines.shops.port import (
    NotFound,
    Order,
    PointsPort,
    Product,
    SalesPort,
    ShopPort,
    ShopRefused,
)


#: What a look-up is worth: the record is exact, the question may be misread.
SURE: Final = 0.9
ASKED_BACK: Final = 0.6

_WEIGHT: Final = re.compile(
    r"(\d+(?:\.\d+)?|[一二两三四五六七八九十]+)\s*(公斤|千克|kgs?\b|kilo\w*|斤|克|g\b|grams?\b)",
    re.IGNORECASE,
)
_GRAMS: Final = {"公": 1000, "千": 1000, "k": 1000, "斤": 500, "克": 1, "g": 1}
_CURRENCY: Final = "CNY"
_NAMED: Final = 3
#: Orders told at once.
_LISTED: Final = 5
_TOTAL: Final = re.compile(
    r"一共|总共|合计|加起来|总价|共[要是多]|\b(?:total|altogether|together|in all|both)\b",
    re.IGNORECASE,
)
#: Subject of the question which product is meant.
WHICH: Final = "which_product"


async def look_up(shop: ShopPort, wanted: Wanted) -> Piece | None:
    """
    Answer *wanted* from the shop's records; None if they do not answer it.

    Raises:
        ShopUnavailable: If the shop does not answer.
    """
    if wanted.kind is Kind.FREIGHT:
        return await _freight(shop, wanted)
    if wanted.kind in (Kind.COUPON, Kind.COMPANION):
        return await _offers(shop, wanted) if isinstance(shop, SalesPort) else None
    if wanted.kind is Kind.POINTS:
        return await _points(shop, wanted) if isinstance(shop, PointsPort) else None
    if wanted.kind is Kind.VARIANTS:
        return await _variants(shop, wanted)
    if wanted.kind in (Kind.STOCK, Kind.PRICE):
        return await _products(shop, wanted)
    return await _order(shop, wanted)


async def _offers(shop: SalesPort, wanted: Wanted) -> Piece | None:
    """Coupons of the customer, or what goes with the one product asked about."""
    if wanted.kind is Kind.COUPON:
        held = await shop.coupons(wanted.user_id)
        texts = [phrases.coupon(coupon, wanted.locale) for coupon in held]
        ids = [f"coupon:{coupon.id}" for coupon in held]
    elif len(wanted.products) == 1:
        ((sku, title),) = wanted.products.items()
        found = await shop.companions(sku)
        texts = [phrases.companions(title, found, wanted.locale)] if found else []
        ids = [f"companions:{sku}"] if found else []
    else:
        return None
    if not texts:
        return None
    cite = [Citation(id=i, title=i, quote=t) for i, t in zip(ids, texts, strict=True)]
    return _piece("\n".join(texts), cite, SURE, wanted.kind.value)


async def _points(shop: PointsPort, wanted: Wanted) -> Piece | None:
    held = await shop.points(wanted.user_id)
    if held is None:
        return None
    text = phrases.points(held, wanted.locale)
    cite = Citation(id="points:own", title="points", quote=text)
    return _piece(text, [cite], SURE, wanted.kind.value)


async def _order(shop: ShopPort, wanted: Wanted) -> Piece | None:
    orders = await shop.orders(wanted.user_id)
    unknown = unknown_id(wanted.text, orders)
    if unknown is not None:
        return _piece(phrases.no_such_order(unknown, wanted.locale), (), ASKED_BACK)
    if not _has_bought(orders, wanted):
        # Who has not bought it asks before buying: a passage may tell.
        return None
    if not orders:
        return _piece(phrases.no_order(wanted.locale), (), ASKED_BACK)
    counted = counted_order(orders, wanted)
    if counted is None and _wants_all(wanted):
        return _overview(orders, wanted)
    order = counted or chosen(orders, wanted)
    if wanted.kind is Kind.ORDER or order.tracking_id is None:
        return _order_piece(order, wanted.locale)
    return await _parcel(shop, wanted, order, orders)


def _has_bought(orders: Sequence[Order], wanted: Wanted) -> bool:
    """False if the goods that are asked about are in no order, nor said to be one's own."""
    if is_own(wanted.text, wanted.locale):
        return True
    if not wanted.products:
        return bool(orders)
    return any(
        is_named(order, wanted)
        or any(line.sku in wanted.products for line in order.lines)
        for order in orders
    )


def _wants_all(wanted: Wanted) -> bool:
    return wanted.kind is Kind.ORDER and means_several(wanted.text, wanted.locale)


def _overview(orders: Sequence[Order], wanted: Wanted) -> Piece:
    """The orders of *wanted*, each in a line, newest first; as many as can be read."""
    orders = named_orders(orders, wanted.text) or orders
    shown = orders[:_LISTED]
    texts = [phrases.order_status(order, wanted.locale) for order in shown]
    if len(orders) > len(shown):
        texts.append(phrases.older_orders(len(orders) - len(shown), wanted.locale))
    cite = [_order_citation(order, wanted.locale) for order in shown]
    return _piece("\n".join(texts), cite, SURE, "order")


async def _parcel(
    shop: ShopPort, wanted: Wanted, order: Order, orders: Sequence[Order]
) -> Piece:
    try:
        parcel = await shop.parcel(wanted.user_id, order.id)
    except NotFound:
        return _order_piece(order, wanted.locale)
    text = phrases.parcel_status(order, parcel, wanted.locale)
    cite = [Citation(id=f"parcel:{parcel.tracking_id}", title=order.id, quote=text)]
    others = [o for o in orders if o.status == "shipped" and o.id != order.id]
    if others and order.status == "shipped" and not is_named(order, wanted):
        text += phrases.others_on_the_way(others, wanted.locale)
        cite += [_order_citation(other, wanted.locale) for other in others]
    return _piece(text, cite, SURE, "parcel")


def _order_piece(order: Order, locale: Locale) -> Piece:
    citation = _order_citation(order, locale)
    return _piece(citation.quote, [citation], SURE, "order")


def _order_citation(order: Order, locale: Locale) -> Citation:
    quote = phrases.order_status(order, locale)
    return Citation(id=f"order:{order.id}", title=order.id, quote=quote)


async def _products(shop: ShopPort, wanted: Wanted) -> Piece | None:
    if not wanted.products:
        text = phrases.which_product(wanted.locale)
        return _piece(text, (), ASKED_BACK, WHICH)
    found: list[Product] = []
    for sku, known in list(wanted.products.items())[:_NAMED]:
        found += [p for p in await shop.products(known) if p.sku == sku]
    if not found:
        return None
    found = the_one_meant(found, wanted.text)
    say = phrases.stock if wanted.kind is Kind.STOCK else phrases.price
    texts = [say(product, wanted.locale) for product in found]
    citations = [
        Citation(id=f"product:{p.sku}", title=title(p, wanted.locale), quote=text)
        for p, text in zip(found, texts, strict=True)
    ]
    if wanted.kind is Kind.PRICE and _is_total_asked(wanted.text, found):
        text = phrases.total(found, wanted.locale)
        ids = "+".join(product.sku for product in found)
        citations.append(Citation(id=f"product:{ids}", title=ids, quote=text))
        texts.append(text)
    joint = "" if wanted.locale == "zh" else " "
    return _piece(joint.join(texts), citations, SURE, wanted.kind.value)


async def _variants(shop: ShopPort, wanted: Wanted) -> Piece | None:
    """Sizes, colours or sorts of the one product asked about, and which can be had."""
    if not wanted.products:
        text = phrases.which_product(wanted.locale)
        return _piece(text, (), ASKED_BACK, WHICH)
    if len(wanted.products) > 1:
        return None
    ((sku, _),) = wanted.products.items()
    try:
        found = await shop.variants(sku)
    except NotFound:
        return None
    text = phrases.variants(found, wanted.locale)
    named = title(found[0], wanted.locale)
    cite = Citation(id=f"variants:{sku}", title=named, quote=text)
    return _piece(text, [cite], SURE, wanted.kind.value)


def _is_total_asked(text: str, found: Sequence[Product]) -> bool:
    currencies = {product.currency for product in found}
    return len(found) > 1 and len(currencies) == 1 and _TOTAL.search(text) is not None


async def _freight(shop: ShopPort, wanted: Wanted) -> Piece | None:
    region = region_in(wanted.text, wanted.locale)
    grams = weight_in(wanted.text) or await _product_weight(shop, wanted.products)
    if region is None or not grams:
        return None
    try:
        minor = await shop.quote_freight(region, grams, 0)
    except ShopRefused:
        return None
    cost = phrases.amount(minor, _CURRENCY, wanted.locale)
    text = phrases.freight(region, f"{grams / 1000:g}", cost, wanted.locale)
    citation = Citation(id=f"freight:{region}", title=region, quote=text)
    return _piece(text, [citation], SURE, "freight")


async def _product_weight(shop: ShopPort, products: Mapping[str, str]) -> int:
    """Weight of the product asked about; 0 if none or several are."""
    if len(products) != 1:
        return 0
    ((sku, title),) = products.items()
    found = [p for p in await shop.products(title) if p.sku == sku]
    return found[0].weight_g if found else 0


def weight_in(text: str) -> int:
    """Grams of the first weight in *text*, 0 if there is none."""
    match = _WEIGHT.search(text)
    if match is None:
        return 0
    number = match[1] if match[1][0].isdigit() else chinese_value(match[1])
    return round(float(number) * _GRAMS[match[2][0].lower()])


def _piece(
    text: str, citations: Iterable[Citation], confidence: float, subject: str = "order"
) -> Piece:
    found = tuple(citations)
    return Piece(
        text=text,
        citations=found,
        context=found,
        confidence=confidence,
        subject=f"read.{subject}",
    )
