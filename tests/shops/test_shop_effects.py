"""
What the demo shop does once, and what it refuses, over its real HTTP service.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from pathlib import Path

import httpx
import msgspec
import pytest
from demo_shop import KEY, DemoShop, ShopProcess, difference

from engines.shops.http import HttpShop
from engines.shops.port import (
    Address,
    Effect,
    LineRefund,
    NotFound,
    Order,
    OrderAt,
    ShopPort,
    ShopRefused,
)


pytestmark = pytest.mark.anyio

XINJIANG = Address(
    name="林晓",
    phone="13800010001",
    region="新疆",
    city="乌鲁木齐市",
    street="天山区光明路 12 号",
)


def at(order: Order, version: int | None = None) -> OrderAt:
    return OrderAt(order.user_id, order.id, version or order.version)


async def refusal(call: Awaitable[Effect]) -> str:
    """The code with which a call is refused."""
    with pytest.raises(ShopRefused) as caught:
        await call
    return caught.value.code


async def test_lower_freight_is_refunded_with_the_change(
    shop: ShopPort, demo: DemoShop
) -> None:
    """An address with lower freight changes at once and gives the difference back."""
    before, order = demo.snapshot(), await shop.order("c1002", "K3004")
    home = msgspec.structs.replace(XINJIANG, region="浙江", city="杭州市")
    freight = await shop.quote_freight("浙江", 220, 7900)
    effect = await shop.change_address("key-address", at(order), home, freight)
    assert (freight, effect.detail["refund_minor"]) == (800, 1000)
    changed = difference(before, demo.snapshot())
    [refund] = changed.pop("new refunds")
    assert (refund["amount_minor"], refund["status"]) == (1000, "processing")
    place = "orders/K3004."
    assert changed == {
        f"{place}version": (1, 2),
        f"{place}freight_minor": (1800, 800),
        f"{place}refunded_minor": (0, 1000),
        f"{place}name": ("陈立", "林晓"),
        f"{place}phone": ("13800010002", "13800010001"),
        f"{place}region": ("新疆", "浙江"),
        f"{place}city": ("乌鲁木齐市", "杭州市"),
    }


async def test_higher_freight_changes_the_address_once_it_is_paid(
    shop: ShopPort, demo: DemoShop
) -> None:
    """Nothing moves before the payment; paying twice charges once."""
    order = await shop.order("c1001", "K3001")
    assert (
        await refusal(shop.change_address("key-refused", at(order), XINJIANG, 1800))
        == "payment_needed"
    )
    effect = await shop.change_address_when_paid("key-link", at(order), XINJIANG, 1800)
    assert effect.detail["amount_minor"] == 1000
    assert await shop.order("c1001", "K3001") == order
    async with httpx.AsyncClient() as browser:
        page = await browser.get(effect.detail["payment_url"])
        assert "10.00" in page.text
        for _ in range(2):
            paid = await browser.post(effect.detail["payment_url"])
            assert "已支付" in paid.text
        assert (await browser.get(f"{demo.url}/pay/unknown")).status_code == 404
    moved = await shop.order("c1001", "K3001")
    assert moved.address == XINJIANG
    assert (moved.paid_minor, moved.freight_minor) == (9700, 1800)
    assert moved.version == order.version + 1


async def test_link_of_an_order_that_moved_takes_no_money(
    shop: ShopPort, demo: DemoShop
) -> None:
    """A payment link is void once the order it was computed on has changed."""
    order = await shop.order("c1001", "K3001")
    effect = await shop.change_address_when_paid("key-link", at(order), XINJIANG, 1800)
    await shop.cancel_order("key-cancel", at(order), 8700, 0)
    async with httpx.AsyncClient() as browser:
        page = await browser.post(effect.detail["payment_url"])
    assert "没有扣款" in page.text
    assert (await shop.order("c1001", "K3001")).paid_minor == 8700


async def test_same_key_takes_effect_once(shop: ShopPort, demo: DemoShop) -> None:
    """Thirty concurrent calls with one key give one effect and one receipt."""
    order = await shop.order("c1001", "K3002")
    refund = LineRefund(line=2, quantity=1, amount_minor=2441)
    calls = [shop.refund_line("key-of-one", at(order), refund) for _ in range(30)]
    receipts = {effect.receipt for effect in await asyncio.gather(*calls)}
    assert len(receipts) == 1
    assert demo.sql(
        "SELECT count(*), sum(amount_minor) FROM refunds WHERE order_id = 'K3002'"
    ) == [(1, 2441)]
    found = await shop.find_effect("key-of-one")
    assert found is not None
    assert {found.receipt} == receipts


async def test_key_never_changes_its_meaning(shop: ShopPort) -> None:
    """A key that was used is refused for any other body, order, customer or effect."""
    order = await shop.order("c1001", "K3002")
    one = LineRefund(line=2, quantity=1, amount_minor=2441)
    await shop.refund_line("key-of-one", at(order), one)
    other = msgspec.structs.replace(one, amount_minor=1)
    assert (
        await refusal(shop.refund_line("key-of-one", at(order), other)) == "key_reused"
    )
    assert await refusal(shop.notify("key-of-one", "c1001", "t", "x")) == "key_reused"
    foreign = await shop.order("c1002", "K3004")
    assert (
        await refusal(shop.cancel_order("key-of-one", at(foreign), 9700, 0))
        == "key_reused"
    )


async def test_one_of_many_changes_of_a_version_wins(
    shop: ShopPort, demo: DemoShop
) -> None:
    """Twenty different refunds of one version of an order: one happens."""
    order = await shop.order("c1001", "K3002")
    refund = LineRefund(line=2, quantity=1, amount_minor=2441)
    calls = [shop.refund_line(f"key-{n:05}", at(order), refund) for n in range(20)]
    outcomes = await asyncio.gather(*calls, return_exceptions=True)
    assert sum(isinstance(one, Effect) for one in outcomes) == 1
    codes = {one.code for one in outcomes if isinstance(one, ShopRefused)}
    assert codes == {"version_conflict"}
    assert demo.sql("SELECT count(*) FROM refunds WHERE order_id = 'K3002'") == [(1,)]


@pytest.mark.parametrize(
    ("refund", "code"),
    [
        (LineRefund(line=2, quantity=3, amount_minor=1), "nothing_left"),
        (LineRefund(line=2, quantity=1, amount_minor=2901), "above_worth"),
        (LineRefund(line=2, quantity=1, amount_minor=1, points_minor=1), "above_paid"),
        (LineRefund(line=2, quantity=2, amount_minor=26601), "above_paid"),
        (LineRefund(line=2, quantity=1, amount_minor=1, gifts=(1,)), "no_such_gift"),
    ],
)
async def test_impossible_refunds_are_refused(
    shop: ShopPort, demo: DemoShop, refund: LineRefund, code: str
) -> None:
    """The shop gives back no more than there is, whatever it is told."""
    before, order = demo.snapshot(), await shop.order("c1001", "K3002")
    assert await refusal(shop.refund_line("key-refused", at(order), refund)) == code
    assert difference(before, demo.snapshot()) == {}
    assert await shop.find_effect("key-refused") is None


async def test_gift_itself_and_missing_lines_are_not_refunded(shop: ShopPort) -> None:
    """A gift line and a line that is not there are no lines to refund."""
    order = await shop.order("c1001", "K3003")
    for line in (3, 9):
        refund = LineRefund(line=line, quantity=1, amount_minor=1)
        with pytest.raises(NotFound):
            await shop.refund_line("key-refused", at(order), refund)


async def test_refund_after_delivery_waits_for_the_goods(
    shop: ShopPort, demo: DemoShop
) -> None:
    """A delivered item is refunded when it is back; its gift goes with it."""
    order = await shop.order("c1001", "K3003")
    refund = LineRefund(
        line=1, quantity=1, amount_minor=21012, points_minor=112, gifts=(3,)
    )
    stock = demo.sql("SELECT sum(stock) FROM products")
    effect = await shop.refund_line("key-return", at(order), refund)
    assert effect.detail["status"] == "awaiting_return"
    assert "3 号仓" in effect.detail["return_to"]["zh"]
    after = await shop.order("c1001", "K3003")
    assert [line.refunded_quantity for line in after.lines] == [1, 0, 1]
    assert (after.status, after.refunded_minor, after.refunded_points_minor) == (
        "delivered",
        21012,
        112,
    )
    assert demo.sql("SELECT sum(stock) FROM products") == stock
    assert demo.sql("SELECT points_minor FROM customers WHERE id = 'c1001'") == [(500,)]
    [listed] = await shop.refunds("c1001", "K3003")
    assert (listed.status, listed.expected_by) == ("awaiting_return", None)


async def test_refunding_the_last_unit_cancels_an_unshipped_order(
    shop: ShopPort, demo: DemoShop
) -> None:
    """The last units of an unshipped order take the freight along and end it."""
    order = await shop.order("c1010", "K3024")
    refund = LineRefund(line=1, quantity=3, amount_minor=9500)
    await shop.refund_line("key-last", at(order), refund)
    after = await shop.order("c1010", "K3024")
    assert (after.status, after.refunded_minor) == ("cancelled", 9500)
    assert demo.sql("SELECT stock FROM products WHERE sku = 'CB-08'") == [(1203,)]


async def test_cancellation_gives_back_all_of_it(
    shop: ShopPort, demo: DemoShop
) -> None:
    """Cancelling returns money, points and stock, and nothing else moves."""
    before, order = demo.snapshot(), await shop.order("c1006", "K3013")
    effect = await shop.cancel_order("key-cancel", at(order), 43200, 1500)
    assert effect.detail["expected_by"]
    changed = difference(before, demo.snapshot())
    changed.pop("new refunds")
    assert changed == {
        "orders/K3013.status": ("paid", "cancelled"),
        "orders/K3013.version": (1, 2),
        "orders/K3013.refunded_minor": (0, 43200),
        "orders/K3013.refunded_points_minor": (0, 1500),
        "order_lines/K3013/1.refunded_quantity": (0, 1),
        "order_lines/K3013/2.refunded_quantity": (0, 2),
        "order_lines/K3013/3.refunded_quantity": (0, 1),
        "products/RC-02.stock": (85, 86),
        "products/TH-15.stock": (410, 412),
        "products/GF-20.stock": (900, 901),
        "customers/c1006.points_minor": (2600, 4100),
    }


@pytest.mark.parametrize(
    ("user", "order_id", "amount", "code"),
    [
        ("c1004", "K3008", 29800, "already_shipped"),
        ("c1008", "K3020", 0, "already_shipped"),
        ("c1001", "K3002", 26601, "amount_mismatch"),
        ("c1001", "K3002", 26599, "amount_mismatch"),
    ],
)
async def test_impossible_cancellations_are_refused(
    shop: ShopPort, demo: DemoShop, user: str, order_id: str, amount: int, code: str
) -> None:
    """Nothing is cancelled after shipment, or for another amount than was paid."""
    before, order = demo.snapshot(), await shop.order(user, order_id)
    assert await refusal(shop.cancel_order("key-refused", at(order), amount, 0)) == code
    assert difference(before, demo.snapshot()) == {}


async def test_address_change_is_checked_by_the_shop_itself(shop: ShopPort) -> None:
    """A wrong freight, an empty part, a shipped order, a stale version: refused."""
    order = await shop.order("c1002", "K3004")
    home = msgspec.structs.replace(XINJIANG, region="浙江")
    key = "key-refused"
    assert (
        await refusal(shop.change_address(key, at(order), home, 1))
        == "freight_mismatch"
    )
    empty = msgspec.structs.replace(home, street=" ")
    assert (
        await refusal(shop.change_address(key, at(order), empty, 800))
        == "incomplete_address"
    )
    assert (
        await refusal(shop.change_address(key, at(order, 7), home, 800))
        == "version_conflict"
    )
    shipped = await shop.order("c1004", "K3008")
    assert (
        await refusal(shop.change_address(key, at(shipped), home, 0))
        == "already_shipped"
    )
    mars = msgspec.structs.replace(home, region="火星")
    assert (
        await refusal(shop.change_address(key, at(order), mars, 800))
        == "unknown_region"
    )


async def test_orders_of_others_do_not_exist(shop: ShopPort, demo: DemoShop) -> None:
    """Under another customer's id every read and effect of an order is not found."""
    before = demo.snapshot()
    foreign = OrderAt("c1002", "K3001", 1)
    for call in (
        shop.order("c1002", "K3001"),
        shop.parcel("c1002", "K3003"),
        shop.refunds("c1002", "K3003"),
        shop.cancel_order("key-foreign", foreign, 8700, 0),
        shop.refund_line(
            "key-foreign", foreign, LineRefund(line=1, quantity=1, amount_minor=1)
        ),
        shop.change_address("key-foreign", foreign, XINJIANG, 1800),
        shop.change_address_when_paid("key-foreign", foreign, XINJIANG, 1800),
        shop.notify("key-foreign", "nobody", "t", "x"),
    ):
        with pytest.raises(NotFound):
            await call
    assert await shop.orders("nobody") == ()
    assert difference(before, demo.snapshot()) == {}


async def test_effects_survive_kill_and_restart(tmp_path: Path) -> None:
    """What was answered is there after kill -9, and its key still answers the same."""
    process = ShopProcess(tmp_path).start()
    try:
        async with HttpShop(process.url, KEY, timeout_s=5.0) as shop:
            order = await shop.order("c1001", "K3001")
            effect = await shop.cancel_order("key-cancel", at(order), 8700, 0)
        process.kill()
        process.start()
        async with HttpShop(process.url, KEY, timeout_s=5.0) as shop:
            assert await shop.find_effect("key-cancel") == effect
            assert await shop.cancel_order("key-cancel", at(order), 8700, 0) == effect
            assert (await shop.order("c1001", "K3001")).refunded_minor == 8700
    finally:
        process.kill()
