"""
Carrying a confirmed action out, at most once, whatever breaks in between.

The intent is on disk before the shop is called; each step has its own key; a
step whose answer was lost is looked up after a grace before anything else; a
receipt is on disk before the next step is sent. The same function continues a
record that a dead worker left behind. What cannot be found out is parked for
a person.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Mapping
from math import isfinite
from typing import TypeVar

import msgspec

from engines.agent.ledger import ActionRecord, ActionState, Ledger, Step
from engines.agent.recipes import Recipe
from engines.shops.port import (
    Effect,
    EffectSupport,
    NotFound,
    ShopError,
    ShopPort,
    ShopRefused,
    ShopUnavailable,
    ShopUnreachable,
)
from engines.voice import Voice


_T = TypeVar("_T")

#: Settled before the turn's deadline by this much, so that the note is written.
MARGIN_S = 0.3
#: With less time than this left, nothing new is sent.
MIN_BUDGET_S = 1.0

Sleep = Callable[[float], Awaitable[None]]


class _Lost(Exception):
    """The answer of a step was lost and could not be found out."""


class Executor:
    """
    Moves records through their life; holds no state of its own.

    Args:
        shop: Where effects take place.

        ledger: Where their life is kept.

        recipes: By name.

        voice: For what the customer is told.

        clock_ms: Wall clock, in the time of the records.

        grace_s: How long a lost call may still land; at least the connector's
            timeout.

        sleep: Waits that many seconds.
    """

    def __init__(
        self,
        shop: ShopPort,
        ledger: Ledger,
        recipes: Mapping[str, Recipe],
        voice: Voice,
        clock_ms: Callable[[], int],
        *,
        grace_s: float,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._shop = shop
        self._ledger = ledger
        self._recipes = recipes
        self._voice = voice
        self._clock_ms = clock_ms
        self._grace_s = grace_s
        self._sleep = sleep

    async def run(self, record: ActionRecord, deadline_s: float) -> ActionRecord:
        """
        Carry on with a confirmed, executing or unknown record until it settles.

        Args:
            record: As the ledger has it now; approved ones are carried out too.

            deadline_s: Reading of the loop's clock by which to have settled.

        Returns:
            The record as done, failed or parked; a record in any other state
            comes back as it is.
        """
        is_resumed = record.state in {ActionState.EXECUTING, ActionState.UNKNOWN}
        if record.state in {ActionState.CONFIRMED, ActionState.APPROVED}:
            record = await self._ledger.move(
                record, ActionState.EXECUTING, "intent on disk"
            )
        if record.state not in {ActionState.EXECUTING, ActionState.UNKNOWN}:
            return record
        try:
            return await self._steps(record, deadline_s, is_resumed=is_resumed)
        except _Lost as exc:
            return await self._park(record, exc)

    async def conclude(self, record: ActionRecord, deadline_s: float) -> ActionRecord:
        """
        Find out what became of a record that no turn works on any more.

        Nothing is sent but what an operator approved: a person has the
        conversation, and may have done the same by hand. What never came to the call is rejected, what the shop
        has is done, all else is the person's.
        """
        if record.state is ActionState.APPROVED:
            # An operator wants it, whether or not a turn is alive.
            return await self.run(record, deadline_s)
        if record.state is ActionState.CONFIRMED:
            return await self._ledger.move(
                record, ActionState.REJECTED, "the turn was given up; nothing was sent"
            )
        if record.state not in {ActionState.EXECUTING, ActionState.UNKNOWN}:
            return record
        try:
            if not record.steps[0].receipt:
                effect = await self._found(record, deadline_s)
                record = await self._received(record, 0, effect)
            return await self._rest(record, deadline_s)
        except _Lost as exc:
            return await self._park(record, exc)

    async def _found(self, record: ActionRecord, deadline_s: float) -> Effect:
        effect = await self._look_up(record, record.steps[0], deadline_s)
        if effect is None:
            raise _Lost("not found at the shop; not sent again")
        return effect

    async def _park(self, record: ActionRecord, why: Exception) -> ActionRecord:
        record = await self._as_unknown(record, str(why))
        return await self._ledger.move(
            record, ActionState.PARKED, "outcome unknown; a person looks it up"
        )

    async def _steps(
        self, record: ActionRecord, deadline_s: float, *, is_resumed: bool
    ) -> ActionRecord:
        """The action, if it has no receipt yet, then the rest."""
        action = record.steps[0]
        if not action.receipt:
            try:
                record, effect = await self._action(
                    record, action, deadline_s, is_resumed=is_resumed
                )
            except (ShopRefused, NotFound, ShopUnreachable) as exc:
                return await self._ledger.move(record, ActionState.FAILED, _why(exc))
            record = await self._received(record, 0, effect)
        return await self._rest(record, deadline_s)

    async def _rest(self, record: ActionRecord, deadline_s: float) -> ActionRecord:
        """What follows the action's receipt; then it is done."""
        for position, step in enumerate(record.steps[1:], start=1):
            if not step.receipt:
                record = await self._courtesy(record, position, step, deadline_s)
        return await self._ledger.move(
            record,
            ActionState.DONE,
            record.steps[0].receipt,
            steps=record.steps,
            after={**record.after, "receipt": record.steps[0].receipt},
        )

    async def _action(
        self, record: ActionRecord, step: Step, deadline_s: float, *, is_resumed: bool
    ) -> tuple[ActionRecord, Effect]:
        """The first step: settled one way or the other, or lost."""
        if is_resumed:
            found = await self._look_up(record, step, deadline_s)
            if found is not None:
                return record, found
        try:
            return record, await self._send(record, step, deadline_s)
        except ShopUnreachable:
            raise
        except ShopUnavailable as exc:
            record = await self._as_unknown(record, _why(exc))
        found = await self._look_up(record, step, deadline_s)
        if found is not None:
            return record, found
        try:
            return record, await self._send(record, step, deadline_s)
        except ShopUnavailable as exc:
            raise _Lost(_why(exc)) from exc

    async def _look_up(
        self, record: ActionRecord, step: Step, deadline_s: float
    ) -> Effect | None:
        """
        What became of a step that may have been sent, after the grace.

        None means it did not take place, and the same key may go again.
        """
        if self._shop.effect_support is EffectSupport.BLIND:
            raise _Lost("the shop cannot tell what became of it")
        sent_ms = record.history[-1][0] if record.history else record.created_ms
        left_s = self._grace_s - (self._clock_ms() - sent_ms) / 1000
        if left_s > _left(deadline_s):
            raise _Lost("no time to wait until a late call has landed")
        if left_s > 0:
            await self._sleep(left_s)
        try:
            return await self._within(self._shop.find_effect(step.key), deadline_s)
        except ShopError as exc:
            raise _Lost(_why(exc)) from exc

    async def _send(
        self, record: ActionRecord, step: Step, deadline_s: float
    ) -> Effect:
        recipe = self._recipes[record.recipe]
        return await self._within(recipe.perform(self._shop, record, step), deadline_s)

    async def _courtesy(
        self, record: ActionRecord, position: int, step: Step, deadline_s: float
    ) -> ActionRecord:
        """
        Tell the customer. The action stands whether or not this works.

        A lost answer is tried again with the same key where keys are honoured.
        """
        text = self._recipes[record.recipe].done(record, self._voice)
        tries = 2 if self._shop.effect_support is EffectSupport.IDEMPOTENT else 1
        for _ in range(tries):
            try:
                effect = await self._within(
                    self._shop.notify(step.key, record.user_id, record.recipe, text),
                    deadline_s,
                )
            except ShopError:
                continue
            return _with_receipt(record, position, effect)
        return record

    async def _received(
        self, record: ActionRecord, position: int, effect: Effect
    ) -> ActionRecord:
        """Put a receipt on disk before anything else is sent."""
        record = _with_receipt(record, position, effect)
        if record.state is not ActionState.EXECUTING:
            return record
        return await self._ledger.move(
            record, ActionState.EXECUTING, effect.receipt, steps=record.steps
        )

    async def _as_unknown(self, record: ActionRecord, why: str) -> ActionRecord:
        if record.state is ActionState.UNKNOWN:
            return record
        current = await self._ledger.get(record.shop, record.conversation_id, record.id)
        if current.state is ActionState.UNKNOWN:
            return current
        return await self._ledger.move(current, ActionState.UNKNOWN, why)

    async def _within(self, call: Awaitable[_T], deadline_s: float) -> _T:
        """A call that runs out of the turn's time has an unknown outcome."""
        left_s = _left(deadline_s)
        try:
            async with asyncio.timeout(max(0.0, left_s) if isfinite(left_s) else None):
                return await call
        except TimeoutError as exc:
            raise ShopUnavailable("the turn's time ran out") from exc


def step_key(action_id: str, position: int, kind: str) -> str:
    """The idempotency key of one step; the same for every try."""
    return hashlib.sha256(f"{action_id}:{position}:{kind}".encode()).hexdigest()


def has_budget(deadline_s: float) -> bool:
    """Tell if there is time to start something that must be settled."""
    return _left(deadline_s) >= MIN_BUDGET_S


def _left(deadline_s: float) -> float:
    return deadline_s - MARGIN_S - asyncio.get_running_loop().time()


def _why(exc: Exception) -> str:
    code = exc.code if isinstance(exc, ShopRefused) else type(exc).__name__
    return f"{code}: {exc}"[:300]


def _with_receipt(record: ActionRecord, position: int, effect: Effect) -> ActionRecord:
    steps = list(record.steps)
    steps[position] = msgspec.structs.replace(
        steps[position], receipt=effect.receipt, detail=effect.detail
    )
    return msgspec.structs.replace(record, steps=tuple(steps))
