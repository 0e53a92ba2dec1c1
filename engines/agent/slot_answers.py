"""
Answers to what the planner asked for: goods, how many, which go first, which join.

Each gives the draft with the slot filled, and what was asked for beside it; None if
the words do not answer.
"""

from __future__ import annotations

import msgspec

from engines.agent.drafted_goods import on_line, refund
from engines.agent.meant import order_of
from engines.agent.plan import Draft, Plan, Scene, Wants
from engines.agent.reading import counts, lines, references
from engines.agent.reading.text import number


def with_rest(scene: Scene, wants: Wants) -> Wants:
    """The task whose slot was filled, with what was asked for beside it."""
    then = scene.task.then if scene.task else ()
    return msgspec.structs.replace(wants, drafts=(*wants.drafts, *then))


def line_slot(scene: Scene, draft: Draft, folded: str) -> Plan | None:
    order = order_of(scene, draft.order_id)
    read = refund if draft.recipe == "refund_item" else on_line
    wants = read(draft, order, folded, is_answer=True)
    is_known = wants.drafts != (draft,) or wants.choices
    return with_rest(scene, wants) if is_known else None


def quantity_slot(scene: Scene, draft: Draft, folded: str) -> Plan | None:
    order = order_of(scene, draft.order_id)
    goods = order.lines if order else ()
    line = next((one for one in goods if one.line == draft.line), None)
    count = counts.quantity(folded)
    if count is None:
        count = number(folded.strip(" .。!！个件units"))
    if count is None or line is None:
        return None
    filled = msgspec.structs.replace(draft, quantity=count or line.quantity)
    return with_rest(scene, Wants((filled,)))


def split_lines(scene: Scene, draft: Draft, folded: str) -> Wants | None:
    order = order_of(scene, draft.order_id)
    said = lines.mentioned_lines(folded, order, is_answer=True)
    first = tuple(line for line, _ in said.units)
    if not first:
        return None
    return with_rest(scene, Wants((msgspec.structs.replace(draft, lines=first),)))


def other_orders(scene: Scene, draft: Draft, folded: str) -> Wants | None:
    mention = references.mentioned_orders(folded, scene.orders)
    if mention.foreign:
        return Wants((draft,), mention.foreign)
    ids = mention.ids or references.described_orders(folded, scene.orders)
    if counts.means_all(folded) and scene.task:
        ids = scene.task.choices
    known = tuple(dict.fromkeys(filter(None, (draft.order_id, *ids))))
    target = references.merged_into(folded, known)
    if not target:
        return None
    others = tuple(one for one in known if one != target)
    filled = msgspec.structs.replace(draft, order_id=target, others=others)
    return with_rest(scene, Wants((filled,)))
