"""
A real gateway for the whole folder: store, demo shop, one worker, two shops.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import msgspec
import pytest
from wire_calls import Caller, Inside, keys_of

from gateway.app import Gateway
from gateway.config import Config
from gateway.config_file import load
from gateway.secrets import fill
from gateway.stack import Stack, running
from gateway.store.embedded import EmbeddedStore


CONFIG = """
[store]
lease_ms = 5000

[people]
max_queue = 10000
max_eta_s = 1e9

[[shops]]
id = "demo"

[[shops.channels]]
name = "app"

[[shops.channels]]
name = "web"
allows_visitors = true
origins = ["https://shop.example"]

[[shops]]
id = "rival"

[[shops.channels]]
name = "app"
"""


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the stack keeps its data, log and settings."""
    return tmp_path_factory.mktemp("http")


@pytest.fixture(scope="session")
def config(folder: Path) -> Config:
    """Two shops, one of them open to visitors."""
    path = folder / "tidegate.toml"
    path.write_text(CONFIG, encoding="utf-8")
    flags = {
        "data_dir": str(folder / "data"),
        "demo": True,
        "server.port": 0,
        "log.path": str(folder / "gateway.log"),
    }
    return load(path, {}, flags)


@pytest.fixture(scope="session")
def stack(config: Config) -> Iterator[Stack]:
    """The whole process tree, as ``tidegate demo`` starts it."""
    told: list[str] = []
    with running(config, told.append) as started:
        yield started
    assert told == [], "a worker ended by itself"


@pytest.fixture(scope="session")
def app(stack: Stack) -> Iterator[Caller]:
    """The channel ``app`` of the demo shop."""
    caller = Caller(stack, stack.key)
    yield caller
    caller.close()


@pytest.fixture(scope="session")
def rival(stack: Stack) -> Iterator[Caller]:
    """The channel ``app`` of the other shop."""
    caller = Caller(stack, keys_of(stack)["rival/app"])
    yield caller
    caller.close()


@pytest.fixture(scope="session")
def web(stack: Stack) -> Iterator[Caller]:
    """The channel that takes visitors, with its own key."""
    caller = Caller(stack, keys_of(stack)["demo/web"])
    yield caller
    caller.close()


@pytest.fixture(scope="session")
async def inside(
    config: Config, embedded_store: EmbeddedStore, folder: Path
) -> AsyncIterator[Inside]:
    """The same gateway inside this process, on a store of its own; no demo."""
    own = msgspec.structs.replace(
        config,
        demo=False,
        data_dir=str(folder / "inside"),
        store=msgspec.structs.replace(config.store, url=embedded_store.url),
        limits=msgspec.structs.replace(
            config.limits, visitor_rate_per_s=0.5, visitor_burst=3
        ),
    )
    filled, secrets = fill(own, Path(own.data_dir))
    gateway = await Gateway.open(filled, secrets.visitor_secret)
    keys = {
        f"{shop.id}/{channel.name}": channel.key
        for shop in filled.shops
        for channel in shop.channels
    }
    yield Inside(gateway, gateway.asgi._app, keys)
    await gateway.close(1.0)
