"""
A mapping file that cannot be right is refused with file, line and field.

And a shop that answers what it should not is told nothing more.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import AsyncExitStack
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest
from conftest import MAPPINGS, by_document
from demo_shop import KEY, DemoShop
from hypothesis import given
from hypothesis import strategies as st
from test_shop_connector import answering, http

from engines.shops import mapping
from engines.shops.mapping import ShopMapping
from engines.shops.mcp_tools import McpShop
from engines.shops.openapi import Endpoint, OpenApiShop, described
from engines.shops.port import (
    EffectSupport,
    NotFound,
    OrderAt,
    ShopError,
    ShopRefused,
    ShopUnavailable,
    ShopUnreachable,
)
from engines.shops.shapes import Misshapen, Shape, filled, reshaped
from engines.yamlfile import BadFile
from gateway.config import ShopConfig
from gateway.errors import ConfigError
from gateway.services import _business


pytestmark = pytest.mark.anyio

Edit = Callable[[str], str]


def edited(name: str, folder: Path, old: str, new: str) -> Path:
    """A shipped mapping with one thing wrong."""
    text = (MAPPINGS / name).read_text()
    assert old in text
    (folder / name).write_text(text.replace(old, new, 1))
    return folder / name


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("  parcel:", "  parcels:", "the port has no call 'parcels'; did you mean"),
        (
            "kind: read",
            "kind: effect",
            "'orders' is marked 'effect'; it is: kind: read",
        ),
        ("kind: read", "kind: maybe", "is not one of the allowed values"),
        ("user_id: user_id", "user_id: user", "nothing called 'user'; did you mean"),
        ("arguments: {user_id: user_id}", "arguments: {}", "'user_id' of 'orders' is"),
        ("Idempotency-Key: key", "Idempotency-Key: =x", "'key' of 'change_address'"),
        ("  find_effect:", "  effect:", "'find_effect' is not mapped"),
        ("effects: idempotent", "efects: idempotent", "unknown key 'efects'"),
        ("answer: {at: freight_minor}", "answer: {et: x}", "unknown key 'et'"),
    ],
)
def test_wrong_mapping_is_refused_with_its_line(
    tmp_path: Path, old: str, new: str, said: str
) -> None:
    """Every complaint has the file, a line and what to do."""
    path = edited("demo-openapi.yaml", tmp_path, old, new)
    with pytest.raises(BadFile) as caught:
        mapping.load(path)
    assert said in str(caught.value)
    assert all(one.path == str(path) and one.line > 1 for one in caught.value.problems)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("V1FreightFreight", "V1Freight", "has no operation 'V1Freight'"),
        (
            "V1CustomersUserIdOrdersOrders\n",
            "V1CustomersUserIdNotificationsNotify\n",
            "needs the parameter 'Idempotency-Key'",
        ),
        (
            "V1CustomersUserIdNotificationsNotify\n",
            "V1CustomersUserIdCouponsCoupons\n",
            "what is 'effect' cannot be a GET",
        ),
        ("{query: query, limit", "{q: query, limit", "has no parameter 'q'"),
        ("{template: template, ", "{", "needs 'template'"),
    ],
)
def test_mapping_that_the_document_belies_is_refused(
    demo: DemoShop, tmp_path: Path, old: str, new: str, said: str
) -> None:
    """What the document does not know, or knows otherwise, is found at loading."""
    by_document(demo, tmp_path)
    words, lines = mapping.load(edited("demo-openapi.yaml", tmp_path, old, new))
    with pytest.raises(BadFile, match=r"demo-openapi\.yaml:") as caught:
        described(words, lines, tmp_path)
    assert said in str(caught.value)


@given(st.recursive(st.none() | st.text() | st.integers(), st.lists))
def test_no_document_breaks_the_loader(tree: object) -> None:
    """A document of any shape is one without the operation that was named."""
    from engines.shops.openapi import _endpoints

    for odd in (tree, {"paths": tree}, {"paths": {"/x": {"get": tree}}}):
        assert list(_endpoints(odd)) == []


@given(st.integers(-(10**14), 10**14))
def test_money_goes_out_and_comes_back_to_the_cent(minor: int) -> None:
    """Minor units as a decimal, as text or as a number, are the same minor units."""
    sent = filled({"paid": "amount_minor / 100"}, {"amount_minor": minor})
    shape = Shape(fields={"amount_minor": "paid * 100"})
    assert Decimal(sent["paid"]) * 100 == minor
    assert reshaped(sent, shape)["amount_minor"] == minor
    if abs(minor) < 10**12:
        again = {"paid": json.loads(json.dumps(minor / 100))}
        assert reshaped(again, shape)["amount_minor"] == minor


@pytest.mark.parametrize("amount", ["1.005", "x", "NaN", True, None, [], "1e999999"])
def test_what_is_no_amount_is_no_amount(amount: object) -> None:
    """A fraction of a cent, a word or a truth value is not rounded to money."""
    with pytest.raises(Misshapen):
        reshaped({"paid": amount}, Shape(fields={"amount_minor": "paid * 100"}))


def test_words_of_a_closed_set_are_translated_or_refused() -> None:
    """A state that the mapping does not know is no state."""
    shape = Shape(fields={"status": Shape(at="st", words={"P": "paid"})})
    assert reshaped({"st": "P"}, shape)["status"] == "paid"
    with pytest.raises(Misshapen, match="'Q'"):
        reshaped({"st": "Q"}, shape)


def shop_at(url: str, **changed: object) -> OpenApiShop:
    """A shop with two reads and one effect, described in short."""
    names = {"user_id": "user_id", "order_id": "order_id"}
    words: dict[str, object] = {
        "effects": EffectSupport.IDEMPOTENT,
        "operations": {
            "order": mapping.Operation(operation="o", kind="read", arguments=names),
            "find_effect": mapping.Operation(
                operation="f", kind="read", arguments={"key": "key"}
            ),
            "cancel_order": mapping.Operation(
                operation="c", kind="effect", arguments=names | {"key": "key"}
            ),
        },
    }
    endpoints = {
        name: Endpoint(
            method="post" if name == "c" else "get",
            path="/x",
            places=dict.fromkeys(("user_id", "order_id", "key"), "query"),
            required=frozenset(),
            fields=frozenset(),
        )
        for name in "ofc"
    }
    return OpenApiShop(ShopMapping(**(words | changed)), endpoints, url, KEY)  # type: ignore[arg-type]


async def cancelled(raw: bytes) -> ShopError:
    async with answering(raw) as url, shop_at(url) as shop:
        with pytest.raises(ShopError) as caught:
            await shop.cancel_order("key-1", OrderAt("u", "o", 1), 0, 0)
    return caught.value


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        http(200, b"[]"),
        http(200, b"null"),
        http(200, b'{"key": "another", "receipt": "R1"}'),
        http(200, b"[" * 100_000),
        http(302, b"{}"),
        http(409, b"{}"),
        http(409, b"<html>"),
        http(500, b'{"code": "not_found"}'),
    ],
)
async def test_strange_answer_to_an_effect_is_an_unknown_outcome(raw: bytes) -> None:
    """Nothing but a receipt is a receipt, and nothing but a code is a refusal."""
    assert type(await cancelled(raw)) is ShopUnavailable


async def test_refusal_with_a_code_is_a_refusal() -> None:
    """The shop's code and words come through."""
    error = await cancelled(http(409, b'{"code": "too_late", "detail": "d"}'))
    assert isinstance(error, ShopRefused)
    assert (error.code, str(error)) == ("too_late", "d")


async def test_what_is_not_mapped_is_not_called() -> None:
    """The allow-list is the mapping: anything else is refused without a call."""
    async with shop_at("http://127.0.0.1:9") as shop:
        assert await shop.products("x") == ()
        with pytest.raises(ShopRefused, match="no operation for notify"):
            await shop.notify("key-1", "u", "t", "x")


@pytest.mark.parametrize("found", [b"null", b"[]"])
async def test_effect_that_nobody_knows_is_none(found: bytes) -> None:
    """A shop may say so with null, or with an empty list of what it found."""
    async with answering(http(200, found)) as url, shop_at(url) as shop:
        assert await shop.find_effect("key-1") is None


@pytest.mark.parametrize("found", [b"{}", b'{"key": "k2", "receipt": "r"}', b"[{},{}]"])
async def test_effect_of_another_key_proves_nothing(found: bytes) -> None:
    """An answer about something else must not lead to a second try."""
    async with answering(http(200, found)) as url, shop_at(url) as shop:
        with pytest.raises(ShopUnavailable):
            await shop.find_effect("key-1")


async def test_order_of_somebody_else_is_no_order(demo: DemoShop) -> None:
    """A shop that answers with another customer's order is not believed."""
    async with shop_at(demo.url) as shop:
        real = await by_http(demo)
    async with answering(http(200, real)) as url, shop_at(url) as shop:
        assert (await shop.order("c1001", "K3002")).id == "K3002"
        with pytest.raises(NotFound):
            await shop.order("c1002", "K3002")


async def by_http(demo: DemoShop) -> bytes:
    import httpx

    headers = {"Authorization": f"Bearer {KEY}"}
    path = "/v1/customers/c1001/orders/K3002"
    async with httpx.AsyncClient(base_url=demo.url, headers=headers) as client:
        return (await client.get(path)).content


async def test_no_server_means_nothing_was_sent() -> None:
    """An MCP server that is not there: the call surely had no effect."""
    words = mapping.load(MAPPINGS / "mcp-example.yaml")
    async with McpShop(*words, "http://127.0.0.1:9/mcp", KEY, 5.0) as shop:
        with pytest.raises(ShopUnreachable):
            await shop.cancel_order("key-1", OrderAt("u", "o", 1), 0, 0)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("operation: get_order", "operation: get_orders", "no tool 'get_orders'"),
        ("operation: get_order", "operation: refund_line", "says that 'refund_line'"),
        ("template: template, ", "", "needs 'template'"),
    ],
)
async def test_mapping_that_the_server_belies_calls_nothing(
    mcp_url: str, tmp_path: Path, old: str, new: str, said: str
) -> None:
    """Tools are compared with the mapping before the first of them is called."""
    words = mapping.load(edited("mcp-example.yaml", tmp_path, old, new))
    async with McpShop(*words, mcp_url, KEY, 5.0) as shop:
        with pytest.raises(ShopUnreachable, match=said) as caught:
            await shop.orders("c1001")
    assert "mcp-example.yaml:" in str(caught.value)


async def test_gateway_opens_the_connector_that_the_mapping_asks_for(
    demo: DemoShop, tmp_path: Path
) -> None:
    """By document or by tools; what cannot be used is a setting to mend."""
    async with by_document(demo, tmp_path):
        pass
    (tmp_path / "shop.yaml").write_text((MAPPINGS / "demo-openapi.yaml").read_text())
    config = ShopConfig(
        id="demo",
        business_url=demo.url,
        business_key=KEY,
        business_operations=str(tmp_path / "shop.yaml"),
    )
    async with AsyncExitStack() as resources:
        business = await _business(config, resources)
        assert isinstance(business, OpenApiShop)
        assert (await business.order("c1001", "K3002")).id == "K3002"
        tools = str(MAPPINGS / "mcp-example.yaml")
        config = msgspec.structs.replace(config, business_operations=tools)
        assert isinstance(await _business(config, resources), McpShop)
        (tmp_path / "shop.yaml").write_text("operations: {}\n")
        wrong = str(tmp_path / "shop.yaml")
        config = msgspec.structs.replace(config, business_operations=wrong)
        with pytest.raises(ConfigError, match=r"shop\.yaml:1: 'orders' is not mapped"):
            await _business(config, resources)
