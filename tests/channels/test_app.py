"""
A shop's own app: tokens that its server hands out, pushes, and the Python client.
"""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import httpx
import pytest
from platform_talk import Platforms, Talk

from gateway.channels.contract import RawRequest
from gateway.channels.webhook import Webhook
from gateway.client import GatewayClient, Refused
from gateway.config import Config
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
    channel = Webhook(accounts["demo", "webhook"])  # type: ignore[arg-type]  # of this kind
    request = RawRequest(
        method="POST", headers=pushed.headers, body=pushed.raw.encode()
    )
    assert channel.verify(request, time.time())
    await channel.close()
    await asyncio.sleep(0.2)
    assert len(await talk.arrived("webhook")) == 1
