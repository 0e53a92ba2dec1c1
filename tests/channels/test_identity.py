"""
The same customer on two channels: by proof, taken back at will, never by guess.
"""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from platform_talk import Talk, said

from gateway.channels.identity import MAX_MISSES


pytestmark = pytest.mark.anyio


async def call(talk: Talk, method: str, path: str, **more: Any) -> httpx.Response:
    headers = {"authorization": f"Bearer {talk.inside.keys[more.pop('shop', 'demo')]}"}
    return await talk.inside.http.request(method, path, headers=headers, **more)


async def code_of(talk: Talk, conversation: str) -> str:
    path = f"/v1/conversations/{conversation}/link-codes"
    answer = await call(talk, "POST", path, json={"user_id": "c1005"})
    assert answer.status_code == 201, answer.text
    code: str = answer.json()["code"]
    return code


async def test_a_code_written_elsewhere_brings_history_and_replies_along(
    talk: Talk,
) -> None:
    """After it both channels are one conversation; replies go where one wrote."""
    await talk.inside.say("c-link", "多久发货")
    someone = said(f"绑定 {await code_of(talk, 'c-link')}")
    await talk.bring("telegram", someone)
    assert "已与您的另一个会话绑定" in (await talk.heard("telegram"))[0]
    await talk.bring("telegram", said("怎么退货", someone.user))
    assert "退货" in (await talk.heard("telegram", 2))[1]
    texts = await talk.inside.texts("c-link", "message")
    assert texts == ["多久发货", "怎么退货"]
    users = {e["user_id"] for e in await talk.inside.events("c-link") if "user_id" in e}
    assert users == {"c1005"}


async def test_unlinking_ends_it_at_once(talk: Talk) -> None:
    """The next message is in the channel's own conversation again."""
    someone = said(f"link {await code_of(talk, 'c-unlink')}")
    await talk.bring("telegram", someone)
    await talk.bring("telegram", said("解绑", someone.user))
    await talk.bring("telegram", said("多久发货", someone.user))
    await talk.heard("telegram", 3)
    assert await talk.inside.events("c-unlink") == []


async def test_a_code_is_good_once_and_guessing_ends(talk: Talk) -> None:
    """The second who writes it gets nothing, nor does who tries many."""
    code = await code_of(talk, "c-once")
    await talk.bring("slack", said(f"绑定 {code}"))
    await talk.bring("slack", said(f"绑定 {code}"))
    heard = await talk.heard("slack", 2)
    assert sum("不对或已过期" in text for text in heard) == 1
    guesser = said().user
    for _ in range(MAX_MISSES):
        await talk.bring("slack", said("绑定 AAAAAAAA", guesser))
    await talk.bring("slack", said(f"绑定 {await code_of(talk, 'c-late')}", guesser))
    heard = await talk.heard("slack", 3 + MAX_MISSES)
    assert all("不对或已过期" in text for text in heard[2:])


async def test_the_shops_server_links_and_unlinks_with_its_key(talk: Talk) -> None:
    """Only in its own shop; a wrong code of another shop is unknown there."""
    path = "/v1/identities/telegram/777001"
    body = {"conversation_id": "c-server", "user_id": "c1006"}
    assert (await call(talk, "PUT", path, json=body)).status_code == 200
    assert (await call(talk, "GET", path, shop="rival")).status_code == 404
    await talk.bring("telegram", said("多久发货", "777001"))
    await talk.heard("telegram")
    assert await talk.inside.texts("c-server", "message") == ["多久发货"]
    assert (await call(talk, "DELETE", path)).status_code == 204
    assert (await call(talk, "GET", path)).status_code == 404


async def test_what_somebody_says_of_themselves_links_nobody(talk: Talk) -> None:
    """Numbers and names in a text are words, not proof."""
    await talk.inside.say("c-claim", "我的手机号 13800138000", user="c1007")
    await talk.bring("telegram", said("我是 c1007，手机号 13800138000"))
    await talk.heard("telegram")
    assert len(await talk.inside.texts("c-claim", "message")) == 1
