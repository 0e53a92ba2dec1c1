"""
Platforms that repeat themselves: every message many times at once, two messages of a
new customer in quick succession, and all of it again later, on every channel there is.

Judged from both ends: the conversation's own events (one conversation, two messages,
an answer to each, in order) and what arrived at the platform.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator, Awaitable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import msgspec

from gateway.channels.contract import RawRequest
from gateway.channels.hooks import plain_id
from gateway.channels.registry import Platform, open_channel
from gateway.config import ChannelConfig, Config
from gateway.stack import Stack, running
from loadtest.platform_process import PlatformControl, running_platforms
from loadtest.play import Said
from loadtest.players import PLAYERS
from loadtest.players_china import wecom_kf_row


SHOP = "demo"
#: Two questions that rules answer, and what only the answer to each says.
TEXTS = ("多久发货", "怎么退货")
SIGNS = ("48 小时", "退货")
#: Begins every answer of the machine.
MARK = "【智能客服】"
#: Copies of one delivery, and milliseconds between two messages of one customer.
COPIES = (2, 50)
APART_MS = 300.0
_CUSTOMERS_AT_ONCE = 6
_REPLAYS_AT_ONCE = 40
_SETTLE_S = 60.0
_SHOWN = 20


class CopiesReport(msgspec.Struct, frozen=True, kw_only=True):
    """
    What was seen.

    Attributes:
        requests: Webhooks sent, copies included; *replays* came later.

        answers: That arrived at the platforms; *expected* is one a message.

        wrong: What is not as it must be, in words; the first twenty.
    """

    channels: int
    customers: int
    requests: int
    replays: int
    refused: int
    expected: int
    answers: int
    wrong: tuple[str, ...]

    @property
    def is_fine(self) -> bool:
        """Nothing refused, lost, doubled, torn apart or out of order."""
        return not (self.refused or self.wrong) and self.answers == self.expected


class _Customer(NamedTuple):
    kind: str
    user: str
    said: tuple[Said, Said]
    requests: tuple[RawRequest, RawRequest]
    conversation: str


def run_copies(
    config: Config, folder: Path, *, customers: int, replays: int, seed: int
) -> CopiesReport:
    """Start a gateway of two workers and all platforms, and let them repeat."""
    with running_platforms() as platform:
        accounts = {kind: one.settings(platform.url) for kind, one in PLAYERS.items()}
        with running(_fitted(config, folder, accounts), lambda _: None) as stack:
            crowd = _Crowd(stack, platform, accounts, random.Random(seed))
            return asyncio.run(crowd.run(customers, replays))


def _fitted(config: Config, folder: Path, accounts: Mapping[str, Platform]) -> Config:
    replace = msgspec.structs.replace
    channels = (
        ChannelConfig(name="app"),
        *(ChannelConfig(name=kind, platform=one) for kind, one in accounts.items()),
    )
    return replace(
        config,
        data_dir=str(folder),
        server=replace(config.server, port=0, workers=2),
        log=replace(config.log, path=str(folder / "gateway.log")),
        limits=replace(config.limits, rate_per_s=10_000.0, burst=10_000),
        shops=(replace(config.shops[0], id=SHOP, channels=channels),),
    )


class _Crowd:
    def __init__(
        self,
        stack: Stack,
        platform: PlatformControl,
        accounts: Mapping[str, Platform],
        rng: random.Random,
    ) -> None:
        self._platform = platform
        self._accounts = accounts
        self._rng = rng
        self._http = httpx.AsyncClient(base_url=stack.url, trust_env=False, timeout=30)
        self._keys = {
            one.name: one.key for one in stack.supervisor.config.shops[0].channels
        }
        self._requests = 0
        self._refused = 0

    async def run(self, customers: int, replays: int) -> CopiesReport:
        """Come, be answered, come again; then look at both ends."""
        crowd = [self._new(kind) for _ in range(customers) for kind in PLAYERS]
        async with self._http:
            await _at_once([self._come(one) for one in crowd], _CUSTOMERS_AT_ONCE)
            sent, expected = self._requests, 2 * len(crowd)
            await self._settled(expected)
            again = [self._rng.choice(crowd) for _ in range(replays)]
            await _at_once(
                [self._call(one, self._rng.randrange(2)) for one in again],
                _REPLAYS_AT_ONCE,
            )
            await asyncio.sleep(3)
            answers = await self._heard()
            wrong = [words for one in crowd async for words in self._look(one)]
        wrong += _miscounted(crowd, answers)
        return CopiesReport(
            channels=len(PLAYERS),
            customers=len(crowd),
            requests=sent,
            replays=replays,
            refused=self._refused,
            expected=expected,
            answers=sum(text.count(MARK) for _, _, text in answers),
            wrong=tuple(wrong[:_SHOWN]),
        )

    def _new(self, kind: str) -> _Customer:
        user = str(self._rng.randrange(10**9, 10**10))
        one, two = (
            Said(f"{self._rng.getrandbits(48):x}", user, text, time.time())
            for text in TEXTS
        )
        settings = self._accounts[kind]
        hook = PLAYERS[kind].hook
        first = hook(settings, one)
        return _Customer(
            kind,
            user,
            (one, two),
            (first, hook(settings, two)),
            _conversation(settings, first, user),
        )

    async def _come(self, one: _Customer) -> None:
        """Both messages, each many times, a moment apart."""
        if one.kind == "wecom_kf":
            rows = [wecom_kf_row(said) for said in one.said]
            await asyncio.to_thread(self._platform.pull, rows)
        wait_s = self._rng.uniform(0, APART_MS) / 1e3
        counts = [self._rng.randint(*COPIES) for _ in one.said]
        first = asyncio.gather(*(self._call(one, 0) for _ in range(counts[0])))
        await asyncio.sleep(wait_s)
        await asyncio.gather(first, *(self._call(one, 1) for _ in range(counts[1])))

    async def _call(self, one: _Customer, number: int) -> None:
        request = one.requests[number]
        self._requests += 1
        answer = await self._http.post(
            f"/v1/hooks/{one.kind}/{SHOP}",
            params=dict(request.query),
            headers=dict(request.headers),
            content=request.body,
        )
        self._refused += answer.status_code != httpx.codes.OK

    async def _heard(self) -> list[tuple[str, str, str]]:
        """Platform, whom, and what, of everything that arrived."""
        arrived = await asyncio.to_thread(self._platform.arrived)
        heard = [(one.kind, PLAYERS[one.kind].heard(one.body)) for one in arrived]
        return [(kind, str(user), text) for kind, (user, text) in heard]

    async def _settled(self, expected: int) -> None:
        give_up = time.monotonic() + _SETTLE_S
        while time.monotonic() < give_up:
            heard = await self._heard()
            if sum(text.count(MARK) for _, _, text in heard) >= expected:
                return
            await asyncio.sleep(0.5)

    async def _look(self, one: _Customer) -> AsyncIterator[str]:
        """What is wrong with a conversation's events."""
        answer = await self._http.get(
            f"/v1/conversations/{one.conversation}/events",
            headers={"authorization": f"Bearer {self._keys[one.kind]}"},
        )
        events = answer.json().get("events", [])
        kinds = [event["kind"] for event in events]
        texts = [event["text"] for event in events if event["kind"] == "reply"]
        if sorted(kinds) != ["message", "message", "reply", "reply"]:
            yield f"{one.kind} {one.user}: events {kinds}"
        elif not all(
            sign in text for sign, text in zip(_signs(events), texts, strict=True)
        ):
            yield f"{one.kind} {one.user}: answers do not follow the messages"


def _signs(events: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """What the answers must say, in the order in which the messages were taken."""
    for event in events:
        if event["kind"] == "message":
            yield SIGNS[TEXTS.index(event["text"])]


def _conversation(settings: Platform, request: RawRequest, user: str) -> str:
    """The gateway's name of a customer's conversation, without the channel."""
    channel = open_channel(settings)
    found = channel.decode(request, channel.verify(request, time.time()))
    if found.pull is not None:
        return f"{found.pull.account}:wm{user}"
    return plain_id(found.messages[0].conversation_id)


def _miscounted(
    crowd: Sequence[_Customer], heard: Sequence[tuple[str, str, str]]
) -> list[str]:
    """Customers who did not hear one answer to each message."""
    by_user: dict[tuple[str, str], str] = {}
    for kind, user, text in heard:
        by_user[kind, user] = by_user.get((kind, user), "") + text
    named = {kind for kind, user, _ in heard if user}
    return [
        f"{one.kind} {one.user}: heard {by_user.get((one.kind, one.user), '')[:80]!r}"
        for one in crowd
        if one.kind in named
        and by_user.get((one.kind, one.user), "").count(MARK) != len(TEXTS)
    ]


async def _at_once(calls: Sequence[Awaitable[None]], most: int) -> None:
    """Await all, so many at a time."""
    places = asyncio.Semaphore(most)

    async def one(call: Awaitable[None]) -> None:
        async with places:
            await call

    await asyncio.gather(*(one(call) for call in calls))
