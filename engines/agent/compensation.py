"""
Taking back what took place of an action whose later step was refused.

The state ``compensating`` is on disk before the first call; each effect is taken
back under a key of its own, last one first, and what may have been taken back
already is looked up first. What cannot be taken back is a person's.
"""

from __future__ import annotations

from collections.abc import Mapping

from engines.agent.ledger import (
    NOTIFY,
    ActionRecord,
    ActionState,
    Ledger,
    Step,
    steps_with,
)
from engines.agent.recipes import Recipe, Reversible
from engines.agent.shop_calls import OutcomeLost, ShopCalls, undo_key, why
from engines.shops.port import Effect, ShopError, ShopUnavailable


class Compensation:
    """Moves records back through their effects; holds no state of its own."""

    def __init__(
        self, calls: ShopCalls, ledger: Ledger, recipes: Mapping[str, Recipe]
    ) -> None:
        self._calls = calls
        self._ledger = ledger
        self._recipes = recipes

    async def take_back(
        self, record: ActionRecord, deadline_s: float, *, is_resumed: bool
    ) -> ActionRecord:
        """
        Take every effect back, the last one first.

        Raises:
            OutcomeLost: If one of them cannot be, or nobody knows.
        """
        for position in to_take_back(record):
            step = record.steps[position]
            key = undo_key(step)
            found = None
            if is_resumed:
                found = await self._calls.look_up(record, key, deadline_s)
                if found is None:
                    record = await self._again(record)
            effect = found or await self._undone(record, step, key, deadline_s)
            record = await self._ledger.move(
                record,
                ActionState.COMPENSATING,
                effect.receipt,
                steps=steps_with(record, position, undone=effect.receipt),
            )
            is_resumed = False
        return await self._ledger.move(
            record, ActionState.COMPENSATED, "nothing stays changed"
        )

    async def _undone(
        self, record: ActionRecord, step: Step, key: str, deadline_s: float
    ) -> Effect:
        recipe = self._recipes[record.recipe]
        if not isinstance(recipe, Reversible):
            raise OutcomeLost(f"nothing takes {step.kind} back")
        try:
            return await self._calls.within(
                recipe.undo(self._calls.shop, record, step, key), deadline_s
            )
        except ShopUnavailable:
            found = await self._calls.look_up(record, key, deadline_s)
        except ShopError as exc:
            raise OutcomeLost(why(exc)) from exc
        if found is None:
            raise OutcomeLost(f"{step.kind} could not be taken back")
        return found

    async def _again(self, record: ActionRecord) -> ActionRecord:
        return await self._ledger.move(
            record, ActionState.COMPENSATING, "not taken back yet; sent again"
        )


def to_take_back(record: ActionRecord) -> list[int]:
    """Positions of effects that took place, the last one first."""
    return [
        position
        for position in reversed(range(len(record.steps)))
        if record.steps[position].receipt
        and not record.steps[position].undone
        and record.steps[position].kind != NOTIFY
    ]
