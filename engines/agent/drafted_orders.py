"""
Drafts of tasks on whole orders: the same one on several, and several into one parcel.
"""

from __future__ import annotations

import msgspec

from engines.agent.drafted_goods import MAX_LINES
from engines.agent.plan import Draft, Scene, Wants
from engines.agent.reading import counts, references


_FEWEST_MERGED = 2


def merge(
    scene: Scene, mention: references.Mention, folded: str, last: str = ""
) -> Wants:
    """
    Orders into one parcel: those that are named, or all that can be merged.

    One that is named alone joins the order of the wish before it (*last*).
    """
    accepted = scene.accepted.get("merge_orders", frozenset())
    ids = mention.ids
    if len(ids) == 1 and last and last not in ids:
        ids = (last, *ids)
    if len(ids) < _FEWEST_MERGED:
        described = references.described_orders(folded, scene.orders)
        open_ones = tuple(one for one in described if one in accepted)
        fitting = open_ones if len(open_ones) >= _FEWEST_MERGED else described
        ids = tuple(dict.fromkeys((*ids, *fitting)))
    if len(ids) < _FEWEST_MERGED:
        free = [one.id for one in scene.orders if one.id in accepted]
        ids = tuple(dict.fromkeys((*ids, *reversed(free))))
        if len(free) > _FEWEST_MERGED and not counts.means_all(folded):
            return Wants((Draft(recipe="merge_orders"),), mention.foreign, tuple(free))
        if len(ids) < _FEWEST_MERGED:
            # Nothing to choose between: policy says why none can be merged.
            ids = tuple(dict.fromkeys((*ids, *(one.id for one in scene.orders))))
    target = references.merged_into(folded, ids)
    if not target:
        return Wants((Draft(recipe="merge_orders"),), mention.foreign)
    others = tuple(one for one in ids if one != target)
    draft = Draft(recipe="merge_orders", order_id=target, others=others)
    return Wants((draft,), mention.foreign)


def merged_elsewhere(draft: Draft, folded: str) -> Draft:
    """The same merger into the order that *folded* names as the one to go: "合到K3001"."""
    ids = (draft.order_id, *draft.others)
    target = references.merged_into(folded, ids)
    others = tuple(one for one in ids if one != target)
    return msgspec.structs.replace(draft, order_id=target, others=others)


def for_each(draft: Draft, ids: tuple[str, ...]) -> tuple[Draft, ...]:
    """The same task for several orders that were named."""
    return tuple(
        msgspec.structs.replace(draft, order_id=id_) for id_ in ids[:MAX_LINES]
    )
