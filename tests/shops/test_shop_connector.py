"""
The HTTP connector says in the port's words what went wrong, and how surely.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest
from demo_shop import KEY, DemoShop
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engines.shops.http import HttpShop
from engines.shops.port import (
    NotFound,
    ShopError,
    ShopPort,
    ShopRefused,
    ShopUnavailable,
    ShopUnreachable,
)


pytestmark = pytest.mark.anyio


@asynccontextmanager
async def answering(raw: bytes, *, hold_s: float = 0.0) -> AsyncIterator[str]:
    """A server that answers every request with the same raw bytes."""

    busy: set[asyncio.Task[None] | None] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        busy.add(asyncio.current_task())
        await reader.read(65536)
        await asyncio.sleep(hold_s)
        writer.write(raw)
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server:
        yield f"http://127.0.0.1:{port}"
    await asyncio.gather(*(task for task in busy if task))


def http(status: int, body: bytes, kind: str = "application/json") -> bytes:
    head = f"HTTP/1.1 {status} x\r\ncontent-type: {kind}\r\ncontent-length: {len(body)}\r\n\r\n"
    return head.encode() + body


async def raised(url: str, key: str = KEY, timeout_s: float = 2.0) -> ShopError:
    """What an effect raises against *url*."""
    async with HttpShop(url, key, timeout_s=timeout_s) as shop:
        with pytest.raises(ShopError) as caught:
            await shop.notify("key-00001", "c1001", "t", "x")
    return caught.value


async def test_refused_connection_means_nothing_was_sent() -> None:
    """Nobody listens: the call surely had no effect."""
    async with answering(b"") as url:
        pass
    assert type(await raised(url)) is ShopUnreachable


async def test_no_answer_in_time_is_an_unknown_outcome() -> None:
    """A call that took too long may have had its effect."""
    async with answering(http(200, b"{}"), hold_s=1.0) as url:
        assert type(await raised(url, timeout_s=0.1)) is ShopUnavailable


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"garbage\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{",
        http(200, b"[]"),
        http(200, b"{}"),
        http(200, b'{"key": 1}'),
        http(200, b"\xff\xfe"),
        http(500, b""),
        http(502, b"<html>"),
        http(503, b'{"code": "not_found"}'),
        http(404, b"<html>no such page</html>", "text/html"),
        http(409, b'{"title": 3}'),
        http(302, b""),
    ],
)
async def test_answer_that_is_none_is_an_unknown_outcome(raw: bytes) -> None:
    """A cut, garbled or foreign answer to an effect proves nothing."""
    async with answering(raw) as url:
        assert type(await raised(url)) is ShopUnavailable


async def test_problem_details_are_a_refusal() -> None:
    """A 4xx with problem details says surely that nothing changed."""
    body = b'{"title": "t", "status": 409, "code": "version_conflict", "detail": "d"}'
    async with answering(http(409, body)) as url:
        error = await raised(url)
    assert isinstance(error, ShopRefused)
    assert (error.code, str(error)) == ("version_conflict", "d")


async def test_wrong_key_is_refused_before_anything_happens(demo: DemoShop) -> None:
    """Without the shop's key no call is served, and the reason has a code."""
    error = await raised(demo.url, key="wrong")
    assert isinstance(error, ShopRefused)
    assert error.code == "unauthorized"
    assert demo.sql("SELECT count(*) FROM notifications") == [(0,)]


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.text(st.characters(codec="utf-8", exclude_characters="\x00"), min_size=1))
def test_no_identifier_leaves_its_place(demo: DemoShop, wild: str) -> None:
    """Any user or order id is one path segment: found nowhere, never somewhere else."""

    async def ask() -> None:
        async with HttpShop(demo.url, KEY) as shop:
            assert await shop.orders(wild) == ()
            with pytest.raises(NotFound):
                await shop.order("c1001", wild)
            assert await shop.find_effect(wild) is None

    asyncio.run(ask())


@pytest.mark.parametrize(
    "wild", ["..", ".", "../c1001", "c1001/orders", "a?b", "%2e%2e", "\x00", " ", "#"]
)
async def test_awkward_identifiers_stay_in_place(shop: ShopPort, wild: str) -> None:
    """Dots, slashes, question marks and NUL name nobody."""
    assert await shop.orders(wild) == ()
    with pytest.raises(NotFound):
        await shop.order("c1001", wild)
