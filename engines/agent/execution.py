"""
Carrying a confirmed action out, at most once, whatever breaks in between.

The intent is on disk before the shop is called; each step has its own key; a
step whose answer was lost is looked up after a grace before anything else; a
receipt is on disk before the next step is sent. If a step is refused after an
earlier one took place, that one is taken back. The same function continues a
record that a dead worker left behind. What cannot be found out is parked for
a person.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

import msgspec

from engines.agent.compensation import Compensation, to_take_back
from engines.agent.ledger import (
    NOTIFY,
    ActionRecord,
    ActionState,
    Ledger,
    Step,
    steps_with,
)
from engines.agent.recipes import Recipe
from engines.agent.shop_calls import OutcomeLost, ShopCalls, Sleep, why
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


#: The shop may have been called, and nobody has written down how it ended.
_UNDER_WAY = frozenset(
    {ActionState.EXECUTING, ActionState.UNKNOWN, ActionState.COMPENSATING}
)
_AGREED = frozenset({ActionState.CONFIRMED, ActionState.APPROVED})


class Executor:
    """
    Moves records through their life; holds no state of its own.

    Args:
        shop: Where effects take place.

        ledger: Where their life is kept.

        recipes: By name.

        voice: For what the customer is told.

        clock_ms / grace_s / sleep: As in :class:`ShopCalls`.
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
        self._calls = ShopCalls(shop, clock_ms, grace_s=grace_s, sleep=sleep)
        self._ledger = ledger
        self._recipes = recipes
        self._voice = voice
        self._compensation = Compensation(self._calls, ledger, recipes)

    async def run(self, record: ActionRecord, deadline_s: float) -> ActionRecord:
        """
        Carry on with an agreed record, or one under way, until it settles.

        Args:
            record: As the ledger has it now; approved ones are carried out too.

            deadline_s: Reading of the loop's clock by which to have settled.

        Returns:
            The record as done, failed, compensated or parked; a record in any
            other state comes back as it is.
        """
        is_resumed = record.state in _UNDER_WAY
        if record.state in _AGREED:
            record = await self._intend(record, "intent on disk")
        if record.state not in _UNDER_WAY:
            return record
        try:
            if record.state is ActionState.COMPENSATING:
                return await self._compensation.take_back(
                    record, deadline_s, is_resumed=True
                )
            return await self._carry_out(record, deadline_s, is_resumed=is_resumed)
        except OutcomeLost as exc:
            return await self._park(record, exc)

    async def conclude(self, record: ActionRecord, deadline_s: float) -> ActionRecord:
        """
        Find out what became of a record that no turn works on any more.

        Nothing is sent but what an operator approved: a person has the
        conversation, and may have done the same by hand. What never came to the
        call is rejected, what the shop has is done, all else is the person's.
        """
        if _was_approved(record):
            # An operator wants it, whether or not a turn is alive.
            return await self.run(record, deadline_s)
        if record.state is ActionState.CONFIRMED:
            return await self._ledger.move(
                record, ActionState.REJECTED, "the turn was given up; nothing was sent"
            )
        if record.state not in _UNDER_WAY:
            return record
        if record.state is ActionState.COMPENSATING:
            return await self._park(record, OutcomeLost("given up on its way back"))
        try:
            record = await self._found(record, deadline_s)
            return await self._carry_out(record, deadline_s, is_resumed=True)
        except OutcomeLost as exc:
            return await self._park(record, exc)

    async def _found(self, record: ActionRecord, deadline_s: float) -> ActionRecord:
        """The record with the receipt of every effect, all of which took place."""
        for position, step in enumerate(record.steps):
            if step.kind == NOTIFY or step.receipt:
                continue
            effect = await self._calls.look_up(record, step.key, deadline_s)
            if effect is None:
                raise OutcomeLost("not found at the shop; not sent again")
            record = await self._received(record, position, effect)
        return record

    async def _park(self, record: ActionRecord, reason: Exception) -> ActionRecord:
        record = await self._as_unknown(record, str(reason))
        return await self._ledger.move(
            record, ActionState.PARKED, f"a person looks it up: {reason}"[:300]
        )

    async def _carry_out(
        self, record: ActionRecord, deadline_s: float, *, is_resumed: bool
    ) -> ActionRecord:
        """
        Every step that has no receipt, in order; then it is done.

        Of a resumed record the first of them may have been sent already.
        """
        for position, step in enumerate(record.steps):
            if step.receipt:
                continue
            if step.kind == NOTIFY:
                record = await self._tell(
                    record, position, deadline_s, is_resumed=is_resumed
                )
            else:
                record, ended = await self._effect(
                    record, step, deadline_s, is_resumed=is_resumed
                )
                if not isinstance(ended, Effect):
                    return await self._refused(record, ended, deadline_s)
                record = await self._received(record, position, ended)
            is_resumed = False
        receipt = record.steps[0].receipt
        return await self._ledger.move(
            record,
            ActionState.DONE,
            receipt,
            steps=record.steps,
            after={**record.after, "receipt": receipt},
        )

    async def _effect(
        self, record: ActionRecord, step: Step, deadline_s: float, *, is_resumed: bool
    ) -> tuple[ActionRecord, Effect | ShopError]:
        """
        One effect: the record as it stands now, with a receipt or a refusal.

        Raises:
            OutcomeLost: If it is neither.
        """
        if is_resumed:
            found = await self._calls.look_up(record, step.key, deadline_s)
            if found is not None:
                return record, found
            record = await self._intend(record, "not found at the shop; sent again")
        ended = await self._answered(record, step, deadline_s)
        if isinstance(ended, ShopUnreachable) or not isinstance(ended, ShopUnavailable):
            return record, ended
        record = await self._as_unknown(record, why(ended))
        found = await self._calls.look_up(record, step.key, deadline_s)
        if found is not None:
            return record, found
        record = await self._intend(record, "not found at the shop; sent again")
        ended = await self._answered(record, step, deadline_s)
        if isinstance(ended, ShopUnavailable):
            raise OutcomeLost(why(ended)) from ended
        return record, ended

    async def _answered(
        self, record: ActionRecord, step: Step, deadline_s: float
    ) -> Effect | ShopError:
        try:
            return await self._send(record, step, deadline_s)
        except (ShopRefused, NotFound, ShopUnavailable) as exc:
            return exc

    async def _send(
        self, record: ActionRecord, step: Step, deadline_s: float
    ) -> Effect:
        recipe = self._recipes[record.recipe]
        call = recipe.perform(self._calls.shop, record, step)
        return await self._calls.within(call, deadline_s)

    async def _tell(
        self,
        record: ActionRecord,
        position: int,
        deadline_s: float,
        *,
        is_resumed: bool,
    ) -> ActionRecord:
        """
        Tell the customer, once. The action stands whether or not this works.

        Where keys are honoured a lost answer is tried again; elsewhere what may
        have been sent is looked up, and where nobody can tell it is not repeated.
        """
        step = record.steps[position]
        is_honoured = self._calls.support is EffectSupport.IDEMPOTENT
        if is_resumed and not is_honoured:
            try:
                found = await self._calls.look_up(record, step.key, deadline_s)
            except OutcomeLost:
                return record
            if found is not None:
                return _with_receipt(record, position, found)
            record = await self._intend(record, "the customer was not told yet")
        text = self._recipes[record.recipe].done(record, self._voice)
        for _ in range(2 if is_honoured else 1):
            call = self._calls.shop.notify(
                step.key, record.user_id, record.recipe, text
            )
            try:
                effect = await self._calls.within(call, deadline_s)
            except ShopError:
                continue
            return _with_receipt(record, position, effect)
        return record

    async def _refused(
        self, record: ActionRecord, reason: ShopError, deadline_s: float
    ) -> ActionRecord:
        """Nothing took place, or what did is taken back."""
        if not to_take_back(record):
            return await self._ledger.move(record, ActionState.FAILED, why(reason))
        record = await self._ledger.move(record, ActionState.COMPENSATING, why(reason))
        return await self._compensation.take_back(record, deadline_s, is_resumed=False)

    async def _intend(self, record: ActionRecord, reason: str) -> ActionRecord:
        """Put on disk that the shop is about to be called."""
        return await self._ledger.move(record, ActionState.EXECUTING, reason)

    async def _received(
        self, record: ActionRecord, position: int, effect: Effect
    ) -> ActionRecord:
        """Put a receipt on disk before anything else is sent."""
        record = _with_receipt(record, position, effect)
        return await self._ledger.move(
            record, ActionState.EXECUTING, effect.receipt, steps=record.steps
        )

    async def _as_unknown(self, record: ActionRecord, reason: str) -> ActionRecord:
        """The record as it stands, unknown from now on unless it is taken back."""
        current = await self._ledger.get(record.shop, record.conversation_id, record.id)
        if current.state in {ActionState.UNKNOWN, ActionState.COMPENSATING}:
            return current
        return await self._ledger.move(current, ActionState.UNKNOWN, reason)


def _was_approved(record: ActionRecord) -> bool:
    return any(state == ActionState.APPROVED for _, state, _ in record.history)


def _with_receipt(record: ActionRecord, position: int, effect: Effect) -> ActionRecord:
    steps = steps_with(record, position, receipt=effect.receipt, detail=effect.detail)
    return msgspec.structs.replace(record, steps=steps)
