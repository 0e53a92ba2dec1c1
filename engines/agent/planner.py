"""
The offline planner: understands zh and en turns without any model.

It reads the turn with the pure functions of ``reading``, resolves references
on the customer's own records, and leaves empty what it does not know. It never
guesses between two things, and what it does not know goes to a person.
"""

from __future__ import annotations

import msgspec

from engines.agent.plan import (
    AsksBack,
    Consents,
    Declines,
    Draft,
    HandsOver,
    LooksUp,
    Plan,
    Scene,
    Unclear,
    Wants,
)
from engines.agent.reading import references, wishes
from engines.agent.reading.addresses import AddressReader
from engines.agent.reading.consent import read_reply
from engines.agent.reading.text import Simplify, clean
from engines.contract import Reason
from engines.shops.port import Order


#: Lines of one message that are refunded one after the other, at most.
MAX_LINES = 5


class OfflinePlanner:
    """
    A planner made of patterns; immutable, serves all conversations.

    Args:
        addresses: Reader of addresses.

        simplify: Traditional to simplified characters.
    """

    def __init__(self, addresses: AddressReader, simplify: Simplify) -> None:
        self._addresses = addresses
        self._simplify = simplify

    async def plan(self, scene: Scene) -> Plan:
        """Say what the turn means; see :class:`engines.agent.plan.Planner`."""
        text = clean(scene.turn.text, self._simplify)
        if scene.task is None:
            return self._fresh(scene, text)
        if scene.waits_for == "consent":
            return self._reply(scene, scene.task.draft, text)
        return self._slot(scene, scene.task.draft, text)

    def _fresh(self, scene: Scene, text: str) -> Plan:
        """A turn with nothing open."""
        folded = text.lower()
        if wishes.asks_human(folded):
            return HandsOver(Reason.ASKED_HUMAN, "asks for a person")
        look = wishes.look_in(folded)
        recipes = wishes.recipes_in(folded)
        other = wishes.other_task_in(folded)
        if look == "refund_status" or (look and not recipes):
            return self._look(scene, look, folded)
        if other and not (recipes and other in _HARMLESS_BESIDE):
            return HandsOver(Reason.NEEDS_ACTION, f"asks for {other}")
        if not recipes:
            return Unclear()
        return self._wants(scene, recipes, text)

    def _look(self, scene: Scene, what: wishes.Look, folded: str) -> LooksUp:
        mention = references.mentioned_orders(folded, scene.orders)
        described = references.described_orders(folded, scene.orders)
        ids = mention.ids or described
        order_id = ids[0] if len(ids) == 1 else ""
        if not ids and not mention.foreign:
            order_id = self._from_history(scene)
        return LooksUp(what, order_id, mention.foreign)

    def _wants(
        self, scene: Scene, recipes: tuple[wishes.Recipe, ...], text: str
    ) -> Plan:
        """New tasks, the cheapest to undo first."""
        wanted = [self._one(scene, recipe, text) for recipe in recipes]
        first = wanted[0]
        drafts = tuple(draft for want in wanted for draft in want.drafts)
        return msgspec.structs.replace(first, drafts=drafts)

    def _one(self, scene: Scene, recipe: wishes.Recipe, text: str) -> Wants:
        folded = text.lower()
        mention = references.mentioned_orders(folded, scene.orders)
        order, choices = self._order(scene, recipe, folded, mention)
        draft = Draft(recipe=recipe, order_id=order.id if order else "")
        if recipe == "change_address":
            draft = msgspec.structs.replace(draft, address=self._addresses.parts(text))
        if recipe == "refund_item":
            return self._refund(draft, order, folded, mention.foreign, choices)
        return Wants((draft,), mention.foreign, choices)

    def _refund(
        self,
        draft: Draft,
        order: Order | None,
        folded: str,
        foreign: str,
        choices: tuple[str, ...],
    ) -> Wants:
        """One draft for each line named; a whole unshipped order is a cancellation."""
        if order and wishes.is_whole_order(folded):
            if order.status in {"paid", "unpaid"}:
                whole = Draft(recipe="cancel_order", order_id=order.id)
                return Wants((whole,), foreign, choices)
            lines = tuple(line.line for line in order.lines if not line.is_gift)
            return Wants(_each(draft, lines, 0, folded), foreign, choices)
        lines, line_choices = _lines(order, folded)
        quantity = references.quantity(wishes.without_rest(folded)) or 0
        return Wants(
            _each(draft, lines, quantity, folded), foreign, choices or line_choices
        )

    def _order(
        self,
        scene: Scene,
        recipe: str,
        folded: str,
        mention: references.Mention,
    ) -> tuple[Order | None, tuple[str, ...]]:
        """The order meant, or the orders it could be."""
        orders = {order.id: order for order in scene.orders}
        if mention.foreign:
            return None, ()
        accepted = scene.accepted.get(recipe, frozenset())
        described = references.described_orders(folded, scene.orders)
        for ids in (
            mention.ids,
            described if len(described) == 1 else (),
            tuple(id_ for id_ in described if id_ in accepted),
            (self._from_history(scene),),
            tuple(id_ for id_ in orders if id_ in accepted),
            tuple(orders),
        ):
            known = tuple(id_ for id_ in ids if id_ in orders)
            if known:
                return (orders[known[0]], ()) if len(known) == 1 else (None, known)
        return None, ()

    def _from_history(self, scene: Scene) -> str:
        lines = (line.text for line in scene.turn.history)
        return references.order_in_history(lines, scene.orders)

    def _slot(self, scene: Scene, draft: Draft, text: str) -> Plan:
        """A turn while a slot is asked for."""
        folded = text.lower()
        filled = self._filled(scene, draft, text)
        if filled is not None:
            return filled
        fresh = self._fresh(scene, text)
        if isinstance(fresh, Wants) and fresh.drafts[0].recipe == draft.recipe:
            return _merged(fresh, draft)
        if not isinstance(fresh, Unclear):
            return fresh
        reply = read_reply(folded, draft.recipe)
        return Declines() if reply == "decline" else Unclear()

    def _filled(self, scene: Scene, draft: Draft, text: str) -> Plan | None:
        """The slot that was asked for, if the text gives it."""
        folded = text.lower()
        match scene.waits_for:
            case "order":
                return self._order_slot(scene, draft, folded)
            case "line":
                return self._line_slot(scene, draft, folded)
            case "address":
                parts = self._addresses.parts(text)
                if parts.is_empty:
                    return None
                whole = parts.over(draft.address)
                return Wants((msgspec.structs.replace(draft, address=whole),))
        return None

    def _order_slot(self, scene: Scene, draft: Draft, folded: str) -> Plan | None:
        mention = references.mentioned_orders(folded, scene.orders)
        if mention.foreign:
            return Wants((draft,), mention.foreign)
        choices = scene.task.choices if scene.task else ()
        ids = (
            mention.ids
            or references.described_orders(folded, scene.orders)
            or tuple(filter(None, (references.chosen(folded, choices),)))
        )
        if not ids:
            return None
        if len(ids) > 1:
            return Wants((draft,), "", ids)
        order = next(order for order in scene.orders if order.id == ids[0])
        draft = msgspec.structs.replace(draft, order_id=order.id)
        return Wants((draft,))

    def _line_slot(self, scene: Scene, draft: Draft, folded: str) -> Plan | None:
        order = next((one for one in scene.orders if one.id == draft.order_id), None)
        lines, choices = _lines(order, folded, bare=True)
        if not lines and not choices:
            return None
        quantity = references.quantity(folded)
        if quantity is None:
            quantity = draft.quantity
        return Wants(_each(draft, lines, quantity, folded), "", choices)

    def _reply(self, scene: Scene, draft: Draft, text: str) -> Plan:
        """A turn while a proposal waits for consent."""
        folded = text.lower()
        reply = read_reply(text, draft.recipe)
        if reply == "consent":
            return Consents()
        fresh = self._fresh(scene, text)
        corrected = self._corrected(scene, draft, text, fresh)
        if corrected is not None:
            return corrected
        if reply == "decline":
            return Declines()
        if reply == "question" and isinstance(fresh, Unclear | Wants):
            return AsksBack()
        if isinstance(fresh, Wants) and fresh.drafts[0].recipe == draft.recipe:
            return AsksBack()
        return Unclear() if "cancel" in folded and reply == "other" else fresh

    def _corrected(
        self, scene: Scene, draft: Draft, text: str, fresh: Plan
    ) -> Wants | None:
        """A changed order, line, quantity or address; None if nothing changed."""
        folded = wishes.without_rest(text.lower())
        if isinstance(fresh, Wants) and fresh.drafts[0].recipe != draft.recipe:
            return fresh if _is_other_request(fresh, draft, folded) else None
        mention = references.mentioned_orders(folded, scene.orders)
        if mention.foreign:
            return Wants((draft,), mention.foreign)
        changed = draft
        if len(mention.ids) == 1 and mention.ids[0] != draft.order_id:
            changed = Draft(
                recipe=draft.recipe, order_id=mention.ids[0], address=draft.address
            )
        if draft.recipe == "change_address":
            parts = self._addresses.parts(text)
            if not parts.is_empty:
                whole = parts if parts.is_place else parts.over(draft.address)
                changed = msgspec.structs.replace(changed, address=whole)
        if draft.recipe == "refund_item":
            changed = self._corrected_line(scene, changed, folded)
        return None if changed == draft else Wants((changed,))

    def _corrected_line(self, scene: Scene, draft: Draft, folded: str) -> Draft:
        order = next((one for one in scene.orders if one.id == draft.order_id), None)
        lines, _ = _lines(order, _after_no(folded))
        quantity = references.quantity(folded)
        if lines and lines[0] != draft.line:
            draft = msgspec.structs.replace(draft, line=lines[0], quantity=0)
        if quantity is not None:
            draft = msgspec.structs.replace(draft, quantity=quantity)
        if wishes.keeps_gift(folded):
            draft = msgspec.structs.replace(draft, keeps_gift=True)
        return draft


#: Tasks whose words also stand in a request of ours.
_HARMLESS_BESIDE = frozenset({"gift", "damage"})


def _each(
    draft: Draft, lines: tuple[int, ...], quantity: int, folded: str
) -> tuple[Draft, ...]:
    keeps = wishes.keeps_gift(folded)
    draft = msgspec.structs.replace(draft, keeps_gift=keeps, quantity=quantity)
    drafts = tuple(
        msgspec.structs.replace(draft, line=line) for line in lines[:MAX_LINES]
    )
    return drafts or (draft,)


def _lines(
    order: Order | None, folded: str, *, bare: bool = False
) -> tuple[tuple[int, ...], tuple[str, ...]]:
    """Lines a text names, and the lines it could mean if that is not clear."""
    if order is None:
        return (), ()
    goods = [line for line in order.lines if not line.is_gift]
    numbers = {line.line for line in order.lines}
    place = references.position(folded) if bare else None
    places = references.positions(folded) or ((place,) if place else ())
    if references.position(folded) == -1:
        places = (goods[-1].line,) if goods else ()
    if places:
        return tuple(line for line in places if line in numbers), ()
    named = references.matching_lines(folded, order.lines)
    if len(named) == 1:
        return named, ()
    if named:
        return (), tuple(map(str, named))
    left = [line for line in goods if line.refunded_quantity < line.quantity]
    if len(goods) == 1 or (len(left) == 1 and not bare):
        return ((left or goods)[0].line,), ()
    return (), ()


def _merged(fresh: Wants, draft: Draft) -> Wants:
    """A request said again while a slot is open keeps what was known."""
    first = fresh.drafts[0]
    merged = msgspec.structs.replace(
        first,
        order_id=first.order_id or draft.order_id,
        address=first.address.over(draft.address),
        line=first.line or draft.line,
    )
    return msgspec.structs.replace(fresh, drafts=(merged, *fresh.drafts[1:]))


def _is_other_request(fresh: Wants, draft: Draft, folded: str) -> bool:
    """Beside an open proposal, cancelling an order must name an order."""
    if fresh.drafts[0].recipe != "cancel_order":
        return True
    return draft.recipe != "cancel_order" and wishes.names_order(folded)


def _after_no(folded: str) -> str:
    """What follows the last "not that one": ``不是第2件，是第1件`` -> ``是第1件``."""
    for mark in ("不是", "不要退", "not "):
        if mark in folded:
            rest = folded.rsplit(mark, 1)[1]
            for comma in (",", "，", " but ", "是"):
                if comma in rest:
                    return rest.split(comma, 1)[1]
    return folded
