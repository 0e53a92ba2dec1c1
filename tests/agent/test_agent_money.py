"""
Money is split to the cent: parts add up, order does not matter, nothing is made.
"""

from __future__ import annotations

import itertools

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engines.agent import money
from engines.shops.port import Address, Order, OrderLine


HOME = Address(name="x", phone="1", region="浙江", city="y", street="z")


def an_order(
    lines: list[tuple[int, int]],
    coupon: int = 0,
    points: int = 0,
    freight: int = 0,
    threshold: int = 0,
    status: str = "paid",
) -> Order:
    """An order of (unit price, quantity) lines."""
    goods = sum(price * quantity for price, quantity in lines)
    return Order(
        id="K1",
        user_id="u",
        status=status,  # type: ignore[arg-type]
        version=1,
        currency="CNY",
        lines=tuple(
            OrderLine(
                line=number,
                sku=f"s{number}",
                title_zh="货",
                title_en="thing",
                quantity=quantity,
                unit_price_minor=price,
                weight_g=100,
            )
            for number, (price, quantity) in enumerate(lines, start=1)
        ),
        coupon_minor=coupon,
        coupon_threshold_minor=threshold,
        points_minor=points,
        freight_minor=freight,
        paid_minor=goods - coupon - points + freight,
        refunded_minor=0,
        address=HOME,
        placed_at="2026-01-01T00:00:00+00:00",
        channel="web",
    )


def returned(order: Order, line: int, refund: money.Refund) -> Order:
    """The order after the shop booked a refund."""
    lines = [
        msgspec.structs.replace(one, refunded_quantity=one.refunded_quantity + 1)
        if one.line == line
        else one
        for one in order.lines
    ]
    return msgspec.structs.replace(
        order,
        lines=tuple(lines),
        refunded_minor=order.refunded_minor + refund.amount,
        refunded_points_minor=order.refunded_points_minor + refund.share.points,
    )


@st.composite
def orders(draw: st.DrawFn, most: int = 100_000) -> Order:
    """Orders with coupon and points of any size that the goods can bear."""
    lines = draw(
        st.lists(
            st.tuples(st.integers(0, most), st.integers(1, 4)), min_size=1, max_size=5
        )
    )
    goods = sum(price * quantity for price, quantity in lines)
    coupon = draw(st.integers(0, goods))
    points = draw(st.integers(0, goods - coupon))
    threshold = draw(st.integers(0, goods))
    freight = draw(st.sampled_from([0, 800, 1800]))
    return an_order(lines, coupon, points, freight, threshold)


weights = st.lists(st.integers(0, 10**6), min_size=1, max_size=12)


@given(st.integers(0, 10**9), weights.filter(any))
def test_parts_add_up_and_are_proportional(total: int, parts: list[int]) -> None:
    """The sum of the parts is the total, and no part is off by a whole unit."""
    shares = money.allocate(total, parts)
    assert sum(shares) == total
    whole = sum(parts)
    for share, weight in zip(shares, parts, strict=True):
        assert abs(share * whole - total * weight) < whole


@pytest.mark.parametrize(
    ("total", "parts", "shares"),
    [
        (5000, [15900, 5800, 9900], [2516, 918, 1566]),
        (100, [1, 1, 1], [34, 33, 33]),
        (1, [1, 1], [1, 0]),
        (2, [1, 1, 1], [1, 1, 0]),
        (10, [0, 5, 0, 5], [0, 5, 0, 5]),
        (0, [0, 0], [0, 0]),
        (5000, [69900, 8700], [4447, 553]),
    ],
)
def test_largest_remainder_with_ties_to_the_earlier(
    total: int, parts: list[int], shares: list[int]
) -> None:
    """Known splits: what is left over goes to the largest remainder, then the first."""
    assert money.allocate(total, parts) == shares


@pytest.mark.parametrize(
    ("total", "parts", "room"),
    [(-1, [1], None), (1, [-1, 2], None), (1, [0, 0], None), (5, [1, 1], [2, 2])],
)
def test_impossible_split_is_an_error(
    total: int, parts: list[int], room: list[int] | None
) -> None:
    """Negative amounts, nothing to split over, or too little room: ValueError."""
    with pytest.raises(ValueError, match=r"."):
        money.allocate(total, parts, room)


@given(orders(most=3) | orders())
def test_no_unit_costs_less_than_nothing(order: Order) -> None:
    """Coupon and points never exceed a unit's price, even at a cent apiece."""
    total = money.Share()
    shares = money.line_shares(order)
    for line in order.lines:
        units = money.unit_shares(line, shares[line.line])
        assert all(unit.money >= 0 for unit in units)
        assert min(min(unit.coupon, unit.points) for unit in units) >= 0
        assert sum(units, money.Share()) == shares[line.line]
        total += shares[line.line]
    assert total.coupon == order.coupon_minor
    assert total.points == order.points_minor
    assert total.money + order.freight_minor == order.paid_minor


@settings(max_examples=200)
@given(st.data(), orders(most=9) | orders(), st.booleans(), st.booleans())
def test_splitting_in_any_order_gives_the_same_total(
    data: st.DataObject, order: Order, reclaims: bool, is_unshipped: bool
) -> None:
    """Unit by unit in any order, keeping or reclaiming: together it is all that was paid."""
    if not is_unshipped:
        order = msgspec.structs.replace(order, status="delivered")
    units = [line.line for line in order.lines for _ in range(line.quantity)]
    total = points = 0
    for line in data.draw(st.permutations(units)):
        refund = money.refund(order, line, 1, reclaims_coupon=reclaims)
        order = returned(order, line, refund)
        total += refund.amount
        points += refund.share.points
        if not reclaims:
            assert refund.amount >= 0
            assert total <= order.paid_minor
    freight = order.freight_minor if is_unshipped else 0
    assert total == order.paid_minor - order.freight_minor + freight
    assert points == order.points_minor


@given(orders())
def test_units_at_once_are_worth_the_same_as_one_by_one(order: Order) -> None:
    """Two units together are refunded as the first and then the second."""
    for line in order.lines:
        if line.quantity > 1:
            both = money.refund(order, line.line, 2)
            first = money.refund(order, line.line, 1)
            then = money.refund(returned(order, line.line, first), line.line, 1)
            assert both.amount == first.amount + then.amount


@pytest.mark.parametrize("status", ["paid", "delivered"])
def test_freight_comes_back_with_the_last_unshipped_unit_only(status: str) -> None:
    """Outbound freight is refunded with a whole unshipped order, else never."""
    order = an_order([(2900, 2)], freight=800, status=status)
    first = money.refund(order, 1, 1)
    last = money.refund(returned(order, 1, first), 1, 1)
    assert (first.freight, last.freight) == (0, 800 if status == "paid" else 0)


def test_reclaim_deducts_the_rest_of_the_coupon_below_its_threshold() -> None:
    """Coupon 50 from 300: giving back 159 of 316 leaves 157, so the coupon is lost."""
    order = an_order([(15900, 1), (2900, 2), (9900, 1)], coupon=5000, threshold=30000)
    kept = money.refund(order, 1, 1)
    lost = money.refund(order, 1, 1, reclaims_coupon=True)
    assert kept.amount == 15900 - 2516
    assert lost.reclaimed == 5000 - 2516
    assert lost.amount == 15900 - 5000
    rest = returned(order, 1, lost)
    assert money.refund(rest, 3, 1, reclaims_coupon=True).amount == 9900


def test_reclaim_above_the_threshold_is_nothing() -> None:
    """While what stays still earns the coupon nothing is reclaimed."""
    order = an_order([(30000, 1), (2900, 1)], coupon=5000, threshold=30000)
    refund = money.refund(order, 2, 1, reclaims_coupon=True)
    assert refund.reclaimed == 0


def test_more_units_than_are_left_is_an_error() -> None:
    """A line gives back no more units than it has, and a missing line none."""
    order = an_order([(100, 2)])
    for line, units in ((1, 3), (2, 1)):
        with pytest.raises(ValueError, match=r"."):
            money.refund(order, line, units)


def test_gifts_count_for_nothing_but_weight() -> None:
    """A gift is in no total and takes no share; it can't be given back by itself."""
    order = an_order([(10000, 1), (1500, 1)], coupon=500)
    gift = msgspec.structs.replace(order.lines[1], is_gift=True, gift_of=1)
    order = msgspec.structs.replace(
        order, lines=(order.lines[0], gift), paid_minor=9500
    )
    assert money.goods_left(order) == 10000
    assert money.units_left(order) == 1
    assert money.weight_left(order) == 200
    assert money.refund(order, 1, 1).amount == 9500
    with pytest.raises(ValueError, match="no 1 units"):
        money.refund(order, 2, 1)


def test_all_orders_of_three_lines_agree() -> None:
    """Every one of the orders of giving back three lines comes to the same sums."""
    base = an_order(
        [(3333, 1), (3333, 1), (3334, 1)], coupon=1001, points=7, freight=800
    )
    sums = set()
    for way in itertools.permutations((1, 2, 3)):
        order, total = base, 0
        for line in way:
            refund = money.refund(order, line, 1)
            order = returned(order, line, refund)
            total += refund.amount
        sums.add(total)
    assert sums == {base.paid_minor}


@given(orders(), st.data())
def test_a_price_given_back_is_not_given_twice(
    order: Order, data: st.DataObject
) -> None:
    """Protected price and later refunds together are what the units had cost."""
    line = data.draw(st.sampled_from(order.lines))
    gone = data.draw(st.integers(0, line.quantity - 1))
    fall = data.draw(st.integers(0, line.unit_price_minor))
    left = line.quantity - gone

    def at(protected: int) -> Order:
        changed = msgspec.structs.replace(
            line, refunded_quantity=gone, protected_minor=protected
        )
        lines = [changed if one.line == line.line else one for one in order.lines]
        return msgspec.structs.replace(order, lines=tuple(lines))

    plain = money.refund(at(0), line.line, left)
    after = money.refund(at(fall), line.line, left)
    assert after.amount + fall * left == plain.amount
    assert after.share.points == plain.share.points
