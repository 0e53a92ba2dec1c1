"""
A sale day in minutes, against a fresh gateway, with every message accounted for.

Open loop: who writes when is decided before the run. Afterwards every
conversation is read back; a message that the gateway took must have an end: an
answer, or a notice that people or a ticket have it. No operator is online, so
what needs people becomes tickets.
"""

from __future__ import annotations

import asyncio
import re
import tempfile
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from time import monotonic

import httpx
import msgspec

from engines.llm.settings import EndpointConfig
from gateway.config import Config, SimulatedConfig
from gateway.stack import Stack, running
from loadtest.faults import is_at_rest
from loadtest.generated import generate
from loadtest.generator import Plan, Result
from loadtest.history import LogLine
from loadtest.llm_manners import Manners
from loadtest.llm_stub_process import running_stub
from loadtest.repeater import Repeater
from loadtest.schedule import Shape, pieces, sends
from loadtest.servers import hardware


#: Connections of the generator: a slow answer holds up those behind it on its own.
CONNECTIONS = 128
#: Seconds after the last answer until every message must have its end.
REST_S = 90.0
_BUCKET = re.compile(
    r'tidegate_(ack|handle)_duration_seconds_bucket\{.*?le="([^"]+)".*?\} (\S+)'
)
_ADMISSION = re.compile(
    r'^tidegate_admissions_total\{[^}]*verdict="(\w+)"[^}]*\} (\S+)$', re.MULTILINE
)


class Model(msgspec.Struct, frozen=True, kw_only=True):
    """
    A language model that is scarce: a stand-in over HTTP behind L2 and L3.

    Attributes:
        places: Calls it works on at once; more wait in its line.

        mean_s: Mean time of a call.
    """

    places: int
    mean_s: float


class Sale(msgspec.Struct, frozen=True, kw_only=True):
    """
    What is to be run.

    Attributes:
        peak_per_s: Messages a second at the highest point of the shape.

        talks: Conversations of customers; each as often as it is listed.

        prefix: Of the names of its conversations.

        model: What L2 and L3 wait for; None: they answer from the shop's knowledge, and
            nothing in the run is scarce but the machine itself.
    """

    shape: Shape
    seconds: float
    peak_per_s: float
    talks: tuple[tuple[str, ...], ...]
    seed: int = 1
    prefix: str = "sale"
    model: Model | None = None


class Ends(msgspec.Struct, frozen=True, kw_only=True):
    """
    What became of the messages.

    Attributes:
        not_taken: Not in any log: refused, or never answered by the gateway.

        unfinished: Taken, and without an end: must be 0.

        talks: Conversations; *whole* of them were answered to the end by the machine.
    """

    answered: int
    with_people: int
    not_taken: int
    unfinished: int
    talks: int = 0
    whole: int = 0


class SaleReport(msgspec.Struct, frozen=True, kw_only=True):
    """
    A run.

    Attributes:
        lost: Acknowledged and in no log: must be 0.

        own_p95_ms: The gateway's own histograms: upper edge of the bucket that holds
            the 95th percentile, by what is measured. Far below the client's figure
            means that requests queued where the gateway does not see them.

        admissions: Turns at the pools of L2 and L3 by verdict, as the gateway counts
            them. Only ``run``: no pool was ever full, and limits changed nothing.
    """

    sale: Sale
    client: Result
    ends: Ends
    lost: int
    own_p95_ms: dict[str, float]
    hardware: str
    admissions: dict[str, int] = msgspec.field(default_factory=dict)

    @property
    def is_clean(self) -> bool:
        """True if nothing was lost or left without an end."""
        return self.lost == 0 and self.ends.unfinished == 0


def run_sale(config: Config, sale: Sale, tell: Callable[[str], None]) -> SaleReport:
    """Run *sale* against a gateway on a fresh data folder."""
    with (
        tempfile.TemporaryDirectory(prefix="tidegate-sale-") as folder,
        _with_model(config, sale.model) as fitted,
    ):
        server = msgspec.structs.replace(fitted.server, port=0)
        log = msgspec.structs.replace(fitted.log, path=f"{folder}/gateway.log")
        ours = msgspec.structs.replace(fitted, data_dir=folder, server=server, log=log)
        with running(ours, tell) as stack:
            tell(f"{sale.shape}, up to {sale.peak_per_s:g}/s for {sale.seconds:g} s")
            client = offer(stack, sale)
            tell(f"{client.sent} sent; reading every conversation back")
            ends = asyncio.run(account(stack, sale))
            metrics = httpx.get(
                f"{stack.url}/metrics", trust_env=False, timeout=30
            ).text
    refused = client.errors + client.unanswered
    return SaleReport(
        sale=sale,
        client=client,
        ends=ends,
        lost=max(0, ends.not_taken - refused),
        own_p95_ms=own_quantiles(metrics),
        hardware=hardware(),
        admissions=admissions(metrics),
    )


@contextmanager
def _with_model(config: Config, model: Model | None) -> Iterator[Config]:
    """L2 and L3 take the time of a stand-in that runs until the end of the block."""
    if model is None:
        yield config
        return
    with running_stub() as stub:
        stub.manners(Manners(mean_s=model.mean_s, most=model.places, has_line=True))
        slots = max(config.dispatch.l2_slots + config.dispatch.l3_slots, model.places)
        endpoint = EndpointConfig(
            name="stub", url=stub.url, model="stub", tools="native", slots=slots
        )
        slow = tuple(SimulatedConfig(tier=t, asks_llm=True) for t in ("L2", "L3"))
        yield msgspec.structs.replace(
            config,
            shops=tuple(
                msgspec.structs.replace(one, simulated=slow) for one in config.shops
            ),
            llm=msgspec.structs.replace(config.llm, endpoints=(endpoint,)),
        )


def offer(stack: Stack, sale: Sale) -> Result:
    """Send all of *sale* in its time; what the customers' side saw."""
    url = httpx.URL(stack.url)
    plan = Plan(
        mode="open",
        host=url.host,
        port=url.port or 80,
        key=stack.key,
        count=0,
        connections=CONNECTIONS,
        texts=(),
        prefix=sale.prefix,
        seed=sale.seed,
        course=pieces(sale.shape, sale.seconds, sale.peak_per_s),
        talks=sale.talks,
    )
    return generate(plan)


async def account(stack: Stack, sale: Sale) -> Ends:
    """Read every conversation back, again and again until all are at rest."""
    course = pieces(sale.shape, sale.seconds, sale.peak_per_s)
    sent: defaultdict[str, list[str]] = defaultdict(list)
    for one in sends(course, sale.talks, sale.seed, sale.prefix):
        sent[one.conversation].append(f"{one.conversation}-{one.number}")
    client = Repeater(stack.url, stack.key, REST_S)
    logs: dict[str, list[LogLine]] = {}
    try:
        give_up = monotonic() + REST_S
        open_names = list(sent)
        while open_names and (not logs or monotonic() < give_up):
            for name in open_names:
                logs[name] = await client.log(name, LogLine)
            open_names = [name for name in open_names if not is_at_rest(logs[name])]
            await asyncio.sleep(0.5 if open_names else 0)
    finally:
        await client.close()
    return ends_of(sent, logs)


def ends_of(
    sent: Mapping[str, Sequence[str]], logs: Mapping[str, Sequence[LogLine]]
) -> Ends:
    """
    The end of every message.

    Args:
        sent: Conversation -> ids of its messages.

        logs: Conversation -> its events.
    """
    counts = Counter(
        _end(message, logs.get(name, ()))
        for name, messages in sent.items()
        for message in messages
    )
    whole = sum(
        all(_end(message, logs.get(name, ())) == "answered" for message in messages)
        for name, messages in sent.items()
    )
    return Ends(
        talks=len(sent),
        whole=whole,
        answered=counts["answered"],
        with_people=counts["with_people"],
        not_taken=counts["not_taken"],
        unfinished=counts["unfinished"],
    )


def _end(message: str, log: Sequence[LogLine]) -> str:
    kinds = {line.kind for line in log if line.message_id == message}
    if "message" not in kinds:
        return "not_taken"
    if "reply" in kinds:
        return "answered"
    has_notice = any(line.kind == "notice" for line in log)
    return "with_people" if has_notice else "unfinished"


def own_quantiles(exposition: str, share: float = 0.95) -> dict[str, float]:
    """Upper edge of the bucket that holds *share*, in ms, by histogram."""
    sums: defaultdict[str, Counter[float]] = defaultdict(Counter)
    for name, edge, count in _BUCKET.findall(exposition):
        sums[name][float(edge)] += int(float(count))
    found = {}
    for name, buckets in sums.items():
        wanted = buckets[float("inf")] * share
        edge = next(edge for edge in sorted(buckets) if buckets[edge] >= wanted)
        found[name] = edge * 1e3
    return found


def admissions(exposition: str) -> dict[str, int]:
    """Verdict -> turns at all pools, of those that there were."""
    found: Counter[str] = Counter()
    for verdict, count in _ADMISSION.findall(exposition):
        found[verdict] += int(float(count))
    return {verdict: found[verdict] for verdict in sorted(found)}


def read_talks(path: Path | None) -> tuple[tuple[str, ...], ...]:
    """
    Conversations of a file of JSON lines; the shipped mix if None.

    A line is ``{"messages": [...], "share"?: N}``; it is listed *share* times.

    Raises:
        ValueError: With the line that is wrong.
    """
    file = path or Path(__file__).parent / "talks.jsonl"
    talks: list[tuple[str, ...]] = []
    for number, line in enumerate(file.read_bytes().splitlines(), 1):
        if not line.strip():
            continue
        try:
            one = msgspec.json.decode(line, type=_Talk)
        except msgspec.MsgspecError as exc:
            raise ValueError(f"{file}:{number}: {exc}") from exc
        talks += [one.messages] * one.share
    if not talks:
        raise ValueError(f"{file}: no conversation in it")
    return tuple(talks)


class _Talk(msgspec.Struct, forbid_unknown_fields=True):
    messages: tuple[str, ...]
    share: int = 1

    def __post_init__(self) -> None:
        if not self.messages or self.share < 1:
            raise ValueError("give at least one message, and a share of at least 1")
