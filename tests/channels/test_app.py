"""
A shop's own app: tokens that its server hands out, pushes, and the Python client.
"""

from __future__ import annotations

import asyncio
import base64
import json
import time
from pathlib import Path
from typing import Any

import httpx
import pytest
from platform_talk import Platforms, Talk

from gateway.channels.contract import RawRequest
from gateway.channels.webhook import Webhook
from gateway.client import GatewayClient, Refused
from gateway.config import Config
from gateway.outcome import Card
from gateway.push import BadPush, read_push
from gateway.secrets import fill


pytestmark = pytest.mark.anyio


def client(talk: Talk, key: str) -> GatewayClient:
    """The client that ships, on the gateway inside this process."""
    transport = httpx.ASGITransport(app=talk.inside.gateway.asgi)
    return GatewayClient("http://inside", key, transport=transport)


async def test_the_client_sends_and_reads(talk: Talk) -> None:
    """A message, its answer, and both as events."""
    async with client(talk, talk.inside.keys["demo"]) as app:
        done = await app.send("c-client", "m1", "c1005", "多久发货")
        assert done.result.reply is not None
        events = await app.events("c-client")
    assert [event.kind for event in events] == ["message", "reply"]
    assert events[1].text == done.result.reply.text


async def test_a_token_speaks_for_one_user_in_one_conversation(talk: Talk) -> None:
    """It makes no tokens, reads no other conversation, and is nobody else."""
    async with client(talk, talk.inside.keys["demo"]) as server:
        token = await server.token("c1005", "c-token")
    async with client(talk, token) as app:
        await app.send("c-token", "m1", "c1005", "多久发货")
        for call in (
            app.events("c-other"),
            app.send("c-token", "m2", "c1006", "多久发货"),
            app.token("c1005", "c-token"),
        ):
            with pytest.raises(Refused) as refused:
                await call
            assert refused.value.status == 403


async def test_the_client_rates_links_and_asks_for_the_place(talk: Talk) -> None:
    """Every call of an app shop; a refusal says which in a closed word."""
    card = Card(kind="order", ref="K3001", title="保温杯")
    async with client(talk, talk.inside.keys["demo"]) as app:
        await app.send("c-all?店", "m1", "c1005", "多久发货", cards=[card])
        await app.rate("c-all?店", 4, "快")
        await app.rate("c-all?店", 4, "快")
        assert await app.place("c-all?店") is None
        await app.link("telegram", "u?1", "c-all?店", "c1005")
        await app.unlink("telegram", "u?1")
        assert len(await app.link_code("c-all?店", "c1005")) == 8
        events = await app.events("c-all?店")
        with pytest.raises(Refused) as refused:
            await app.rate("c-all?店", 9)
    assert (refused.value.code, refused.value.field) == ("bad_field", "score")
    assert [event.kind for event in events] == ["message", "reply", "rating"]
    assert events[0].cards == (card,)


async def test_listening_goes_on_over_broken_lines(talk: Talk) -> None:
    """Each event once, in order, though the stream ends again and again."""
    inner = httpx.ASGITransport(app=talk.inside.gateway.asgi)
    asked: list[str] = []

    class Broken(httpx.AsyncBaseTransport):
        """Answers a stream with one event and a lost line."""

        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            asked.append(request.url.query.decode())
            page = httpx.Request(
                "GET",
                request.url,
                headers={"authorization": request.headers["authorization"]},
            )
            answer = await inner.handle_async_request(page)
            body = await answer.aread()
            if len(asked) % 2 == 0:
                raise httpx.ReadError("the line is gone", request=request)
            events = json.loads(body)["events"][:1]
            lines = [f"data: {json.dumps(event)}\n\n" for event in events]
            return httpx.Response(200, text="".join(lines))

    key = talk.inside.keys["demo"]
    async with client(talk, key) as app:
        await app.send("c-listen", "m1", "c1005", "多久发货")
        await app.send("c-listen", "m2", "c1005", "怎么退货")
    heard: list[int] = []
    async with GatewayClient("http://inside", key, transport=Broken()) as app:
        async for event in app.listen("c-listen"):
            heard.append(event.n)
            if len(heard) == 4:
                break
    assert heard == [1, 2, 3, 4]
    assert asked[0] == "after=0"
    assert asked[-1] == "after=3"


async def test_a_token_runs_out(talk: Talk) -> None:
    """No shorter than a minute may be asked for, none lives longer than half a day."""
    async with client(talk, talk.inside.keys["demo"]) as server:
        for life_s in (1, 10**6):
            with pytest.raises(Refused) as refused:
                await server.token("c1005", "c-token", life_s)
            assert refused.value.status == 400


async def test_replies_to_the_rest_interface_are_pushed_signed(
    talk: Talk, config: Config, accounts: Platforms
) -> None:
    """Standard Webhooks, the event's number inside, once."""
    filled, _ = fill(config, Path(config.data_dir))
    channels = {one.name: one for one in filled.shops[0].channels}
    async with client(talk, channels["webhook"].key) as app:
        done = await app.send("c-push", "m1", "c1005", "多久发货")
    pushed = (await talk.arrived("webhook"))[0]
    assert pushed.body["data"]["conversation_id"] == "c-push"
    assert pushed.body["data"]["seq"] == done.result.seq + 1
    settings: Any = accounts["demo", "webhook"]
    raw = pushed.raw.encode()
    read = read_push(settings.secret, pushed.headers, raw, time.time())
    assert (read.conversation_id, read.who) == ("c-push", "machine")
    assert "48 小时" in read.text
    other = "whsec_" + base64.b64encode(b"x" * 32).decode()
    for secret, body, now_s in (
        (other, raw, time.time()),
        (settings.secret, raw + b" ", time.time()),
        (settings.secret, raw, time.time() + 301),
    ):
        with pytest.raises(BadPush):
            read_push(secret, pushed.headers, body, now_s)
    assert read_push(f"{other} {settings.secret}", pushed.headers, raw, time.time())
    channel = Webhook(accounts["demo", "webhook"])  # type: ignore[arg-type]  # of this kind
    request = RawRequest(
        method="POST", headers=pushed.headers, body=pushed.raw.encode()
    )
    assert channel.verify(request, time.time())
    await channel.close()
    await asyncio.sleep(0.2)
    assert len(await talk.arrived("webhook")) == 1
