"""
The routers of this installation: the shipped model and those under the data folder.
"""

from __future__ import annotations

from pathlib import Path

import router_models
from gateway.clock import wall_ms
from gateway.config import Config, RouterConfig, resolve
from gateway.errors import ConfigError
from gateway.models import ModelKeeper
from gateway.telemetry import Telemetry
from router_models import artifact
from router_models.errors import DataError
from router_models.fleet import Served
from router_models.policy import Stage, load_stage
from router_models.registry import Registry
from router_models.router import TierRouter


#: The router that ships.
RELEASED = Path(router_models.__file__).parent / "released"


def load_router(config: RouterConfig, folder: Path | None = None) -> TierRouter:
    """The router of a model's *folder*; if None the configured one, or the released."""
    named = resolve(config.model_dir) if config.model_dir else RELEASED
    return TierRouter.load(
        folder or named,
        resolve(config.rules or "router_rules.yaml"),
        resolve(f"stages/{config.stage}.toml"),
    )


def stage_named(name: str) -> Stage:
    """
    The stage *name*: a file under ``stages/``, the shop's own or the shipped one.

    Raises:
        ConfigError: If there is none, or it is wrong.
    """
    if not name.isidentifier():
        raise ConfigError(f"{name[:100]!r} is no name of a stage")
    try:
        return load_stage(resolve(f"stages/{name}.toml"))
    except DataError as exc:
        raise ConfigError(str(exc)) from exc


def keep_models(config: Config, telemetry: Telemetry) -> ModelKeeper:
    """The routers of this process; the registry says which model serves."""
    registry = open_registry(config)

    def load(name: str) -> Served:
        folder = registry.path(name)
        router = load_router(config.router, folder)
        router.model.use(config.router.arithmetic)
        return Served(name, router, artifact.references(folder))

    keeper = ModelKeeper(registry, load, telemetry, wall_ms)
    telemetry.on_verdict = keeper.turn_ended
    return keeper


def open_registry(config: Config) -> Registry:
    """The models of this installation: those under its data folder, and the shipped."""
    shipped = resolve(config.router.model_dir) if config.router.model_dir else RELEASED
    return Registry(Path(config.data_dir) / "models", shipped)
