"""
What ledger and policy cost an action, and how many recipes one core carries out.

Whole recipes run on the real planner, policy, ledger, store (every write on disk) and a
shop service; then the ledger's writes and policy's judgement alone. Other engines are
timed in the same run with as many durable steps, by a Python of their own.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import os
import secrets
import subprocess
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

import msgspec

from engines.agent.engine import AgentEngine
from engines.agent.ledger import ActionRecord, ActionState
from engines.agent.policy import Case, Policy
from engines.contract import (
    Answer,
    ConversationId,
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
from loadtest.shop_process import ShopProcess


#: Writes in the ledger from proposal to receipt, of an action with one effect.
WRITES: Final = (ActionState.CONFIRMED, ActionState.EXECUTING, ActionState.DONE)
AT_ONCE: Final = 16
PEERS: Final = ("dbos", "langgraph")
_JUDGED: Final = 2_000
_PEER_S: Final = 300


class Timed(msgspec.Struct, frozen=True):
    """
    One row.

    Attributes:
        cpu_ms: Processor time of this process for one; the store's and the shop's
            are not in it.
    """

    what: str
    count: int
    per_s: float
    cpu_ms: float
    note: str = ""


def run_recipe_bench(
    shop: ShopConfig, *, count: int, peers: Path | None, tell: Callable[[str], None]
) -> list[Timed]:
    """
    Time *count* of everything, on one core where the system lets us choose.

    Args:
        peers: Python of an environment that holds the other engines, if they are asked.
    """
    cores = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set()
    with ExitStack() as parts:
        folder = Path(parts.enter_context(tempfile.TemporaryDirectory(prefix="tg-")))
        store = EmbeddedStore(folder / "store")
        store.start()
        parts.callback(store.stop)
        key = secrets.token_hex(16)
        process = ShopProcess(folder / "shop", key, _seed(3 * count + 2))
        process.start()
        parts.callback(process.kill)
        if cores:
            os.sched_setaffinity(0, {min(cores)})
            parts.callback(os.sched_setaffinity, 0, cores)
        rows = asyncio.run(_ours(shop, process.url, key, store.url, count, tell))
        for name in PEERS if peers else ():
            tell(f"{name}: {count} workflows")
            rows.append(_peer(peers, name, folder, count))
        return rows


async def _ours(
    shop: ShopConfig,
    url: str,
    key: str,
    store_url: str,
    count: int,
    tell: Callable[[str], None],
) -> list[Timed]:
    scripts = await Scripts.connect(store_url)
    ledger = StoreLedger(scripts, _clock_ms)
    voice = Voice.load(*(resolve(name) for name in shop.voices))
    try:
        async with HttpShop(url, key, 10.0) as port:
            await port.orders("nobody")
            path = resolve(shop.policy)
            engine = AgentEngine.load(port, ledger, path, voice, _clock_ms)
            numbers = iter(range(3 * count + 2))
            rows = []
            for lanes in (1, AT_ONCE):
                tell(f"recipes, {lanes} at once")
                work = _recipes(engine, numbers)
                rows.append(
                    await _time(f"whole recipes, {lanes} at once", count, lanes, work)
                )
            for lanes in (1, AT_ONCE):
                tell(f"ledger, {lanes} at once")
                made = _writes(ledger, lanes)
                what = f"ledger alone, {len(WRITES) + 1} writes, {lanes} at once"
                rows.append(await _time(what, count, lanes, made))
            order = (await port.orders("c0"))[0]
        return [*rows, _judged(Policy.load(path), order)]
    finally:
        await scripts.close()


async def _time(
    what: str, count: int, lanes: int, work: Callable[[int], Awaitable[None]]
) -> Timed:
    await work(-1)
    waiting = iter(range(count))
    started, busy = time.perf_counter(), time.process_time()

    async def lane() -> None:
        for number in waiting:
            await work(number)

    await asyncio.gather(*(lane() for _ in range(lanes)))
    took, busy = time.perf_counter() - started, time.process_time() - busy
    return Timed(what, count, count / took, busy / count * 1e3)


def _recipes(
    engine: AgentEngine, numbers: Iterator[int]
) -> Callable[[int], Awaitable[None]]:
    """A customer's phone is changed: asked for, agreed to, done and told."""

    async def one(_: int) -> None:
        number = next(numbers)
        asked = f"订单{_order_id(number)}的手机号改成13912345678"
        first = await engine.answer(_turn(number, 1, asked, None))
        if not isinstance(first, Answer) or first.open_task is None:
            raise RuntimeError(f"no proposal: {first}")
        last = await engine.answer(_turn(number, 2, "确认", first.open_task, asked))
        states = [one.state for one in last.actions] if isinstance(last, Answer) else []
        if states != [ActionState.DONE]:
            raise RuntimeError(f"not done: {last}")

    return one


def _writes(ledger: StoreLedger, lanes: int) -> Callable[[int], Awaitable[None]]:
    """The life of a record, with no shop and no words."""

    async def one(number: int) -> None:
        record = await ledger.propose(_record(f"{lanes}-{number}"))
        for state in WRITES:
            record = await ledger.move(record, state, "bench")

    return one


def _judged(policy: Policy, order: Any) -> Timed:
    case = Case(
        recipe="refund_item",
        order=order,
        now=dt.datetime.now(dt.UTC),
        to_customer_minor=100,
    )
    started, busy = time.perf_counter(), time.process_time()
    for _ in range(_JUDGED):
        policy.judge(case)
    took, busy = time.perf_counter() - started, time.process_time() - busy
    return Timed("policy alone", _JUDGED, _JUDGED / took, busy / _JUDGED * 1e3)


def _peer(python: Path | None, name: str, folder: Path, count: int) -> Timed:
    """Another engine's workflows, or why there is no figure."""
    script = Path(__file__).parents[1] / "tests/agent/peers/recipe_peer.py"
    words = [str(python), "-P", str(script), name, str(folder), str(count)]
    what = f"{name} on SQLite, {len(WRITES) + 1} steps, 1 at once"
    try:
        done = subprocess.run(  # noqa: S603 - a Python that the caller named
            [*words, str(len(WRITES) + 1)],
            capture_output=True,
            timeout=_PEER_S,
            check=True,
        )
        told = msgspec.json.decode(done.stdout.splitlines()[-1])
        return Timed(what, count, told["per_s"], told["cpu_ms"])
    except subprocess.CalledProcessError as exc:
        why = exc.stderr.decode("utf-8", "replace").strip().rpartition("\n")[2]
    except (OSError, subprocess.TimeoutExpired, IndexError, msgspec.DecodeError) as exc:
        why = str(exc)
    return Timed(what, 0, 0.0, 0.0, f"not measured: {why[:120]}")


def _turn(
    number: int, seq: int, text: str, task: OpenTask | None, *before: str
) -> Turn:
    return Turn(
        turn_id=f"demo/bench{number}/{seq}",
        shop=ShopId("demo"),
        channel="web",
        conversation_id=ConversationId(f"bench{number}"),
        message_id=MessageId(f"m{seq}"),
        user_id=UserId(f"c{number}"),
        seq=seq,
        text=text,
        locale="zh",
        history=tuple(Utterance("customer", line) for line in before),
        open_task=task,
        deadline_s=asyncio.get_running_loop().time() + 60,
    )


def _record(number: str) -> ActionRecord:
    now = _clock_ms()
    return ActionRecord(
        id=f"act_{number}",
        shop="demo",
        conversation_id=f"alone{number}",
        user_id="c0",
        recipe="change_phone",
        state=ActionState.PROPOSED,
        version=1,
        args={"order_id": _order_id(0), "locale": "zh", "phone": "13912345678"},
        order_id=_order_id(0),
        order_version=1,
        amount_minor=0,
        currency="CNY",
        summary="bench",
        clauses=("change_phone.states",),
        steps=(),
        created_ms=now,
        expires_ms=now + 60_000,
        history=((now, "proposed", "bench"),),
    )


def _order_id(number: int) -> str:
    return f"R{10_000 + number}"


def _seed(count: int) -> dict[str, Any]:
    """A customer for every recipe, with one order that is paid."""
    place = {
        "name": "某",
        "phone": "13800010001",
        "region": "浙江",
        "city": "杭州市",
        "street": "文三路 1 号",
    }
    regions = [{"zh": "浙江", "en": "Zhejiang"}]
    return {
        "facts": {"return_address": {"zh": "潮汐路18号", "en": "18 Chaoxi Road"}},
        "freight": [{"first_kg": 800, "next_kg": 300, "regions": regions}],
        "customers": [{"id": f"c{n}", "name": f"c{n}"} for n in range(count)],
        "orders": [
            {
                "id": _order_id(n),
                "customer": f"c{n}",
                "status": "paid",
                "address": place,
                "lines": [{"sku": "TS-13"}],
            }
            for n in range(count)
        ],
    }


def _clock_ms() -> int:
    return time.time_ns() // 1_000_000
