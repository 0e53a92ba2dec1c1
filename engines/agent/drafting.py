"""
From the words of a request to drafts: which order, which lines, which address.

Used by the offline planner. A draft holds what the words and the customer's
own records say; what is not clear stays empty and is asked for.
"""

from __future__ import annotations

import re
from typing import Any

import msgspec

from engines.agent.drafted_goods import (
    MAX_LINES,
    all_units,
    as_spoken_of,
    corrected_line,
    goods_of,
    on_line,
    refund,
)
from engines.agent.drafted_orders import for_each, merge, merged_elsewhere
from engines.agent.meant import (
    LINES_BACK,
    every_order,
    kinds_in,
    left_out,
    order_meant,
    order_of,
)
from engines.agent.plan import Draft, Scene, Wants
from engines.agent.reading import (
    clauses,
    counts,
    lines,
    particulars,
    references,
    wishes,
)
from engines.agent.reading.addresses import AddressReader
from engines.agent.reading.contacts import read_contact
from engines.agent.reading.days import day_in
from engines.agent.reading.spelling import spelled
from engines.agent.reading.task_cues import LINE_RECIPES, Recipe
from engines.agent.reading.titles import without_names
from engines.shops.effects import ReplacementReason


#: Letters of the lines before in which "this one" was named.
_LONGEST_TARGET = 80
#: What shall go later says nothing of what goes first.
_LATER = re.compile(
    r"[^,，。;；]*(?:晚点|晚些|随后|之后再?发|后发|后面|其[他它余]|剩下|不急)[^,，。;；]*"
    r"|\b(?:and )?(?:the )?(?:rest|others?|remaining|everything else)\b[^,.;]*|[^,.;]*\b(?:later|can wait)\b[^,.;]*"
)


class Drafting:
    """
    Makes drafts; immutable.

    Args:
        addresses: Reader of addresses.
    """

    def __init__(self, addresses: AddressReader) -> None:
        self.addresses = addresses

    def wants(self, scene: Scene, text: str) -> Wants | None:
        """Every task that the cleaned *text* asks for, in the order of asking."""
        said, instead = clauses.corrected(text)
        if instead and wishes.recipes_in(instead.lower()):
            has_own = kinds_in(scene, instead)
            said = _with_order(scene, said, instead) if has_own else text
            instead = ""
        elif instead:
            said = _with_order(scene, instead, said)
        wanted = self._requested(scene, said) or self._place_alone(scene, said)
        if not wanted:
            return None
        if instead:
            wanted = [self._put_right(scene, one, instead) for one in wanted]
        return _joined(wanted)

    def again(
        self, scene: Scene, recipes: tuple[Recipe, ...], text: str
    ) -> Wants | None:
        """The same tasks on what *text* names; None if it names nothing."""
        if not kinds_in(scene, text):
            return None
        return _joined([self._one(scene, recipe, text, "") for recipe in recipes])

    def claims(self, scene: Scene, text: str, reason: ReplacementReason) -> Wants:
        """Something is wrong with the goods that *text* is about."""
        wants = self._one(scene, "replace_item", text, "")
        drafts = (msgspec.structs.replace(one, reason=reason) for one in wants.drafts)
        return msgspec.structs.replace(wants, drafts=tuple(drafts))

    def corrected(self, scene: Scene, draft: Draft, text: str) -> Draft:
        """*draft* with what the cleaned *text* says of it instead."""
        folded = text.lower()
        mention = references.mentioned_orders(folded, scene.orders)
        if draft.recipe == "merge_orders":
            return merged_elsewhere(draft, folded)
        if len(mention.ids) == 1 and mention.ids[0] != draft.order_id:
            draft = msgspec.structs.replace(draft, order_id=mention.ids[0], line=0)
        if draft.recipe in LINE_RECIPES:
            draft = corrected_line(scene, draft, folded)
        return self.particulars(scene, draft, text, is_answer=False)

    def particulars(
        self, scene: Scene, draft: Draft, text: str, *, is_answer: bool
    ) -> Draft:
        """*draft* with the particulars of its own task that *text* gives."""
        given: dict[str, Any] = {}
        match draft.recipe:
            case "change_address":
                place = self.addresses.parts(text)
                if not place.is_empty:
                    whole = place if place.is_place else place.over(draft.address)
                    given["address"] = whole
            case "change_phone":
                contact = read_contact(text)
                given = {"phone": contact.phone, "name": contact.name}
            case "reschedule_delivery":
                day = day_in(text.lower(), scene.today)
                given["day"] = day.isoformat() if day else ""
            case "reissue_invoice":
                parts = particulars.invoice_in(text)
                is_wish = wishes.recipes_in(text.lower())
                if is_answer and not (parts.title or parts.tax_id or is_wish):
                    parts = particulars.title_answer(text)
                given["invoice"] = parts.over(draft.invoice)
            case "exchange_item":
                given["target"] = (
                    " ".join(scene.last_lines(LINES_BACK))[:_LONGEST_TARGET]
                    if particulars.points_at_target(text)
                    else particulars.target_in(text, is_answer=is_answer)
                )
            case "replace_item":
                given["reason"] = draft.reason or wishes.claim_in(text.lower())
                given["evidence"] = particulars.evidence_in(text)
        known = {name: value for name, value in given.items() if value}
        return msgspec.structs.replace(draft, **known)

    def _requested(self, scene: Scene, text: str) -> list[Wants]:
        requests = clauses.requests_in(
            text,
            lambda piece: kinds_in(scene, piece),
            lambda piece: without_orders(scene, piece),
        )
        wanted: list[Wants] = []
        named = references.mentioned_orders(text.lower(), scene.orders).ids
        last = named[0] if len(named) == 1 else ""
        for request in requests:
            one = self._one(scene, request.recipe, request.text, last)
            if wanted:
                one = _same_line(wanted[-1], one, request.text)
            wanted.append(one)
            last = one.drafts[0].order_id or last
        return wanted

    def _place_alone(self, scene: Scene, text: str) -> list[Wants]:
        """A whole address beside no other wish is where the order shall go."""
        folded = text.lower()
        is_asked = wishes.look_in(folded) or wishes.is_forbidden(folded)
        if is_asked or not self.addresses.parts(text).is_place:
            return []
        return [self._one(scene, "change_address", text, "")]

    def _of_each(
        self, scene: Scene, recipe: Recipe, text: str, ids: tuple[str, ...]
    ) -> Wants | None:
        """Goods of several orders: each part of the text on its own order, or None."""
        for parts in references.parts_by_order(text, ids):
            found = [
                lines.mentioned_lines(
                    part.lower(), order_of(scene, id_), is_answer=True
                )
                for id_, part in parts
            ]
            if len(parts) == len(ids) and all(one.units for one in found):
                each = (self._one(scene, recipe, part, id_) for id_, part in parts)
                return _joined(list(each))
        return None

    def _put_right(self, scene: Scene, wants: Wants, text: str) -> Wants:
        drafts = tuple(self.corrected(scene, one, text) for one in wants.drafts)
        return msgspec.structs.replace(wants, drafts=drafts)

    def _one(self, scene: Scene, recipe: Recipe, text: str, last: str) -> Wants:
        folded = spelled(text.lower())
        mention = references.mentioned_orders(folded, scene.orders)
        if mention.ids:
            stranger = references.also_foreign(folded, scene.orders)
            mention = msgspec.structs.replace(mention, foreign=stranger)
        if recipe == "merge_orders":
            return merge(scene, mention, folded, last)
        if recipe in LINE_RECIPES:
            return self._goods(scene, recipe, text, mention, last)
        order, choices = order_meant(scene, recipe, folded, mention, last)
        draft = Draft(recipe=recipe, order_id=order.id if order else "")
        draft = self.particulars(scene, draft, text, is_answer=False)
        if recipe == "cancel_order" and (goods := goods_of(order, folded)):
            return msgspec.structs.replace(goods, foreign=mention.foreign)
        every = mention.ids or every_order(scene, recipe, folded, MAX_LINES)
        apart = () if mention.ids else left_out(scene, recipe, folded)
        if len(every) + len(apart) > 1:
            others = for_each(Draft(recipe=recipe), apart)
            # Where none can be done, the first is refused with what is offered instead.
            done = for_each(draft, every or apart[:1])
            return Wants(done, mention.foreign, (), others)
        if recipe == "split_shipment":
            sooner = _LATER.sub(" ", folded)
            said = lines.mentioned_lines(sooner, order, is_answer=True)
            first = tuple(line for line, _ in said.units)
            draft = msgspec.structs.replace(draft, lines=first)
        return Wants((draft,), mention.foreign, choices)

    def _goods(
        self,
        scene: Scene,
        recipe: Recipe,
        text: str,
        mention: references.Mention,
        last: str,
    ) -> Wants:
        """A task on goods: of each order named, of the one meant, or spoken of before."""
        if len(mention.ids) > 1:
            each = self._of_each(scene, recipe, text, mention.ids)
            if each is not None:
                return msgspec.structs.replace(each, foreign=mention.foreign)
        folded = spelled(text.lower())
        if recipe == "refund_item" and not (mention.ids or mention.foreign):
            all_goods = _all_goods(scene, folded)
            if all_goods is not None:
                return all_goods
        order, choices = order_meant(scene, recipe, folded, mention, last)
        draft = Draft(recipe=recipe, order_id=order.id if order else "")
        draft = self.particulars(scene, draft, text, is_answer=False)
        if not (mention.ids or mention.foreign or last):
            before = as_spoken_of(scene, draft, folded)
            if before is not None:
                return Wants((before,))
        read = refund if recipe == "refund_item" else on_line
        wants = read(draft, order, folded)
        if recipe == "price_protection":
            wants = all_units(wants)
        return Wants(wants.drafts, mention.foreign, choices or wants.choices)


def _all_goods(scene: Scene, folded: str) -> Wants | None:
    """Goods of every order that they may go back from, and the orders left out."""
    every = every_order(scene, "refund_item", folded, MAX_LINES)
    apart = left_out(scene, "refund_item", folded)
    if len(every) + len(apart) <= 1:
        return None
    blank = Draft(recipe="refund_item")
    each = [
        refund(one, order_of(scene, one.order_id), folded)
        for one in for_each(blank, every or apart[:1])
    ]
    wants = _joined(each)
    return msgspec.structs.replace(wants, left_out=for_each(blank, apart))


def without_orders(scene: Scene, piece: str) -> str:
    """A piece without ids and names of goods, which could look like words of a task."""
    goods = (line for order in scene.orders for line in order.lines)
    return without_names(references.without_ids(piece, scene.orders), goods)


def _with_order(scene: Scene, said: str, instead: str) -> str:
    """*instead*, with the order that only *said* names, if it names one."""
    before = references.mentioned_orders(said.lower(), scene.orders).ids
    after = references.mentioned_orders(instead.lower(), scene.orders)
    is_open = len(before) == 1 and not (after.ids or after.foreign)
    return f"{before[0]} {instead}" if is_open else instead


def _same_line(before: Wants, here: Wants, text: str) -> Wants:
    """A piece that names no line of its own goes on with the line before it."""
    earlier, draft = before.drafts[-1], here.drafts[0]
    is_open = draft.recipe in LINE_RECIPES and not draft.line and not here.foreign
    if not (is_open and earlier.line and earlier.order_id == draft.order_id):
        return here
    count = counts.quantity(wishes.without_rest(text.lower())) or 0
    draft = msgspec.structs.replace(draft, line=earlier.line, quantity=count)
    return Wants((draft,))


def _joined(wanted: list[Wants]) -> Wants:
    """
    All wishes of a message as one; what is unclear of the first stays so.

    Whoever cancels an order wants its money back; that is no task of its own.
    """
    drafts: dict[Draft, None] = {}
    for want in wanted:
        drafts.update(dict.fromkeys(want.drafts))
    foreign = next((one.foreign for one in wanted if one.foreign), "")
    gone = {one.order_id for one in drafts if one.recipe == "cancel_order"} - {""}
    rest = (
        one for one in drafts if one.recipe != "refund_item" or one.order_id not in gone
    )
    apart = dict.fromkeys(one for want in wanted for one in want.left_out)
    return Wants(tuple(rest), foreign, wanted[0].choices, tuple(apart))
