"""
A gateway inside this process, and all platforms as a process of their own.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

import msgspec
import pytest
from inside_gateway import open_inside
from platform_talk import WELCOME, Platforms, Talk

from gateway.config import ChannelConfig, Config, ShopConfig
from gateway.config_file import load
from gateway.store.embedded import EmbeddedStore
from loadtest.platform_process import PlatformControl, running_platforms
from loadtest.players import PLAYERS


@pytest.fixture(scope="session")
def platform() -> Iterator[PlatformControl]:
    """The platforms' HTTP interfaces, on a real port."""
    with running_platforms() as control:
        yield control


@pytest.fixture(scope="session")
def accounts(platform: PlatformControl) -> Platforms:
    """An account of every kind for two shops, each with secrets of its own."""
    return {
        (shop, kind): greeting(player.settings(platform.url))
        for shop in ("demo", "rival")
        for kind, player in PLAYERS.items()
    }


def greeting(settings: Any) -> Any:
    """With the shop's welcome, where the platform lets us greet."""
    words = {"welcome": WELCOME} if hasattr(settings, "welcome") else {}
    return msgspec.structs.replace(settings, **words)


@pytest.fixture(scope="session")
def config(
    accounts: Platforms,
    embedded_store: EmbeddedStore,
    tmp_path_factory: pytest.TempPathFactory,
) -> Config:
    """Two shops with every channel there is."""
    folder = tmp_path_factory.mktemp("channels")
    config, replace = load(None, {}), msgspec.structs.replace
    shops = tuple(
        ShopConfig(
            id=shop,
            facts="knowledge/demo/facts.yaml",
            knowledge="knowledge/demo",
            channels=(
                ChannelConfig(name="app"),
                *(
                    ChannelConfig(name=kind, platform=accounts[shop, kind])
                    for kind in PLAYERS
                ),
            ),
        )
        for shop in ("demo", "rival")
    )
    return replace(
        config,
        data_dir=str(folder),
        router=replace(config.router, arithmetic="plain"),
        store=replace(config.store, url=embedded_store.url, lease_ms=5_000),
        log=replace(config.log, path=str(folder / "gateway.log")),
        shops=shops,
    )


@pytest.fixture(scope="package")
async def talk(
    config: Config, accounts: Platforms, platform: PlatformControl
) -> AsyncIterator[Talk]:
    """Calls one gateway as every platform does, for all tests of this room."""
    async with open_inside(config, "a") as inside:
        yield Talk(inside, accounts, platform)


@pytest.fixture(autouse=True)
def _good_manners(platform: PlatformControl) -> None:
    """Each test finds the platforms well and empty."""
    platform.forget()


@pytest.fixture(params=sorted(PLAYERS))
def kind(request: pytest.FixtureRequest) -> str:
    """Every channel there is."""
    name: str = request.param
    return name
