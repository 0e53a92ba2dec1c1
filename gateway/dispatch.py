"""
The path of one message: accept, answer, commit, hand off.

    submit ── accept ──> leased ──> answer ──> commit ──> reply
                 │                                └──> next waiting message
                 ├──> waiting   another task or worker holds the conversation
                 ├──> human     a person owns it: the machine is silent
                 ├──> repeat    same id again: the same result
                 └──> conflict  same id, other text: refused

Two round trips to the store a message. A crash at any instruction leaves the
message in its mailbox; :mod:`gateway.sweeper` finds it by its deadline. The
epoch of the lease fences every commit, so a slow worker that was overtaken
changes nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from contextlib import suppress
from time import monotonic, perf_counter

import msgspec

from engines.contract import TurnInterrupted
from gateway.answering import ShopService
from gateway.errors import Draining, MessageConflict
from gateway.outcome import WITH_PERSON, HandoffOut, MessageOut, with_person
from gateway.people import People
from gateway.state import ConversationState, load_state
from gateway.store.conversations import Conversations
from gateway.store.errors import StaleLease, StoreRefusing, StoreUnavailable
from gateway.store.mailbox import Accepted, Committed, Lease, NewMessage, Pending
from gateway.telemetry import Telemetry
from gateway.turn_work import Commitment, TurnWork
from gateway.waiting import Waiting


#: Seconds between two tries of a commit whose answer was lost.
COMMIT_RETRY_S = 0.1
#: Longest sleep of a request that waits for another worker's reply.
LOOK_AGAIN_S = 0.5

_decode_result = msgspec.json.Decoder(MessageOut).decode


class Dispatcher:
    """
    Owns the turns of this process; shares nothing with others but the store.

    Args:
        reply_wait_s: How long :meth:`submit` waits before ``pending``.

        commit_wait_s: How long a commit is tried again while the store is
            away; after it the lease has run out and another worker has it.

        clock: Monotonic seconds, of the event loop's own time.
    """

    def __init__(
        self,
        conversations: Conversations,
        services: Mapping[str, ShopService],
        work: TurnWork,
        people: People,
        telemetry: Telemetry,
        *,
        reply_wait_s: float,
        commit_wait_s: float,
        clock: Callable[[], float] = monotonic,
        why_shut: Callable[[], str] = str,
    ) -> None:
        self._why_shut = why_shut
        self._conversations = conversations
        self._services = services
        self._work = work
        self._people = people
        self._telemetry = telemetry
        self._reply_wait_s = reply_wait_s
        self._commit_wait_s = commit_wait_s
        self._clock = clock
        self._waiting = Waiting()
        self._tasks: set[asyncio.Task[None]] = set()
        self._held: dict[tuple[str, str], Lease] = {}
        self._is_draining = False

    @property
    def held(self) -> tuple[Lease, ...]:
        """Leases this process works under, for the heartbeat."""
        return tuple(self._held.values())

    async def submit(
        self, shop: str, conversation: str, message: NewMessage
    ) -> MessageOut | bytes:
        """
        Take one message in and wait for what becomes of it.

        Returns:
            The encoded MessageOut of a machine's answer, or a MessageOut for
            everything whose place may have changed since it was stored.

        Raises:
            MessageConflict: Same id, other text or user.
            StoreUnavailable: Nothing is known to be written; send it again.
            Draining: This process takes no more.
        """
        if self._is_draining:
            raise Draining
        self._check_open()
        started = perf_counter()
        accepted = await self._conversations.accept(
            shop, conversation, message, WITH_PERSON
        )
        self._telemetry.accepted(message.channel, accepted.outcome, started)
        if accepted.outcome == "conflict":
            raise MessageConflict(message.message_id)
        if accepted.outcome == "leased":
            return await self._lead(shop, conversation, message, accepted)
        if accepted.result is not None:
            return await self._as_result(
                shop, conversation, message, accepted.seq, accepted.result
            )
        if accepted.outcome == "human":
            await self._people.heard(shop, accepted.owner)
            return await self._with_person(shop, message, accepted.seq, accepted.owner)
        return await self._follow(shop, conversation, message, accepted.seq)

    def _check_open(self) -> None:
        if why := self._why_shut():
            raise StoreRefusing(why)

    async def take(
        self,
        shop: str,
        conversation: str,
        message: NewMessage,
        *,
        is_brought_again: bool = True,
    ) -> Accepted:
        """
        Take one message in without waiting for its answer: on disk at return.

        A message that nobody would bring again is taken while draining too.

        Raises:
            As :meth:`submit`.
        """
        if self._is_draining and is_brought_again:
            raise Draining
        self._check_open()
        started = perf_counter()
        accepted = await self._conversations.accept(
            shop, conversation, message, WITH_PERSON
        )
        self._telemetry.accepted(message.channel, accepted.outcome, started)
        if accepted.outcome == "conflict":
            raise MessageConflict(message.message_id)
        if accepted.outcome == "leased":
            lease = Lease(shop=shop, conversation=conversation, epoch=accepted.epoch)
            head = accepted.head or _own(message, accepted.seq)
            self._spawn(self.work(lease, head, load_state(accepted.state)))
        elif accepted.outcome == "human":
            await self._people.heard(shop, accepted.owner)
        return accepted

    async def _lead(
        self, shop: str, conversation: str, message: NewMessage, accepted: Accepted
    ) -> MessageOut | bytes:
        """Work under the lease just taken: the own message, or older ones first."""
        lease = Lease(shop=shop, conversation=conversation, epoch=accepted.epoch)
        state = load_state(accepted.state)
        head = accepted.head
        if head is not None and head.seq != accepted.seq:
            self._spawn(self.work(lease, head, state))
            return await self._follow(shop, conversation, message, accepted.seq)
        own = _own(message, accepted.seq)
        try:
            return await self._finish_first(lease, own, state)
        except StaleLease:
            return await self._follow(shop, conversation, message, accepted.seq)

    async def _finish_first(
        self, lease: Lease, own: Pending, state: ConversationState
    ) -> MessageOut | bytes:
        """Finish *own* for its caller; leave the rest of the mailbox to a task."""
        commitment, committed = await self._one(lease, own, state)
        if committed.next is not None:
            self._spawn(self.work(lease, committed.next, state))
        if commitment.handoff is None:
            return commitment.result
        result = _decode_result(commitment.result)
        return await self._people.hand_over(lease.shop, commitment.handoff, result)

    async def work(
        self, lease: Lease, pending: Pending | None, state: ConversationState
    ) -> None:
        """Work through a mailbox until it is empty or the lease is lost."""
        try:
            while pending is not None:
                commitment, committed = await self._one(lease, pending, state)
                if commitment.handoff is not None:
                    result = _decode_result(commitment.result)
                    await self._people.hand_over(lease.shop, commitment.handoff, result)
                pending = committed.next
        except (StaleLease, StoreUnavailable, TurnInterrupted) as exc:
            self._telemetry.work_lost(lease.shop, lease.conversation, exc)

    async def _one(
        self, lease: Lease, pending: Pending, state: ConversationState
    ) -> tuple[Commitment, Committed]:
        key = (lease.shop, lease.conversation)
        self._held[key] = lease
        started = perf_counter()
        try:
            commitment = await self._work.run(
                self._services[lease.shop], *key, pending, state
            )
            answered = perf_counter()
            committed = await self._commit(lease, pending, commitment)
        except TurnInterrupted:
            await self._give_back(lease)
            raise
        finally:
            if self._held.get(key) is lease:
                del self._held[key]
        self._waiting.finish(*key, pending.seq, commitment.result)
        self._telemetry.turn_ended(commitment, started, answered)
        return commitment, committed

    async def _give_back(self, lease: Lease) -> None:
        """Let any sweeper have the turn at once; without the store it runs out."""
        with suppress(StoreUnavailable):
            await self._conversations.release(lease)

    async def _commit(
        self, lease: Lease, pending: Pending, commitment: Commitment
    ) -> Committed:
        """Commit; repeat while the answer is lost: the function is idempotent."""
        give_up = self._clock() + self._commit_wait_s
        while True:
            try:
                return await self._conversations.commit(
                    lease,
                    seq=pending.seq,
                    message_id=pending.message_id,
                    channel=pending.channel,
                    result=commitment.result,
                    events=commitment.events,
                    state=commitment.state,
                    owner=commitment.owner,
                    outbox=commitment.outbox,
                    human_result=with_person(commitment.owner),
                )
            except StoreUnavailable:
                if self._clock() > give_up:
                    raise
                await asyncio.sleep(COMMIT_RETRY_S)

    async def _follow(
        self, shop: str, conversation: str, message: NewMessage, seq: int
    ) -> MessageOut | bytes:
        """Wait until whoever holds the conversation has answered this message."""
        give_up = self._clock() + self._reply_wait_s
        future = self._waiting.watch(shop, conversation, seq)
        try:
            while (left_s := give_up - self._clock()) > 0:
                body = await self._look(
                    shop, conversation, message, future, min(left_s, LOOK_AGAIN_S)
                )
                if body is not None:
                    return await self._as_result(shop, conversation, message, seq, body)
        finally:
            self._waiting.forget(shop, conversation, seq, future)
        return MessageOut(message_id=message.message_id, seq=seq, status="pending")

    async def _look(
        self,
        shop: str,
        conversation: str,
        message: NewMessage,
        future: asyncio.Future[bytes],
        wait_s: float,
    ) -> bytes | None:
        """Wait for this process's answer, then ask the store for another's."""
        done, _ = await asyncio.wait([future], timeout=wait_s)
        if done:
            return future.result()
        again = await self._conversations.accept(
            shop, conversation, message, WITH_PERSON
        )
        return again.result

    async def _as_result(
        self,
        shop: str,
        conversation: str,
        message: NewMessage,
        seq: int,
        stored: bytes,
    ) -> MessageOut | bytes:
        """A stored result; a place in a queue is looked up again."""
        if stored.startswith(WITH_PERSON):
            owner = stored[len(WITH_PERSON) :].decode()
            return await self._with_person(shop, message, seq, owner)
        result = _decode_result(stored)
        if result.handoff is None:
            return stored
        return await self._people.again(shop, conversation, result)

    async def _with_person(
        self, shop: str, message: NewMessage, seq: int, owner: str
    ) -> MessageOut:
        """A message that *owner* reads: where that handoff stands by now."""
        result = MessageOut(
            message_id=message.message_id,
            seq=seq,
            status="queued",
            handoff=HandoffOut(id=owner),
        )
        return await self._people.placed(shop, result)

    def _spawn(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def take_over(self, lease: Lease, pending: Pending, state: bytes) -> None:
        """Work in the background on what the sweeper found."""
        self._spawn(self.work(lease, pending, load_state(state)))

    @property
    def is_draining(self) -> bool:
        """True once :meth:`begin_drain` was called."""
        return self._is_draining

    def begin_drain(self) -> None:
        """Take no more messages; those in work go on."""
        self._is_draining = True

    async def drain(self, limit_s: float) -> None:
        """Take no more, finish what runs, give back what is left; idempotent."""
        self.begin_drain()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=limit_s)
        for task in self._tasks:
            task.cancel()
        for lease in self.held:
            await self._give_back(lease)


def _own(message: NewMessage, seq: int) -> Pending:
    """A message just accepted, as its mailbox has it."""
    return Pending(
        seq=seq,
        message_id=message.message_id,
        channel=message.channel,
        event=message.event,
        tries=0,
    )
