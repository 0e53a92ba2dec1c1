"""
The routers of this installation: the shipped model and those under the data folder.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AsyncExitStack
from functools import cache
from pathlib import Path

import router_models
from engines import encoder
from engines.contract import Turn
from gateway.clock import wall_ms
from gateway.config import Config, RouterConfig, resolve
from gateway.errors import ConfigError
from gateway.models import ModelKeeper
from gateway.second_look import SecondLook
from gateway.telemetry import Telemetry
from router_models import artifact, second_artifact
from router_models.errors import ArtifactError, DataError
from router_models.fleet import Served
from router_models.policy import Stage, load_stage
from router_models.registry import Registry
from router_models.router import TierRouter
from router_models.second_stage import SecondStage, TwoStageRouter


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


def open_second(
    config: Config,
    router_of: Callable[[Turn], TierRouter],
    telemetry: Telemetry,
    resources: AsyncExitStack,
) -> SecondLook | None:
    """The second stage of this process; None if it is switched off."""
    if config.router.second_stage == "off":
        return None
    registry = open_registry(config)

    @cache
    def find(version: str) -> SecondStage | None:
        try:
            return second_of(registry, version)
        except ArtifactError as exc:
            telemetry.event("model_refused", problem=str(exc))
            return None

    look = SecondLook(find, router_of)
    resources.callback(look.close)
    return look


def load_both(config: Config, first: TierRouter) -> TierRouter:
    """*first* with its second stage, or as it is where there is none to be had."""
    if config.router.second_stage == "off":
        return first
    second = second_of(open_registry(config), first.version)
    return first if second is None else TwoStageRouter(first, second)


def second_of(registry: Registry, version: str) -> SecondStage | None:
    """
    The second stage of the model *version*; None without one, or without the extra.

    Loads the encoder, which takes a second, only if there is one.

    Raises:
        ArtifactError: If its files are not what they say.
    """
    for name in registry.names():
        found = second_artifact.load(registry.path(name), version, encoder.NAME)
        if found is not None:
            model = encoder.load_model()
            return None if model is None else SecondStage(*found, model.queries)
    return None


def open_registry(config: Config) -> Registry:
    """The models of this installation: those under its data folder, and the shipped."""
    shipped = resolve(config.router.model_dir) if config.router.model_dir else RELEASED
    return Registry(Path(config.data_dir) / "models", shipped)
