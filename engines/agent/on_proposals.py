"""
What a reply to an open proposal means, beside a plain yes or no.

Which of what was proposed it names, whether it asks for something else instead, and
what it leaves as it is.
"""

from __future__ import annotations

import re

import msgspec

from engines.agent.drafted_goods import goods_of
from engines.agent.meant import kinds_in, order_of
from engines.agent.plan import (
    AsksBack,
    Declines,
    Draft,
    LooksUp,
    Plan,
    Scene,
    Unclear,
    Wants,
)
from engines.agent.reading import counts, references, wishes
from engines.agent.reading.consent import read_reply
from engines.agent.reading.exceptions import split_kept
from engines.agent.reading.lines import mentioned_lines
from engines.agent.reading.task_cues import LINE_RECIPES
from engines.agent.reading.titles import named_lines


_PIECE = re.compile(r"[,，。;；!！]|\.(?:\s|$)")
_ADDS = re.compile(
    r"^(?:oh |yes,? )?(?:and|also|plus)\b|\b(?:too|as well)[.!]?$"
    r"|^(?:对了|哦|嗯|好)?[,，]?(?:还有|再加|加上|以及|另外|外加|再(?:退|把|帮))|[也并]一?[起并]?(?:要|给我|帮我)?(?:退|不要)"
)
#: A wish of another kind that is added to those proposed.
_ONE_MORE = re.compile(
    r"^(?:oh |yes,? )?(?:and|also|plus)\b|\b(?:too|as well|also)\b"
    r"|^(?:还有|另外|顺便|再|对了)|顺便|也(?:要|得|帮|给|改|换|退|取消|开|一起)"
)
_NOT_IT = re.compile(
    r"^\s*(?:我?(?:说的)?不是|不退|不换|别[退换动]|not (?!only|just))|算了[。!！]?$|(?:别|不要|不用|不)[退换动](?:了|掉|吧)?[。!！]?$|\b(?:don'?t|do not) (?:return|refund|exchange) (?!it\b|that\b|this\b|any)"
)

#: The order that was proposed is the wrong one, and no word says which is right.
_OTHER_ORDER = re.compile(
    r"(?:不对|不是|错了|搞错|弄错|等等|哎呀)[^。;；]{0,8}(?:另|别的|其[他它])(?:外)?(?:一)?[个张]?(?:订单|单子?|笔)|(?:是|要的是|说的是)(?:另|别的|其[他它])(?:外)?(?:一)?[个张]?(?:订单|单子?|笔)|(?:订单|单子?)(?:搞|弄|选)?(?:错了|不对)|不是(?:这|那)(?:个|张|一)?(?:订单|单|笔)"
    r"|\bwrong order\b|\b(?:the|an?) ?(?:other|another|different) order\b|\banother order\b|\bnot (?:that|this|the right) order\b"
)
_OTHER_GOODS = re.compile(
    r"(?:不对|不是|错了|搞错|弄错)[^。;；]{0,8}(?:另|别的|其[他它])(?:外)?(?:一)?[件个样款]|不是(?:这|那)(?:一)?[件个样款]"
    r"|\b(?:no|not|wrong|wait)\b.{0,20}\b(?:the other (?:one|item)|another (?:one|item))\b|\b(?:wrong (?:one|item)|not (?:that|this) (?:one|item))\b"
)


def only_asked(scene: Scene, draft: Draft) -> bool:
    """What is proposed was only asked about, and nothing but questions followed."""
    said = [one.text for one in scene.turn.history if one.role == "customer"]
    for text in reversed(said):
        if wishes.only_asks(text.lower()):
            return True
        if read_reply(text, draft.recipe) != "question":
            return False
    return False


def all_proposed(scene: Scene, draft: Draft) -> tuple[Draft, ...]:
    """All that waits for the one consent."""
    also = scene.task.also if scene.task else ()
    return (draft, *(one.draft for one in also))


def goods_instead(scene: Scene, drafts: tuple[Draft, ...], text: str) -> Wants | None:
    """
    Goods named while a whole order waits to be cancelled: they alone are meant.

    Goods of another order mean that order.
    """
    folded, first = text.lower(), drafts[0]
    order = order_of(scene, first.order_id)
    if len(drafts) > 1 or first.recipe != "cancel_order" or order is None:
        return None
    described = references.described_orders(folded, scene.orders)
    if not any(named_lines(folded, order.lines)) and len(described) == 1:
        return Wants((Draft(recipe="cancel_order", order_id=described[0]),))
    return goods_of(order, folded)


def leaves_alone(scene: Scene, drafts: tuple[Draft, ...], text: str) -> bool:
    """
    Tell if a reply only says of goods that nobody proposed anything for that they stay.

    "The jacket stays" and "不是吹风机" change nothing in a proposal on the T-shirt.
    """
    pieces = [piece for piece in _PIECE.split(text.lower()) if piece.strip()]
    if (
        not pieces
        or wishes.keeps_gift(text.lower())
        or not all(_is_left(piece) for piece in pieces)
    ):
        return False
    proposed = {(one.order_id, one.line) for one in drafts}
    named = {
        (id_, line)
        for id_ in {one.order_id for one in drafts}
        if (order := order_of(scene, id_))
        for line in named_lines(text.lower(), order.lines)[0]
    }
    return bool(named) and not named & proposed


def _is_left(piece: str) -> bool:
    """All that a piece says is that what it names stays, or is not what is meant."""
    if _NOT_IT.search(piece):
        return True
    is_kept = wishes.stays(piece) or wishes.only_stays(piece)
    return is_kept and not wishes.recipes_in(split_kept(piece).rest)


def added(scene: Scene, drafts: tuple[Draft, ...], text: str) -> Wants | None:
    """Goods that shall go back beside those proposed: "and the jacket", "杯子也退"."""
    folded, last = text.lower(), drafts[-1]
    if last.recipe != "refund_item" or not _ADDS.search(folded):
        return None
    order = order_of(scene, last.order_id)
    said = mentioned_lines(folded, order, is_answer=True)
    gifts = {one.line for one in order.lines if one.is_gift} if order else set()
    proposed = {(one.order_id, one.line) for one in drafts}
    more = tuple(
        Draft(
            recipe="refund_item", order_id=last.order_id, line=line, quantity=quantity
        )
        for line, quantity in said.units
        if (last.order_id, line) not in proposed and line not in gifts
    )
    return Wants((*drafts, *more)) if more else None


def beside(fresh: Wants, drafts: tuple[Draft, ...], text: str) -> Wants:
    """
    Another wish while *drafts* wait: with them if it is said to be one more.

    "电话也换成…" adds to a change of address; "那直接换" takes the place of a refund,
    and is of the same goods.
    """
    if _ONE_MORE.search(text.lower()):
        return msgspec.structs.replace(fresh, drafts=(*fresh.drafts, *drafts))
    wish, before = fresh.drafts[0], drafts[0]
    is_open = len(fresh.drafts) == len(drafts) == 1 and not wish.line
    on_goods = {wish.recipe, before.recipe} <= LINE_RECIPES
    if not (is_open and on_goods and wish.order_id in ("", before.order_id)):
        return fresh
    wish = msgspec.structs.replace(wish, order_id=before.order_id, line=before.line)
    return Wants((wish,))


def other_instead(scene: Scene, draft: Draft, text: str) -> Wants | None:
    """
    "No, another order", "不对，是另一件": what is asked for once more, without the wrong one.

    None if the text says which, or wants nothing instead.
    """
    folded = text.lower()
    order = order_of(scene, draft.order_id)
    if kinds_in(scene, text) or order is None or draft.recipe == "merge_orders":
        return None
    if _OTHER_ORDER.search(folded):
        accepted = scene.accepted.get(draft.recipe, frozenset()) - {order.id}
        choices = tuple(one.id for one in scene.orders if one.id in accepted)
        left = msgspec.structs.replace(draft, order_id="", line=0, quantity=0)
        return Wants((left,), "", choices)
    if draft.line and _OTHER_GOODS.search(folded):
        goods = [one.line for one in order.lines if not one.is_gift]
        others = [line for line in goods if line != draft.line]
        line = others[0] if len(others) == 1 else 0
        left = msgspec.structs.replace(draft, line=line, quantity=0)
        return Wants((left,), "", tuple(map(str, others)))
    return None


def to_correct(scene: Scene, drafts: tuple[Draft, ...], text: str) -> tuple[Draft, ...]:
    """Which of several proposals a correction is on: those it names, or all."""
    named = tuple(one for one in drafts if is_named(scene, drafts, text.lower(), one))
    return named if 0 < len(named) < len(drafts) else drafts


def is_named(scene: Scene, drafts: tuple[Draft, ...], piece: str, draft: Draft) -> bool:
    """
    Tell if a piece of a reply names *draft*: by its order or by its goods.

    The order that all are on tells none of them apart, unless there is but one.
    """
    own = {one.order_id for one in drafts}
    ids = references.mentioned_orders(piece, scene.orders).ids
    order = order_of(scene, draft.order_id)
    if draft.line and order:
        places = counts.places_in(piece, is_answer=False)
        named = {*named_lines(piece, order.lines)[0], *places}
        if named or not ids:
            return draft.line in named and (not ids or draft.order_id in ids)
    if len(own) < len(drafts) and len(drafts) > 1:
        return False
    if ids:
        return draft.order_id in ids
    return references.described_orders(piece, scene.orders) == (draft.order_id,)


def is_other_request(fresh: Wants, draft: Draft, text: str, reply: str) -> bool:
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


def as_it_stands(fresh: Plan, reply: str) -> Plan:
    """What a reply means that neither consents nor changes anything."""
    if reply == "decline":
        return Declines()
    if isinstance(fresh, Wants) or (reply == "question" and fresh == Unclear()):
        return AsksBack()
    return fresh


def is_its_refund(fresh: LooksUp, text: str) -> bool:
    """When will the money be there: of the proposal, if no order is named."""
    is_refund = fresh.what == "refund_status"
    return is_refund and not wishes.names_order(text.lower())


def after_no(folded: str) -> str:
    """
    What a text means beside a "not that one".

    ``不是第2件，是第1件`` gives ``是第1件``, and ``不是第2件`` nothing.
    """
    for mark in ("不是", "不要退", "not "):
        if mark in folded and "是不是" not in folded:
            before, rest = folded.rsplit(mark, 1)
            for comma in (",", "，", " but ", "是"):
                if comma in rest:
                    return rest.split(comma, 1)[1]
            return before
    return folded
