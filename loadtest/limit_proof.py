"""
Tries to get beyond the limits of a policy, on the real engine, ledger and shop.

    sieges ── wish ──> agent (two of them, as two gateways) ── watch ──> shop
                         └── ledger: one store for both

See :mod:`loadtest.limit_sieges` for what is tried, :mod:`loadtest.limit_watch` for
what is counted and :mod:`loadtest.limit_check` for who judges.
"""

from __future__ import annotations

import asyncio
import random
import secrets
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack, ExitStack
from contextvars import ContextVar
from pathlib import Path

import msgspec

from engines import yamlfile
from engines.agent.engine import AgentEngine
from engines.agent.plan import Consents, Plan, Scene, Wants
from engines.agent.policy import PolicyFile, Total
from engines.contract import (
    Answer,
    ConversationId,
    EngineError,
    MessageId,
    OpenTask,
    ShopId,
    Turn,
    UserId,
    Utterance,
)
from engines.shops.http import HttpShop
from engines.voice import Voice
from gateway.config import ShopConfig, resolve
from gateway.store.connection import Scripts
from gateway.store.embedded import EmbeddedStore
from gateway.store.ledger import StoreLedger
from loadtest.limit_books import move_order, read_stands
from loadtest.limit_check import Beyond, Judge, in_the_books
from loadtest.limit_draws import Wish
from loadtest.limit_sieges import WAYS, Siege, seed_of, sieges
from loadtest.limit_watch import WISH, Call, WatchedShop
from loadtest.shop_process import ShopProcess


#: The shop whose sums over the day are small, and what is left of them.
TIGHT, TIGHT_MINOR = "tight", 400_000
#: Sieges at once.
AT_ONCE = 6
_GATEWAYS = 2
_BUDGET_S = 30.0
_TRIES = 5
_TOLD_EVERY = 200
#: How far the agent's clock is ahead for the wish at hand.
_AHEAD_MS: ContextVar[int] = ContextVar("ahead", default=0)
_PLAN: ContextVar[Plan] = ContextVar("plan")


class WayReport(msgspec.Struct, frozen=True, kw_only=True):
    """
    What came of one way.

    Attributes:
        effects: Taken by the shop, all within the limits if nothing is beyond.

        waiting: Tries that ended before an operator.

        sent_beyond: Calls beyond a limit that the shop itself refused.

        effects_beyond: Effects beyond a limit.
    """

    way: str
    tries: int
    effects: int
    waiting: int
    sent_beyond: int
    effects_beyond: int


class LimitReport(msgspec.Struct, frozen=True, kw_only=True):
    """
    A whole run.

    Attributes:
        stuck: Tries that ended in an error of the engine.
    """

    tries: int
    turns: int
    seconds: float
    ways: tuple[WayReport, ...]
    beyond: tuple[Beyond, ...]
    stuck: tuple[str, ...]

    @property
    def is_clean(self) -> bool:
        """True if nothing was beyond, and every try came to an end."""
        return not self.beyond and not self.stuck


def run_limit_proof(
    shop: ShopConfig,
    *,
    tries: int,
    seed: int,
    tell: Callable[[str], None],
    acts_under: Path | None = None,
) -> LimitReport:
    """
    Put *tries* wishes forward that are near or beyond what policy allows.

    Args:
        shop: Whose policy and voices are used.

        acts_under: Another policy for the agent, while the judge keeps the shop's;
            for planted bugs.
    """
    found = sieges(tries, random.Random(seed))
    with ExitStack() as parts:
        folder = Path(parts.enter_context(tempfile.TemporaryDirectory(prefix="tg-")))
        store = EmbeddedStore(folder / "store")
        store.start()
        parts.callback(store.stop)
        key = secrets.token_hex(16)
        process = ShopProcess(folder / "shop", key, seed_of(found))
        process.start()
        parts.callback(process.kill)
        run = _Run(folder, shop, found, tell, acts_under)
        return asyncio.run(run.carry_out(process.url, key, store.url))


class _Told:
    """A planner that was told what the turn means."""

    async def plan(self, _scene: Scene) -> Plan:
        return _PLAN.get()


class _Gateway(msgspec.Struct, frozen=True):
    """One of several at work: an engine that reads and one that is told, per shop."""

    engines: dict[tuple[str, bool], AgentEngine]


class _Run:
    """All sieges before one shop."""

    def __init__(
        self,
        folder: Path,
        config: ShopConfig,
        found: Sequence[Siege],
        tell: Callable[[str], None],
        acts_under: Path | None,
    ) -> None:
        path = resolve(config.policy)
        self._books = folder / "shop" / "shop.sqlite3"
        self._voice = Voice.load(*(resolve(name) for name in config.voices))
        self._policy = yamlfile.convert(yamlfile.read(path), PolicyFile)
        self._tight = _tightened(self._policy)
        tight = folder / "tight.yaml"
        # JSON is YAML, too.
        tight.write_bytes(msgspec.json.encode(self._tight))
        self._paths = {"demo": acts_under or path, TIGHT: acts_under or tight}
        self._sieges = found
        self._tell = tell
        self._calls: list[Call] = []
        self._moved: dict[str, str] = {}
        self._stuck: list[str] = []
        self._waiting: Counter[str] = Counter()
        self._turns = 0
        self._tried = 0
        self._gateways: list[_Gateway] = []

    async def carry_out(self, shop_url: str, key: str, store_url: str) -> LimitReport:
        """Play every siege, then judge."""
        started = time.monotonic()
        async with AsyncExitStack() as parts:
            for _ in range(_GATEWAYS):
                self._gateways.append(
                    await self._gateway(parts, shop_url, key, store_url)
                )
            stands = read_stands(self._books)
            waiting = iter(self._sieges)

            async def lane() -> None:
                for siege in waiting:
                    await self._besiege(siege)

            await asyncio.gather(*(lane() for _ in range(AT_ONCE)))
        ways = {
            wish.conversation: (one.way, one.is_tight)
            for one in self._sieges
            for wish in one.wishes
        }
        judge = Judge(self._policy, self._tight, stands, self._moved, ways)
        beyond = (*judge.judge(self._calls), *in_the_books(self._books, self._calls))
        return self._report(beyond, ways, time.monotonic() - started)

    async def _gateway(
        self, parts: AsyncExitStack, shop_url: str, key: str, store_url: str
    ) -> _Gateway:
        scripts = await Scripts.connect(store_url)
        parts.push_async_callback(scripts.close)
        real = await parts.enter_async_context(HttpShop(shop_url, key, 10.0))
        # The shop fills its books with the first request.
        await real.orders("nobody")
        ledger = StoreLedger(scripts, _clock_ms)
        shop: object = WatchedShop(real, self._calls, _clock_ms)
        return _Gateway(
            {
                (name, is_told): AgentEngine.load(
                    shop,  # type: ignore[arg-type] # a watch before the real one
                    ledger,
                    path,
                    self._voice,
                    _clock_ms,
                    planner=_Told() if is_told else None,
                )
                for name, path in self._paths.items()
                for is_told in (False, True)
            }
        )

    async def _besiege(self, siege: Siege) -> None:
        talks = [
            _Talk(wish, siege, self._gateways[number % _GATEWAYS])
            for number, wish in enumerate(siege.wishes)
        ]
        if siege.at_once:
            await asyncio.gather(*(self._isolated(talk.open) for talk in talks))
            await asyncio.gather(*(self._isolated(talk.agree) for talk in talks))
        for talk in talks:
            if not siege.at_once:
                await self._isolated(talk.open)
                self._move(talk.wish)
                await self._isolated(talk.agree)
            self._turns += talk.seq
            self._waiting[siege.way] += talk.is_waiting
            self._stuck += talk.errors
        self._progress(len(talks))

    @staticmethod
    async def _isolated(play: Callable[[], object]) -> None:
        """In a task of its own, so that clock and wish are its own, too."""
        await asyncio.create_task(play())  # type: ignore[arg-type] # a coroutine

    def _move(self, wish: Wish) -> None:
        """The shop moves an order by itself, as warehouses do."""
        if not wish.moves_to:
            return
        self._moved[wish.order_id] = wish.moves_to
        move_order(
            self._books, wish.order_id, wish.moves_to, is_counted=wish.is_counted
        )

    def _progress(self, tried: int) -> None:
        before, self._tried = self._tried, self._tried + tried
        if before // _TOLD_EVERY < self._tried // _TOLD_EVERY:
            taken = sum(call.is_taken for call in self._calls)
            self._tell(f"{self._tried} tries, {taken} effects")

    def _report(
        self,
        beyond: Sequence[Beyond],
        ways: dict[str, tuple[str, bool]],
        seconds: float,
    ) -> LimitReport:
        tries = Counter(way for way, _ in ways.values())
        taken = Counter(
            ways[call.wish.conversation][0] for call in self._calls if call.is_taken
        )
        return LimitReport(
            tries=sum(tries.values()),
            turns=self._turns,
            seconds=seconds,
            ways=tuple(
                WayReport(
                    way=way,
                    tries=tries[way],
                    effects=taken[way],
                    waiting=self._waiting[way],
                    sent_beyond=sum(b.way == way and not b.is_effect for b in beyond),
                    effects_beyond=sum(b.way == way and b.is_effect for b in beyond),
                )
                for way in WAYS
                if tries[way]
            ),
            beyond=tuple(beyond),
            stuck=tuple(self._stuck),
        )


class _Talk:
    """One wish in its conversation, the way a gateway would let it talk."""

    def __init__(self, wish: Wish, siege: Siege, gateway: _Gateway) -> None:
        shop = TIGHT if siege.is_tight else "demo"
        self._engine = gateway.engines[shop, bool(wish.drafts)]
        self._shop = ShopId(shop)
        self._open_task: OpenTask | None = None
        self._history: list[Utterance] = []
        self.wish = wish
        self.seq = 0
        self.is_waiting = False
        self.errors: list[str] = []

    async def open(self) -> None:
        """The wish itself."""
        await self._say(self.wish.texts[0], Wants(self.wish.drafts))

    async def agree(self) -> None:
        """Whatever else the customer writes."""
        _AHEAD_MS.set(self.wish.later_ms)
        for text in self.wish.texts[1:]:
            await self._say(text, Consents())

    async def _say(self, text: str, plan: Plan) -> None:
        WISH.set(self.wish)
        _PLAN.set(plan)
        self.seq += 1
        turn = self._turn(text)
        for attempt in range(_TRIES):
            try:
                outcome = await self._engine.answer(turn)
                break
            except EngineError as exc:
                # As a gateway does, which repeats an interrupted turn.
                if attempt == _TRIES - 1:
                    self.errors.append(f"{self.wish.conversation}: {exc!r} at {text}")
                    return
                await asyncio.sleep(0.05)
        self._history.append(Utterance("customer", text))
        self._open_task = None
        if isinstance(outcome, Answer):
            self._history.append(Utterance("assistant", outcome.text))
            self._open_task = outcome.open_task
        else:
            self.is_waiting |= "approve act_" in outcome.note

    def _turn(self, text: str) -> Turn:
        wish = self.wish
        return Turn(
            turn_id=f"{self._shop}/{wish.conversation}/{self.seq}",
            shop=self._shop,
            channel="web",
            conversation_id=ConversationId(wish.conversation),
            message_id=MessageId(f"m{self.seq}"),
            user_id=UserId(wish.user),
            seq=self.seq,
            text=text,
            history=tuple(self._history),
            locale="zh",
            open_task=self._open_task,
            deadline_s=asyncio.get_running_loop().time() + _BUDGET_S,
        )


def _tightened(policy: PolicyFile) -> PolicyFile:
    """The same policy with sums over the whole shop that a few refunds reach."""
    replace = msgspec.structs.replace
    return replace(
        policy,
        recipes=tuple(
            replace(
                entry,
                clauses=tuple(
                    replace(one, minor=min(one.minor, TIGHT_MINOR))
                    if isinstance(one, Total) and one.per == "shop"
                    else one
                    for one in entry.clauses
                ),
            )
            for entry in policy.recipes
        ),
    )


def _clock_ms() -> int:
    return int(time.time() * 1000) + _AHEAD_MS.get()
