"""
WeCom customer service is pulled by one worker at a time; when that one is killed
another goes on, with no message lost or answered twice.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import msgspec
import pytest
from inside_gateway import Inside, open_inside
from platform_talk import said

from gateway.config import ChannelConfig, Config
from gateway.store.pulls import Pull
from loadtest.platform_process import PlatformControl, running_platforms
from loadtest.play import Said
from loadtest.players import PLAYERS
from loadtest.players_china import wecom_kf_row


pytestmark = pytest.mark.anyio

SHOP = "pulled"
#: Lease of an account in these tests; production has 30 s.
LEASE_MS = 400
#: Messages of a burst: three pages of the platform's two.
BURST = 5
MARK = "【智能客服】"


class Two(NamedTuple):
    """Two workers of one shop, and the platform that both pull from."""

    a: Inside
    b: Inside
    platform: PlatformControl
    settings: Any

    async def hint(self, inside: Inside, message: Said) -> None:
        """The platform's webhook, which brings no content."""
        request = PLAYERS["wecom_kf"].hook(self.settings, message)
        answer = await inside.http.post(
            f"/v1/hooks/wecom_kf/{SHOP}",
            params=dict(request.query),
            headers=dict(request.headers),
            content=request.body,
        )
        assert answer.status_code == 200, answer.text

    async def answered(self, count: int) -> list[str]:
        """Who was answered, once for each answer, when nothing moves any more."""
        async with asyncio.timeout(20):
            while len(self._heard()) < count:
                self.b.gateway.channels.hooks.hinted.set()
                await asyncio.sleep(0.05)
        for one in (self.a, self.b):
            await one.rest()
            await one.gateway.channels.deliverer.rest()
        return self._heard()

    def _heard(self) -> list[str]:
        heard = [PLAYERS["wecom_kf"].heard(one.body) for one in self.platform.arrived()]
        return sorted(user for user, text in heard for _ in range(text.count(MARK)))


@pytest.fixture(scope="module")
def pulled_from() -> Iterator[PlatformControl]:
    """A platform of its own, whose cursor nobody else moves."""
    with running_platforms() as control:
        yield control


@pytest.fixture(scope="module")
async def pair(config: Config, pulled_from: PlatformControl) -> AsyncIterator[Two]:
    """Two gateways with one account of WeCom customer service."""
    settings = PLAYERS["wecom_kf"].settings(pulled_from.url)
    channels = (
        ChannelConfig(name="app"),
        ChannelConfig(name="wecom_kf", platform=settings),
    )
    shop = msgspec.structs.replace(config.shops[0], id=SHOP, channels=channels)
    ours = msgspec.structs.replace(config, shops=(shop,))
    async with open_inside(ours, "a") as a, open_inside(ours, "b") as b:
        yield Two(a, b, pulled_from, settings)


@pytest.fixture
async def two(pair: Two) -> Two:
    """Both alive and well; only *a* pulls."""
    pair.platform.forget()
    for one in (pair.a, pair.b):
        await one.gateway.channels.puller.stop()
        one.gateway.channels.puller._pulls._lease_ms = LEASE_MS
    pair.a.gateway.channels.puller.start()
    return pair


def burst(two: Two) -> list[Said]:
    """Messages of as many new customers, behind what the platform has to give."""
    found = [said() for _ in range(BURST)]
    two.platform.pull([wecom_kf_row(one) for one in found])
    return found


def users(messages: list[Said]) -> list[str]:
    """Whom answers to *messages* must reach."""
    return sorted(one.user for one in messages)


@contextmanager
def killed(
    two: Two, monkeypatch: pytest.MonkeyPatch, where: str, page: int
) -> Iterator[asyncio.Event]:
    """*a*'s puller dies *where* in its *page*-th page; set once it is dead."""
    dead, calls = asyncio.Event(), [0]
    channels = two.a.gateway.channels
    target: Any = channels.hooks if where.endswith("accept") else channels.puller._pulls
    name = where.split()[1]
    real: Callable[..., Awaitable[Any]] = getattr(target, name)

    async def deadly(*args: Any, **more: Any) -> Any:
        calls[0] += 1
        if calls[0] < page:
            return await real(*args, **more)
        if where.startswith("after"):
            await real(*args, **more)
        dead.set()
        raise asyncio.CancelledError

    with monkeypatch.context() as broken:
        broken.setattr(target, name, deadly)
        yield dead


@pytest.mark.parametrize("page", [1, 2])
@pytest.mark.parametrize("where", ["before accept", "before move", "after move"])
async def test_another_worker_goes_on_where_the_holder_died(
    two: Two, monkeypatch: pytest.MonkeyPatch, where: str, page: int
) -> None:
    """Killed before a page is on disk, before its cursor is, and after it."""
    messages = burst(two)
    # *b*, which does not pull yet, takes the webhook; *a* finds its hint in the store.
    await two.hint(two.b, messages[0])
    with killed(two, monkeypatch, where, page) as dead:
        two.a.gateway.channels.hooks.hinted.set()
        await asyncio.wait_for(dead.wait(), 10)
        two.b.gateway.channels.puller.start()
        assert await two.answered(BURST) == users(messages)


async def test_who_slept_past_the_lease_doubles_nothing(
    two: Two, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first holder wakes when the second is done: its cursor is not written."""
    messages, asleep, wake = burst(two), asyncio.Event(), asyncio.Event()
    pulls = two.a.gateway.channels.puller._pulls
    real, moved = pulls.move, []

    async def slow(pull: Pull, cursor: str, *, is_done: bool) -> bool:
        asleep.set()
        await wake.wait()
        moved.append(await real(pull, cursor, is_done=is_done))
        return bool(moved[-1])

    monkeypatch.setattr(pulls, "move", slow)
    await two.hint(two.a, messages[0])
    await asyncio.wait_for(asleep.wait(), 10)
    two.b.gateway.channels.puller.start()
    assert await two.answered(BURST) == users(messages)
    wake.set()
    await asyncio.sleep(0.1)
    assert moved == [False]
    assert await two.answered(BURST) == users(messages)


async def test_while_one_pulls_nobody_else_does(
    two: Two, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A second worker finds the account taken, and gets it when the lease is over."""
    messages = burst(two)
    await two.hint(two.b, messages[0])
    with killed(two, monkeypatch, "before move", 1) as dead:
        for one in (two.a, two.b):
            one.gateway.channels.puller._pulls._lease_ms = 1_500
        two.a.gateway.channels.hooks.hinted.set()
        await asyncio.wait_for(dead.wait(), 10)
        pulls = two.b.gateway.channels.puller._pulls
        assert await pulls.take(SHOP, "wecom_kf", "wk1") is None
        two.b.gateway.channels.puller.start()
        assert await two.answered(BURST) == users(messages)
