"""
A shop whose neighbour is flooded: what it notices of that.

Two shops share one gateway, and behind L2 and L3 a number of places that the loud
shop alone fills many times over. In each round the calm shop sends the same messages
twice, to a fresh gateway each time: with nobody else there, and beside the flood. What
counts is the ratio of the two p99 within a round. Answers of people's line are
quick, so a shop that is turned away looks fast: its answered messages are counted as well.

The engines of L2 and L3 only take their time, a nearly even one: what differs
between the two runs of a round is then waiting, and not an engine's mood.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from statistics import median

import httpx
import msgspec

from gateway.admission.asks import Verdict
from gateway.config import ChannelConfig, Config, SimulatedConfig
from gateway.stack import Stack, running
from loadtest.generator import Result
from loadtest.sale import Ends, Sale, account, admissions, offer
from loadtest.servers import hardware


#: What a neighbour's flood may add to the calm shop's p99.
MOST_WORSE = 1.10
#: Part of the calm shop's answered messages that must still be answered.
LEAST_ANSWERED = 0.99
#: Half for L1, half for L2: 50 times four a second are twice what 16 places answer.
MIX = (
    ("多久发货",), ("支持七天无理由退货吗",),
    ("我的订单到哪了",), ("这件衣服的面料是什么做的",),
)  # fmt: skip
#: How long an answer of L2 or L3 takes.
ANSWER_S = 0.3
#: Verdicts of a pool that has no place for a turn.
NO_PLACE = (Verdict.CURSOR, Verdict.NO_TIME, Verdict.TOO_LATE, Verdict.CLOSED)
#: The calm shop sends so long before it is measured.
WARM_S = 2.0
CALM, LOUD = "calm", "loud"


class Neighbours(msgspec.Struct, frozen=True, kw_only=True):
    """
    What is to be run.

    Attributes:
        calm_per_s: Messages a second of the calm shop.

        times: How many times as many its neighbour sends.

        talks: What customers of both shops write.

        places: Of L2 and of L3, for both shops together.
    """

    talks: tuple[tuple[str, ...], ...] = MIX
    rounds: int = 3
    seconds: float = 15.0
    calm_per_s: float = 4.0
    times: float = 50.0
    places: int = 16
    seed: int = 1


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """
    One run as the calm shop's customers saw it.

    Attributes:
        loud: What the flooded shop's saw; None if it was silent.

        admissions: Turns of both shops at the places of L2 and L3, by verdict.
    """

    client: Result
    ends: Ends
    loud: Result | None = None
    admissions: dict[str, int] = msgspec.field(default_factory=dict)

    @property
    def turned_away(self) -> int:
        """Turns that found no place: only then was there anything to share."""
        return sum(self.admissions.get(verdict, 0) for verdict in NO_PLACE)

    @property
    def is_valid(self) -> bool:
        """No generator was late."""
        return self.client.is_valid and (self.loud is None or self.loud.is_valid)


class Round(msgspec.Struct, frozen=True, kw_only=True):
    """The same messages with nobody else there, and beside the flood."""

    alone: Seen
    beside: Seen

    @property
    def ratio(self) -> float:
        """The p99 beside the flood over that alone."""
        return self.beside.client.p99_ms / self.alone.client.p99_ms


class NeighbourReport(msgspec.Struct, frozen=True, kw_only=True):
    """A run."""

    plan: Neighbours
    rounds: tuple[Round, ...]
    hardware: str

    @property
    def ratio(self) -> float:
        """Median over the rounds."""
        return median(one.ratio for one in self.rounds)

    @property
    def answered(self) -> float:
        """The calm shop's answered messages beside the flood, over those alone."""
        alone = sum(one.alone.ends.answered for one in self.rounds)
        return sum(one.beside.ends.answered for one in self.rounds) / max(1, alone)

    @property
    def is_valid(self) -> bool:
        """No generator was late in any run."""
        return all(one.alone.is_valid and one.beside.is_valid for one in self.rounds)

    @property
    def findings(self) -> list[str]:
        """What the calm shop suffered."""
        found = []
        if not all(one.beside.turned_away for one in self.rounds):
            found.append("the flood never filled the places: this shows nothing")
        if self.ratio >= MOST_WORSE:
            found.append(f"the calm shop's p99 is {self.ratio:.2f} times as long")
        if self.answered < LEAST_ANSWERED:
            found.append(f"only {self.answered:.1%} of its answers are still given")
        ends = [run.ends for one in self.rounds for run in (one.alone, one.beside)]
        if lost := sum(end.unfinished + end.not_taken for end in ends):
            found.append(f"{lost} of its messages were not taken, or have no end")
        return found


def run_neighbours(
    config: Config, plan: Neighbours, tell: Callable[[str], None]
) -> NeighbourReport:
    """Run *plan* against gateways on fresh data folders."""
    ours = two_shops(config, plan.places)
    rounds = tuple(_round(ours, plan, number, tell) for number in range(plan.rounds))
    return NeighbourReport(plan=plan, rounds=rounds, hardware=hardware())


def two_shops(config: Config, places: int) -> Config:
    """The first shop of *config* twice, with few places behind L2 and L3."""
    timed = tuple(
        SimulatedConfig(tier=tier, mean_s=ANSWER_S, cv=0.1) for tier in ("L2", "L3")
    )
    shops = tuple(
        msgspec.structs.replace(
            config.shops[0],
            id=name,
            simulated=timed,
            channels=(ChannelConfig(name="app"),),
        )
        for name in (CALM, LOUD)
    )
    few = msgspec.structs.replace(config.dispatch, l2_slots=places, l3_slots=places)
    return msgspec.structs.replace(config, shops=shops, dispatch=few)


def _round(
    config: Config, plan: Neighbours, number: int, tell: Callable[[str], None]
) -> Round:
    found = Round(
        alone=seen(config, plan, number, is_flooded=False),
        beside=seen(config, plan, number, is_flooded=True),
    )
    tell(
        f"round {number + 1}: p99 {found.alone.client.p99_ms:.0f} ms alone,"
        f" {found.beside.client.p99_ms:.0f} ms beside the flood"
    )
    return found


def seen(config: Config, plan: Neighbours, number: int, *, is_flooded: bool) -> Seen:
    """One run of round *number*, to a fresh gateway with the shops of *config*."""
    with tempfile.TemporaryDirectory(prefix="tidegate-neighbours-") as folder:
        server = msgspec.structs.replace(config.server, port=0)
        log = msgspec.structs.replace(config.log, path=f"{folder}/gateway.log")
        ours = msgspec.structs.replace(config, data_dir=folder, server=server, log=log)
        with running(ours, lambda _: None) as stack:
            sale = Sale(
                shape="steady",
                seconds=plan.seconds,
                peak_per_s=plan.calm_per_s,
                talks=plan.talks,
                seed=plan.seed + number,
                prefix=CALM,
            )
            warm = msgspec.structs.replace(sale, seconds=WARM_S, prefix="warm")
            offer(stack, warm)
            client, loud = _offered(stack, sale, plan.times if is_flooded else 0.0)
            ends = asyncio.run(account(stack, sale))
            exposition = httpx.get(
                f"{stack.url}/metrics", trust_env=False, timeout=30
            ).text
    return Seen(client=client, ends=ends, loud=loud, admissions=admissions(exposition))


def _offered(stack: Stack, sale: Sale, times: float) -> tuple[Result, Result | None]:
    """What both shops' customers saw, who write at the same time."""
    if not times:
        return offer(stack, sale), None
    flood = msgspec.structs.replace(
        sale, peak_per_s=sale.peak_per_s * times, seed=sale.seed + 1_000, prefix=LOUD
    )
    with ThreadPoolExecutor(1) as beside:
        loud = beside.submit(offer, stack_of(stack, LOUD), flood)
        return offer(stack, sale), loud.result()


def stack_of(stack: Stack, shop: str) -> Stack:
    """*stack* with the key of another of its shops."""
    [its] = [one for one in stack.supervisor.config.shops if one.id == shop]
    return msgspec.structs.replace(stack, shop=shop, key=its.channels[0].key)
