"""
A shop that keeps Chatwoot's desk: who has the conversation is the same on both sides.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest
from platform_talk import Talk, said

from gateway.channels.contract import RawRequest
from gateway.cli.operator import put
from gateway.config import Config
from gateway.handoff.accounts import Operator
from gateway.store.keys import bucket_of
from loadtest.play import posted, sign


PASSWORD = secrets.token_urlsafe(12)

pytestmark = pytest.mark.anyio


def status_of(settings: Any, conversation: str, status: str) -> RawRequest:
    """What Chatwoot tells when its desk changes a conversation."""
    event = {
        "event": "conversation_resolved",
        "id": int(conversation),
        "status": status,
    }
    body = msgspec.json.encode(event)
    stamp = str(int(time.time()))
    signed = sign(settings.secret, f"{stamp}.".encode() + body).hex()
    headers = {
        "x-chatwoot-timestamp": stamp,
        "x-chatwoot-signature": f"sha256={signed}",
    }
    return posted(body, headers)


async def owner_of(talk: Talk, user: str) -> str:
    conversations = talk.inside.gateway.dispatcher._conversations
    return await conversations.owner("demo", f"chatwoot.{user}")


@pytest.fixture
async def desk(talk: Talk, config: Config) -> AsyncIterator[None]:
    """Somebody is at our desk, so that there is a line; with no room to spare."""
    who = Operator(shop="demo", name="lin", display="小林", role="operator", capacity=1)
    await put(config.store.url, who, PASSWORD, replace=True)
    body = {"shop": "demo", "name": "lin", "password": PASSWORD}
    http = talk.inside.http
    session = await http.post("/v1/desk/session", json=body)
    csrf = {"x-csrf-token": session.json()["csrf"]}
    online = {"state": "online"}
    answer = await http.put("/v1/desk/presence", json=online, headers=csrf)
    assert answer.status_code == 200, answer.text
    yield
    await http.delete("/v1/desk/session", headers=csrf)
    http.cookies.clear()


async def test_asked_for_a_person_opened_resolved_answered_again(
    talk: Talk, desk: None
) -> None:
    """Open while people have it, the machine's again when Chatwoot resolves it."""
    first = said("转人工")
    await talk.bring("chatwoot", first)
    await talk.heard("chatwoot")
    assert talk.platform.statuses() == ["open"]
    assert await owner_of(talk, first.user)
    settings = talk.accounts["demo", "chatwoot"]
    again = await talk.call("chatwoot", status_of(settings, first.user, "open"))
    assert again.status_code == 200
    assert await owner_of(talk, first.user)
    for _ in range(2):
        over = await talk.call("chatwoot", status_of(settings, first.user, "resolved"))
        assert over.status_code == 200
    await talk.inside.gateway._sweeper._sweep(
        "demo", bucket_of(f"chatwoot.{first.user}")
    )
    assert await owner_of(talk, first.user) == ""
    await talk.settle()
    assert talk.platform.statuses()[-1] == "pending"
    await talk.bring("chatwoot", said("多久发货", first.user))
    heard = await talk.all_heard("chatwoot", 1)
    assert "48 小时" in heard


async def test_another_shops_chatwoot_returns_nothing(talk: Talk, desk: None) -> None:
    """The secret says whose conversations are meant."""
    first = said("转人工")
    await talk.bring("chatwoot", first)
    await talk.heard("chatwoot")
    forged = status_of(talk.accounts["rival", "chatwoot"], first.user, "resolved")
    assert (await talk.call("chatwoot", forged)).status_code == 401
    assert await owner_of(talk, first.user)
    # Nobody is left in the line that all tests of this room share.
    own = status_of(talk.accounts["demo", "chatwoot"], first.user, "resolved")
    assert (await talk.call("chatwoot", own)).status_code == 200
