"""
The offline planner: understands zh and en turns without any model.

It reads the turn with the pure functions of ``reading``, resolves references
on the customer's own records, and leaves empty what it does not know. It never
guesses between two things, and what it does not know goes to a person.
"""

from __future__ import annotations

import msgspec

from engines.agent.drafting import Drafting, from_history, order_of, refund
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


#: Words of other tasks that an address change uses too.
_IN_AN_ADDRESS_CHANGE = frozenset({"exchange", "price_protection", "change_phone"})


class OfflinePlanner:
    """
    A planner made of patterns; immutable, serves all conversations.

    Args:
        addresses: Reader of addresses.

        simplify: Traditional to simplified characters.
    """

    def __init__(self, addresses: AddressReader, simplify: Simplify) -> None:
        self._drafting = Drafting(addresses)
        self._addresses = addresses
        self._simplify = simplify

    async def plan(self, scene: Scene) -> Plan:
        """Say what the turn means; see :class:`engines.agent.plan.Planner`."""
        text = clean(scene.turn.text, self._simplify)
        if scene.task is None:
            return self._fresh(scene, text)
        if wishes.asks_human(text.lower()):
            return HandsOver(Reason.ASKED_HUMAN, "asks for a person")
        if scene.waits_for == "consent":
            return self._reply(scene, scene.task.draft, text)
        return self._slot(scene, scene.task.draft, text)

    def _fresh(self, scene: Scene, text: str) -> Plan:
        """A turn read as if nothing was open."""
        folded = text.lower()
        if wishes.asks_human(folded):
            return HandsOver(Reason.ASKED_HUMAN, "asks for a person")
        look = wishes.look_in(folded)
        recipes = wishes.recipes_in(folded)
        if look == "refund_status" or (look and not recipes):
            return _look(scene, look, folded)
        other = wishes.other_task_in(folded)
        is_ours = recipes == ("change_address",) and other in _IN_AN_ADDRESS_CHANGE
        if other and not is_ours:
            return HandsOver(Reason.NEEDS_ACTION, f"asks for {other}")
        if not recipes:
            return _asked_again(scene, folded, self._simplify) or Unclear()
        return self._drafting.wants(scene, recipes, text)

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
                order = order_of(scene, draft.order_id)
                wants = refund(draft, order, folded, is_answer=True)
                is_known = wants.drafts != (draft,) or wants.choices
                return wants if is_known else None
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
        draft = msgspec.structs.replace(draft, order_id=ids[0])
        if draft.recipe == "refund_item" and not draft.line:
            return refund(draft, order_of(scene, ids[0]), folded)
        return Wants((draft,))

    def _reply(self, scene: Scene, draft: Draft, text: str) -> Plan:
        """A turn while a proposal waits for consent."""
        reply = read_reply(text, draft.recipe)
        if reply == "consent":
            return Consents()
        fresh = self._fresh(scene, text)
        if isinstance(fresh, LooksUp):
            return AsksBack() if _is_its_refund(fresh, text) else fresh
        if isinstance(fresh, Wants) and _is_other_request(fresh, draft, text, reply):
            return fresh
        return self._corrected(scene, draft, text) or _stays(fresh, reply)

    def _corrected(self, scene: Scene, draft: Draft, text: str) -> Wants | None:
        """A changed order, line, quantity or address; None if nothing changed."""
        folded = _after_no(text.lower())
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
            changed = _corrected_line(scene, changed, folded)
        return None if changed == draft else Wants((changed,))


def _look(scene: Scene, what: wishes.Look, folded: str) -> LooksUp:
    mention = references.mentioned_orders(folded, scene.orders)
    ids = mention.ids or references.described_orders(folded, scene.orders)
    order_id = ids[0] if len(ids) == 1 else ""
    if not ids and not mention.foreign:
        order_id = from_history(scene)
    return LooksUp(what, order_id, mention.foreign)


def _asked_again(scene: Scene, folded: str, simplify: Simplify) -> LooksUp | None:
    """A nudge ("查一下啊") repeats the customer's last question, if it was one."""
    said = [line.text for line in scene.turn.history if line.role == "customer"]
    if not said or not wishes.asks_again(folded):
        return None
    earlier = clean(said[-1], simplify).lower()
    look = wishes.look_in(earlier)
    return _look(scene, look, earlier) if look else None


def _corrected_line(scene: Scene, draft: Draft, folded: str) -> Draft:
    order = order_of(scene, draft.order_id)
    rest = wishes.without_rest(folded)
    said = references.mentioned_lines(rest, order, is_answer=True)
    if said.units and said.units[0][0] != draft.line:
        line, units = said.units[0]
        draft = msgspec.structs.replace(draft, line=line, quantity=units)
    count = references.quantity(rest)
    if count is not None:
        draft = msgspec.structs.replace(draft, quantity=count)
    if wishes.keeps_gift(folded):
        draft = msgspec.structs.replace(draft, keeps_gift=True)
    return draft


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


def _is_other_request(fresh: Wants, draft: Draft, text: str, reply: str) -> bool:
    """
    Another task than the one proposed, said plainly.

    Beside an open proposal, cancelling an order must name an order, and a
    question must name what it is about.
    """
    folded = text.lower()
    first = fresh.drafts[0]
    if first.recipe == draft.recipe:
        return False
    if first.recipe == "cancel_order":
        return draft.recipe != "cancel_order" and wishes.names_order(folded)
    return reply != "question" or wishes.names_order(folded)


def _stays(fresh: Plan, reply: str) -> Plan:
    """What a reply means that neither consents nor changes anything."""
    if reply == "decline":
        return Declines()
    if isinstance(fresh, Wants) or (reply == "question" and fresh == Unclear()):
        return AsksBack()
    return fresh


def _is_its_refund(fresh: LooksUp, text: str) -> bool:
    """When will the money be there: of the proposal, if no order is named."""
    is_refund = fresh.what == "refund_status"
    return is_refund and not wishes.names_order(text.lower())


def _after_no(folded: str) -> str:
    """What follows a "not that one": ``不是第2件，是第1件`` gives ``是第1件``."""
    for mark in ("不是", "不要退", "not "):
        if mark in folded:
            rest = folded.rsplit(mark, 1)[1]
            for comma in (",", "，", " but ", "是"):
                if comma in rest:
                    return rest.split(comma, 1)[1]
    return folded
