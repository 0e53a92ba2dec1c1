"""
Webhooks at a rate, then the same ones again: how fast they are acknowledged while the
agent takes its time, and whether anything was processed twice. Open loop: latency
counts from when a request was due, not from when the client came round to it.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import httpx
import msgspec

from gateway.config import ChannelConfig, Config, SimulatedConfig
from gateway.stack import running
from loadtest.platform_process import PlatformControl, running_platforms
from loadtest.play import Said
from loadtest.players import PLAYERS


KIND = "webhook"
#: Turns the agent may have in work: all that come while it thinks.
_SLOTS = 5_000
#: Requests on the way at once. The client's own pool must not be what they wait in: it
#: looks through all who wait for each that comes.
_CONNECTIONS = 100
_TEXTS = ("多久发货", "怎么退货", "满多少包邮", "第2件退掉其他保留")


class HookReport(msgspec.Struct, frozen=True, kw_only=True):
    """
    What was seen.

    Attributes:
        l3_s: How long the agent takes for its share of the messages.

        ack_ms: p50, p99 and the worst, from when the request was due.

        late_ms: How late the generator was at worst; it counts in *ack_ms*.

        replies: Sends that arrived at the platform; one for each message.

        doubled: Replies more than messages after all replays.
    """

    webhooks: int
    rate_per_s: float
    l3_s: float
    late_ms: float
    ack_ms: tuple[float, float, float]
    refused: int
    replays: int
    replies: int
    doubled: int


class _Made(msgspec.Struct, frozen=True):
    headers: dict[str, str]
    body: bytes


class _Took(NamedTuple):
    ms: float
    late_ms: float
    status: int


def run_hooks(
    config: Config, folder: Path, *, count: int, rate: float, replays: int, l3_s: float
) -> HookReport:
    """Start a gateway and a platform, and let the one call the other."""
    with running_platforms() as platform:
        settings = PLAYERS[KIND].settings(platform.url)
        channels = (
            ChannelConfig(name="app"),
            ChannelConfig(name=KIND, platform=settings),
        )
        replace = msgspec.structs.replace
        own = replace(
            config,
            data_dir=str(folder),
            server=replace(config.server, port=0),
            log=replace(config.log, path=str(folder / "gateway.log")),
            dispatch=replace(
                config.dispatch, l3_slots=_SLOTS, l3_deadline_s=max(l3_s * 3, 10.0)
            ),
            shops=(
                replace(
                    config.shops[0],
                    channels=channels,
                    simulated=(SimulatedConfig(tier="L3", mean_s=l3_s, cv=0.1),),
                ),
            ),
        )
        with running(own, print) as stack:
            made = [_made(settings, number) for number in range(count)]
            path = f"{stack.url}/v1/hooks/{KIND}/demo"
            report = asyncio.run(_measure(path, made, rate, replays, platform))
    return replace(report, l3_s=l3_s)


def _made(settings: object, number: int) -> _Made:
    said = Said(
        secrets.token_hex(8), str(10**9 + number), _TEXTS[number % 4], time.time()
    )
    request = PLAYERS[KIND].hook(settings, said)
    return _Made(dict(request.headers), request.body)


async def _measure(
    path: str,
    made: Sequence[_Made],
    rate: float,
    replays: int,
    platform: PlatformControl,
) -> HookReport:
    limits = httpx.Limits(max_connections=_CONNECTIONS)
    async with httpx.AsyncClient(trust_env=False, limits=limits, timeout=30) as http:
        first = await _present(http, path, made, rate)
        arrived = await _settled(platform, len(made))
        again = [made[number % len(made)] for number in range(replays)]
        second = await _present(http, path, again, rate * 3)
        await asyncio.sleep(3)
        replies = len(await asyncio.to_thread(platform.arrived))
    took = sorted(one.ms for one in first)
    return HookReport(
        webhooks=len(made),
        rate_per_s=rate,
        l3_s=0.0,
        late_ms=round(max(one.late_ms for one in first), 1),
        ack_ms=(
            round(took[len(took) // 2], 1),
            round(took[int(len(took) * 0.99)], 1),
            round(took[-1], 1),
        ),
        refused=sum(one.status != httpx.codes.OK for one in (*first, *second)),
        replays=replays,
        replies=arrived,
        doubled=replies - arrived,
    )


async def _present(
    http: httpx.AsyncClient, path: str, made: Sequence[_Made], rate: float
) -> list[_Took]:
    """Milliseconds from when each was due, and the status."""
    started = time.perf_counter() + 0.1
    room = asyncio.Semaphore(_CONNECTIONS)

    async def one(number: int, request: _Made) -> _Took:
        due = started + number / rate
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        late_ms = (time.perf_counter() - due) * 1e3
        async with room:
            answer = await http.post(
                path, headers=request.headers, content=request.body
            )
        return _Took((time.perf_counter() - due) * 1e3, late_ms, answer.status_code)

    return await asyncio.gather(*(one(n, request) for n, request in enumerate(made)))


async def _settled(platform: PlatformControl, count: int) -> int:
    """Replies that arrived, once nothing more comes for a while."""
    return len(await asyncio.to_thread(platform.until, count, 60.0))
