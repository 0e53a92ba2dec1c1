"""
Whatever is sent to the demo shop, it answers decently and its books stay right.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import schemathesis
from demo_shop import KEY, DemoShop, difference
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import response_schema_conformance

from engines.shops.http import HttpShop
from engines.shops.port import Address, LineRefund, OrderAt, ShopError


HEADERS = {"Authorization": f"Bearer {KEY}"}
ORDERS = (
    "K3001",
    "K3002",
    "K3003",
    "K3009",
    "K3013",
    "K3018",
    "K3024",
    "K3008",
    "K3010",
)
OWNERS = {
    "K3001": "c1001",
    "K3002": "c1001",
    "K3003": "c1001",
    "K3009": "c1004",
    "K3013": "c1006",
    "K3018": "c1008",
    "K3024": "c1010",
    "K3008": "c1004",
    "K3010": "c1005",
}


@pytest.fixture(scope="module")
def busy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DemoShop]:
    """One shop for all examples of this module."""
    shop = DemoShop(tmp_path_factory.mktemp("busy")).start()
    yield shop
    shop.stop()


def wrong_in(books: DemoShop) -> list[Any]:
    """Rows that no shop may ever hold."""
    return [
        *books.sql("SELECT id FROM orders WHERE refunded_minor > paid_minor"),
        *books.sql("SELECT id FROM orders WHERE refunded_points_minor > points_minor"),
        *books.sql("SELECT * FROM order_lines WHERE refunded_quantity > quantity"),
        *books.sql(
            "SELECT o.id FROM orders o WHERE o.refunded_minor != "
            "(SELECT coalesce(sum(amount_minor), 0) FROM refunds WHERE order_id = o.id)"
        ),
    ]


def test_schema_driven_fuzzing_finds_no_server_error(busy: DemoShop) -> None:
    """Requests made from the service's own schema, valid and not, never give a 5xx."""
    schema = schemathesis.openapi.from_url(
        f"{busy.url}/docs/openapi.json", headers=HEADERS
    )
    before = busy.snapshot()
    seen: set[str] = set()
    for operation in (result.ok() for result in schema.get_all_operations()):
        if operation.path == "/v1/faults" or operation.path.startswith("/docs"):
            continue

        @settings(
            max_examples=15,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy())
        def check(case: Any) -> None:
            response = case.call(base_url=busy.url, headers=HEADERS)
            case.validate_response(
                response,
                checks=[not_a_server_error],
                excluded_checks=[response_schema_conformance],
            )

        check()
        seen.add(operation.path)
    assert len(seen) >= 12
    assert wrong_in(busy) == []
    changed = {
        name
        for name in difference(before, busy.snapshot())
        if not name.startswith("new notifications")
    }
    assert changed == set()


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    body=st.one_of(
        st.binary(max_size=300),
        st.text(max_size=100).map(str.encode),
        st.recursive(
            st.none()
            | st.booleans()
            | st.integers()
            | st.floats()
            | st.text(max_size=20),
            lambda inner: (
                st.lists(inner, max_size=3)
                | st.dictionaries(st.text(max_size=12), inner, max_size=4)
            ),
            max_leaves=12,
        ).map(lambda value: json.dumps(value).encode()),
    ),
    path=st.sampled_from(
        [
            "/v1/customers/c1001/orders/K3002/line-refunds",
            "/v1/customers/c1001/orders/K3002/address",
            "/v1/customers/c1001/orders/K3002/address-when-paid",
            "/v1/customers/c1001/orders/K3002/cancellation",
            "/v1/customers/c1001/notifications",
        ]
    ),
    key=st.sampled_from(["key-fuzz-1", "short", "k" * 300, "with space in", ""]),
)
def test_garbage_bodies_are_refused_and_change_nothing(
    busy: DemoShop, body: bytes, path: str, key: str
) -> None:
    """A body that is no request is a clear 4xx problem; the books don't move."""
    before = busy.snapshot()
    headers = HEADERS | {"Idempotency-Key": key, "Content-Type": "application/json"}
    reply = httpx.post(f"{busy.url}{path}", content=body, headers=headers)
    assert 400 <= reply.status_code < 500
    assert reply.headers["content-type"].startswith("application/problem+json")
    assert reply.json()["code"]
    assert difference(before, busy.snapshot()) == {}


def test_oversized_body_is_refused(busy: DemoShop) -> None:
    """A body beyond every need is not even read."""
    reply = httpx.post(
        f"{busy.url}/v1/customers/c1001/notifications",
        content=b'{"template": "t", "text": "' + b"x" * 200_000 + b'"}',
        headers=HEADERS | {"Idempotency-Key": "key-oversized"},
    )
    assert (reply.status_code, reply.json()["code"]) == (413, "too_large")


amounts = st.integers(0, 100_000) | st.sampled_from([0, 1, 10**12])
calls = st.tuples(
    st.sampled_from(["refund", "cancel", "address", "link"]),
    st.sampled_from(ORDERS),
    st.integers(1, 5),
    st.integers(1, 4),
    st.integers(1, 4),
    amounts,
    amounts,
    st.booleans(),
)


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(plan=st.lists(calls, min_size=1, max_size=12))
def test_books_stay_right_under_any_sequence_of_effects(
    busy: DemoShop, plan: list[Any]
) -> None:
    """No sequence of well-formed effects refunds more than was paid."""

    async def play() -> None:
        async with HttpShop(busy.url, KEY) as shop:
            for number, step in enumerate(plan):
                try:
                    await _effect(shop, f"key-{id(plan)}-{number}", step)
                except ShopError:
                    continue

    asyncio.run(play())
    assert wrong_in(busy) == []


async def _effect(shop: HttpShop, key: str, step: Any) -> None:
    kind, order_id, version, line, quantity, amount, points, is_right = step
    order = await shop.order(OWNERS[order_id], order_id)
    at = OrderAt(order.user_id, order_id, order.version if is_right else version)
    address = Address(name="x", phone="1", region="浙江", city="y", street="z 1")
    if kind == "refund":
        refund = LineRefund(
            line=line,
            quantity=quantity,
            amount_minor=amount % 9000,
            points_minor=points % 50,
        )
        await shop.refund_line(key, at, refund)
    elif kind == "cancel":
        left = order.paid_minor - order.refunded_minor
        back = order.points_minor - order.refunded_points_minor
        await shop.cancel_order(
            key, at, left if is_right else amount, back if is_right else points
        )
    elif kind == "address":
        await shop.change_address(key, at, address, 800 if is_right else amount)
    else:
        await shop.change_address_when_paid(
            key, at, address, 800 if is_right else amount
        )
