"""
The tide in front of a real gateway: open loop, over HTTP, and a stand-in for the
language model behind L3, over HTTP too, with so many places and its own times.

Conversations of three turns; the next one is sent a while after the answer, and
arrivals do not wait for anybody. Each accepted message must end answered, with a
person, or as a ticket. Beside each run stands the simulation of the same tide.
"""

from __future__ import annotations

import asyncio
import random
import re
import tempfile
from collections import Counter
from collections.abc import Callable
from statistics import mean
from time import monotonic

import httpx
import msgspec

from engines.contract import Tier
from engines.llm.settings import EndpointConfig
from gateway.client import GatewayClient, Refused
from gateway.config import Config, SimulatedConfig
from gateway.stack import Stack, running
from loadtest.llm_manners import Manners
from loadtest.llm_stub_process import running_stub
from loadtest.servers import hardware
from loadtest.tide import run
from loadtest.tide_policies import Ours
from loadtest.tide_world import Scenario


#: What is asked: a task, so that the router sends it to L3.
TEXTS = (
    "帮我把第2件退掉，其他的保留",
    "订单里那件退掉其他保留，运费怎么算帮我处理",
    "帮我取消订单里的第1件，其余照常发货",
)
#: Customers of the demo shop who have orders on their way, and how many others.
KNOWN = tuple(f"c{number}" for number in range(1001, 1011))
KNOWN_SHARE = 0.3
#: The tide, twenty times smaller than the simulated one in time and slots.
SLOTS, MEAN_S, DEADLINE_S, THINK_S = 20, 1.0, 2.5, 1.25
SETTLE_S = 15.0
#: A generator that was later than this shows itself, not the gateway.
LATE_MS = 250.0
#: Of the simulation beside a run.
SEEDS = 6


class LiveRow(msgspec.Struct, frozen=True, kw_only=True):
    """
    One run of the real gateway, and the simulation of the same tide.

    Attributes:
        talks: Turns of finished conversations, of what the model could do.

        simulated: The same on virtual time: mean, least, most of six seeds.

        gap: Difference to the simulation's mean, of it.

        late_ms: How late the generator was at worst.

        unaccounted: Accepted messages with no end; must be 0.

        busy: Calls that the stand-in refused with 429.
    """

    load: float
    accepted: int
    answered: int
    with_people: int
    ticketed: int
    unaccounted: int
    refused: int
    talks: float
    simulated: tuple[float, float, float]
    gap: float
    finished_known: float
    finished_others: float
    late_ms: float
    busy: int


class LiveReport(msgspec.Struct, frozen=True, kw_only=True):
    """All loads on one machine."""

    seconds: float
    hardware: str
    rows: list[LiveRow]


class _Talk(msgspec.Struct):
    user: str
    started: float
    answered: list[float] = msgspec.field(default_factory=list)
    is_over: bool = False


class _Crowd:
    """Customers of one run."""

    def __init__(self, client: GatewayClient, load: float, seconds: float) -> None:
        self._client = client
        self._load = load
        self._seconds = seconds
        self._rng = random.Random(int(load * 1000))
        self._number = 0
        self.talks: list[_Talk] = []
        self.ends: Counter[str] = Counter()
        self.late_s = 0.0

    async def come(self) -> None:
        """Customers come for some seconds; return when all have their answers."""
        turns = len(TEXTS)
        rate = self._load * SLOTS / MEAN_S / turns
        started = due = monotonic()
        async with asyncio.TaskGroup() as group:
            while due - started < self._seconds:
                await asyncio.sleep(max(0.0, due - monotonic()))
                self.late_s = max(self.late_s, monotonic() - due)
                group.create_task(self._talk(due - started))
                due += self._rng.expovariate(rate)

    async def _talk(self, started: float) -> None:
        self._number += 1
        name = f"tide-{self._load:g}-{self._number}"
        is_known = self._rng.random() < KNOWN_SHARE
        user = self._rng.choice(KNOWN) if is_known else f"guest-{name}"
        talk = _Talk(user, started)
        self.talks.append(talk)
        for number, text in enumerate(TEXTS):
            at = monotonic()
            try:
                sent = await self._client.send(name, f"{name}-{number}", user, text)
            except (Refused, httpx.TransportError):
                self.ends["refused"] += 1
                return
            result = sent.result
            self.ends[result.status] += 1
            if result.status != "answered" or monotonic() - at > DEADLINE_S + 1:
                return
            talk.answered.append(started + monotonic() - at)
            pause_s = self._rng.expovariate(1 / THINK_S)
            started = talk.answered[-1] + pause_s
            await asyncio.sleep(pause_s)
        talk.is_over = True

    def goodput(self) -> float:
        """Turns of finished conversations, of what the engine could do."""
        answered = [at for t in self.talks if t.is_over for at in t.answered]
        in_load = sum(at <= self._seconds for at in answered)
        return in_load / (SLOTS / MEAN_S * self._seconds)

    def finished(self, *, is_known: bool) -> float:
        """Share of the customers with, or without, orders who were served."""
        until = self._seconds - len(TEXTS) * (DEADLINE_S + THINK_S)
        judged = [
            talk.is_over
            for talk in self.talks
            if (talk.user in KNOWN) is is_known and talk.started <= max(until, 1)
        ]
        return sum(judged) / max(1, len(judged))


def live(
    config: Config,
    loads: tuple[float, ...],
    seconds: float,
    tell: Callable[[str], None],
) -> LiveReport:
    """A gateway of its own under each of *loads*, one after the other."""
    rows = []
    for load in loads:
        tell(f"{load:g}x for {seconds:.0f} s")
        with (
            tempfile.TemporaryDirectory(prefix="tidegate-tide-") as folder,
            running_stub() as stub,
        ):
            stub.manners(Manners(mean_s=MEAN_S, most=SLOTS))
            fitted = _fitted(config, folder, stub.url)
            with running(fitted, lambda _: None) as stack:
                row = asyncio.run(_one(stack, load, seconds))
                rows.append(msgspec.structs.replace(row, busy=_refusals(stack.url)))
    return LiveReport(seconds=seconds, hardware=hardware(), rows=rows)


def _fitted(config: Config, folder: str, model: str) -> Config:
    """The configured shop with an L3 that takes the time of the model at *model*."""
    slow = SimulatedConfig(tier="L3", asks_llm=True)
    endpoint = EndpointConfig(
        name="stub", url=model, model="stub", tiers=(Tier.L3,), slots=2 * SLOTS
    )
    shop = msgspec.structs.replace(config.shops[0], simulated=(slow,))
    return msgspec.structs.replace(
        config,
        data_dir=folder,
        shops=(shop,),
        llm=msgspec.structs.replace(config.llm, endpoints=(endpoint,)),
        server=msgspec.structs.replace(config.server, port=0, workers=1),
        dispatch=msgspec.structs.replace(
            config.dispatch, l3_slots=SLOTS, l3_deadline_s=DEADLINE_S
        ),
        log=msgspec.structs.replace(config.log, path=f"{folder}/gateway.log"),
    )


async def _one(stack: Stack, load: float, seconds: float) -> LiveRow:
    async with GatewayClient(stack.url, stack.key, timeout_s=60) as client:
        crowd = _Crowd(client, load, seconds)
        await crowd.come()
    ends = crowd.ends
    accepted = sum(ends.values()) - ends["refused"]
    accounted = ends["answered"] + ends["queued"] + ends["ticketed"]
    talks, simulated = crowd.goodput(), _simulated(load, seconds)
    return LiveRow(
        load=load,
        accepted=accepted,
        answered=ends["answered"],
        with_people=ends["queued"],
        ticketed=ends["ticketed"],
        unaccounted=accepted - accounted,
        refused=ends["refused"],
        talks=talks,
        simulated=simulated,
        gap=talks / simulated[0] - 1,
        finished_known=crowd.finished(is_known=True),
        finished_others=crowd.finished(is_known=False),
        late_ms=crowd.late_s * 1000,
        busy=0,
    )


def _refusals(gateway: str) -> int:
    """Calls of the model that ended with 429, by the gateway's own metrics."""
    page = httpx.get(f"{gateway}/metrics", trust_env=False)
    found = re.findall(
        r'^tidegate_llm_calls_total\{[^}]*outcome="overloaded"[^}]*\} (\S+)$',
        page.raise_for_status().text,
        re.MULTILINE,
    )
    return sum(int(float(value)) for value in found)


def _simulated(load: float, seconds: float) -> tuple[float, float, float]:
    """The same tide on virtual time: mean, least and most."""
    scenario = Scenario(
        name="live",
        load=load,
        load_s=seconds,
        until_s=seconds + SETTLE_S,
        slots=SLOTS,
        service_s=MEAN_S,
        deadline_s=DEADLINE_S,
        think_s=THINK_S,
        shares=(0.0, KNOWN_SHARE, 1 - KNOWN_SHARE),
    )
    found = [run(scenario, Ours, seed).talks for seed in range(SEEDS)]
    return mean(found), min(found), max(found)
