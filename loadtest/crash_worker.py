"""
Processes that work on one turn and die in it.

    driver ── connection ── nursery ── fork ── worker (one for each connection)

The nursery has imported everything and runs no loop and no thread, so that a
worker costs a fork. A worker does its job on a real engine, a real shop and a
real store, tells what came of it, and ends; one that is to die at a named place
sends itself SIGKILL there, one that is to die at a random time gets it from its
parent. Whoever holds the other end learns of a death by the end of the connection.
"""

from __future__ import annotations

import asyncio
import gc
import os
import selectors
import signal
import socket
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Literal, NoReturn

import msgspec

from engines.agent.engine import AgentEngine
from engines.agent.plan import Consents, Draft, Plan, Scene, Wants
from engines.contract import (
    Answer,
    ConversationId,
    MessageId,
    OpenTask,
    ShopId,
    Turn,
    TurnInterrupted,
    UserId,
    Utterance,
)
from engines.shops.http import HttpShop
from engines.shops.port import EffectSupport
from engines.voice import Voice
from gateway.approvals import Approvals
from gateway.store.connection import Scripts
from gateway.store.ledger import StoreLedger
from loadtest.crash_places import Deaths, DyingLedger, DyingShop


SHOP = ShopId("demo")
#: Patience with the shop, and how long a lost call may still land.
TIMEOUT_S = 0.8
GRACE_S = 0.8
_BUDGET_S = 30.0
_LOOK_S = 0.0005


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """
    What one worker does.

    Attributes:
        draft: The task of the turn; None is the customer's consent.

        text: What the customer wrote in this turn; *said* was written before.

        action_id: Of the record that is approved or settled.

        is_apart: The shop changes address and freight by two calls.

        dies_at: Place of :data:`PLACES` at which the worker kills itself, when it
            comes by for the *dies_nth* time.

        dies_after_s: Time after which its parent kills it; 0 is never.
    """

    do: Literal["turn", "approve", "settle"]
    shop_url: str
    shop_key: str
    support: EffectSupport
    store_url: str
    policy: str
    voices: tuple[str, ...]
    conversation: str
    seq: int = 0
    text: str = ""
    said: tuple[str, ...] = ()
    draft: Draft | None = None
    open_task: OpenTask | None = None
    action_id: str = ""
    is_apart: bool = False
    dies_at: str = ""
    dies_nth: int = 1
    dies_after_s: float = 0.0


class Done(msgspec.Struct, frozen=True, kw_only=True):
    """
    What a job came to.

    Attributes:
        told: Id and state of actions, as the customer hears them.

        is_with_person: The turn was handed over.

        states: State of the record, of a job that is no turn.
    """

    told: tuple[tuple[str, str], ...] = ()
    open_task: OpenTask | None = None
    is_with_person: bool = False
    state: str = ""
    error: str = ""


class _Told:
    """A planner that was told what the turn means."""

    def __init__(self, draft: Draft | None) -> None:
        self._plan: Plan = Consents() if draft is None else Wants((draft,))

    async def plan(self, _scene: Scene) -> Plan:
        return self._plan


async def _do(job: Job) -> Done:
    deaths = Deaths(job.dies_at, job.dies_nth)
    scripts = await Scripts.connect(job.store_url)
    ledger: Any = DyingLedger(StoreLedger(scripts, _wall_ms), deaths)
    async with HttpShop(
        job.shop_url,
        job.shop_key,
        TIMEOUT_S,
        job.support,
        moves_freight_apart=job.is_apart,
    ) as real:
        shop: Any = DyingShop(real, deaths)
        engine = AgentEngine.load(
            shop,
            ledger,
            Path(job.policy),
            Voice.load(*map(Path, job.voices)),
            _wall_ms,
            planner=_Told(job.draft),
            grace_s=GRACE_S,
        )
        done = await _DO[job.do](job, engine, ledger)
        deaths.at("answered")
    await scripts.close()
    return done


async def _turn(job: Job, engine: AgentEngine, _ledger: StoreLedger) -> Done:
    try:
        outcome = await engine.answer(_turn_of(job))
    except TurnInterrupted as exc:
        return Done(error=str(exc))
    if isinstance(outcome, Answer):
        told = tuple((one.id, one.state) for one in outcome.actions)
        return Done(told=told, open_task=outcome.open_task)
    return Done(is_with_person=True)


async def _approve(job: Job, engine: AgentEngine, ledger: StoreLedger) -> Done:
    approvals = Approvals(ledger, {SHOP: engine}, _wall_ms)
    record = await approvals.show(SHOP, job.conversation, job.action_id)
    moved = await approvals.approve(
        record, record.version, "lin", "seen", is_supervisor=True
    )
    return Done(state=moved.state.value)


async def _settle(job: Job, engine: AgentEngine, _ledger: StoreLedger) -> Done:
    deadline_s = asyncio.get_running_loop().time() + _BUDGET_S
    record = await engine.settle(SHOP, job.conversation, job.action_id, deadline_s)
    return Done(state=record.state.value)


_DO: dict[str, Callable[[Job, AgentEngine, Any], Awaitable[Done]]] = {
    "turn": _turn,
    "approve": _approve,
    "settle": _settle,
}


def _turn_of(job: Job) -> Turn:
    return Turn(
        turn_id=f"{SHOP}/{job.conversation}/{job.seq}",
        shop=SHOP,
        channel="web",
        conversation_id=ConversationId(job.conversation),
        message_id=MessageId(f"m{job.seq}"),
        user_id=UserId(job.conversation),
        seq=job.seq,
        text=job.text,
        history=tuple(Utterance("customer", line) for line in job.said),
        locale="zh",
        open_task=job.open_task,
        deadline_s=asyncio.get_running_loop().time() + _BUDGET_S,
    )


def _wall_ms() -> int:
    return int(time.time() * 1000)


# --- the processes ---


def serve(path: str) -> None:
    """Fork a worker for each connection, until standard input ends."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    gc.collect()
    gc.freeze()
    with socket.socket(socket.AF_UNIX) as listener, selectors.DefaultSelector() as it:
        listener.bind(path)
        listener.listen(256)
        it.register(listener, selectors.EVENT_READ)
        it.register(0, selectors.EVENT_READ)
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        while True:
            files = [key.fileobj for key, _ in it.select()]
            if 0 in files:
                return
            connection, _ = listener.accept()
            if os.fork() == 0:
                listener.close()
                _become_worker(connection)
            connection.close()


def _become_worker(connection: socket.socket) -> NoReturn:
    with connection, connection.makefile("rwb") as stream:
        job = msgspec.json.decode(stream.readline(), type=Job)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        worker = os.fork() if job.dies_after_s else 0
        if not worker:
            stream.write(msgspec.json.encode(_done(job)) + b"\n")
            stream.flush()
    if worker:
        _kill_after(worker, job.dies_after_s)
    os._exit(0)


def _done(job: Job) -> Done:
    try:
        return asyncio.run(_do(job))
    except Exception as exc:  # noqa: BLE001 - the last frame of this process
        return Done(error=f"{type(exc).__name__}: {exc}")


def _kill_after(worker: int, seconds: float) -> None:
    """As its parent: the number is its own until it was waited for."""
    give_up = time.monotonic() + seconds
    while time.monotonic() < give_up:
        if os.waitpid(worker, os.WNOHANG)[0]:
            return
        time.sleep(_LOOK_S)
    os.kill(worker, signal.SIGKILL)
    os.waitpid(worker, 0)


if __name__ == "__main__":
    serve(sys.argv[1])
