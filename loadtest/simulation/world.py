"""
One history: customers, operators, gateways, a store, and whatever happens to them.
"""

from __future__ import annotations

import asyncio
import hashlib
import random
from collections.abc import Callable, Coroutine, Mapping
from typing import Any

import msgspec

from engines.contract import TurnInterrupted
from engines.voice import Voice
from gateway.errors import Draining
from gateway.handoff.accounts import Operator
from gateway.handoff.errors import HandoffError
from gateway.handoff.states import State
from gateway.outcome import EventBody, MessageOut, encode, event_out
from gateway.store.conversations import Conversations
from gateway.store.errors import StoreError
from gateway.store.functions import Function
from gateway.store.keys import bucket_of
from gateway.store.mailbox import NewMessage
from gateway.telemetry import Telemetry
from loadtest.history import Ack, Finding, LogLine, check
from loadtest.simulation.engines import DEADLY, WANTS_PERSON, Mind
from loadtest.simulation.faults import Faults
from loadtest.simulation.history import History
from loadtest.simulation.keyspace import Keyspace
from loadtest.simulation.lua_functions import LuaFunctions
from loadtest.simulation.network import Line, Store
from loadtest.simulation.process import SHOP, Ground, Process
from loadtest.simulation.sorted_commands import COMMANDS
from loadtest.simulation.virtual_loop import VirtualLoop
from loadtest.simulation.watch import Watch


#: Wall clock at the beginning of every history.
_BEGIN_MS = 1_760_000_000_000
#: A client gives one request up after this, and repeats it.
_PATIENCE_S = 8.0
#: Virtual seconds after the last fault until everything must be at rest.
REST_S = 120.0
#: Virtual seconds within which every message must be acknowledged.
_ACKNOWLEDGED_S = 300.0
#: What a deadly or a person's message is the chance of.
_DEADLY, _PERSON = 0.01, 0.06

_decode = msgspec.json.Decoder(MessageOut).decode


class Parts(msgspec.Struct, frozen=True, kw_only=True):
    """What histories share because it is dear to load and keeps nothing of them."""

    functions: LuaFunctions
    telemetry: Telemetry
    voice: Voice


def live(seed: int, parts: Parts) -> History:
    """Run the history of one seed to its end."""
    loop = VirtualLoop()
    asyncio.set_event_loop(loop)
    try:
        return loop.run_until_complete(World(seed, parts, loop).run())
    finally:
        for task in asyncio.all_tasks(loop):
            task.cancel()
        loop.run_until_complete(asyncio.sleep(0))
        asyncio.set_event_loop(None)
        loop.close()


def parts_of(functions: Mapping[str, Function], voice: Voice) -> Parts:
    """Load what all histories share; log lines go nowhere."""
    telemetry = Telemetry(log_path="/dev/null", level="error")
    return Parts(functions=LuaFunctions(functions), telemetry=telemetry, voice=voice)


class World:
    """Everything of one history; all chance comes from its seed."""

    def __init__(self, seed: int, parts: Parts, loop: VirtualLoop) -> None:
        self._seed, self._loop = seed, loop
        self._chance = random.Random(seed)
        self._faults = Faults(self._chance, loop, self._alive)
        keyspace = Keyspace(COMMANDS, lambda: self._wall_ms() * 1000)
        self._watch = Watch(keyspace)
        self._store = Store(keyspace, parts.functions, self._watch)
        self._faults.store = self._store
        self._names = [f"c{n}" for n in range(self._chance.randint(2, 5))]
        self._ground = Ground(
            loop=loop,
            telemetry=parts.telemetry,
            voice=parts.voice,
            mind=Mind(self._chance),
            wall_ms=self._wall_ms,
            buckets=sorted({bucket_of(name) for name in self._names}),
            failed=self._failed,
        )
        self._processes: list[Process] = []
        self._started = self._messages = 0
        self._acks: list[Ack] = []
        self._findings: list[Finding] = []
        self._view = Conversations(Line(self._store, self._chance, is_calm=True), "v")

    def _wall_ms(self) -> int:
        return _BEGIN_MS + int(self._loop.time() * 1000) + self._faults.jump_ms

    def _failed(self, where: str, exc: BaseException) -> None:
        self._find("unforeseen", where, f"{type(exc).__name__}: {exc}")

    def _find(self, kind: str, where: str, detail: str) -> None:
        self._findings.append(
            Finding(kind=kind, conversation=where, message_id="", detail=detail)
        )

    async def run(self) -> History:
        for _ in range(self._chance.randint(2, 3)):
            self._start()
        operators = [
            asyncio.create_task(self._operate(f"op{n}"))
            for n in range(self._chance.randint(0, 2))
        ]
        striking = asyncio.create_task(self._faults.strike())
        try:
            async with asyncio.timeout(_ACKNOWLEDGED_S):
                await asyncio.gather(*(self._converse(name) for name in self._names))
        except TimeoutError:
            self._find("never acknowledged", SHOP, "a client still repeats itself")
        striking.cancel()
        self._calm()
        await self._come_to_rest()
        for task in operators:
            task.cancel()
        return await self._history()

    def _start(self) -> None:
        self._started += 1
        line = Line(self._store, self._chance)
        process = Process(f"w{self._started}", line, self._ground)
        self._processes.append(process)
        process.start()

    def _alive(self) -> list[Process]:
        return [process for process in self._processes if not process.is_over]

    async def _any(self) -> Process:
        """A process that lives; others are tried like a proxy would."""
        while True:
            for process in [p for p in self._processes if p.is_over]:
                self._processes.remove(process)
                self._loop.call_later(self._chance.random() * 2, self._start)
            if self._processes:
                return self._chance.choice(self._processes)
            await asyncio.sleep(0.2)

    async def _ask(self, work: Callable[[Process], Coroutine[Any, Any, Any]]) -> Any:
        """A request to any process; None if its answer was lost."""
        process = await self._any()
        task = process.spawn(work(process))
        task.add_done_callback(_forget_failure)
        done, _ = await asyncio.wait([task], timeout=_PATIENCE_S)
        if not done or task.cancelled() or self._chance.random() < 0.03:  # noqa: PLR2004 - the answer is lost on its way
            return None
        refused = (StoreError, Draining, TurnInterrupted, HandoffError)
        try:
            return task.result()
        except refused:
            return None
        except Exception as exc:  # noqa: BLE001 - what no request may end with
            self._failed("request", exc)
            return None

    # --- customers ---

    async def _converse(self, name: str) -> None:
        sent = []
        for number in range(self._chance.randint(2, 6)):
            copies = 2 if self._chance.random() < 0.2 else 1  # noqa: PLR2004 - share that arrives twice
            message = self._message(f"{name}-{number}")
            self._messages += 1
            sent += [
                asyncio.create_task(self._send(name, message)) for _ in range(copies)
            ]
            await asyncio.sleep(self._chance.random() ** 3 * 12)
        await asyncio.gather(*sent)

    def _message(self, message_id: str) -> NewMessage:
        luck = self._chance.random()
        text = f"question {message_id}"
        if luck < _DEADLY:
            text = DEADLY
        elif luck < _DEADLY + _PERSON:
            text = WANTS_PERSON
        body = EventBody(
            at_ms=self._wall_ms(), text=text, message_id=message_id, user_id="u"
        )
        return NewMessage("web", message_id, message_id, encode(body))

    async def _send(self, name: str, message: NewMessage) -> None:
        """Repeat a message until it is acknowledged."""
        while True:
            result = await self._ask(
                lambda process: process.dispatcher.submit(SHOP, name, message)
            )
            if result is not None:
                break
            await asyncio.sleep(0.1 + self._chance.random())
        told = _decode(result) if isinstance(result, bytes) else result
        self._acks.append(
            Ack(
                conversation=name,
                message_id=told.message_id,
                seq=told.seq,
                status=told.status,
                reply=told.reply.text
                if told.reply and told.status == "answered"
                else "",
            )
        )

    # --- operators ---

    async def _operate(self, name: str) -> None:
        who = Operator(shop=SHOP, name=name, display=name, role="operator", capacity=2)
        lines = 0
        while True:
            await self._ask(lambda p: p.desk.come(who, is_away=False))
            for _ in range(self._chance.randint(2, 12)):
                await asyncio.sleep(self._chance.random() * 4)
                lines += 1
                await self._at_desk(who, f"{name}-{lines}")
            # Gone without a word, perhaps for longer than that is borne.
            await asyncio.sleep(self._chance.random() * 30)

    async def _at_desk(self, who: Operator, line_id: str) -> None:
        board = await self._ask(lambda p: p.desk.board(SHOP))
        if board is None:
            return
        held = [one.id for one in board.held]
        if len(held) != len(set(held)):
            self._find("assigned twice", SHOP, f"{sorted(held)}")
        mine = [one for one in board.held if one.operator == who.name]
        for one in [*mine, *board.tickets[:1]]:
            await self._handle(who, one.id, one.version, one.state, line_id)

    async def _handle(
        self, who: Operator, id_: str, version: int, state: State, line_id: str
    ) -> None:
        luck = self._chance.random()
        if state is State.OFFERED and luck < 0.7:  # noqa: PLR2004 - share of what an operator does
            await self._ask(lambda p: p.desk.claim(who, id_, version))
        elif state is State.OFFERED and luck < 0.8:  # noqa: PLR2004
            await self._ask(lambda p: p.desk.decline(who, id_, version))
        elif state is State.TICKETED and luck < 0.5:  # noqa: PLR2004
            await self._ask(lambda p: p.desk.take(who, id_, version))
        elif state is State.ACTIVE and luck < 0.6:  # noqa: PLR2004
            await self._ask(lambda p: p.desk.reply(who, id_, line_id, "a word"))
        elif state is State.ACTIVE:
            await self._ask(lambda p: p.desk.close(who, id_, version, "solved", 10_000))

    def _calm(self) -> None:
        self._store.is_up = True
        if not self._alive():
            self._start()

    # --- the end ---

    async def _come_to_rest(self) -> None:
        """Until every message has its end, or for as long as anybody may take."""
        give_up = self._loop.time() + REST_S
        while self._loop.time() < give_up:
            await self._any()
            logs = await self._logs()
            if all(_is_at_rest(log) for log in logs.values()):
                break
            await asyncio.sleep(1.0)

    async def _logs(self) -> dict[str, list[LogLine]]:
        logs = {}
        for name in self._names:
            events = await self._view.events(SHOP, name, 0, 1_000)
            shown = [event_out(event.n, event.kind, event.data) for event in events]
            logs[name] = [
                LogLine(n=e.n, kind=e.kind, message_id=e.message_id, text=e.text)
                for e in shown
            ]
        return logs

    async def _history(self) -> History:
        logs = await self._logs()
        verdict = check(self._acks, logs)
        findings = (*verdict.findings, *self._watch.findings, *self._findings)
        return History(
            seed=self._seed,
            messages=self._messages,
            faults=dict(self._faults.struck),
            verdict=msgspec.structs.replace(verdict, findings=findings),
            virtual_s=self._loop.time() - 1_000.0,
            digest=hashlib.sha256(msgspec.json.encode(logs)).hexdigest()[:16],
        )


def _forget_failure(task: asyncio.Task[Any]) -> None:
    """Nobody may be there any more to whom it is news."""
    if not task.cancelled():
        task.exception()


def _is_at_rest(log: list[LogLine]) -> bool:
    replied = {line.message_id for line in log if line.kind == "reply"}
    asked = {line.message_id for line in log if line.kind == "message"}
    told = [line.n for line in log if line.kind == "notice"]
    return asked <= replied or bool(told)
