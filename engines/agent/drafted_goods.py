"""
Drafts of tasks on goods: which lines of an order, and how many units of each.
"""

from __future__ import annotations

import msgspec

from engines.agent.meant import order_of, spoken_of
from engines.agent.plan import Draft, Scene, Wants
from engines.agent.reading import counts, lines, wishes
from engines.agent.reading.exceptions import gift_goes, split_kept
from engines.agent.reading.titles import named_lines
from engines.shops.port import Order


#: Lines or orders of one message that are worked on one after the other, at most.
MAX_LINES = 5
_UNSHIPPED = frozenset({"unpaid", "paid"})


def all_units(wants: Wants) -> Wants:
    """A price fell for all units that are kept; a number in the text is money."""
    drafts = (msgspec.structs.replace(one, quantity=0) for one in wants.drafts)
    return msgspec.structs.replace(wants, drafts=tuple(drafts))


def on_line(
    draft: Draft, order: Order | None, folded: str, *, is_answer: bool = False
) -> Wants:
    """A draft for each line named, of a task that is on one line."""
    about = wishes.before_target(folded) if draft.recipe == "exchange_item" else folded
    said = lines.mentioned_lines(wishes.without_rest(about), order, is_answer=is_answer)
    drafts = tuple(
        msgspec.structs.replace(draft, line=line, quantity=count or draft.quantity)
        for line, count in said.units[:MAX_LINES]
    )
    short = counts.short_by(about)
    if draft.reason == "missing" and len(drafts) == 1 and short:
        drafts = (msgspec.structs.replace(drafts[0], quantity=short),)
    if order and drafts and draft.reason == "missing":
        drafts = tuple(_gift_or_goods(one, order) for one in drafts)
    return Wants(drafts or (draft,), "", tuple(map(str, said.choices)))


def _gift_or_goods(draft: Draft, order: Order) -> Draft:
    """A gift that did not come is claimed as a gift."""
    line = next(one for one in order.lines if one.line == draft.line)
    if not line.is_gift:
        return draft
    return Draft(recipe="claim_gift", order_id=order.id)


def corrected_line(scene: Scene, draft: Draft, folded: str) -> Draft:
    if draft.keeps_gift and gift_goes(folded) and not wishes.keeps_gift(folded):
        return msgspec.structs.replace(draft, keeps_gift=False)
    order = order_of(scene, draft.order_id)
    rest = wishes.without_rest(folded)
    said = lines.mentioned_lines(rest, order, is_answer=True)
    if said.units and said.units[0][0] != draft.line:
        line, units = said.units[0]
        draft = msgspec.structs.replace(draft, line=line, quantity=units)
    count = counts.quantity(rest)
    if count is None:
        count = counts.corrected_to(rest.strip())
    if count is not None:
        draft = msgspec.structs.replace(draft, quantity=count)
    if draft.recipe == "refund_item" and wishes.keeps_gift(folded):
        draft = msgspec.structs.replace(draft, keeps_gift=True)
    return draft


def as_spoken_of(scene: Scene, draft: Draft, folded: str) -> Draft | None:
    """*draft* on the goods that the lines before were about; None if on none."""
    before = spoken_of(scene, draft.recipe, folded)
    if before is None:
        return None
    order_id, line = before
    count = counts.quantity(wishes.without_rest(folded)) or 0
    return msgspec.structs.replace(draft, order_id=order_id, line=line, quantity=count)


def refund(
    draft: Draft, order: Order | None, folded: str, *, is_answer: bool = False
) -> Wants:
    """A draft for each line named; a whole unshipped order is a cancellation."""
    if wishes.keeps_gift(folded) or _keeps_named_gift(order, folded):
        draft = msgspec.structs.replace(draft, keeps_gift=True)
    rest = wishes.without_rest(folded)
    if order and wishes.is_whole_order(folded):
        named = lines.mentioned_lines(rest, order, is_answer=True)
        if wishes.is_whole_by_name(folded) or not named.units:
            return _whole(draft, order)
    said = lines.mentioned_lines(rest, order, is_answer=is_answer)
    drafts = tuple(
        msgspec.structs.replace(draft, line=line, quantity=count or draft.quantity)
        for line, count in said.units[:MAX_LINES]
    )
    if not drafts:
        count = counts.quantity(rest) or draft.quantity
        drafts = (msgspec.structs.replace(draft, quantity=count),)
    return Wants(drafts, "", tuple(map(str, said.choices)))


def _keeps_named_gift(order: Order | None, folded: str) -> bool:
    """What stays is a gift, called by its own name: "the first aid kit stays with me"."""
    gifts = [line for line in order.lines if line.is_gift] if order else []
    return any(named_lines(name, gifts)[0] for name in split_kept(folded).names)


def goods_of(order: Order | None, folded: str) -> Wants | None:
    """
    What goes back where "cancel" names some goods of an order, and not the order.

    None if all of its goods are named, or none.
    """
    is_order = wishes.names_order(folded) and wishes.says_cancel(folded)
    if order is None or is_order or wishes.is_whole_order(folded):
        return None
    named, _ = named_lines(split_kept(folded).rest, order.lines)
    goods = [line.line for line in order.lines if not line.is_gift]
    if not named or len(named) >= len(goods):
        return None
    wants = refund(Draft(recipe="refund_item", order_id=order.id), order, folded)
    return wants if all(one.line for one in wants.drafts) else None


def _whole(draft: Draft, order: Order) -> Wants:
    if order.status in _UNSHIPPED:
        return Wants((Draft(recipe="cancel_order", order_id=order.id),))
    goods = (line.line for line in order.lines if not line.is_gift)
    drafts = tuple(msgspec.structs.replace(draft, line=line) for line in goods)
    return Wants(drafts or (draft,))
