"""
Kill -9 at named and at random places of every recipe, before three kinds of shop.

    honoured   the same key takes effect once
    kept       whatever comes takes effect; a key can be looked up
    ignored    whatever comes takes effect, and nobody can ask

Each case is a customer with an order and a wish (:mod:`loadtest.crash_cases`).
It is worked on by processes that die (:mod:`loadtest.crash_worker`) and by others
that take up what is left (:mod:`loadtest.crash_player`). When all is at rest the
shop's books are held against the ledger (:mod:`loadtest.crash_check`).
"""

from __future__ import annotations

import asyncio
import random
import secrets
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import msgspec

from engines.agent.ledger import ActionRecord
from engines.shops.port import EffectSupport
from gateway.config import ShopConfig, resolve
from gateway.store.connection import Scripts
from gateway.store.embedded import EmbeddedStore
from gateway.store.ledger import StoreLedger
from loadtest.crash_cases import Case, cases, seed_of, today_of
from loadtest.crash_check import Finding, check
from loadtest.crash_player import Nursery, Player
from loadtest.crash_worker import SHOP, Job
from loadtest.shop_process import ShopProcess


#: What the shop does with keys -> what its connector is told.
KINDS: Mapping[str, EffectSupport] = {
    "honoured": EffectSupport.IDEMPOTENT,
    "kept": EffectSupport.FINDABLE,
    "ignored": EffectSupport.BLIND,
}
#: Cases at once; most of them wait until a lost call must have landed.
AT_ONCE = 12
#: Kills between two lines of progress.
_TOLD_EVERY = 50
_MOST_RECORDS = 100_000


class ShopReport(msgspec.Struct, frozen=True, kw_only=True):
    """
    What was done before one kind of shop, and found.

    Attributes:
        effects: Effects in its books, notifications left out.

        states: Records of the ledger by state.
    """

    keys: str
    kills: int
    cases: int
    effects: int
    states: dict[str, int]
    findings: tuple[Finding, ...]

    def count(self, kind: str) -> int:
        """Findings of one kind."""
        return sum(finding.kind == kind for finding in self.findings)


class CrashReport(msgspec.Struct, frozen=True, kw_only=True):
    """
    A whole run.

    Attributes:
        places: Deaths by place.
    """

    kills: int
    seconds: float
    places: dict[str, int]
    shops: tuple[ShopReport, ...]

    @property
    def is_clean(self) -> bool:
        """True if nothing was found before any shop."""
        return not any(shop.findings for shop in self.shops)


def run_crash_proof(
    shop: ShopConfig,
    *,
    kills: int,
    seed: int,
    tell: Callable[[str], None],
    kinds: Sequence[str] = tuple(KINDS),
    worker: Sequence[str] = ("-m", "loadtest.crash_worker"),
    errands: Sequence[str] = (),
    places: Sequence[str] = (),
) -> CrashReport:
    """
    Kill workers until there were *kills* deaths, shared by the kinds of shops.

    Args:
        shop: Whose policy and voices are used.

        kinds: Of :data:`KINDS`.

        worker: How Python is told to start the nursery; for planted bugs.

        errands: Only these of :mod:`loadtest.crash_cases`; all if empty.

        places: Workers die only at these of :data:`loadtest.crash_places.PLACES`;
            at all of them, and at random times, if empty.
    """
    started = time.monotonic()
    with ExitStack() as parts:
        folder = Path(parts.enter_context(tempfile.TemporaryDirectory(prefix="tg-")))
        store = EmbeddedStore(folder / "store")
        store.start()
        parts.callback(store.stop)
        nursery = parts.enter_context(_nursery(folder / "nursery", worker))
        reports, deaths = [], dict[str, int]()
        for number, kind in enumerate(kinds):
            wanted = kills // len(kinds) + (number < kills % len(kinds))
            chance = random.Random(f"{seed}-{kind}")
            run = _Run(kind, wanted, chance, tell, errands, places)
            reports.append(run.carry_out(folder / kind, shop, store.url, nursery))
            for place, count in run.places.items():
                deaths[place] = deaths.get(place, 0) + count
    return CrashReport(
        kills=sum(one.kills for one in reports),
        seconds=time.monotonic() - started,
        places=dict(sorted(deaths.items())),
        shops=tuple(reports),
    )


@contextmanager
def _nursery(path: Path, worker: Sequence[str]) -> Iterator[Path]:
    """The process that workers are forked from; it ends with its standard input."""
    process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
        [sys.executable, *worker, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    with process:
        assert process.stdin is not None  # noqa: S101 - asked for above
        assert process.stdout is not None  # noqa: S101 - as above
        try:
            process.stdout.readline()
            yield path
        finally:
            process.stdin.close()


class _Run:
    """The cases before one shop."""

    def __init__(
        self,
        kind: str,
        kills: int,
        chance: random.Random,
        tell: Callable[[str], None],
        errands: Sequence[str],
        only: Sequence[str],
    ) -> None:
        self._kind = kind
        self._wanted = kills
        self._chance = chance
        self._tell = tell
        self._only = only
        self._told = 0
        self._today = today_of(time.time())
        # Every recipe in every way, and more than enough to die for.
        self._cases = [
            msgspec.structs.replace(one, name=f"{kind[0]}{one.name}")
            for one in cases(max(80, kills * 2), chance, self._today, errands)
        ]
        self._players: dict[str, Player] = {}
        self.places: dict[str, int] = {}

    def carry_out(
        self, folder: Path, config: ShopConfig, store_url: str, nursery: Path
    ) -> ShopReport:
        """Start the shop, play the cases, judge what they left."""
        key = secrets.token_hex(16)
        shop = ShopProcess(folder, key, seed_of(self._cases, self._today), self._kind)
        shop.start()
        try:
            job = Job(
                do="turn",
                shop_url=shop.url,
                shop_key=key,
                support=KINDS[self._kind],
                store_url=store_url,
                policy=str(resolve(config.policy)),
                voices=tuple(str(resolve(name)) for name in config.voices),
                conversation="",
            )
            records = asyncio.run(
                self._play(Nursery(nursery, job, self._chance, self._only))
            )
            return self._report(shop, records)
        finally:
            shop.kill()

    async def _play(self, nursery: Nursery) -> list[ActionRecord]:
        """Play cases until enough workers died; the ledger's records then."""
        self.places = nursery.places
        waiting = iter(self._cases)

        async def lane() -> None:
            for case in waiting:
                if nursery.deaths >= self._wanted:
                    return
                player = self._players[case.name] = Player(case, nursery)
                await player.play()
                self._progress(nursery.deaths)

        await asyncio.gather(*(lane() for _ in range(AT_ONCE)))
        return await self._records(nursery.store_url)

    def _progress(self, deaths: int) -> None:
        if deaths // _TOLD_EVERY > self._told:
            self._told = deaths // _TOLD_EVERY
            self._tell(f"keys {self._kind}: {deaths} of {self._wanted} kills")

    async def _records(self, store_url: str) -> list[ActionRecord]:
        scripts = await Scripts.connect(store_url)
        try:
            ledger = StoreLedger(scripts, lambda: 0)
            found = await ledger.list_actions(SHOP, limit=_MOST_RECORDS)
        finally:
            await scripts.close()
        return [one for one in found if one.conversation_id in self._players]

    def _report(self, shop: ShopProcess, records: list[ActionRecord]) -> ShopReport:
        begun: list[Case] = [one for one in self._cases if one.name in self._players]
        heard = {name: player.heard for name, player in self._players.items()}
        books = shop.books()
        states = [record.state.value for record in records]
        return ShopReport(
            keys=self._kind,
            kills=sum(self.places.values()),
            cases=len(begun),
            effects=sum(one.kind != "notify" for one in books.effects.values()),
            states={state: states.count(state) for state in sorted(set(states))},
            findings=tuple(check(begun, heard, records, books)),
        )
