"""
What messages cost this machine, fitted from runs, and whether that foretells another run.

A fresh gateway with one worker gets short open-loop runs, each of messages of one tier,
then of several a conversation. A run is told apart by how many messages ended on each
tier, by the gateway's own metrics; costs are fitted by least squares without negative
parts (Lawson and Hanson, 1974). The check is a run that the fit has not seen: the
shipped mix of conversations, at another rate.
"""

from __future__ import annotations

import asyncio
import re
import tempfile
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from time import monotonic, sleep

import httpx
import msgspec
import numpy as np
from scipy.optimize import nnls

from gateway.config import Config
from gateway.stack import Stack, running
from gateway.staffing.capacity import TIERS, Capacity, Costs, Sample
from gateway.store.connection import Scripts
from loadtest.generated import generate
from loadtest.generator import Plan
from loadtest.questions import L1_QUESTIONS
from loadtest.schedule import pieces, sends
from loadtest.servers import cpu_s, hardware


#: Messages a second of the runs that are fitted, and how many times that of the check.
RATE_PER_S, CHECK_TIMES = 40.0, 2.0
#: Connections of the generator.
CONNECTIONS = 64
#: Seconds in which the messages of a run must have ended.
PATIENCE_S = 30.0
#: What may be between foretold and measured, as a share of what was measured.
ALLOWED = 0.25
#: The same for a share, in percentage points.
ALLOWED_POINTS = 5.0

_MESSAGES = re.compile(
    r'^tidegate_messages_total\{[^}]*outcome="(\w+)"[^}]*tier="(\w+)"[^}]*\} (\S+)$',
    re.MULTILINE,
)

Talks = Sequence[tuple[str, ...]]
#: What is asked for each tier; where a message ends is measured, not assumed.
ASKED: dict[str, Talks] = {
    "L1": tuple((text,) for text in L1_QUESTIONS),
    "L2": (
        ("满减能和优惠券一起用吗",), ("这款还有货吗",), ("我的快递到哪了",),
        ("积分和优惠券可以叠加吗",), ("预售的尾款什么时候付",),
    ),
    "L3": (
        ("帮我改下收货地址",), ("帮我取消订单",), ("我要把第二件退掉，其他保留",),
    ),
    "human": (("转人工",), ("我要找人工客服",)),
}  # fmt: skip


class Foretold(msgspec.Struct, frozen=True, kw_only=True):
    """
    One figure, foretold and measured.

    Attributes:
        error: Difference to what was measured, as a share of it.
    """

    what: str
    foretold: float
    measured: float
    unit: str

    @property
    def error(self) -> float:
        """Above 0: more was foretold than came."""
        return self.foretold / self.measured - 1 if self.measured else 0.0

    @property
    def is_off(self) -> bool:
        """Shares are off by points, whatever they are shares of; others by parts."""
        if self.unit == "%":
            return abs(self.foretold - self.measured) > ALLOWED_POINTS
        return abs(self.error) > ALLOWED


class CapacityReport(msgspec.Struct, frozen=True, kw_only=True):
    """
    A fit, and how it did on a run it had not seen.

    Attributes:
        is_valid: False if the generator of any run was late: then nothing is shown.
    """

    capacity: Capacity
    samples: tuple[Sample, ...]
    check: Sample
    rows: tuple[Foretold, ...]
    is_valid: bool

    @property
    def misses(self) -> list[Foretold]:
        """What was foretold too far off."""
        return [one for one in self.rows if one.is_off]


def fit(samples: Sequence[Sample], hardware: str, measured: str) -> Capacity:
    """
    The costs under which *samples* are explained best.

    Raises:
        ValueError: If a tier never answered: its cost cannot be told.
    """
    missing = [t for t in TIERS if not any(one.messages.get(t) for one in samples)]
    if missing:
        raise ValueError(f"no message of the runs ended on {', '.join(missing)}")
    rows = [
        [*(one.messages.get(tier, 0) / 1e6 for tier in TIERS), one.seconds]
        for one in samples
    ]
    counts = [[one.messages.get(tier, 0) for tier in TIERS] for one in samples]
    memory = _solved(
        [[*row, one.talks] for row, one in zip(counts, samples, strict=True)],
        [one.store_bytes for one in samples],
    )
    return Capacity(
        hardware=hardware,
        measured=measured,
        worker=_costs(rows, [one.worker_s for one in samples]),
        store=_costs(rows, [one.store_s for one in samples]),
        talk_bytes=memory[-1],
        message_bytes=dict(zip(TIERS, memory, strict=False)),
    )


def _costs(rows: Sequence[Sequence[float]], used: Sequence[float]) -> Costs:
    *us, idle = _solved(rows, used)
    return Costs(us=dict(zip(TIERS, us, strict=True)), idle=idle)


def _solved(rows: Sequence[Sequence[float]], wanted: Sequence[float]) -> list[float]:
    """Columns are brought to one size first: seconds and messages differ by far."""
    matrix = np.array(rows, dtype=float)
    sizes = np.where(matrix.max(axis=0) > 0, matrix.max(axis=0), 1.0)
    found, _ = nnls(matrix / sizes, np.array(wanted, dtype=float))
    return [float(value) for value in found / sizes]


def foretell(capacity: Capacity, check: Sample) -> tuple[Foretold, ...]:
    """What *capacity* says of a run like *check*, beside what that run used."""
    gateway = capacity.worker.seconds(check), check.worker_s
    store = capacity.store.seconds(check), check.store_s
    memory = capacity.bytes(check), float(check.store_bytes)
    a_message = 1e3 / max(1, check.count)
    return tuple(
        Foretold(what=what, foretold=pair[0] * by, measured=pair[1] * by, unit=unit)
        for what, pair, by, unit in (
            ("processor time of the gateway, a message", gateway, a_message, "ms"),
            ("processor time of the store, a message", store, a_message, "ms"),
            ("memory of the store, a message", memory, a_message / 1e6, "kB"),
        )
    )


def foretell_ends(foretold: Mapping[str, float], check: Sample) -> tuple[Foretold, ...]:
    """What a dry run says of who answers, beside who answered in the run *check*."""
    whole = max(1, sum(check.ended.values()))
    return tuple(
        Foretold(
            what=f"messages that end on {tier}",
            foretold=foretold.get(tier, 0.0) * 100,
            measured=check.ended.get(tier, 0) / whole * 100,
            unit="%",
        )
        for tier in TIERS
    )


def measure(
    config: Config,
    seconds: float,
    mix: Talks,
    ends: Mapping[str, float],
    tell: Callable[[str], None],
) -> CapacityReport:
    """
    Measure, fit and check.

    Args:
        seconds: Of each run.

        ends: Tier -> part of the messages of *mix*, as a dry run foretells.
    """
    with tempfile.TemporaryDirectory(prefix="tidegate-capacity-") as folder:
        server = msgspec.structs.replace(config.server, port=0, workers=1)
        log = msgspec.structs.replace(config.log, path=f"{folder}/gateway.log")
        ours = msgspec.structs.replace(config, data_dir=folder, server=server, log=log)
        with running(ours, tell) as stack:
            bench = _Bench(stack, seconds, tell)
            samples = bench.fitted()
            check = bench.run("check", mix, RATE_PER_S * CHECK_TIMES)
    capacity = fit(samples, hardware(), date.today().isoformat())  # noqa: DTZ011 - a label
    return CapacityReport(
        capacity=capacity,
        samples=tuple(samples),
        check=check,
        rows=(*foretell(capacity, check), *foretell_ends(ends, check)),
        is_valid=bench.is_valid,
    )


class _Reading(msgspec.Struct, frozen=True, kw_only=True):
    """What stands in the gateway's metrics, and what the processes used."""

    messages: Counter[str]
    ended: Counter[str]
    worker_s: float
    store_s: float
    store_bytes: int

    @property
    def count(self) -> int:
        """Messages of all tiers."""
        return sum(self.messages.values())


class _Bench:
    """Runs against one gateway, one after the other."""

    def __init__(
        self, stack: Stack, seconds: float, tell: Callable[[str], None]
    ) -> None:
        self._stack = stack
        self._seconds = seconds
        self._tell = tell
        self.is_valid = True

    def fitted(self) -> list[Sample]:
        """A run that warms up and is thrown away, silence, one of each, long talks."""
        self.run("warm", [*ASKED["L1"], *ASKED["L2"], *ASKED["L3"]], RATE_PER_S)
        found = [self._idle()]
        found += [self.run(name, talks, RATE_PER_S) for name, talks in ASKED.items()]
        long = [sum(ASKED["L1"][at : at + 4], ()) for at in range(0, 40, 4)]
        return [*found, self.run("long talks", long, RATE_PER_S)]

    def _idle(self) -> Sample:
        before = self._reading()
        sleep(self._seconds)
        return _sample("idle", self._seconds, 0, before, self._reading())

    def run(self, name: str, talks: Talks, rate_per_s: float) -> Sample:
        """One run; over when every message has ended."""
        self._tell(f"{name}: {rate_per_s:g}/s for {self._seconds:g} s")
        before, started = self._reading(), monotonic()
        plan = self._plan(name, talks, rate_per_s)
        result = generate(plan)
        self.is_valid = self.is_valid and result.is_valid
        give_up = monotonic() + PATIENCE_S
        after = self._reading()
        while (after.count - before.count) < result.sent and monotonic() < give_up:
            sleep(0.2)
            after = self._reading()
        due = sends(plan.course, plan.talks, plan.seed, plan.prefix)
        talked = len({one.conversation for one in due})
        return _sample(name, monotonic() - started, talked, before, after)

    def _plan(self, name: str, talks: Talks, rate_per_s: float) -> Plan:
        url = httpx.URL(self._stack.url)
        return Plan(
            mode="open",
            host=url.host,
            port=url.port or 80,
            key=self._stack.key,
            count=0,
            connections=CONNECTIONS,
            texts=(),
            prefix=name.replace(" ", "-"),
            course=pieces("steady", self._seconds, rate_per_s),
            talks=tuple(talks),
        )

    def _reading(self) -> _Reading:
        page = httpx.get(f"{self._stack.url}/metrics", trust_env=False, timeout=30).text
        messages: Counter[str] = Counter()
        ended: Counter[str] = Counter()
        for outcome, tier, count in _MESSAGES.findall(page):
            messages[tier] += int(float(count))
            ended[tier if outcome == "answered" else "human"] += int(float(count))
        supervisor = self._stack.supervisor
        return _Reading(
            messages=messages,
            ended=ended,
            worker_s=sum(cpu_s(pid) for pid in supervisor.worker_pids),
            store_s=cpu_s(supervisor.store_pid) if supervisor.store_pid else 0.0,
            store_bytes=asyncio.run(_memory(supervisor.store_url)),
        )


async def _memory(store_url: str) -> int:
    """Bytes of what the store keeps."""
    scripts = await Scripts.connect(store_url)
    try:
        found = await scripts.redis.info("memory")
    finally:
        await scripts.close()
    return int(found["used_memory_dataset"])


def _sample(
    name: str, seconds: float, talks: int, before: _Reading, after: _Reading
) -> Sample:
    return Sample(
        name=name,
        seconds=seconds,
        talks=talks,
        messages=dict(after.messages - before.messages),
        ended=dict(after.ended - before.ended),
        worker_s=after.worker_s - before.worker_s,
        store_s=after.store_s - before.store_s,
        store_bytes=after.store_bytes - before.store_bytes,
    )
