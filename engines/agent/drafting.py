"""
From the words of a request to drafts: which order, which lines, which address.

Used by the offline planner. A draft holds what the words and the customer's
own records say; what is not clear stays empty and is asked for.
"""

from __future__ import annotations

import msgspec

from engines.agent.plan import Draft, Scene, Wants
from engines.agent.reading import references, wishes
from engines.agent.reading.addresses import AddressReader
from engines.shops.port import Order


#: Lines or orders of one message that are worked on one after the other, at most.
MAX_LINES = 5
_UNSHIPPED = frozenset({"unpaid", "paid"})


class Drafting:
    """
    Makes drafts; immutable.

    Args:
        addresses: Reader of addresses.
    """

    def __init__(self, addresses: AddressReader) -> None:
        self.addresses = addresses

    def wants(
        self, scene: Scene, recipes: tuple[wishes.Recipe, ...], text: str
    ) -> Wants:
        """Every task that the cleaned *text* asks for, in the order given."""
        wanted = [self._one(scene, recipe, text) for recipe in recipes]
        drafts = tuple(draft for want in wanted for draft in want.drafts)
        return msgspec.structs.replace(wanted[0], drafts=drafts)

    def _one(self, scene: Scene, recipe: wishes.Recipe, text: str) -> Wants:
        folded = text.lower()
        mention = references.mentioned_orders(folded, scene.orders)
        order, choices = order_meant(scene, recipe, folded, mention)
        draft = Draft(recipe=recipe, order_id=order.id if order else "")
        if recipe == "change_address":
            draft = msgspec.structs.replace(draft, address=self.addresses.parts(text))
        if recipe != "refund_item" and len(mention.ids) > 1:
            return Wants(_for_each(draft, mention.ids))
        if recipe == "refund_item":
            wants = refund(draft, order, folded)
            choices = choices or wants.choices
            return Wants(wants.drafts, mention.foreign, choices)
        return Wants((draft,), mention.foreign, choices)


def _for_each(draft: Draft, ids: tuple[str, ...]) -> tuple[Draft, ...]:
    """The same task for several orders that were named."""
    return tuple(
        msgspec.structs.replace(draft, order_id=id_) for id_ in ids[:MAX_LINES]
    )


def refund(
    draft: Draft, order: Order | None, folded: str, *, is_answer: bool = False
) -> Wants:
    """A draft for each line named; a whole unshipped order is a cancellation."""
    if wishes.keeps_gift(folded):
        draft = msgspec.structs.replace(draft, keeps_gift=True)
    if order and wishes.is_whole_order(folded):
        return _whole(draft, order)
    said = references.mentioned_lines(
        wishes.without_rest(folded), order, is_answer=is_answer
    )
    drafts = tuple(
        msgspec.structs.replace(draft, line=line, quantity=count or draft.quantity)
        for line, count in said.units[:MAX_LINES]
    )
    if not drafts:
        count = references.quantity(wishes.without_rest(folded)) or draft.quantity
        drafts = (msgspec.structs.replace(draft, quantity=count),)
    return Wants(drafts, "", tuple(map(str, said.choices)))


def order_meant(
    scene: Scene, recipe: str, folded: str, mention: references.Mention
) -> tuple[Order | None, tuple[str, ...]]:
    """
    The order meant, or the orders it could be.

    By id, by description, by what was spoken of last, or because policy lets
    the recipe work on no other; each before the next, and only if it is one.
    """
    orders = {order.id: order for order in scene.orders}
    if mention.foreign:
        return None, ()
    accepted = scene.accepted.get(recipe, frozenset())
    described = references.described_orders(folded, scene.orders)
    allowed = tuple(id_ for id_ in orders if id_ in accepted)
    for ids in (
        mention.ids,
        described if len(described) == 1 else (),
        tuple(id_ for id_ in described if id_ in accepted),
        (from_history(scene),),
        allowed,
        tuple(orders),
    ):
        known = tuple(id_ for id_ in ids if id_ in orders)
        if known:
            return (orders[known[0]], ()) if len(known) == 1 else (None, known)
    return None, ()


def from_history(scene: Scene) -> str:
    """The own order that was last spoken of alone."""
    lines = (line.text for line in scene.turn.history)
    return references.order_in_history(lines, scene.orders)


def order_of(scene: Scene, order_id: str) -> Order | None:
    """An own order by its id."""
    return next((order for order in scene.orders if order.id == order_id), None)


def _whole(draft: Draft, order: Order) -> Wants:
    if order.status in _UNSHIPPED:
        return Wants((Draft(recipe="cancel_order", order_id=order.id),))
    lines = (line.line for line in order.lines if not line.is_gift)
    drafts = tuple(msgspec.structs.replace(draft, line=line) for line in lines)
    return Wants(drafts or (draft,))
