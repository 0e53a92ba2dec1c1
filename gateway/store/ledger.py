"""
The action ledger on the store: the port of ``engines.agent.ledger``.

An action lies in the bucket of its conversation; a move is one atomic function
that compares version and state first. A move whose answer is lost raises
:class:`LedgerUnavailable`: read the record again to learn where it stands.
"""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from engines.agent.ledger import (
    ALL_RECIPES,
    EDGES,
    UNSETTLED,
    ActionConflict,
    ActionNotFound,
    ActionRecord,
    ActionState,
    Ceiling,
    Step,
    linked,
)
from gateway.store import keys
from gateway.store.connection import Scripts
from gateway.store.order_holds import OrderHolds, answering


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(ActionRecord).decode


class StoreLedger(OrderHolds):
    """
    Durable records of actions.

    Args:
        clock_ms: Wall clock in milliseconds, for the records' history.

        edges: Which state may follow which.

        on_move: Told of every record that was written, as it stands then.
    """

    def __init__(
        self,
        scripts: Scripts,
        clock_ms: Callable[[], int],
        edges: Mapping[ActionState, frozenset[ActionState]] = EDGES,
        on_move: Callable[[ActionRecord], None] = lambda _: None,
    ) -> None:
        self._on_move = on_move
        super().__init__(scripts)
        self._clock_ms = clock_ms
        self._edges = edges

    async def propose(self, record: ActionRecord) -> ActionRecord:
        """Write a new record in state ``proposed``; the same id returns what is there."""
        if record.state is not ActionState.PROPOSED:
            raise ActionConflict(f"a new action is proposed, not {record.state}")
        record = linked(msgspec.structs.replace(record, chain=()))
        stored = await self._call(
            "action_propose",
            (_actions(record), _index(record, record.state)),
            (
                keys.escape(record.id),
                _stand(record),
                _encode(record),
                self._clock_ms(),
                _member(record),
            ),
        )
        kept = _decode(stored)
        if kept == record:
            self._on_move(kept)
        return kept

    async def get(
        self, shop: str, conversation_id: str, action_id: str
    ) -> ActionRecord:
        """
        Read one record.

        Raises:
            ActionNotFound: If this conversation has no such action.
        """
        actions = keys.of_conversation(shop, conversation_id).actions
        with answering():
            stored = await self._scripts.command(
                actions, "HGET", actions, keys.escape(action_id)
            )
        if stored is None:
            raise ActionNotFound(f"no action {action_id} in this conversation")
        return _decode(stored.partition(b"\n")[2])

    async def move(
        self,
        record: ActionRecord,
        to: ActionState,
        why: str,
        *,
        steps: tuple[Step, ...] | None = None,
        after: dict[str, object] | None = None,
    ) -> ActionRecord:
        """
        Move *record* along one edge, atomically, and return the new record.

        Raises:
            ActionConflict: If the stored version is not *record*'s, or the
                edge does not exist.
            ActionNotFound: If there is no such action.
        """
        if to not in self._edges[record.state]:
            raise ActionConflict(f"no way from {record.state} to {to}")
        now_ms = self._clock_ms()
        moved = linked(
            msgspec.structs.replace(
                record,
                state=to,
                version=record.version + 1,
                steps=record.steps if steps is None else steps,
                after=record.after if after is None else after,
                history=(*record.history, (now_ms, to.value, why)),
            )
        )
        await self._replace(record, moved, now_ms)
        self._on_move(moved)
        return moved

    async def _replace(
        self, record: ActionRecord, moved: ActionRecord, now_ms: int
    ) -> None:
        outcome = await self._call(
            "action_move",
            (
                _actions(record),
                _index(record, record.state),
                _index(record, moved.state),
            ),
            (
                keys.escape(record.id),
                _stand(record),
                _stand(moved),
                _encode(moved),
                now_ms,
                _member(record),
            ),
        )
        if outcome < 0:
            raise ActionNotFound(f"no action {record.id} in this conversation")
        if outcome == 0:
            raise ActionConflict(f"action {record.id} moved since it was read")

    async def _call(
        self, name: str, places: Sequence[str], args: Sequence[str | bytes | int]
    ) -> Any:
        with answering():
            return await self._scripts.call(name, places, args)

    async def spent(
        self, shop: str, user_id: str, recipe: str, window_ms: int, *, but: str = ""
    ) -> int:
        """What *recipe* gave a customer, or all of them, within the window."""
        key = keys.spending(shop, user_id, recipe)
        since = self._clock_ms() - window_ms
        with answering():
            entries = await self._scripts.command(
                key, "ZRANGEBYSCORE", key, f"({since}", "+inf"
            )
        pairs = (entry.rpartition(b":") for entry in entries)
        left = keys.escape(but).encode()
        return sum(int(amount) for id_, _, amount in pairs if id_ != left)

    async def reserve(self, record: ActionRecord, ceilings: Sequence[Ceiling]) -> bool:
        """Count the record's amount, once, unless it would exceed a ceiling."""
        for sum_ in _sums(record):
            mine = [one for one in ceilings if _sum_of(record, one) == sum_]
            if mine and not await self._reserve(record, mine, sum_):
                await self.release(record)
                return False
        return True

    async def release(self, record: ActionRecord) -> None:
        """Take back what was counted for an action that did not take place."""
        member = f"{keys.escape(record.id)}:{max(0, record.amount_minor)}"
        for key in _sums(record):
            with answering():
                await self._scripts.command(key, "ZREM", key, member)

    async def _reserve(
        self, record: ActionRecord, ceilings: Sequence[Ceiling], key: str
    ) -> bool:
        bounds = [part for one in ceilings for part in (one.window_ms, one.minor)]
        exceeded = await self._call(
            "action_reserve",
            (key,),
            (
                keys.escape(record.id),
                max(0, record.amount_minor),
                self._clock_ms(),
                max(one.window_ms for one in ceilings),
                *bounds,
            ),
        )
        return not exceeded

    async def list_actions(
        self, shop: str, state: ActionState | None = None, limit: int = 100
    ) -> list[ActionRecord]:
        """A shop's actions, in *state* or in any, those that moved last first."""
        states = tuple(ActionState) if state is None else (state,)
        found = await asyncio.gather(
            *(
                self._list_bucket(shop, bucket, states, limit)
                for bucket in range(keys.BUCKETS)
            )
        )
        newest = heapq.nlargest(limit, (pair for pairs in found for pair in pairs))
        return [_decode(stored) for _, stored in newest]

    async def overdue(
        self, shop: str, bucket: int, before_ms: int, limit: int = 20
    ) -> list[ActionRecord]:
        """
        Actions under way that moved last before *before_ms* and have no turn.

        An action of a conversation in which mail waits is not among them.
        """
        indexes = [keys.actions_by_state(shop, bucket, one) for one in UNSETTLED]
        with answering():
            found = await self._scripts.call(
                "action_overdue",
                (
                    keys.actions_prefix(shop, bucket),
                    keys.conversation_prefix(shop, bucket),
                    *indexes,
                ),
                (before_ms, limit),
            )
        return [_decode(stored) for stored in found]

    async def _list_bucket(
        self, shop: str, bucket: int, states: tuple[ActionState, ...], limit: int
    ) -> list[tuple[int, bytes]]:
        indexes = [keys.actions_by_state(shop, bucket, state) for state in states]
        flat = await self._scripts.call(
            "action_list", (keys.actions_prefix(shop, bucket), *indexes), (limit,)
        )
        return list(zip(map(int, flat[::2]), flat[1::2], strict=True))


def _sums(record: ActionRecord) -> list[str]:
    """Keys of every sum that the record's amount may be counted in."""
    return [
        keys.spending(record.shop, user, recipe)
        for user in (record.user_id, "")
        for recipe in (record.recipe, ALL_RECIPES)
    ]


def _sum_of(record: ActionRecord, ceiling: Ceiling) -> str:
    user = "" if ceiling.per_shop else record.user_id
    recipe = ALL_RECIPES if ceiling.over_all else record.recipe
    return keys.spending(record.shop, user, recipe)


def _actions(record: ActionRecord) -> str:
    return keys.of_conversation(record.shop, record.conversation_id).actions


def _index(record: ActionRecord, state: ActionState) -> str:
    bucket = keys.bucket_of(record.conversation_id)
    return keys.actions_by_state(record.shop, bucket, state)


def _member(record: ActionRecord) -> str:
    return f"{keys.escape(record.conversation_id)}:{keys.escape(record.id)}"


def _stand(record: ActionRecord) -> str:
    return f"{record.version} {record.state.value}"
