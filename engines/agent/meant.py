"""
Which order a request means, and which goods: by id, by description, or by what was said.

References are resolved on the customer's own records, each way before the next, and
only if what it finds is one.
"""

from __future__ import annotations

from engines.agent.plan import Scene
from engines.agent.reading import counts, references, wishes
from engines.agent.reading.exceptions import split_kept
from engines.agent.reading.task_cues import LINE_RECIPES
from engines.agent.reading.titles import named_lines
from engines.shops.port import Order


#: Lines of the customer's to which a line of theirs may point back.
LINES_BACK = 4


def order_meant(
    scene: Scene,
    recipe: str,
    folded: str,
    mention: references.Mention,
    last: str = "",
) -> tuple[Order | None, tuple[str, ...]]:
    """
    The order meant, or the orders it could be.

    By id, by its price among the others, by description, by the wish before in the
    same message (*last*), by what was spoken of last, or because policy lets the
    recipe work on no other; each before the next, and only if it is one.
    """
    orders = {order.id: order for order in scene.orders}
    if mention.foreign:
        return None, ()
    accepted = scene.accepted.get(recipe, frozenset())
    goes = split_kept(folded).rest
    if recipe == "exchange_item":
        goes = wishes.before_target(goes)
    described = references.described_orders(goes, scene.orders)
    described = tuple(id_ for id_ in described if _fits(recipe, orders[id_]))
    allowed = tuple(
        id_ for id_, one in orders.items() if id_ in accepted and _fits(recipe, one)
    )
    for ids in (
        mention.ids,
        (_compared(scene, recipe, goes, allowed),),
        described if len(described) == 1 else (),
        tuple(id_ for id_ in described if id_ in accepted),
        (last,),
        (from_history(scene),),
        allowed,
        tuple(orders),
    ):
        known = tuple(id_ for id_ in ids if id_ in orders)
        if known:
            return (orders[known[0]], ()) if len(known) == 1 else (None, known)
    return None, ()


def _compared(scene: Scene, recipe: str, goes: str, allowed: tuple[str, ...]) -> str:
    """The cheaper, dearer, earlier or later order of those *allowed*; empty if none."""
    if recipe in LINE_RECIPES and not wishes.names_order(goes):
        # "The cheaper one" is then one of the goods.
        return ""
    rivals = [order for order in scene.orders if order.id in allowed]
    # Whoever compares speaks of more than the one that could be.
    return references.ranked_order(
        goes, rivals if len(rivals) > 1 else list(scene.orders)
    )


def _fits(recipe: str, order: Order) -> bool:
    """Tell if an order has what a task is about: a refund, a gift."""
    if recipe == "chase_refund":
        return bool(order.refunded_minor or order.refunded_points_minor)
    return recipe != "claim_gift" or any(line.is_gift for line in order.lines)


def spoken_of(scene: Scene, recipe: str, folded: str) -> tuple[str, int] | None:
    """
    Order and line of the goods that the customer's last lines were about.

    Only for a text that names no goods and no order itself, and only if they can be no
    other: "质量问题，换个新的" after a line on the keyboard.
    """
    if kinds_in(scene, folded) or wishes.is_whole_order(folded):
        return None
    accepted = scene.accepted.get(recipe, frozenset())
    for text in scene.last_lines(LINES_BACK):
        found = [
            (order.id, line)
            for order in scene.orders
            for line in named_lines(text, order.lines)[0]
        ]
        open_ones = [one for one in found if one[0] in accepted]
        for fitting in (found, open_ones):
            if len(fitting) == 1:
                return fitting[0]
        if found:
            return None
    return None


def from_history(scene: Scene) -> str:
    """The own order last spoken of alone: by its id, or by goods the customer named."""
    said = (line.text for line in scene.turn.history)
    named = references.order_in_history(said, scene.orders)
    if named:
        return named
    for text in scene.last_lines(LINES_BACK):
        described = references.described_orders(text, scene.orders)
        if described:
            return described[0] if len(described) == 1 else ""
    return ""


def order_of(scene: Scene, order_id: str) -> Order | None:
    """An own order by its id."""
    return next((order for order in scene.orders if order.id == order_id), None)


def every_order(scene: Scene, recipe: str, folded: str, most: int) -> tuple[str, ...]:
    """
    All orders that the task may be done on, if all are meant: *most* or fewer.

    Whoever says how many must be right: "both" of three could be any two, unless
    their goods tell which.
    """
    if not wishes.means_every_order(folded):
        return ()
    accepted = scene.accepted.get(recipe, frozenset())
    ids = tuple(one.id for one in scene.orders if one.id in accepted)
    said = wishes.orders_counted(folded) or len(ids)
    described = references.described_orders(folded, scene.orders)
    named = tuple(id_ for id_ in described if id_ in accepted)
    ids = named if len(named) == said else ids
    return ids if len(ids) <= most and len(ids) == said else ()


def left_out(scene: Scene, recipe: str, folded: str) -> tuple[str, ...]:
    """Orders that were meant with all the others, on which the task may not be done."""
    if not wishes.means_every_order(folded) or wishes.orders_counted(folded):
        return ()
    accepted = scene.accepted.get(recipe, frozenset())
    described = references.described_orders(folded, scene.orders)
    meant = described or tuple(one.id for one in scene.orders)
    return tuple(id_ for id_ in meant if id_ not in accepted)


def kinds_in(scene: Scene, piece: str) -> frozenset[str]:
    """What a piece of a message names itself: an order, a line or product."""
    folded = piece.lower()
    mention = references.mentioned_orders(folded, scene.orders)
    kinds = {"order"} if mention.ids or mention.foreign else set()
    has_line = counts.has_position(folded) or any(
        any(named_lines(folded, order.lines)) for order in scene.orders
    )
    return frozenset(kinds | ({"line"} if has_line else set()))
