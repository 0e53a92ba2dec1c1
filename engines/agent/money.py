"""
Splitting money to the cent: shares of coupons and points, refunds, freight.

Everything is an integer in minor units. A share is allocated by largest
remainder, ties to the earlier place, first over the lines of an order and then
over the units of a line; units go back in order. So what a unit cost is fixed
by the order alone, and giving units back one by one, in any order, gives back
the same total as giving them back at once. Gifts have a worth but no price:
no total contains them. This module does no I/O and knows no policy.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from engines.shops.port import Order, OrderLine


#: States of an order that nobody has sent yet.
UNSHIPPED = frozenset({"unpaid", "paid"})


class Share(msgspec.Struct, frozen=True):
    """
    What some units cost and how that was paid, in minor units.

    Attributes:
        goods: Price of the units.
        coupon: Part of the order's coupon that falls on them.
        points: Part of the points that falls on them.
        protected: Price difference that was given back for them before.
    """

    goods: int = 0
    coupon: int = 0
    points: int = 0
    protected: int = 0

    @property
    def money(self) -> int:
        """What was paid for them in money."""
        return self.goods - self.coupon - self.points - self.protected

    def __add__(self, other: Share) -> Share:
        return Share(
            self.goods + other.goods,
            self.coupon + other.coupon,
            self.points + other.points,
            self.protected + other.protected,
        )

    def __sub__(self, other: Share) -> Share:
        return Share(
            self.goods - other.goods,
            self.coupon - other.coupon,
            self.points - other.points,
            self.protected - other.protected,
        )


class Refund(msgspec.Struct, frozen=True, kw_only=True):
    """
    What giving units back is worth, in minor units.

    Attributes:
        share: What the units cost and how that was paid.
        freight: Outbound freight that comes back with them.
        reclaimed: Benefit lost on what stays, deducted; negative if an earlier
            deduction comes back.
        kept_gifts: Worth of gifts the customer keeps, deducted.
    """

    share: Share
    freight: int = 0
    reclaimed: int = 0
    kept_gifts: int = 0

    @property
    def amount(self) -> int:
        """Money to the customer; points come back beside it."""
        return self.share.money + self.freight - self.reclaimed - self.kept_gifts


def allocate(
    total: int, weights: Sequence[int], room: Sequence[int] | None = None
) -> list[int]:
    """
    Split *total* in proportion to *weights*, by largest remainder.

    Ties go to the earlier place. No place gets more than its *room* (without
    bound if None); what does not fit goes to the earliest places with room.

    Raises:
        ValueError: If something is negative, or *total* fits nowhere.
    """
    if total < 0 or min(weights, default=0) < 0:
        raise ValueError("amounts and weights must not be negative")
    whole = sum(weights)
    if total and not whole:
        raise ValueError("there is nothing to allocate over")
    if not total:
        return [0] * len(weights)
    shares = [total * weight // whole for weight in weights]
    by_remainder = sorted(
        range(len(weights)),
        key=lambda place: (-(total * weights[place] % whole), place),
    )
    for place in by_remainder[: total - sum(shares)]:
        shares[place] += 1
    return shares if room is None else _fitted(shares, room)


def line_shares(order: Order) -> dict[int, Share]:
    """Share of every line that is no gift, by its number, in full."""
    lines = [line for line in order.lines if not line.is_gift]
    totals = [line.unit_price_minor * line.quantity for line in lines]
    coupons = allocate(order.coupon_minor, totals, totals)
    room = [total - coupon for total, coupon in zip(totals, coupons, strict=True)]
    points = allocate(order.points_minor, totals, room)
    return {
        line.line: Share(*parts)
        for line, *parts in zip(lines, totals, coupons, points, strict=True)
    }


def unit_shares(line: OrderLine, share: Share) -> list[Share]:
    """Share of every unit of *line*, in the order in which units go back."""
    prices = [line.unit_price_minor] * line.quantity
    coupons = allocate(share.coupon, prices, prices)
    room = [price - coupon for price, coupon in zip(prices, coupons, strict=True)]
    points = allocate(share.points, prices, room)
    return [Share(*parts) for parts in zip(prices, coupons, points, strict=True)]


def returned_share(order: Order, returned: Mapping[int, int]) -> Share:
    """
    Share of the first *returned* units of each line.

    Raises:
        ValueError: If a line has fewer units, or there is no such line.
    """
    shares = line_shares(order)
    total = Share()
    for line in order.lines:
        units = returned.get(line.line, 0)
        if not 0 <= units <= line.quantity or (units and line.is_gift):
            raise ValueError(f"line {line.line} has no {units} units to give back")
        if units:
            for unit in unit_shares(line, shares[line.line])[:units]:
                total += unit
    if returned.keys() - {line.line for line in order.lines}:
        raise ValueError("no such line")
    return total


def refunded_units(order: Order) -> dict[int, int]:
    """Units of each line that were already given back, gifts left out."""
    return {
        line.line: line.refunded_quantity for line in order.lines if not line.is_gift
    }


def units_left(order: Order) -> int:
    """Units of all lines that are still the customer's, gifts left out."""
    return sum(
        line.quantity - line.refunded_quantity
        for line in order.lines
        if not line.is_gift
    )


def goods_left(order: Order, returned: Mapping[int, int] | None = None) -> int:
    """Price of what stays, by default of what is not yet given back."""
    gone = refunded_units(order) if returned is None else returned
    return sum(
        line.unit_price_minor * (line.quantity - gone.get(line.line, 0))
        for line in order.lines
        if not line.is_gift
    )


def weight_left(order: Order) -> int:
    """Weight of what is not yet given back, gifts included, in grams."""
    return sum(
        line.weight_g * (line.quantity - line.refunded_quantity) for line in order.lines
    )


def reclaimed_coupon(order: Order, returned: Mapping[int, int]) -> int:
    """
    Discount that is lost on what stays, once *returned* units have gone back.

    That is the coupon's share of what stays, if what stays is worth less than
    the coupon needs, and nothing if nothing stays.
    """
    stays = goods_left(order, returned)
    if not stays or stays >= order.coupon_threshold_minor:
        return 0
    return order.coupon_minor - returned_share(order, returned).coupon


def refund(
    order: Order,
    line: int,
    quantity: int,
    *,
    reclaims_coupon: bool = False,
    lost_freight: int = 0,
    kept_gifts: int = 0,
) -> Refund:
    """
    What giving back the next *quantity* units of a line is worth.

    The outbound freight comes back only with the last units of an order that
    did not ship.

    Args:
        order: As the shop has it now.

        line: Number of a line that is no gift.

        quantity: Units, at most those that are left.

        reclaims_coupon: Deduct the coupon's rest once the goods that stay are
            worth less than it needs.

        lost_freight: Waived freight that what stays would cost, in addition
            to what was deducted for it before.

        kept_gifts: Worth of the gifts that stay with the customer.

    Raises:
        ValueError: If the line has no so many units left.
    """
    before = refunded_units(order)
    after = {**before, line: before.get(line, 0) + quantity}
    gone, now = returned_share(order, before), returned_share(order, after)
    kept = next((one.protected_minor for one in order.lines if one.line == line), 0)
    # Units that went back before the price fell had nothing given back for them.
    share = now - gone + Share(protected=kept * quantity)
    is_last = order.status in UNSHIPPED and units_left(order) == quantity
    lost = 0
    if reclaims_coupon:
        lost = reclaimed_coupon(order, after) - reclaimed_coupon(order, before)
    return Refund(
        share=share,
        freight=order.freight_minor if is_last else 0,
        reclaimed=lost + lost_freight,
        kept_gifts=kept_gifts,
    )


def _fitted(shares: list[int], room: Sequence[int]) -> list[int]:
    """Move what exceeds the room of a place to the earliest places with room."""
    fitted = [min(share, most) for share, most in zip(shares, room, strict=True)]
    excess = sum(shares) - sum(fitted)
    for place, most in enumerate(room):
        moved = min(excess, most - fitted[place])
        fitted[place] += moved
        excess -= moved
    if excess:
        raise ValueError("more to allocate than there is room for")
    return fitted
