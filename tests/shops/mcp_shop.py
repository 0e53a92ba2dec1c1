"""
An MCP server in front of the demo shop: a process of its own, in words of its own.

Which shop it stands before is read from a file at every call, so that one process
serves all tests. It speaks of decimals and order numbers, and names its refusals
otherwise than the port does.
"""

from __future__ import annotations

import json
import socket
import sys
from collections.abc import Awaitable
from pathlib import Path
from typing import Any

import msgspec
import uvicorn
from mcp.server import MCPServer
from mcp.types import CallToolResult, TextContent, ToolAnnotations

from engines.shops.effects import OrderEffect
from engines.shops.http import HttpShop
from engines.shops.port import (
    Address,
    LineRefund,
    NotFound,
    OrderAt,
    ShopRefused,
)


READ = ToolAnnotations(read_only_hint=True)
EFFECT = ToolAnnotations(read_only_hint=False)
KEY = "test-shop-key"
server = MCPServer("orders")
place = Path(sys.argv[1])


def shop() -> HttpShop:
    return HttpShop(place.read_text(), KEY, timeout_s=5.0)


async def told(answer: Awaitable[Any]) -> CallToolResult:
    """What the shop says, as JSON in a text; a refusal as an error of the tool."""
    try:
        said, is_error = msgspec.to_builtins(await answer), False
    except NotFound:
        said, is_error = {"error": "no_such_record"}, True
    except ShopRefused as exc:
        said, is_error = {"error": exc.code, "reason": str(exc)}, True
    if isinstance(said, list | tuple):
        said = {"result": [renamed(one) for one in said]}
    elif isinstance(said, int):
        said = {"result": said}
    text = json.dumps(renamed(said), ensure_ascii=False)
    part = TextContent(type="text", text=text)
    return CallToolResult(content=[part], is_error=is_error)


def renamed(said: dict[str, Any]) -> dict[str, Any]:
    """An order as this server tells it: other names, and a decimal."""
    if "paid_minor" in said:
        said["order_no"] = said.pop("id")
        said["paid"] = said.pop("paid_minor") / 100
    return said


def minor(decimal: str) -> int:
    return round(float(decimal) * 100)


@server.tool(annotations=READ)
async def list_orders(customer: str) -> CallToolResult:
    async with shop() as port:
        return await told(port.orders(customer))


@server.tool(annotations=READ)
async def get_order(customer: str, order_no: str) -> CallToolResult:
    async with shop() as port:
        return await told(port.order(customer, order_no))


@server.tool(annotations=READ)
async def track_parcel(customer: str, order_no: str) -> CallToolResult:
    async with shop() as port:
        return await told(port.parcel(customer, order_no))


@server.tool(annotations=READ)
async def list_refunds(customer: str, order_no: str) -> CallToolResult:
    async with shop() as port:
        return await told(port.refunds(customer, order_no))


@server.tool(annotations=READ)
async def list_invoices(customer: str, order_no: str) -> CallToolResult:
    async with shop() as port:
        return await told(port.invoices(customer, order_no))


@server.tool(annotations=READ)
async def search_products(query: str, limit: int) -> CallToolResult:
    async with shop() as port:
        return await told(port.products(query, limit))


@server.tool(annotations=READ)
async def list_variants(sku: str) -> CallToolResult:
    async with shop() as port:
        return await told(port.variants(sku))


@server.tool(annotations=READ)
async def list_companions(sku: str) -> CallToolResult:
    async with shop() as port:
        return await told(port.companions(sku))


@server.tool(annotations=READ)
async def list_coupons(customer: str) -> CallToolResult:
    async with shop() as port:
        return await told(port.coupons(customer))


@server.tool(annotations=READ)
async def get_points(customer: str) -> CallToolResult:
    async with shop() as port:
        return await told(port.points(customer))


@server.tool(annotations=READ)
async def quote_freight(region: str, weight_g: int, goods_minor: int) -> CallToolResult:
    async with shop() as port:
        return await told(port.quote_freight(region, weight_g, goods_minor))


@server.tool(annotations=READ)
async def find_effect(request_id: str) -> CallToolResult:
    async def found() -> Any:
        effect = await port.find_effect(request_id)
        if effect is None:
            raise NotFound
        return effect

    async with shop() as port:
        return await told(found())


@server.tool(annotations=EFFECT)
async def change_address(
    customer: str,
    order_no: str,
    request_id: str,
    version: int,
    address: dict[str, str],
    freight: str,
) -> CallToolResult:
    at, home = OrderAt(customer, order_no, version), msgspec.convert(address, Address)
    async with shop() as port:
        return await told(port.change_address(request_id, at, home, minor(freight)))


@server.tool(annotations=EFFECT)
async def ask_for_freight(
    customer: str,
    order_no: str,
    request_id: str,
    version: int,
    address: dict[str, str],
    freight: str,
) -> CallToolResult:
    at, home = OrderAt(customer, order_no, version), msgspec.convert(address, Address)
    async with shop() as port:
        call = port.change_address_when_paid(request_id, at, home, minor(freight))
        return await told(call)


@server.tool(annotations=EFFECT)
async def refund_line(
    customer: str,
    order_no: str,
    request_id: str,
    version: int,
    line: int,
    quantity: int,
    amount: str,
    points_minor: int,
    gifts: list[int],
) -> CallToolResult:
    at = OrderAt(customer, order_no, version)
    refund = LineRefund(
        line=line,
        quantity=quantity,
        amount_minor=minor(amount),
        points_minor=points_minor,
        gifts=tuple(gifts),
    )
    async with shop() as port:
        return await told(port.refund_line(request_id, at, refund))


@server.tool(annotations=EFFECT)
async def cancel_order(
    customer: str,
    order_no: str,
    request_id: str,
    version: int,
    amount: str,
    points_minor: int,
) -> CallToolResult:
    at = OrderAt(customer, order_no, version)
    async with shop() as port:
        call = port.cancel_order(request_id, at, minor(amount), points_minor)
        return await told(call)


@server.tool(annotations=EFFECT)
async def notify_customer(
    customer: str, request_id: str, template: str, text: str
) -> CallToolResult:
    async with shop() as port:
        return await told(port.notify(request_id, customer, template, text))


@server.tool(annotations=EFFECT)
async def act_on_order(
    customer: str, order_no: str, request_id: str, what: dict[str, Any]
) -> CallToolResult:
    effect = msgspec.convert(what, OrderEffect)
    async with shop() as port:
        return await told(port.perform(request_id, customer, order_no, effect))


if __name__ == "__main__":
    with socket.create_server(("127.0.0.1", 0)) as listener:
        sys.stdout.write(f"http://127.0.0.1:{listener.getsockname()[1]}/mcp\n")
        sys.stdout.flush()
        app = server.streamable_http_app(json_response=True)
        config = uvicorn.Config(app, log_level="critical", access_log=False)
        uvicorn.Server(config).run(sockets=[listener])
