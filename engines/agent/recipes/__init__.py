"""
Closed-loop tasks as typed steps: compute, propose, execute, tell.

A recipe computes a proposal from the shop's records and names the steps that
carry it out. It never decides whether it may (policy does) and never calls an
effect by itself (the executor does, through the ledger).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

from engines.agent.recipes.cancel_order import CancelOrder
from engines.agent.recipes.change_address import ChangeAddress
from engines.agent.recipes.claims import (
    ClaimPrice,
    IssueInvoice,
    UrgeRefund,
    late_refunds,
)
from engines.agent.recipes.goods import ExchangeGoods, ReplaceGoods, SendGiftAgain
from engines.agent.recipes.parcels import (
    ChangeContact,
    MergeParcels,
    PutOffDelivery,
    SplitParcels,
)
from engines.agent.recipes.recipe import Computed, Recipe, Reversible
from engines.agent.recipes.refund_item import RefundItem
from engines.voice import Voice


__all__ = [
    "CancelOrder",
    "ChangeAddress",
    "Computed",
    "Recipe",
    "RefundItem",
    "Reversible",
    "all_recipes",
    "late_refunds",
]


def all_recipes(voice: Voice, today: Callable[[], dt.date]) -> dict[str, Recipe]:
    """
    Every recipe by its name, in the order in which tasks of one message are done.

    What goes back leaves first, then goods change, then parcels, then where and
    when they go, and papers last, since each looks at what is left by then.
    """
    recipes: tuple[Recipe, ...] = (
        CancelOrder(voice),
        RefundItem(voice),
        ClaimPrice(voice),
        ExchangeGoods(voice),
        ReplaceGoods(voice),
        SendGiftAgain(voice),
        MergeParcels(voice),
        SplitParcels(voice),
        ChangeAddress(voice),
        ChangeContact(voice),
        PutOffDelivery(voice, today),
        UrgeRefund(voice, today),
        IssueInvoice(voice),
    )
    return {recipe.name: recipe for recipe in recipes}
