"""
A day of sends within budgets, in a minute: real gateway, store and HTTP; only the
platforms' windows and pauses are shorter by one factor.

Customers write now and then, the machine answers, operators take talks over and say
long and short lines, and three times the platforms are away for twenty minutes. The
platforms' stand-in writes down what arrived; :mod:`loadtest.send_check` judges it.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

import httpx
import msgspec

from gateway.app import Gateway
from gateway.channels.contract import Caps, Channel
from gateway.config import ChannelConfig, Config
from gateway.outcome import EventBody, encode
from gateway.secrets import fill
from gateway.store.embedded import EmbeddedStore
from loadtest.platform_process import PlatformControl, running_platforms
from loadtest.platform_server import Manners
from loadtest.play import Said
from loadtest.players import PLAYERS
from loadtest.players_china import wecom_kf_row
from loadtest.send_check import Heard, findings


SHOP = "demo"
#: Seconds of the platforms' day in one of ours.
HURRY: Final = 1_200
DAY_S: Final = 86_400 / HURRY
#: Channels that count sends or keep windows, and one that does neither.
KINDS: Final = ("wechat", "wecom_kf", "whatsapp", "telegram")
#: Where a conversation's name comes from its customer's.
_NAMES: Final = {"wechat": "o{}", "wecom_kf": "wk1:wm{}"}
_WORDS_A_DAY = 6
_OPERATED = 0.5
_LINES = (1, 14)
_OUTAGES: Final = ((0.2, "down"), (0.5, "fast"), (0.75, "down"))
_OUTAGE_S: Final = 1200 / HURRY
_SETTLE_S = 20.0
_SHOWN = 20


class DayReport(msgspec.Struct, frozen=True, kw_only=True):
    """
    What was seen.

    Attributes:
        words: Customers' messages; *lines* are operators'.

        sends: That arrived at the platforms.

        wrong: What is not as it must be; the first twenty.
    """

    customers: int
    words: int
    lines: int
    sends: int
    wrong: tuple[str, ...]


class _Customer(NamedTuple):
    kind: str
    user: str
    words_s: list[float]
    lines: list[str]


def hurried(channel: Channel) -> Caps:
    """A channel's limits with windows and pauses shorter."""
    caps = channel.caps
    return msgspec.structs.replace(
        caps,
        window_s=caps.window_s // HURRY,
        pause_s=caps.pause_s / HURRY,
        rate_per_s=1000.0,
        burst=100,
    )


def run_day(config: Config, folder: Path, *, customers: int, seed: int) -> DayReport:
    """Let a day pass; about a minute and a half."""
    store = EmbeddedStore(folder)
    try:
        with running_platforms() as platform:
            fitted = _fitted(config, folder, store.start(), platform.url)
            return asyncio.run(_day(fitted, folder, platform, customers, seed))
    finally:
        store.stop()


def _fitted(config: Config, folder: Path, store_url: str, url: str) -> Config:
    replace = msgspec.structs.replace
    channels = (
        ChannelConfig(name="app"),
        *(
            ChannelConfig(name=kind, platform=PLAYERS[kind].settings(url))
            for kind in KINDS
        ),
    )
    return replace(
        config,
        data_dir=str(folder),
        store=replace(config.store, url=store_url),
        log=replace(config.log, path=str(folder / "gateway.log")),
        shops=(replace(config.shops[0], id=SHOP, channels=channels),),
    )


async def _day(
    config: Config, folder: Path, platform: PlatformControl, customers: int, seed: int
) -> DayReport:
    filled, kept = fill(config, folder)
    gateway = await Gateway.open(filled, kept.visitor_secret)
    try:
        for account in gateway.channels.accounts:
            account.channel.caps = hurried(account.channel)  # type: ignore[misc]  # this day's
        transport = httpx.ASGITransport(app=gateway.asgi)  # type: ignore[arg-type]  # an ASGI application
        async with httpx.AsyncClient(
            transport=transport, base_url="http://inside", timeout=30
        ) as http:
            town = _Town(gateway, http, platform, random.Random(seed))
            return await town.live(customers)
    finally:
        await gateway.close(1.0)


class _Town:
    def __init__(
        self,
        gateway: Gateway,
        http: httpx.AsyncClient,
        platform: PlatformControl,
        rng: random.Random,
    ) -> None:
        self._http = http
        self._platform = platform
        self._rng = rng
        self._started = time.time()
        #: Operators' claims and lines go to the store as the desk's do.
        self._store = gateway.dispatcher._conversations  # noqa: SLF001 - its own store
        self._accounts = {one.name: one for one in gateway.channels.accounts}

    async def live(self, customers: int) -> DayReport:
        """All customers' day, and the outages in it."""
        crowd = [
            _Customer(kind, str(self._rng.randrange(10**9, 10**10)), [], [])
            for kind in KINDS
            for _ in range(customers)
        ]
        self._started = time.time()
        await asyncio.gather(
            *(self._live(one) for one in crowd), *(self._outage(*o) for o in _OUTAGES)
        )
        heard = await self._settled()
        wrong = [
            f"{one.kind} {one.user}: {words}"
            for one in crowd
            for words in findings(
                one.words_s,
                heard.get((one.kind, one.user), []),
                self._accounts[one.kind].channel.caps,
            )
        ]
        silent = [one for one in crowd if not heard.get((one.kind, one.user))]
        wrong += [f"{one.kind} {one.user}: heard nothing" for one in silent]
        return DayReport(
            customers=len(crowd),
            words=sum(len(one.words_s) for one in crowd),
            lines=sum(len(one.lines) for one in crowd),
            sends=sum(map(len, heard.values())),
            wrong=tuple(wrong[:_SHOWN]),
        )

    async def _outage(self, at: float, mode: str) -> None:
        await self._until(at * DAY_S)
        await self._behave(Manners(mode=mode))  # type: ignore[arg-type]  # one of them
        await asyncio.sleep(_OUTAGE_S)
        await self._behave(Manners())

    async def _behave(self, manners: Manners) -> None:
        await asyncio.to_thread(self._platform.manners, manners)

    async def _until(self, second: float) -> None:
        await asyncio.sleep(max(0.0, self._started + second - time.time()))

    async def _live(self, one: _Customer) -> None:
        """Words over the day; of some an operator takes over in the middle."""
        rng = self._rng
        times = sorted(rng.uniform(0, DAY_S) for _ in range(_WORDS_A_DAY))
        is_operated = rng.random() < _OPERATED
        for number, second in enumerate(times):
            await self._until(second)
            await self._write(one)
            if is_operated and number == 1:
                await self._own(one)
            if is_operated and number >= 1:
                await self._say(one, rng.randint(*_LINES))

    async def _write(self, one: _Customer) -> None:
        said = Said(f"{self._rng.getrandbits(60):x}", one.user, "多久发货", time.time())
        account = self._accounts[one.kind]
        # Before anybody can pull it: another customer's hint brings it too.
        one.words_s.append(time.time())
        if one.kind == "wecom_kf":
            await asyncio.to_thread(self._platform.pull, [wecom_kf_row(said)])
        request = PLAYERS[one.kind].hook(account.settings.platform, said)
        answer = await self._http.post(
            f"/v1/hooks/{one.kind}/{SHOP}",
            params=dict(request.query),
            headers=dict(request.headers),
            content=request.body,
        )
        answer.raise_for_status()

    def _name(self, one: _Customer) -> str:
        return f"{one.kind}.{_NAMES.get(one.kind, '{}').format(one.user)}"

    async def _own(self, one: _Customer) -> None:
        # What the machine is at is finished first, as an operator's claim finds it.
        await asyncio.sleep(0.3)
        await self._store.own(SHOP, self._name(one), f"h-{one.user}", 1)

    async def _say(self, one: _Customer, count: int) -> None:
        for _ in range(count):
            number = len(one.lines) + 1
            words = "详细说明。" * self._rng.choice((1, 1, 1, 40, 200))
            one.lines.append(f"#{number:04}#{words}")
            event = EventBody(at_ms=1, text=one.lines[-1], operator="小林")
            await self._store.say(
                SHOP,
                self._name(one),
                f"h-{one.user}",
                1,
                line_id=f"{one.user}-{number}",
                event=("o", encode(event)),
            )
            await asyncio.sleep(self._rng.uniform(0, 0.15))

    async def _settled(self) -> dict[tuple[str, str], Sequence[Heard]]:
        """What arrived, by channel and customer, once nothing more comes."""
        give_up, count = time.monotonic() + _SETTLE_S, Counter[int]()
        while time.monotonic() < give_up and max(count.values(), default=0) < 3:  # noqa: PLR2004 - quiet for three looks
            await asyncio.sleep(1.5)
            arrived = await asyncio.to_thread(self._platform.arrived)
            count[len(arrived)] += 1
        found: dict[tuple[str, str], list[Heard]] = {}
        for one in arrived:
            user, text = PLAYERS[one.kind].heard(one.body)
            found.setdefault((one.kind, str(user)), []).append(Heard(one.at_s, text))
        return dict(found)
