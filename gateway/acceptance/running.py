"""
Playing cases: each on a fresh shop and an empty store, behind one fresh gateway.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter
from types import TracebackType
from typing import Any, Self
from zoneinfo import ZoneInfo

import httpx
import msgspec

from engines.agent.ledger import ActionRecord
from engines.shops.demo.bench import Fresh, Patch, Tables
from gateway.acceptance import judging
from gateway.acceptance.fixture import shop_of
from gateway.acceptance.suite import Case, Step, Suite
from gateway.client import GatewayClient, Refused
from gateway.config import Config, resolve
from gateway.outcome import MessageOut
from gateway.stack import Stack, running
from gateway.store.connection import Scripts
from gateway.store.ledger import StoreLedger


#: Calendar of the demo shop.
ZONE = ZoneInfo("Asia/Shanghai")
#: Ends of a message that mean a person has it or is promised.
WITH_PEOPLE = frozenset({"queued", "ticketed"})


class Line(msgspec.Struct, frozen=True):
    """
    One exchange of a case as it went, for the report.

    Attributes:
        intent: What the router took it for; empty if it said nothing.
    """

    said: str
    reply: str
    tier: str
    status: str
    intent: str = ""


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """
    One case in one run.

    Attributes:
        run: From 1.
        problems: What did not hold; empty if the case passed.
    """

    case: str
    run: int
    problems: tuple[str, ...]
    talk: tuple[Line, ...]
    ms: float

    @property
    def has_passed(self) -> bool:
        """Whether everything held."""
        return not self.problems


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """All results of a suite, in the order they were played."""

    suite: str
    runs: int
    results: tuple[Result, ...]

    def pass_power(self, k: int) -> float:
        """
        Chance that a case passes *k* times in a row, mean over cases (pass^k).

        Estimated without bias from all runs: C(passed, k) / C(runs, k).
        """
        names = list(dict.fromkeys(one.case for one in self.results))
        return sum(self._power(name, k) for name in names) / len(names)

    def _power(self, name: str, k: int) -> float:
        passed = sum(one.has_passed for one in self.results if one.case == name)
        return math.comb(passed, k) / math.comb(self.runs, k)

    @property
    def has_passed(self) -> bool:
        """Whether every case passed every time."""
        return all(one.has_passed for one in self.results)


class Shop:
    """The demo shop's switches; an async context manager."""

    def __init__(self, url: str, key: str) -> None:
        self._http = httpx.AsyncClient(
            base_url=url,
            headers={"authorization": f"Bearer {key}"},
            timeout=30.0,
            trust_env=False,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._http.aclose()

    async def start_over(self, fresh: Fresh) -> None:
        """Forget everything and hold what is given."""
        await self._post("/v1/bench/fresh", fresh)

    async def state(self) -> Tables:
        """Every row of every table."""
        reply = await self._http.get("/v1/bench/state")
        reply.raise_for_status()
        return msgspec.json.decode(reply.content, type=Tables)

    async def before(self, step: Step) -> None:
        """What happens in the shop before a message."""
        for place, values in step.meanwhile.items():
            await self._post("/v1/bench/patch", Patch(place, values))
        if step.fault is not None:
            await self._post("/v1/faults", step.fault)
        if step.pay:
            await self.pay()

    async def pay(self) -> None:
        """Pay the newest open payment link, as a browser would."""
        links = (await self.state())["payment_links"].values()
        waiting = [row for row in links if row["status"] == "open"]
        if waiting:
            newest = max(waiting, key=lambda row: int(row["id"] or 0))
            reply = await self._http.post(f"/pay/{newest['token']}")
            reply.raise_for_status()

    async def _post(self, path: str, body: Any) -> None:
        content = msgspec.json.encode(body)
        headers = {"content-type": "application/json"}
        reply = await self._http.post(path, content=content, headers=headers)
        reply.raise_for_status()


class Player:
    """Plays the cases of a suite on a running stack."""

    def __init__(
        self,
        suite: Suite,
        fresh: Fresh,
        *,
        shop_id: str,
        client: GatewayClient,
        shop: Shop,
        store: Scripts,
    ) -> None:
        self._suite = suite
        self._shop_id = shop_id
        self._fresh = fresh
        self._client = client
        self._shop = shop
        self._store = store
        self._ledger = StoreLedger(store, lambda: 0)
        self._locales = {one.id: one.locale for one in fresh.seed.customers}

    async def play(self, case: Case, run: int) -> Result:
        """Play one case from nothing and judge it."""
        started = perf_counter()
        case = today_in(case, dt.datetime.now(ZONE).date())
        await self._shop.start_over(self._fresh)
        await self._store.command("accept", "FLUSHALL")
        before = await self._shop.state()
        talk: list[Line] = []
        problems: list[str] = []
        needed_person = False
        for number, step in enumerate(case.turns, start=1):
            await self._shop.before(step)
            try:
                got = await self._say(case, run, number, step)
            except (Refused, httpx.HTTPError) as exc:
                problems.append(f"turn {number}: {type(exc).__name__}: {exc}")
                break
            needed_person = needed_person or got.status in WITH_PEOPLE
            talk.append(_line(step, got))
            problems += [
                f"turn {number}: {text}"
                for text in judging.check_reply(step.reply, got)
            ]
        before, after = await self._seen(case, before)
        problems += judging.check_case(
            case, before, after, await self._records(), needed_person=needed_person
        )
        return Result(
            case=case.id,
            run=run,
            problems=tuple(problems),
            talk=tuple(talk),
            ms=round((perf_counter() - started) * 1e3, 1),
        )

    async def _seen(self, case: Case, before: Tables) -> tuple[Tables, Tables]:
        """The states to compare; what the case itself patched is in both."""
        if case.pay:
            await self._shop.pay()
        after = await self._shop.state()
        for step in case.turns:
            for place, values in step.meanwhile.items():
                table, _, key = place.partition("/")
                before[table][key].update(values)
        return before, after

    async def _say(self, case: Case, run: int, number: int, step: Step) -> MessageOut:
        conversation = f"accept-{case.id}-{run}"
        locale = case.locale or self._suite.locale or self._locales[case.customer]
        for _ in range(step.again):
            timed = await self._client.send(
                conversation, f"m{number}", case.customer, step.say, locale
            )
        return timed.result

    async def _records(self) -> Sequence[ActionRecord]:
        return await self._ledger.list_actions(self._shop_id, limit=1000)


def today_in(case: Case, today: dt.date) -> Case:
    """*case* with every ``{{ today+N }}`` in it as a date."""
    written = msgspec.json.encode(case).decode()
    return msgspec.json.decode(judging.dated(written, today), type=Case)


def _line(step: Step, got: MessageOut) -> Line:
    reply = got.reply
    return Line(
        said=step.say,
        reply=reply.text if reply else "",
        tier=reply.tier.value if reply else "human",
        status=got.status,
        intent=(got.decision.intent or "") if got.decision else "",
    )


@contextmanager
def stack_for(
    suite: Suite, path: Path, config: Config, tell: Callable[[str], None]
) -> Iterator[tuple[Stack, Fresh]]:
    """
    A gateway with the suite's policy, in front of a shop with the suite's fixture.

    Raises:
        BadFile: If the fixture or its policy cannot be used.
    """
    fresh = shop_of(suite, path)
    folder = Path(config.data_dir)
    folder.mkdir(parents=True, exist_ok=True)
    policy = _policy(suite, path, folder)
    first, *more = config.shops
    shop = msgspec.structs.replace(first, policy=str(policy), business_url="")
    config = msgspec.structs.replace(config, shops=(shop, *more))
    with running(config, tell, has_switches=True) as stack:
        yield stack, fresh


def _policy(suite: Suite, path: Path, folder: Path) -> Path:
    policy = suite.shop.policy
    if isinstance(policy, str):
        return resolve(policy, path.resolve().parent).resolve()
    written = folder / "policy.yaml"
    written.write_bytes(msgspec.json.format(msgspec.json.encode(policy), indent=1))
    return written
