"""
Effects on one order beyond the first three: one struct each, one port call for all.

A shop is told everything an effect needs and checks it by itself; amounts are
what the customer agreed to, and a shop refuses them if its own books disagree.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from engines.shops.orders import Address, InvoiceKind


#: Why something is sent again.
ReplacementReason = Literal["damaged", "missing", "wrong_item", "gift", "exchange"]

Minor = Annotated[int, msgspec.Meta(ge=0, le=10**12)]
Units = Annotated[int, msgspec.Meta(ge=1, le=100_000)]
Line = Annotated[int, msgspec.Meta(ge=1, le=10_000)]
Word = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]


class _Effect(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    tag_field="kind",
    tag=lambda name: "".join(
        f"_{mark.lower()}" if mark.isupper() else mark for mark in name
    ).lstrip("_"),
):
    """What every effect says: the version of the order it was computed on."""

    version: Annotated[int, msgspec.Meta(ge=1, le=10**9)]


class ExchangeItem(_Effect, frozen=True):
    """
    Units of a line for as many of another product.

    Attributes:
        difference_minor: Price of the new units less that of the old ones; a
            positive one is paid by link before anything changes, a negative
            one is refunded with the exchange.
    """

    line: Line
    quantity: Units
    sku: Word
    difference_minor: Annotated[int, msgspec.Meta(ge=-(10**12), le=10**12)] = 0


class Joining(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An order that joins the parcel of another, at its own version."""

    order_id: Word
    version: Annotated[int, msgspec.Meta(ge=1, le=10**9)]


class MergeOrders(_Effect, frozen=True):
    """
    Unshipped orders into one parcel, that of the order the effect is on.

    Attributes:
        freight_minor: Of the one parcel; what was paid beyond it goes back.
    """

    joining: Annotated[tuple[Joining, ...], msgspec.Meta(min_length=1, max_length=20)]
    freight_minor: Minor
    refund_minor: Minor = 0


class SplitShipment(_Effect, frozen=True):
    """Some lines of an unshipped order go ahead in a parcel of their own."""

    lines: Annotated[tuple[Line, ...], msgspec.Meta(min_length=1, max_length=100)]


class ProtectPrice(_Effect, frozen=True):
    """The price fell since: the difference of the units still kept goes back."""

    line: Line
    quantity: Units
    amount_minor: Annotated[int, msgspec.Meta(ge=1, le=10**12)]


class ReissueInvoice(_Effect, frozen=True):
    """The earlier invoice becomes void and one with these words replaces it."""

    title: Word
    invoice_kind: InvoiceKind
    tax_id: Annotated[str, msgspec.Meta(max_length=40)] = ""
    email: Annotated[str, msgspec.Meta(max_length=200)] = ""


class RescheduleDelivery(_Effect, frozen=True):
    """Deliver on another day; a date as ``YYYY-MM-DD``."""

    deliver_on: Annotated[str, msgspec.Meta(pattern=r"^\d{4}-\d{2}-\d{2}$")]


class ChaseRefund(_Effect, frozen=True):
    """Urge the payment provider about a refund that is late."""

    refund_id: Word


class ReplaceItem(_Effect, frozen=True):
    """Send units again: damaged, missing or wrong, with the customer's evidence."""

    line: Line
    quantity: Units
    reason: ReplacementReason
    evidence: Annotated[str, msgspec.Meta(max_length=500)] = ""


class SendGift(_Effect, frozen=True):
    """Send a gift that was promised with the order and is not in the parcel."""

    line: Line


class ChangePhone(_Effect, frozen=True):
    """Another phone (and name, if given) for the delivery; the place stays."""

    phone: Word
    name: Annotated[str, msgspec.Meta(max_length=100)] = ""


class SetAddress(_Effect, frozen=True):
    """Another address for an unshipped order; its freight stays as it was paid."""

    address: Address


class RefundFreight(_Effect, frozen=True):
    """The freight of an order is more than the table's by now: the rest goes back."""

    amount_minor: Annotated[int, msgspec.Meta(ge=1, le=10**12)]


OrderEffect = (
    ExchangeItem
    | MergeOrders
    | SplitShipment
    | ProtectPrice
    | ReissueInvoice
    | RescheduleDelivery
    | ChaseRefund
    | ReplaceItem
    | SendGift
    | ChangePhone
    | SetAddress
    | RefundFreight
)


def kind_of(effect: OrderEffect) -> str:
    """Name of an effect as it stands in receipts and paths."""
    return str(effect.__struct_config__.tag)
