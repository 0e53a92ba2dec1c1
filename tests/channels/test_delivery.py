"""
Pushing through budgets, outages and deaths: nothing lost, doubled or overrun.
"""

from __future__ import annotations

import asyncio
import time

import pytest
from platform_talk import Talk, said

from gateway.channels.contract import Outcome, Piece
from gateway.outcome import EventBody, encode
from gateway.store import keys
from loadtest.platform_server import Manners
from loadtest.players import PLAYERS


pytestmark = pytest.mark.anyio


def name_of(kind: str, user: str) -> str:
    """The conversation of a customer on a channel, as the store names it."""
    return {"wechat": f"wechat.o{user}", "line": f"line.U{user:0>32}"}.get(
        kind, f"{kind}.{user}"
    )


class Operator:
    """A person who owns a conversation, as the desk does it in the store."""

    def __init__(self, talk: Talk, conversation: str) -> None:
        self._store = talk.inside.gateway.dispatcher._conversations
        self._conversation = conversation

    async def take(self) -> None:
        await self._store.own("demo", self._conversation, "h-1", 1)

    async def say(self, text: str, line: str) -> None:
        event = EventBody(at_ms=1, text=text, operator="小林")
        await self._store.say(
            "demo",
            self._conversation,
            "h-1",
            1,
            line_id=line,
            event=("o", encode(event)),
        )


async def test_more_than_the_window_takes_waits_for_the_customer(talk: Talk) -> None:
    """Five sends at WeChat, whatever operators write; the rest after a word."""
    first = said()
    await talk.bring("wechat", first)
    await talk.heard("wechat")
    operator = Operator(talk, name_of("wechat", first.user))
    await operator.take()
    for number in range(12):
        await operator.say(f"第{number:02}段。" + "内容说明。" * 130, f"l{number}")
    await talk.heard("wechat", 5)
    await talk.settle()
    before = await talk.heard("wechat", 5)
    assert len(before) == 5
    assert "回复任意内容" in before[-1]
    # Time stamps are whole seconds: a send in the same one would count.
    later = said("好的", first.user, at_s=time.time() + 2)
    await talk.bring("wechat", later)
    after = await talk.heard("wechat", 9)
    await talk.settle()
    assert 5 < len(after) <= 10
    whole = "".join(after)
    for number in range(7):
        assert whole.count(f"第{number:02}段") == 1


async def test_sends_after_a_customers_word_count_for_that_word(talk: Talk) -> None:
    """What was planned before it is counted after it: five, whoever planned them."""
    first = said()
    await talk.bring("wechat", first)
    await talk.heard("wechat")
    operator = Operator(talk, name_of("wechat", first.user))
    await operator.take()
    deliverer = talk.inside.gateway.channels.deliverer
    account = deliverer._accounts.get("demo", "wechat")
    assert account is not None
    real, is_told = account.channel.send, False

    async def send(piece: object) -> object:
        nonlocal is_told
        if not is_told:
            is_told = True
            await talk.bring("wechat", said("我再补充一句", first.user))
        return await real(piece)  # type: ignore[arg-type]

    account.channel.send = send  # type: ignore[assignment, method-assign]
    try:
        for number in range(12):
            await operator.say(f"第{number:02}段。" + "内容说明。" * 130, f"b{number}")
        await talk.heard("wechat", 6)
        await talk.settle()
    finally:
        del account.channel.send
    # The platform's time stamps are whole seconds: what was sent in the same one
    # counts too.
    assert 5 <= len(await talk.heard("wechat")) <= 1 + 5


async def test_an_address_of_its_own_has_a_budget_of_its_own(talk: Talk) -> None:
    """WeCom's bot: a send on its way to one message's address spends no other's."""
    user = said().user
    deliverer = talk.inside.gateway.channels.deliverer
    account = deliverer._accounts.get("demo", "wecom_bot")
    assert account is not None
    real, is_told = account.channel.send, False

    async def send(piece: object) -> object:
        nonlocal is_told
        if not is_told:
            is_told = True
            await talk.bring("wecom_bot", said("怎么退货", user))
        return await real(piece)  # type: ignore[arg-type]

    account.channel.send = send  # type: ignore[assignment, method-assign]
    try:
        await talk.bring("wecom_bot", said("多久发货", user))
        await talk.all_heard("wecom_bot", 2, limit_s=8)
    finally:
        del account.channel.send


async def test_a_send_without_an_answer_is_repeated_only_where_keys_are_known(
    talk: Talk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """LINE knows retry keys: repeated, arrives once. Slack does not: not repeated."""
    deliverer = talk.inside.gateway.channels.deliverer
    for kind in ("line", "slack"):
        api = deliverer._accounts.get("demo", kind).channel._api._http  # type: ignore[union-attr]
        monkeypatch.setattr(api, "timeout", 0.3)
    talk.platform.manners(Manners(mode="deaf", for_calls=2))
    await talk.bring("line", said())
    await talk.bring("slack", said())
    await asyncio.sleep(2.5)
    await talk.settle()
    assert len(await talk.heard("line")) == 1
    assert len(await talk.heard("slack")) == 1
    metrics = talk.inside.gateway.channels.deliverer._told.metrics  # type: ignore[attr-defined]
    sends = metrics.sends
    assert sends.labels("slack", "unknown", "not_repeated")._value.get() == 1
    assert sends.labels("line", "unknown", "repeated")._value.get() >= 1


async def test_a_worker_that_dies_in_a_send_leaves_it_to_the_next(
    talk: Talk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The intent is on disk: the next one repeats it under the same key."""
    deliverer = talk.inside.gateway.channels.deliverer
    monkeypatch.setattr(deliverer._deliveries, "_lease_ms", 300)
    channel = deliverer._accounts.get("demo", "feishu").channel  # type: ignore[union-attr]
    real, dead = channel.send, asyncio.Event()

    async def die(piece: object) -> object:
        channel.send = real  # type: ignore[method-assign]
        await real(piece)  # type: ignore[arg-type]
        dead.set()
        raise asyncio.CancelledError

    channel.send = die  # type: ignore[assignment, method-assign]
    someone = said()
    await talk.bring("feishu", someone)
    await asyncio.wait_for(dead.wait(), 10)
    assert len(await talk.heard("feishu")) == 1
    await asyncio.sleep(0.5)
    monkeypatch.undo()
    deliverer.nudge("demo", f"feishu.oc_{someone.user}")
    await talk.settle()
    assert len(await talk.heard("feishu")) == 1
    left = await deliverer._deliveries.take("demo", f"feishu.oc_{someone.user}")
    assert left == -1


async def test_a_final_refusal_does_not_block_what_comes_after(talk: Talk) -> None:
    """A platform that will never take one text gets the next one."""
    someone = said()
    talk.platform.manners(Manners(mode="down", status=400, for_calls=1))
    await talk.bring("telegram", someone)
    await talk.settle()
    await asyncio.sleep(0.3)
    await talk.bring("telegram", said("怎么退货", someone.user))
    heard = await talk.heard("telegram")
    assert len(heard) == 1
    assert "退货" in heard[0]


async def test_a_message_that_arrives_while_its_answer_is_pushed_is_answered_soon(
    talk: Talk,
) -> None:
    """The page to push may hold nothing but what the customer wrote."""
    first = said()
    await talk.bring("wechat", first)
    await talk.heard("wechat")
    await talk.settle()
    conversation = name_of("wechat", first.user)
    operator = Operator(talk, conversation)
    await operator.take()
    await talk.bring("wechat", said("还在吗", first.user))
    deliverer = talk.inside.gateway.channels.deliverer
    key = keys.of_conversation("demo", conversation)
    store = talk.inside.gateway.dispatcher._conversations._scripts
    await store.command(key.deliveries, "ZADD", key.deliveries, 1, key.name)
    await deliverer.deliver("demo", conversation)
    assert await deliverer._deliveries.take("demo", conversation) == -1
    await operator.say("在的", "l1")
    assert "在的" in (await talk.heard("wechat", 2, limit_s=5))[1]


async def test_a_line_of_many_customers_keeps_the_accounts_rate(talk: Talk) -> None:
    """Sixty customers at once: all are answered, none twice."""
    users = [said() for _ in range(60)]
    await asyncio.gather(*(talk.bring("webhook", one) for one in users))
    arrived = await talk.arrived("webhook", 60, 30)
    await talk.settle()
    to = [PLAYERS["webhook"].heard(one.body)[0] for one in arrived]
    assert sorted(to) == sorted(one.user for one in users)


async def test_the_send_after_a_slow_one_keeps_its_distance(
    talk: Talk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A platform sees when sends arrive, not when they were begun."""
    account = talk.inside.gateway.channels.accounts.get("demo", "telegram")
    assert account is not None
    real, delays_s = account.channel.send, [0.8]

    async def slow(piece: Piece) -> Outcome:
        await asyncio.sleep(delays_s.pop() if delays_s else 0.0)
        return await real(piece)

    monkeypatch.setattr(account.channel, "send", slow)
    user = said().user
    for text in ("多久发货", "怎么退货"):
        await talk.bring("telegram", said(text, user))
    first, second = await talk.arrived("telegram", 2)
    assert second.at_s - first.at_s >= account.channel.caps.pause_s * 0.95
