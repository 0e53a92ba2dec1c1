"""
Which function of the books carries out which effect.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Callable
from typing import Any

from engines.shops import effects as wanted
from engines.shops.demo import addresses, claims, exchanges, parcels, payments
from engines.shops.port import Order


_CARRY: dict[type[wanted.OrderEffect], Callable[..., dict[str, Any]]] = {
    wanted.ExchangeItem: exchanges.exchange,
    wanted.ReplaceItem: exchanges.replace,
    wanted.SendGift: exchanges.send_gift,
    wanted.MergeOrders: parcels.merge,
    wanted.SplitShipment: parcels.split,
    wanted.RescheduleDelivery: parcels.reschedule,
    wanted.ChangePhone: parcels.change_phone,
    wanted.ProtectPrice: claims.protect_price,
    wanted.ReissueInvoice: claims.reissue_invoice,
    wanted.ChaseRefund: claims.chase_refund,
    wanted.SetAddress: addresses.set_place,
    wanted.RefundFreight: addresses.refund_freight,
}


def carry_out(
    db: sqlite3.Connection,
    found: Order,
    effect: wanted.OrderEffect,
    at: str,
    *,
    key: str,
    base_url: str,
) -> dict[str, Any]:
    """
    Carry *effect* out on the books; the detail of its receipt.

    Raises:
        Refusal: If the shop says no; nothing is changed then.
    """
    if isinstance(effect, wanted.ExchangeItem) and effect.difference_minor > 0:
        token = link_token(key)
        detail = payments.ask_difference(db, found, effect, at, token)
        return {**detail, "payment_url": f"{base_url}pay/{token}"}
    return _CARRY[type(effect)](db, found, effect, at)


def link_token(key: str) -> str:
    """The secret part of a payment link; the same for the same key."""
    return hashlib.sha256(f"link:{key}".encode()).hexdigest()[:32]
