"""
Stages of shops, live: which tiers carry the load, at which prices, and how one changes.

    stage       decides for all conversations of the shop
    trial       decides for a share of them, the same ones always, growing as ordered
    shadow      is asked about a sample of the turns and decides nothing

A change moves nothing that is stored: the next turn of a conversation is judged by
other prices, and that is all. A tier that a stage leaves out still finishes a task that
is open on it. A trial whose turns end in faults, deadlines or refusals certainly more
often than the others is ended by itself: both shares have bounds that hold at every
moment, so looking all the time is fair.
"""

from __future__ import annotations

import asyncio
import zlib
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from typing import ClassVar

import msgspec

from engines.contract import TIER_ORDER, Decision, Reason, Tier, Turn
from gateway.climbing import Verdict
from gateway.errors import ConfigError, OrdersChanged
from gateway.store.shop_orders import OrderNews
from gateway.store.stages import StageStore
from gateway.telemetry import Telemetry
from router_models.fleet import Ends, Fleet, is_worse
from router_models.policy import Stage, price_of
from router_models.router import TierRouter


#: Seconds between two looks at what is ordered.
LOOK_S = 1.0
#: Turns that wait for the shadow's opinion; more are passed over.
QUEUE = 256
#: Changes kept in the record.
KEPT = 20
#: What a guard counts against a trial: the tier failed, not the question.
BAD = frozenset(
    {
        Reason.FAULT,
        Reason.DEADLINE,
        Reason.UNAVAILABLE,
        Reason.BUSY,
        Reason.GUARD,
        Reason.UNKNOWN_OUTCOME,
    }
)
#: Times that a change is tried against others.
TRIES = 5
#: For how long nobody else ends the same trial.
_ONCE_MS = 60_000


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """What was ordered, when, by whom."""

    at_ms: int
    by: str
    what: str


class StageOrders(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """
    What is ordered for one shop, in all workers.

    Attributes:
        stage: Decides; empty means the configured one.

        trial / share: Decides for this share of the conversations.

        shadow: Only asked.

        history: The last changes, newest last.

        version: Rises with every change.
    """

    stage: str = ""
    trial: str = ""
    share: float = 0.0
    shadow: str = ""
    history: tuple[Change, ...] = ()
    version: int = 0


class Shadowed(msgspec.Struct):
    """
    What the shadow would have done in this worker.

    Attributes:
        moves: ``L1>L2`` -> turns.

        cost_milli / shadow_milli: By the prices of the stage that serves.
    """

    turns: int = 0
    passed_over: int = 0
    moves: Counter[str] = msgspec.field(default_factory=Counter)
    cost_milli: int = 0
    shadow_milli: int = 0


class StageView(msgspec.Struct, frozen=True, kw_only=True):
    """
    A shop's stage as people see it; counts are those of one worker.

    Attributes:
        ends: ``stage`` and ``trial`` -> turns, and those a tier failed.
    """

    shop: str
    stage: str
    tiers: tuple[Tier, ...]
    orders: StageOrders
    ends: dict[str, Ends]
    shadow: Shadowed


_decode = msgspec.json.Decoder(StageOrders).decode
encode = msgspec.json.Encoder().encode


def _orders(record: bytes | None) -> StageOrders:
    return _decode(record) if record else StageOrders()


async def read_orders(store: StageStore, shop: str) -> StageOrders:
    """What is ordered for a shop now."""
    return _orders(await store.read(shop))


async def change_orders(
    store: StageStore, shop: str, change: Callable[[StageOrders], StageOrders]
) -> StageOrders:
    """
    Order what *change* makes of the orders; of two at once none is lost.

    *change* is asked again with what somebody else ordered meanwhile.

    Raises:
        OrdersChanged: If others are faster again and again.
        StoreUnavailable: If it is not known what happened.
    """
    for _ in range(TRIES):
        record = await store.read(shop)
        before = _orders(record)
        after = change(before)
        if after == before or await store.swap(shop, record, encode(after)):
            return after
    raise OrdersChanged("others are changing the stage right now; try again")


def changed(
    before: StageOrders, what: str, by: str, now_ms: int, **fields: object
) -> StageOrders:
    """The orders after a change, with the change in their history."""
    history = (*before.history, Change(at_ms=now_ms, by=by, what=what))[-KEPT:]
    version = before.version + 1
    return msgspec.structs.replace(before, history=history, version=version, **fields)


class _Shop(msgspec.Struct):
    """What one worker knows of one shop."""

    orders: StageOrders
    stage: Stage
    trial: Stage | None = None
    shadow: Stage | None = None
    place: int = 0
    ends: dict[str, Ends] = msgspec.field(
        default_factory=lambda: {"stage": Ends(), "trial": Ends()}
    )
    shadowed: Shadowed = msgspec.field(default_factory=Shadowed)


class Stages:
    """
    The stages of all shops in one process.

    :meth:`decide`, :meth:`allows` and :meth:`ended` are for the event loop and cost a
    look-up where nothing is ordered.

    Args:
        load: Name -> stage; raises ConfigError for one that is not there.

        default: Stage of a shop for which nothing is ordered.
    """

    EVERY_S: ClassVar = LOOK_S

    def __init__(
        self,
        fleet: Fleet,
        store: StageStore,
        load: Callable[[str], Stage],
        default: str,
        shops: Sequence[str],
        telemetry: Telemetry,
        wall_ms: Callable[[], int],
    ) -> None:
        self._fleet = fleet
        self._store = store
        self._news = OrderNews(store, shops)
        self._load = load
        self._default = default
        self._telemetry = telemetry
        self._wall_ms = wall_ms
        self._shops = {
            shop: _Shop(orders=StageOrders(), stage=load(default)) for shop in shops
        }
        self._waiting: deque[tuple[Turn, Decision]] = deque()

    def stage_of(self, turn: Turn) -> Stage:
        """The stage that decides *turn*."""
        shop = self._shops[turn.shop]
        is_tried = shop.trial is not None and _place(turn) < shop.place
        return shop.trial if is_tried and shop.trial is not None else shop.stage

    def decide(self, turn: Turn) -> Decision:
        """Judge *turn* at the prices of its stage."""
        decision = self._fleet.decide(turn, self.stage_of(turn).prices)
        if self._shops[turn.shop].shadow is not None:
            self._keep(turn, decision)
        return decision

    def router_of(self, turn: Turn) -> TierRouter:
        """What judges *turn* at the prices of its stage."""
        return self._fleet.router_of(turn, self.stage_of(turn).prices)

    def _keep(self, turn: Turn, decision: Decision) -> None:
        if len(self._waiting) < QUEUE:
            self._waiting.append((turn, decision))
        else:
            self._shops[turn.shop].shadowed.passed_over += 1

    def allows(self, turn: Turn, tier: Tier) -> bool:
        """Whether *tier* works at the turn's stage; it always finishes what is open."""
        task = turn.open_task
        return tier in self.stage_of(turn).tiers or (
            task is not None and task.tier == tier
        )

    def prices(self, shop: str) -> Mapping[Tier, int]:
        """What an answer costs at the shop's stage."""
        found = self._shops[shop].stage.prices
        return {tier: price_of(found, tier) for tier in Tier}

    def ended(self, turn: Turn, verdict: Verdict) -> None:
        """Told of every turn that was committed."""
        shop = self._shops.get(turn.shop)
        if shop is None or shop.trial is None:
            return
        ends = shop.ends["trial" if self.stage_of(turn) is shop.trial else "stage"]
        ends.n += 1
        ends.bad += any(climb.reason in BAD for climb in verdict.climbs)

    def view(self, name: str) -> StageView:
        """How *name* stands in this worker."""
        shop = self._shops[name]
        return StageView(
            shop=name,
            stage=shop.stage.name,
            tiers=shop.stage.tiers,
            orders=shop.orders,
            ends=shop.ends,
            shadow=shop.shadowed,
        )

    async def look(self) -> None:
        """One round: follow orders, end bad trials, ask the shadows."""
        for name, record in (await self._news.read()).items():
            orders = _orders(record)
            if orders != self._shops[name].orders:
                self._follow(name, self._shops[name], orders)
        for name, shop in self._shops.items():
            if is_worse(shop.ends["trial"], shop.ends["stage"]):
                await self._end_trial(name, shop)
        await asyncio.to_thread(self._ask_shadows)

    def _follow(self, name: str, shop: _Shop, orders: StageOrders) -> None:
        """Take over *orders*; a stage that is not there changes nothing, and is told."""
        try:
            stage = self._load(orders.stage or self._default)
            trial = self._load(orders.trial) if orders.trial else None
            shadow = self._load(orders.shadow) if orders.shadow else None
        except ConfigError as exc:
            self._telemetry.event("stage_refused", shop=name, problem=str(exc))
            shop.orders = orders
            return
        was = shop.orders
        shop.orders, shop.stage, shop.trial = orders, stage, trial
        shop.shadow, shop.place = shadow, round(orders.share * 2**32)
        if (was.stage, was.trial) != (orders.stage, orders.trial):
            shop.ends = {"stage": Ends(), "trial": Ends()}
        if was.shadow != orders.shadow:
            shop.shadowed = Shadowed()
        self._telemetry.event(
            "stage_changed",
            shop=name,
            stage=stage.name,
            trial=orders.trial,
            share=orders.share,
            shadow=orders.shadow,
        )

    async def _end_trial(self, name: str, shop: _Shop) -> None:
        ends, trial = shop.ends, shop.orders.trial
        told = f"{ends['trial'].bad} of {ends['trial'].n}"
        usual = f"{ends['stage'].bad} of {ends['stage'].n}"
        shop.ends = {"stage": Ends(), "trial": Ends()}
        last = shop.orders.history[-1].at_ms if shop.orders.history else 0
        if not await self._store.is_first(name, f"end {trial} {last}", _ONCE_MS):
            return
        what = f"{trial} rolled back: tiers failed in {told} turns, else in {usual}"
        now_ms = self._wall_ms()

        def end(before: StageOrders) -> StageOrders:
            if before.trial != trial:
                return before
            return changed(before, what, "guard", now_ms, trial="", share=0.0)

        await change_orders(self._store, name, end)
        self._telemetry.event(
            "stage_rolled_back", shop=name, trial=trial, bad=told, else_bad=usual
        )

    def _ask_shadows(self) -> None:
        router = self._fleet.active.router
        while self._waiting:
            turn, decision = self._waiting.popleft()
            shop = self._shops[turn.shop]
            if shop.shadow is None:
                continue
            other = router.at(shop.shadow.prices).decide(turn)
            now = carried(decision.tier, shop.stage.tiers)
            then = carried(other.tier, shop.shadow.tiers)
            found, prices = shop.shadowed, shop.stage.prices
            found.turns += 1
            found.moves[f"{now}>{then}"] += 1
            found.cost_milli += price_of(prices, now)
            found.shadow_milli += price_of(prices, then)


def carried(tier: Tier, tiers: Sequence[Tier]) -> Tier:
    """Who gets a turn of *tier* where only *tiers* work: that one, or the next above."""
    above = [one for one in tiers if TIER_ORDER[one] >= TIER_ORDER[tier]]
    return min(above, key=TIER_ORDER.__getitem__, default=Tier.HUMAN)


def _place(turn: Turn) -> int:
    """Where a conversation stands between 0 and 2^32, the same everywhere and always."""
    return zlib.crc32(f"{turn.conversation_id}\0{turn.shop}".encode())
