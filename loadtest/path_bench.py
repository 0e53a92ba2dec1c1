"""
The whole L1 path beside a bare handler, in one run, on one core each.

    (a) bare     Litestar decodes and encodes the same bodies
    (b) gateway  everything on: accept on disk, route, answer, guard, commit,
                 metrics, canonical log line
    (c) stages   where the time of (b) goes

The server under test is pinned to core 0; generator and store take core 1. The
rounds alternate, medians are compared: on a shared machine the ratio holds
where absolute figures drift. Only questions that the gateway answers on L1 are
asked, and its own metrics must say that it did, or there is no ratio.
"""

from __future__ import annotations

import re
import statistics
import tempfile
from collections.abc import Callable
from pathlib import Path

import httpx
import msgspec

from gateway.config import Config
from gateway.stack import Stack, running
from loadtest.generated import generate
from loadtest.generator import Plan, Result
from loadtest.questions import L1_QUESTIONS
from loadtest.servers import (
    OTHER_CORE,
    SERVER_CORE,
    Server,
    bare_server,
    cpu_s,
    hardware,
    pin,
)


CONNECTIONS = 32
OPEN_CONNECTIONS = 64
#: Part of the messages that L1 must have answered for a ratio to mean something.
LEAST_L1_SHARE = 0.99
#: Different texts, so that nothing that remembers could flatter.
LEAST_TEXTS = 60


class TooFewQuestions(Exception):
    """The gateway answers so few of the questions on L1 that there is no bench."""

    def __init__(self, found: int) -> None:
        super().__init__(
            f"only {found} of {len(L1_QUESTIONS)} questions are answered on L1,"
            f" {LEAST_TEXTS} are needed: router or pack changed; see loadtest/questions.py"
        )


class Side(msgspec.Struct, frozen=True, kw_only=True):
    """
    Medians of one server over all rounds.

    Attributes:
        cpu_us: Server CPU time per request, the steadiest figure.
    """

    rps: float
    cpu_us: float
    p50_ms: float
    p99_ms: float
    errors: int


class Stage(msgspec.Struct, frozen=True):
    """
    A part of (b), per message.

    Attributes:
        us: Microseconds of server CPU, or of waiting.

        share: Part of the server's CPU time; None for waiting.
    """

    name: str
    us: float
    share: float | None


class PathReport(msgspec.Struct, frozen=True, kw_only=True):
    """
    What one comparison found.

    Attributes:
        ratio: Requests/s of the gateway over those of the bare handler; None if
            too few messages were answered on L1.

        cpu_ratio: Bare CPU time over the gateway's, per request; as *ratio*.

        texts: Different texts asked.

        l1_share: Part of the messages that L1 answered, by the gateway's metrics.

        store_cpu_us: CPU time of the store per message.

        open_loop: Arrivals at a fixed rate, latency from the intended start.
    """

    bare: Side
    gateway: Side
    ratio: float | None
    cpu_ratio: float | None
    texts: int
    l1_share: float
    stages: list[Stage]
    store_cpu_us: float
    open_loop: Result
    durability: str
    arithmetic: str
    hardware: str
    rounds: int


class _Counts(msgspec.Struct, frozen=True):
    """What the gateway's own metrics and the store's process say at a moment."""

    stages: dict[str, float]
    messages: float
    on_l1: float
    store_cpu_s: float


def compare(
    config: Config,
    *,
    rounds: int,
    messages: int,
    rate_per_s: float,
    tell: Callable[[str], None],
) -> PathReport:
    """
    Run the comparison with *config*'s gateway on a fresh data folder.

    Args:
        messages: Requests a round and server.

        rate_per_s: Arrivals of the open-loop run.

    Raises:
        TooFewQuestions: If the gateway answers hardly any of them on L1.
    """
    with tempfile.TemporaryDirectory(prefix="tidegate-") as folder:
        ours = _quiet(config, folder)
        with bare_server() as bare, running(ours, tell) as stack:
            gateway = Server(
                port=httpx.URL(stack.url).port or 0,
                key=stack.key,
                pid=stack.supervisor.worker_pids[0],
            )
            pin(stack.supervisor.store_pid, OTHER_CORE)
            pin(gateway.pid, SERVER_CORE)
            return _Bench(stack, bare, gateway, tell).run(rounds, messages, rate_per_s)


class _Bench:
    """Both servers, and the questions both are asked."""

    def __init__(
        self, stack: Stack, bare: Server, gateway: Server, tell: Callable[[str], None]
    ) -> None:
        self._stack = stack
        self._bare = bare
        self._gateway = gateway
        self._tell = tell
        self._texts = _answered_on_l1(stack)

    def run(self, rounds: int, messages: int, rate_per_s: float) -> PathReport:
        self._closed(self._bare, messages // 4, "warm")
        self._closed(self._gateway, messages // 4, "warm")
        before = self._count()
        pairs = [self._pair(number, messages) for number in range(rounds)]
        after = self._count()
        sides = [_side([pair[at] for pair in pairs]) for at in (0, 1)]
        count = after.messages - before.messages
        l1_share = (after.on_l1 - before.on_l1) / count
        is_fair = l1_share >= LEAST_L1_SHARE
        rps = statistics.median(pair[1][0].rps / pair[0][0].rps for pair in pairs)
        ready = httpx.get(f"{self._stack.url}/readyz", trust_env=False).json()
        return PathReport(
            bare=sides[0],
            gateway=sides[1],
            ratio=rps if is_fair else None,
            cpu_ratio=sides[0].cpu_us / sides[1].cpu_us if is_fair else None,
            texts=len(self._texts),
            l1_share=l1_share,
            stages=_stages(before, after, sides[1].cpu_us),
            store_cpu_us=(after.store_cpu_s - before.store_cpu_s) / count * 1e6,
            open_loop=self._open(rate_per_s),
            durability=ready["durability"],
            arithmetic=ready["arithmetic"],
            hardware=hardware(),
            rounds=rounds,
        )

    def _pair(
        self, number: int, messages: int
    ) -> tuple[tuple[Result, float], tuple[Result, float]]:
        bare = self._closed(self._bare, messages, f"a{number}")
        gateway = self._closed(self._gateway, messages, f"b{number}")
        self._tell(
            f"round {number + 1}: bare {bare[0].rps:.0f}/s {bare[1]:.0f} us,"
            f" gateway {gateway[0].rps:.0f}/s {gateway[1]:.0f} us"
        )
        return bare, gateway

    def _closed(self, server: Server, count: int, prefix: str) -> tuple[Result, float]:
        """A closed round, and the server's CPU time per request in us."""
        before = cpu_s(server.pid)
        result = generate(
            Plan(
                mode="closed",
                host="127.0.0.1",
                port=server.port,
                key=server.key,
                count=count,
                connections=CONNECTIONS,
                texts=self._texts,
                prefix=prefix,
                cpu=OTHER_CORE,
            )
        )
        return result, (cpu_s(server.pid) - before) / result.sent * 1e6

    def _open(self, rate_per_s: float) -> Result:
        return generate(
            Plan(
                mode="open",
                host="127.0.0.1",
                port=self._gateway.port,
                key=self._gateway.key,
                count=int(rate_per_s * 10),
                connections=OPEN_CONNECTIONS,
                texts=self._texts,
                rate_per_s=rate_per_s,
                prefix="open",
                cpu=OTHER_CORE,
            )
        )

    def _count(self) -> _Counts:
        text = httpx.get(f"{self._stack.url}/metrics", trust_env=False).text
        stages = re.findall(
            r'tidegate_stage_seconds_total\{stage="(\w+)"\} (\S+)', text
        )
        ended = re.findall(r"tidegate_messages_total\{(.+)\} (\S+)", text)
        counts = [
            (float(n), 'tier="L1"' in of and '"answered"' in of) for of, n in ended
        ]
        store_pid = self._stack.supervisor.store_pid
        return _Counts(
            stages={name: float(seconds) for name, seconds in stages},
            messages=sum(n for n, _ in counts),
            on_l1=sum(n for n, is_l1 in counts if is_l1),
            store_cpu_s=cpu_s(store_pid) if store_pid else 0.0,
        )


def _answered_on_l1(stack: Stack) -> tuple[str, ...]:
    """Those questions that this gateway answers with a fixed text."""
    with httpx.Client(
        base_url=stack.url,
        headers={"authorization": f"Bearer {stack.key}"},
        timeout=30.0,
        trust_env=False,
    ) as http:
        found = tuple(
            text
            for number, text in enumerate(L1_QUESTIONS)
            if _tier(http, f"ask-{number}", text) == "L1"
        )
    if len(found) < LEAST_TEXTS:
        raise TooFewQuestions(len(found))
    return found


def _tier(http: httpx.Client, name: str, text: str) -> str:
    body = {"message_id": name, "user_id": name, "text": text}
    reply = http.post(f"/v1/conversations/{name}/messages", json=body).json()
    return str((reply.get("reply") or {}).get("tier", ""))


def _stages(before: _Counts, after: _Counts, cpu_us: float) -> list[Stage]:
    """Routing and answering do not wait, so their time is CPU time."""
    count = after.messages - before.messages
    us = {
        name: (seconds - before.stages.get(name, 0.0)) / count * 1e6
        for name, seconds in after.stages.items()
    }
    rest = cpu_us - us["route"] - us["answer"]
    return [
        Stage("route", us["route"], us["route"] / cpu_us),
        Stage("answer", us["answer"], us["answer"] / cpu_us),
        Stage("HTTP, store calls, encoding, telemetry", rest, rest / cpu_us),
        Stage("wait: accept until on disk", us["accept"], None),
        Stage("wait: commit until on disk", us["commit"], None),
    ]


def _quiet(config: Config, folder: str) -> Config:
    """One worker, a free port, log lines to a file: they are written, not shown."""
    server = msgspec.structs.replace(config.server, port=0, workers=1)
    log = msgspec.structs.replace(config.log, path=str(Path(folder) / "gateway.log"))
    return msgspec.structs.replace(config, data_dir=folder, server=server, log=log)


def _side(rounds: list[tuple[Result, float]]) -> Side:
    results = [result for result, _ in rounds]
    return Side(
        rps=statistics.median(result.rps for result in results),
        cpu_us=statistics.median(cpu for _, cpu in rounds),
        p50_ms=statistics.median(result.p50_ms for result in results),
        p99_ms=statistics.median(result.p99_ms for result in results),
        errors=sum(result.errors for result in results),
    )
