"""
One open connection that speaks the store's protocol, and batches.

All commands sent in one turn of the event loop leave as one write; replies
come back in order. Where replicas must hold a write before it counts, each
batch ends with ``WAITAOF`` and its replies are kept back until enough copies
have confirmed.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any, Literal, cast

import hiredis
import msgspec

from gateway.store.errors import StoreUnavailable


#: A connection whose oldest call is overdue this many deadlines is given up.
STALLED_AFTER = 4
#: A check that comes later than this share of a deadline was late because this process
#: stood still (paused, frozen, a blocked loop), and nobody could read the replies.
STOOD_STILL = 0.25


#: A replica answers the question how far its disk is before it has synced what
#: it just got, and by itself only once a second. So it is asked again: each
#: ``WAITAOF`` that times out is followed by another, which asks anew.
#: An idle server looks at these times ``hz`` times a second: ``hz 100`` on the
#: primary makes a confirmed call take about 10 ms, the default 10 about 100 ms.
ASK_AGAIN_AFTER_MS = (1, 2, 4, 16, 64)

#: Words of a command to bytes. (The library's stub knows one-word commands only.)
pack = cast("Callable[[tuple[str | bytes | int, ...]], bytes]", hiredis.pack_command)


class Refusal(Exception):
    """An error reply, as text; the layer above gives it its meaning."""

    @property
    def code(self) -> str:
        """First word of the error, for example ``NOSCRIPT``."""
        return str(self).partition(" ")[0]


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """
    How long and how much a connection waits.

    Attributes:
        deadline_s: After this a call fails; its reply, if any, is dropped.

        max_waiting: Calls on the way at once; more are refused at once.

        max_unsent: Bytes that the server has not taken yet; beyond it calls
            are refused.

        replicas: Replicas whose disk must hold a write before the call returns.
    """

    deadline_s: float = 2.0
    max_waiting: int = 10_000
    max_unsent: int = 16 * 1024 * 1024
    replicas: int = 0


class Wire(asyncio.Protocol):
    """One connection; lives from connect to loss and is not used again."""

    def __init__(self, loop: asyncio.AbstractEventLoop, limits: Limits) -> None:
        self.lost: asyncio.Future[None] = loop.create_future()
        self._loop = loop
        self._limits = limits
        self._reader = hiredis.Reader(replyError=Refusal)
        self._transport: asyncio.WriteTransport | None = None
        self._is_clogged = False
        self._outgoing: list[bytes] = []
        # Future and deadline of each call on its way; for a WAITAOF there is
        # None in place of the future, and for the last of a batch False.
        self._waiting: deque[
            tuple[asyncio.Future[Any] | Literal[False] | None, float]
        ] = deque()
        self._kept_back: list[tuple[asyncio.Future[Any], Any]] = []
        self._watch: asyncio.TimerHandle | None = None
        self._barrier = _pack_barrier(limits)

    def send(self, packed: bytes, commands: int = 1) -> asyncio.Future[Any]:
        """
        Send packed commands; the future gets the reply of the last one.

        An error reply arrives as a :class:`Refusal` *value*, so that the hot
        path needs no exception. Nothing is awaited here: order of calls is
        order on the wire.

        Raises:
            StoreUnavailable: If the connection is lost or too much waits.
        """
        is_full = self._is_clogged or len(self._waiting) >= self._limits.max_waiting
        if self._transport is None or is_full:
            raise StoreUnavailable("the connection is lost or overloaded")
        due = self._loop.time() + self._limits.deadline_s
        for _ in range(commands):
            future = self._loop.create_future()
            self._waiting.append((future, due))
        if not self._outgoing:
            self._loop.call_soon(self._flush)
        self._outgoing.append(packed)
        if self._watch is None:
            self._watch_at(due)
        return future

    def abort(self) -> None:
        """Close at once; whatever waits fails."""
        if self._transport is not None:
            self._transport.abort()

    def _flush(self) -> None:
        outgoing, self._outgoing = self._outgoing, []
        if self._transport is None or not outgoing:
            return
        if self._barrier is not None:
            outgoing.append(self._barrier)
            due = self._waiting[-1][1]
            self._waiting.extend([(None, due)] * len(ASK_AGAIN_AFTER_MS))
            self._waiting.append((False, due))
        self._transport.write(b"".join(outgoing))

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember where to write."""
        self._transport = cast("asyncio.WriteTransport", transport)
        self._transport.set_write_buffer_limits(self._limits.max_unsent)

    def pause_writing(self) -> None:
        """The server does not read: take no more until it does."""
        self._is_clogged = True

    def resume_writing(self) -> None:
        """It reads again."""
        self._is_clogged = False

    def data_received(self, data: bytes) -> None:
        """Give each complete reply to the oldest call."""
        reader = self._reader
        reader.feed(data)
        try:
            while (reply := reader.gets()) is not False:
                future, _ = self._waiting.popleft()
                if self._barrier is not None:
                    self._settle_in_batch(future, reply)
                elif future and not future.done():
                    future.set_result(reply)
        except (hiredis.ProtocolError, IndexError):
            # Not our protocol, or a reply nobody asked for.
            self.abort()

    def _settle_in_batch(
        self, future: asyncio.Future[Any] | Literal[False] | None, reply: Any
    ) -> None:
        if future:
            self._kept_back.append((future, reply))
            return
        is_held = _is_held(reply, self._limits.replicas)
        if future is None and not is_held:
            return
        for kept, value in self._kept_back:
            if is_held or isinstance(value, Refusal):
                if not kept.done():
                    kept.set_result(value)
            else:
                _fail(kept, f"copies on disk did not confirm: {reply}")
        self._kept_back.clear()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's name
        """Fail everything that waits: nobody knows what became of it."""
        self._transport = None
        if self._watch is not None:
            self._watch.cancel()
        self._fail_kept_back("the connection broke")
        for future, _ in self._waiting:
            _fail(future, "the connection broke")
        self._waiting.clear()
        if not self.lost.done():
            self.lost.set_result(None)

    def _fail_kept_back(self, why: str) -> None:
        for future, _ in self._kept_back:
            _fail(future, why)
        self._kept_back.clear()

    def _check_deadlines(self, planned: float) -> None:
        self._watch = None
        if not self._waiting:
            return
        now, limit = self._loop.time(), self._limits.deadline_s
        if now - planned > STOOD_STILL * limit:
            self._put_off(now - planned)
        overdue = now - self._waiting[0][1]
        if overdue > STALLED_AFTER * limit:
            self.abort()
            return
        if overdue >= 0:
            self._fail_overdue(now)
        # Slots of failed calls stay: their replies may still come.
        later = [due for _, due in self._waiting if due > now]
        self._watch_at(later[0] if later else now + limit)

    def _watch_at(self, due: float) -> None:
        self._watch = self._loop.call_at(due, self._check_deadlines, due)

    def _put_off(self, stood_s: float) -> None:
        """Time in which this process did not run is not the server's."""
        self._waiting = deque((future, due + stood_s) for future, due in self._waiting)

    def _fail_overdue(self, now: float) -> None:
        for future, due in self._waiting:
            if due > now:
                break
            _fail(future, "no answer in time")
        # Replies kept back are older than everything that waits. They are not
        # dropped from the list: WAITAOF's own reply will do it.
        for kept, _ in self._kept_back:
            _fail(kept, "no answer in time")


def _pack_barrier(limits: Limits) -> bytes | None:
    if not limits.replicas:
        return None
    times_ms = (*ASK_AGAIN_AFTER_MS, int(limits.deadline_s * 1000))
    return b"".join(pack(("WAITAOF", 1, limits.replicas, each)) for each in times_ms)


def _is_held(reply: Any, replicas: int) -> bool:
    """Whether ``WAITAOF`` counted the local disk and enough replicas."""
    if not isinstance(reply, list):
        return False
    local, remote = reply
    return bool(local >= 1 and remote >= replicas)


def _fail(future: asyncio.Future[Any] | Literal[False] | None, why: str) -> None:
    if not future or future.done():
        return
    future.set_exception(StoreUnavailable(why))
    # The caller may be gone already; then its failure is no news to anybody.
    future.exception()
