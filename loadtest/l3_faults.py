"""
Closed-loop tasks under kill -9: of workers, of the store, of the shop itself.

Customers come with one errand each, say it until somebody listens, agree to
what they are shown, and go when they are told the end or that a person has it.
The strikes fall a moment after somebody agreed: between intent, call and
receipt. When all is at rest the history checker judges the conversations and
the books checker what they did to the shop.
"""

from __future__ import annotations

import asyncio
import random
import secrets
import tempfile
from collections.abc import Callable, Sequence
from itertools import cycle, islice
from pathlib import Path
from time import monotonic
from typing import Any, Literal

import msgspec

from engines.agent.ledger import (
    UNSETTLED,
    ActionRecord,
    ActionState,
    LedgerUnavailable,
)
from gateway.config import Config
from gateway.stack import Stack, running
from gateway.store.connection import Scripts
from gateway.store.errors import StoreUnavailable
from gateway.store.ledger import StoreLedger
from gateway.supervisor import Supervisor
from loadtest.books_check import Told, check_books
from loadtest.errands import Errand, errands, seed_of
from loadtest.faults import LEASE_MS, ack_of, is_at_rest
from loadtest.history import Ack, Finding, LogLine, check
from loadtest.repeater import RETRY_S, Repeater
from loadtest.shop_process import ShopProcess
from loadtest.striker import Striker


L3Fault = Literal["worker", "store", "shop", "workers"]
#: What is killed, in turn. The shop dies while a worker lives, or its death would
#: hit nobody; not as often as the rest, for people get what comes in meanwhile.
ALL_FAULTS: tuple[L3Fault, ...] = (
    "worker",
    "shop",
    "store",
    "workers",
    "worker",
    "workers",
)

#: Customers at once.
AT_ONCE = 12
#: Longest time a customer thinks before the next message, seconds.
THINK_S = 1.0
#: A strike falls at most so long after a customer's consent was sent, seconds.
WITHIN_S = 0.04
#: The shop stays away for so long, seconds; starting takes another second.
AWAY_S = 0.2
#: Messages after which a customer gives up: nothing should need so many.
PATIENCE = 10
GIVE_UP_S = 60.0
#: No undisturbed action takes so long from consent to end.
RECOVERY_MS = 1_000
#: Seconds until everything must be at rest: lease, turn, and the sweeper's round.
REST_S = 45.0
#: Longest turn of the runs: short, so that what was given up is soon settled.
TURN_S = 8.0


class L3Report(msgspec.Struct, frozen=True, kw_only=True):
    """
    What one run did and found.

    Attributes:
        struck: Processes killed.

        done / with_people / refused: How the errands ended for the customers.

        states: Records of the ledger by state.

        recovered: Actions that a strike cut off after the consent, and that
            were brought to their end by somebody else.

        unacknowledged: Messages that were given up.
    """

    struck: int
    errands: int
    done: int
    with_people: int
    refused: int
    states: dict[str, int]
    recovered: int
    retries: int
    unacknowledged: int
    seconds: float
    findings: tuple[Finding, ...]

    def count(self, kind: str) -> int:
        """Findings of one kind."""
        return sum(finding.kind == kind for finding in self.findings)


def run_l3_faults(
    config: Config,
    *,
    customers: int,
    strikes: int,
    seed: int,
    faults: Sequence[L3Fault] = ALL_FAULTS,
    tell: Callable[[str], None],
    make_supervisor: Callable[[Config, Callable[[str], None]], Supervisor] = Supervisor,
) -> L3Report:
    """
    One run on a fresh data folder with a fresh shop.

    Args:
        faults: What is killed, in turn.

        make_supervisor: For planted bugs: another parent process.
    """
    wanted = errands(customers)
    with tempfile.TemporaryDirectory(prefix="tidegate-") as folder:
        key = secrets.token_hex(16)
        shop = ShopProcess(Path(folder) / "shop", key, seed_of(wanted))
        shop.start()
        try:
            ours = _fitted(config, folder, shop.url, key)
            with running(ours, lambda _: None, make_supervisor=make_supervisor) as it:
                run = _Run(it, shop, wanted, random.Random(seed), tell)
                return asyncio.run(run.carry_out(strikes, faults))
        finally:
            shop.kill()


def _fitted(config: Config, folder: str, shop_url: str, shop_key: str) -> Config:
    replace = msgspec.structs.replace
    shops = [
        replace(one, business_url=shop_url, business_key=shop_key)
        for one in config.shops
    ]
    return replace(
        config,
        data_dir=folder,
        server=replace(config.server, port=0, workers=2),
        store=replace(config.store, lease_ms=LEASE_MS),
        dispatch=replace(config.dispatch, l3_deadline_s=TURN_S),
        log=replace(config.log, path=str(Path(folder) / "gateway.log")),
        shops=tuple(shops),
    )


class _Line(LogLine, frozen=True, kw_only=True):
    """One event with what it says of actions."""

    actions: tuple[dict[str, Any], ...] = ()


class _Run:
    """One run's customers, striker and records."""

    def __init__(
        self,
        stack: Stack,
        shop: ShopProcess,
        wanted: list[Errand],
        chance: random.Random,
        tell: Callable[[str], None],
    ) -> None:
        self._store_url = stack.supervisor.store_url
        self._shop_id = stack.shop
        self._shop = shop
        self._wanted = wanted
        self._chance = chance
        self._tell = tell
        self._striker = Striker(stack.supervisor, pause_s=0)
        self._client = Repeater(stack.url, stack.key, GIVE_UP_S)
        self._acks: list[Ack] = []
        self._told = {one.name: Told() for one in wanted}
        self._agreed = 0
        self._finished = 0

    async def carry_out(self, strikes: int, faults: Sequence[L3Fault]) -> L3Report:
        started = monotonic()
        try:
            striking = asyncio.create_task(self._strike_all(strikes, faults))
            await self._serve_all()
            struck = await striking
            records = await self._come_to_rest()
            logs = {one.name: await self._log(one) for one in self._wanted}
        finally:
            await self._client.close()
        findings = (
            *check(self._acks, logs).findings,
            *check_books(self._wanted, self._told, records, self._shop.books()),
        )
        return self._report(struck, monotonic() - started, records, findings)

    def _report(
        self,
        struck: int,
        seconds: float,
        records: list[ActionRecord],
        findings: tuple[Finding, ...],
    ) -> L3Report:
        told = self._told.values()
        states = [record.state.value for record in records]
        return L3Report(
            struck=struck,
            errands=len(self._wanted),
            done=sum(bool(one.done) for one in told),
            with_people=sum(not one.done and one.is_with_person for one in told),
            refused=sum(bool(one.failed) and not one.done for one in told),
            states={state: states.count(state) for state in sorted(set(states))},
            recovered=sum(map(_is_recovered, records)),
            retries=self._client.retries,
            unacknowledged=self._client.unacknowledged,
            seconds=seconds,
            findings=findings,
        )

    async def _serve_all(self) -> None:
        slots = asyncio.Semaphore(AT_ONCE)

        async def one(errand: Errand) -> None:
            async with slots:
                await self._errand(errand)
            self._finished += 1

        await asyncio.gather(*(one(errand) for errand in self._wanted))

    async def _errand(self, errand: Errand) -> None:
        """Say it, agree to what is shown, until told the end."""
        text = errand.opening
        for number in range(PATIENCE):
            await asyncio.sleep(self._chance.uniform(0, THINK_S))
            result = await self._say(errand, number, text)
            if result is None:
                return
            self._told[errand.name].hear_result(result)
            if self._told[errand.name].is_over:
                return
            is_shown = "proposed" in _states(result)
            text = errand.consent if is_shown else errand.opening

    async def _say(
        self, errand: Errand, number: int, text: str
    ) -> dict[str, Any] | None:
        self._agreed += text == errand.consent
        body = {
            "message_id": f"{errand.name}-{number}",
            "user_id": errand.name,
            "text": text,
        }
        result = await self._client.send(errand.name, body, is_patient=True)
        if result is not None:
            self._acks.append(ack_of(errand.name, result))
        return result

    async def _strike_all(self, strikes: int, faults: Sequence[L3Fault]) -> int:
        """Each time another share of the customers has agreed, a moment later."""
        struck = 0
        for number, fault in enumerate(islice(cycle(faults), strikes)):
            wanted = len(self._wanted) * (number + 0.5) / (strikes + 1)
            await self._until_agreed(wanted)
            await asyncio.sleep(self._chance.uniform(0, WITHIN_S))
            struck += await self._strike(fault)
            self._tell(f"{fault} struck ({number + 1}/{strikes})")
        return struck

    async def _until_agreed(self, wanted: float) -> None:
        """Sleep until so many consents were sent, or nobody is left to send one."""
        while self._agreed < wanted and self._finished < len(self._wanted):  # noqa: ASYNC110 - a count, not one event
            await asyncio.sleep(0.002)

    async def _strike(self, fault: L3Fault) -> int:
        if fault != "shop":
            return await self._striker.strike(fault)
        self._shop.kill()
        await asyncio.sleep(AWAY_S)
        await asyncio.to_thread(self._shop.start)
        return 1

    async def _come_to_rest(self) -> list[ActionRecord]:
        """Wait until every message has its end and every action is settled."""
        give_up = monotonic() + REST_S
        while True:
            records = await self._records()
            is_settled = not any(record.state in UNSETTLED for record in records)
            logs = [await self._log(one) for one in self._wanted]
            if monotonic() > give_up or (is_settled and all(map(is_at_rest, logs))):
                return records
            await asyncio.sleep(0.5)

    async def _log(self, errand: Errand) -> Sequence[LogLine]:
        """A conversation's events; what they say of actions was told, too."""
        told = self._told[errand.name]
        lines = await self._client.log(errand.name, _Line)
        for line in lines:
            told.hear(line.actions)
            told.is_with_person |= line.kind == "notice"
        return lines

    async def _records(self) -> list[ActionRecord]:
        """Everything in the ledger; the store may be on its way back."""
        give_up = monotonic() + GIVE_UP_S
        while True:
            try:
                return await self._read_ledger()
            except (StoreUnavailable, LedgerUnavailable):
                if monotonic() > give_up:
                    raise
            await asyncio.sleep(RETRY_S)

    async def _read_ledger(self) -> list[ActionRecord]:
        scripts = await Scripts.connect(self._store_url)
        try:
            ledger = StoreLedger(scripts, lambda: 0)
            return await ledger.list_actions(self._shop_id, limit=10_000)
        finally:
            await scripts.close()


def _is_recovered(record: ActionRecord) -> bool:
    """From consent to end it took as long as a lease, or the outcome was unknown."""
    moves = [at for at, _, _ in record.history]
    was_unknown = any(state == ActionState.UNKNOWN for _, state, _ in record.history)
    return was_unknown or (len(moves) > 1 and moves[-1] - moves[0] > RECOVERY_MS)


def _states(result: dict[str, Any]) -> list[str]:
    return [one["state"] for one in (result.get("reply") or {}).get("actions", ())]
