"""
The router of this process, kept in step with the registry.

Every few seconds the registry's state is looked at. What is new is loaded in a thread:
verified, its golden turns replayed, warmed; then it is swapped in between two turns. A
model that fails any of it changes nothing: the old one goes on, and the failure is told.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import ClassVar

from gateway.climbing import Verdict
from gateway.telemetry import Telemetry
from router_models.errors import ArtifactError, DataError
from router_models.fleet import Fleet, Served
from router_models.registry import ModelState, Registry


#: Seconds between two looks at the registry.
LOOK_S = 2.0

#: Version in the registry -> a router, verified and warm.
Load = Callable[[str], Served]


class ModelKeeper:
    """
    Owns the fleet of one process.

    Args:
        load: May take seconds; called in a thread.
        wall_ms: Wall clock, for the registry's history.
    """

    EVERY_S: ClassVar = LOOK_S

    def __init__(
        self,
        registry: Registry,
        load: Load,
        telemetry: Telemetry,
        wall_ms: Callable[[], int],
    ) -> None:
        self._registry = registry
        self._load = load
        self._telemetry = telemetry
        self._wall_ms = wall_ms
        self._stamp = registry.stamp()
        state = registry.state()
        self.fleet = Fleet(load(state.active))
        self._on_trial(state, {})
        self._tell()

    def turn_ended(self, verdict: Verdict) -> None:
        """Told of every turn; one that a tier had to hand on ended badly."""
        self.fleet.ended(verdict.decision.model, is_bad=bool(verdict.climbs))

    async def look(self) -> None:
        """One round: follow the registry, end a bad canary, work off what waits."""
        if self._registry.stamp() != self._stamp:
            self._stamp = self._registry.stamp()
            await self._follow()
        if self.fleet.is_canary_worse:
            await self._end_canary()
        await asyncio.to_thread(self.fleet.work_off)
        self._telemetry.router_drift(self.fleet.drift.figures())
        self._telemetry.router_shadow(self.fleet.agreement, self.fleet.dropped)

    async def _follow(self) -> None:
        try:
            state = await asyncio.to_thread(self._registry.state)
            wanted = {state.active, state.shadow, state.canary} - {""}
            fresh = {name: await self._loaded(name) for name in sorted(wanted)}
        except (ArtifactError, DataError) as exc:
            self._telemetry.event("model_refused", problem=str(exc))
            return
        if state.active != self.fleet.active.name:
            self.fleet.promote(fresh[state.active])
        self._on_trial(state, fresh)
        self._tell()

    async def _loaded(self, name: str) -> Served:
        fleet = self.fleet
        for kept in (fleet.active, fleet.previous, fleet.shadow, fleet.canary):
            if kept is not None and kept.name == name:
                return kept
        return await asyncio.to_thread(self._load, name)

    def _on_trial(self, state: ModelState, fresh: dict[str, Served]) -> None:
        def of(name: str) -> Served | None:
            return (fresh.get(name) or self._load(name)) if name else None

        fleet = self.fleet
        if state.shadow != (fleet.shadow.name if fleet.shadow else ""):
            fleet.shadow = of(state.shadow)
            fleet.agreement.clear()
        fleet.try_out(of(state.canary), state.canary_share)

    async def _end_canary(self) -> None:
        canary, ends = self.fleet.canary, dict(self.fleet.ends)
        if canary is None:
            return
        self.fleet.try_out(None, 0.0)
        await asyncio.to_thread(self._registry.end_canary, canary.name, self._wall_ms())
        self._telemetry.event(
            "canary_rolled_back",
            model=canary.router.version,
            bad=f"{ends['canary'].bad} of {ends['canary'].n}",
            active=f"{ends['active'].bad} of {ends['active'].n}",
        )

    def _tell(self) -> None:
        fleet = self.fleet
        self._telemetry.event(
            "router_loaded",
            model=fleet.version,
            version=fleet.active.name,
            arithmetic=fleet.active.router.model.arithmetic.name,
            shadow=fleet.shadow.name if fleet.shadow else "",
            canary=fleet.canary.name if fleet.canary else "",
        )
