"""A process follows the registry: swap, refuse, shadow, roll a canary back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from router_files import RELEASED, RULES, STAGES

from engines.contract import Complexity, Decision, Risk, Tier
from gateway.climbing import Climb, Verdict
from gateway.models import ModelKeeper
from gateway.telemetry import Telemetry
from router_models.errors import ArtifactMismatch
from router_models.fleet import Served
from router_models.registry import SHIPPED, Registry
from router_models.router import TierRouter
from router_models.turns import turn_of


pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class Setting:
    """A keeper over a registry; loading renames the router instead of reading it."""

    def __init__(self, folder: Path, router: TierRouter) -> None:
        self.registry = Registry(folder / "models", RELEASED)
        self.log = folder / "log"
        self.telemetry = Telemetry(log_path=str(self.log))
        self.router = router
        self.broken = False

    def load(self, name: str) -> Served:
        if self.broken:
            raise ArtifactMismatch(Path(name), "sha256", "a", "b")
        model, rules, prices = self.router.model, self.router.rules, self.router.prices
        return Served(name, TierRouter(model, rules, prices, f"model-{name}"), {})

    def keeper(self) -> ModelKeeper:
        return ModelKeeper(self.registry, self.load, self.telemetry, lambda: 1)


@pytest.fixture
def setting(tmp_path: Path, router: TierRouter) -> Iterator[Setting]:
    made = Setting(tmp_path, router)
    yield made
    made.telemetry.lines.close()


async def test_a_promotion_is_followed(setting: Setting) -> None:
    """The next turn after a look is the new model's; going back loads nothing."""
    keeper = setting.keeper()
    version = setting.registry.add(RELEASED)
    setting.registry.promote(version, 1)
    turn = turn_of("你好", "zh")
    assert keeper.fleet.decide(turn).model == f"model-{SHIPPED}"
    await keeper.look()
    assert keeper.fleet.decide(turn).model == f"model-{version}"
    setting.registry.rollback(2)
    setting.broken = True
    await keeper.look()
    assert keeper.fleet.decide(turn).model == f"model-{SHIPPED}"


async def test_a_model_that_does_not_load_changes_nothing(setting: Setting) -> None:
    """The old one goes on serving, and the failure stands in the log."""
    keeper = setting.keeper()
    setting.registry.promote(setting.registry.add(RELEASED), 1)
    setting.broken = True
    await keeper.look()
    assert keeper.fleet.active.name == SHIPPED
    setting.telemetry.lines.drain()
    assert "model_refused" in setting.log.read_text("utf-8")


async def test_a_bad_canary_ends_for_every_process(setting: Setting) -> None:
    """Once its turns certainly end worse it is gone from the registry as well."""
    keeper = setting.keeper()
    version = setting.registry.add(RELEASED)
    setting.registry.canary(version, 0.5, 1)
    await keeper.look()
    for model, climbs in ((version, [Climb(Tier.L1, None)]), (SHIPPED, [])):  # type: ignore[arg-type]
        decision = Decision(
            complexity=Complexity.SIMPLE,
            risk=Risk.LOW,
            tier=Tier.L1,
            confidence=1.0,
            model=f"model-{model}",
        )
        verdict = Verdict(decision=decision, tier=Tier.L1, answer=None, climbs=climbs)
        for _ in range(600):
            keeper.turn_ended(verdict)
    await keeper.look()
    assert setting.registry.state().canary == ""
    assert keeper.fleet.canary is None


async def test_the_real_thing_is_loaded_in_step(tmp_path: Path) -> None:
    """With real files: verified, golden turns replayed, swapped in."""
    registry = Registry(tmp_path / "models", RELEASED)

    def load(name: str) -> Served:
        folder = registry.path(name)
        return Served(name, TierRouter.load(folder, RULES, STAGES / "growth.toml"), {})

    keeper = ModelKeeper(registry, load, Telemetry(), lambda: 1)
    version = registry.add(RELEASED)
    registry.promote(version, 1)
    await keeper.look()
    assert keeper.fleet.version == version
