"""
The offline planner: understands zh and en turns without any model.

It reads the turn with the pure functions of ``reading``, resolves references
on the customer's own records, and leaves empty what it does not know. It never
guesses between two things, and what it does not know goes to a person.
"""

from __future__ import annotations

from functools import partial
from typing import Self

import msgspec
from opencc import OpenCC

from engines.agent.drafted_goods import on_line, refund
from engines.agent.drafted_orders import for_each
from engines.agent.drafting import Drafting, without_orders
from engines.agent.meant import LINES_BACK, from_history, kinds_in, order_of
from engines.agent.on_proposals import (
    added,
    after_no,
    all_proposed,
    as_it_stands,
    beside,
    goods_instead,
    is_its_refund,
    is_named,
    is_other_request,
    leaves_alone,
    only_asked,
    other_instead,
    to_correct,
)
from engines.agent.plan import (
    AsksBack,
    AsksRules,
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
from engines.agent.reading import clauses, counts, particulars, references, wishes
from engines.agent.reading.addresses import AddressReader
from engines.agent.reading.consent import Reply, instead_of_no, is_firm, read_reply
from engines.agent.reading.narrowing import left_of
from engines.agent.reading.regions import Regions
from engines.agent.reading.task_cues import LINE_RECIPES, Look
from engines.agent.reading.text import Simplify, clean
from engines.agent.slot_answers import (
    line_slot,
    other_orders,
    quantity_slot,
    split_lines,
    with_rest,
)
from engines.contract import Reason


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
        self.simplify = simplify

    @classmethod
    def load(cls) -> Self:
        """Build the planner with the regions that come with this package."""
        return cls(AddressReader(Regions.load()), OpenCC("t2s").convert)

    async def plan(self, scene: Scene) -> Plan:
        """Say what the turn means; see :class:`engines.agent.plan.Planner`."""
        text = self._read(scene, scene.turn.text)
        scene = self._with_whole_ids(scene)
        if scene.task is None:
            return self._fresh(scene, text)
        if wishes.asks_human(text.lower()):
            return HandsOver(Reason.ASKED_HUMAN, "asks for a person")
        if scene.waits_for == "consent":
            return self._reply(scene, scene.task.draft, text)
        return self._slot(scene, scene.task.draft, text)

    def _read(self, scene: Scene, text: str) -> str:
        """Words of the customer's in the form that readers know."""
        return references.in_full(clean(text, self.simplify), scene.orders)

    def _with_whole_ids(self, scene: Scene) -> Scene:
        """The same scene, with whole ids in the customer's earlier lines."""
        lines = tuple(
            msgspec.structs.replace(line, text=self._read(scene, line.text))
            if line.role == "customer"
            else line
            for line in scene.turn.history
        )
        turn = msgspec.structs.replace(scene.turn, history=lines)
        return msgspec.structs.replace(scene, turn=turn)

    def _fresh(self, scene: Scene, text: str) -> Plan:
        """A turn read as if nothing was open."""
        folded = text.lower()
        if wishes.asks_human(folded):
            return HandsOver(Reason.ASKED_HUMAN, "asks for a person")
        look = wishes.look_in(folded)
        wants = self._drafting.wants(scene, text)
        if look and wants is None:
            # Without any order it is a question on how refunds go.
            is_rule = look == "refund_status" and not scene.orders
            return Unclear() if is_rule else _look(scene, look, folded)
        if wants is None:
            wants = self._the_same(scene, folded)
        if wants is None:
            again = _asked_again(scene, folded, self.simplify)
            return again or self._fault(scene, text) or _rules(scene, folded)
        if _is_mere_urging(scene, wants, folded):
            return _look(scene, "order_status", folded)
        return wants

    def _fault(self, scene: Scene, text: str) -> Wants | None:
        """A fault told in words of their own, with no wish: goods sent again are offered."""
        reason = wishes.fault_told(text.lower(), scene.turn.intent)
        if reason is None or scene.task or not scene.orders:
            return None
        return self._drafting.claims(scene, text, reason)

    def _the_same(self, scene: Scene, folded: str) -> Wants | None:
        """The customer's last wish, of another order or other goods: "0036也一样"."""
        if not wishes.means_the_same(folded):
            return None
        said = [line.text for line in scene.turn.history if line.role == "customer"]
        for text in reversed(said[-LINES_BACK:]):
            recipes = wishes.recipes_in(without_orders(scene, text).lower())
            if recipes:
                return self._drafting.again(scene, recipes, folded)
        return None

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
        told = self._drafting.particulars(scene, draft, text, is_answer=False)
        is_put_right = told != draft and instead_of_no(folded)
        if read_reply(folded, draft.recipe) == "decline" and not is_put_right:
            return Declines()
        if told == draft:
            return Unclear()
        choices = scene.task.choices if scene.task else ()
        return with_rest(scene, Wants((told,), "", choices))

    def _filled(self, scene: Scene, draft: Draft, text: str) -> Plan | None:
        """The slot that was asked for, if the text gives it."""
        folded = text.lower()
        match scene.waits_for:
            case "order":
                return self._order_slot(scene, draft, after_no(folded))
            case "line":
                return line_slot(scene, draft, folded)
            case "lines":
                return split_lines(scene, draft, folded)
            case "others":
                return other_orders(scene, draft, folded)
            case "quantity":
                return quantity_slot(scene, draft, folded)
            case _:
                return self._particular(scene, draft, text)

    def _particular(self, scene: Scene, draft: Draft, text: str) -> Plan | None:
        """An answer that only one task asks for; None if it says nothing of it."""
        folded = text.lower()
        if scene.waits_for == "evidence" and particulars.has_no_evidence(folded):
            return HandsOver(Reason.POLICY, "nothing to show what is wrong")
        if read_reply(folded, draft.recipe) == "decline":
            return None
        if scene.waits_for == "target" and wishes.wants_back(folded):
            return None
        filled = self._drafting.particulars(scene, draft, text, is_answer=True)
        return None if filled == draft else with_rest(scene, Wants((filled,)))

    def _order_slot(self, scene: Scene, draft: Draft, folded: str) -> Plan | None:
        mention = references.mentioned_orders(folded, scene.orders)
        if mention.foreign:
            return Wants((draft,), mention.foreign)
        choices = scene.task.choices if scene.task else ()
        ids = (
            mention.ids
            or references.described_orders(folded, scene.orders)
            or tuple(filter(None, (counts.chosen(folded, choices),)))
        )
        if not ids and draft.recipe not in LINE_RECIPES:
            ids = choices if _means_each(folded, len(choices)) else ()
            return with_rest(scene, Wants(for_each(draft, ids))) if ids else None
        if not ids:
            return None
        if len(ids) > 1:
            return Wants((draft,), "", ids)
        draft = msgspec.structs.replace(draft, order_id=ids[0])
        if draft.recipe in LINE_RECIPES and not draft.line:
            read = refund if draft.recipe == "refund_item" else on_line
            wants = read(draft, order_of(scene, ids[0]), folded)
            return with_rest(scene, wants)
        return with_rest(scene, Wants((draft,)))

    def _reply(self, scene: Scene, draft: Draft, text: str) -> Plan:
        """A turn while a proposal waits for consent."""
        drafts = all_proposed(scene, draft)
        reply = read_reply(text, *dict.fromkeys(one.recipe for one in drafts))
        if reply == "consent":
            is_heard = only_asked(scene, draft) and not is_firm(text)
            return Declines() if is_heard else Consents()
        left = left_of(text.lower(), drafts, partial(is_named, scene, drafts))
        if left is not None:
            return Wants(left) if left else Declines()
        if leaves_alone(scene, drafts, text):
            return AsksBack()
        return self._instead(scene, drafts, text, reply)

    def _instead(
        self, scene: Scene, drafts: tuple[Draft, ...], text: str, reply: Reply
    ) -> Plan:
        """What is wanted in place of what was proposed; the proposal, if nothing is."""
        draft = drafts[0]
        said, instead = clauses.corrected(text)
        if (
            instead
            and kinds_in(scene, instead)
            and not wishes.wants_anew(said, instead)
        ):
            # "Wrong one, I meant 8004": all that counts is what is meant.
            text, reply = instead, "other"
        elif len(drafts) == 1 and (open_again := other_instead(scene, draft, text)):
            return open_again
        if reply != "question" and (more := added(scene, drafts, text)):
            return more
        fresh = self._fresh(scene, text)
        if isinstance(fresh, LooksUp):
            return AsksBack() if is_its_refund(fresh, text) else fresh
        if isinstance(fresh, Wants) and is_other_request(fresh, draft, text, reply):
            return beside(fresh, drafts, text)
        if reply == "other" and (goods := goods_instead(scene, drafts, text)):
            return goods
        return self._corrected(scene, draft, text) or as_it_stands(fresh, reply)

    def _corrected(self, scene: Scene, draft: Draft, text: str) -> Wants | None:
        """A changed order, line, quantity or particular; None if nothing changed."""
        after = after_no(text)
        mention = references.mentioned_orders(after.lower(), scene.orders)
        if mention.foreign:
            return Wants((draft,), mention.foreign)
        drafts = all_proposed(scene, draft)
        if len(mention.ids) > 1 and draft.recipe != "merge_orders":
            return None
        meant = to_correct(scene, drafts, after)
        changed = tuple(
            self._drafting.corrected(scene, one, after) if one in meant else one
            for one in drafts
        )
        # Two that were both put right to the same thing are one.
        return None if changed == drafts else Wants(tuple(dict.fromkeys(changed)))


def _means_each(folded: str, shown: int) -> bool:
    """Tell if all of several that were *shown* are meant; "both" are two."""
    is_counted = wishes.orders_counted(folded) in (0, shown)
    return shown > 1 and is_counted and counts.means_each(folded)


def _rules(scene: Scene, folded: str) -> Plan:
    """A question on the rules, by its words or as the router read it; else unclear."""
    return AsksRules() if wishes.asks_rules(folded, scene.turn.intent) else Unclear()


def _is_mere_urging(scene: Scene, wants: Wants, folded: str) -> bool:
    """An urging ("催一下") where nobody spoke of a refund: the order is what is waited for."""
    if [one.recipe for one in wants.drafts] != ["chase_refund"]:
        return False
    said = (folded, *scene.last_lines(LINES_BACK))
    return not any(wishes.speaks_of_refund(line) for line in said)


def _look(scene: Scene, what: Look, folded: str) -> LooksUp:
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
