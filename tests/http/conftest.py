"""
A real gateway for the whole folder: store, demo shop, one worker, two shops.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import msgspec
import pytest
from wire_calls import Caller, Inside, keys_of

from gateway.app import Gateway
from gateway.cli.operator import put
from gateway.config import Config
from gateway.config_file import load
from gateway.handoff.accounts import Operator
from gateway.secrets import fill
from gateway.stack import Stack, running
from gateway.store.embedded import EmbeddedStore


PASSWORD = secrets.token_urlsafe(12)
CONFIG = """
[store]
lease_ms = 5000

[people]
max_queue = 10000
max_eta_s = 1e9
offer_s = 300
wrap_s = 0

[[shops]]
id = "demo"
facts = "knowledge/demo/facts.yaml"
knowledge = "knowledge/demo"

[[shops.channels]]
name = "app"

[[shops.channels]]
name = "web"
allows_visitors = true
origins = ["https://shop.example"]

[[shops]]
id = "rival"
facts = "knowledge/demo/facts.yaml"
knowledge = "knowledge/demo"

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
        "router.arithmetic": "plain",
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
def desk(stack: Stack, config: Config) -> Iterator[httpx.Client]:
    """An operator of the demo shop, signed in; the other shop has none."""
    who = Operator(
        shop="demo", name="lin", display="小林", role="operator", capacity=20
    )
    asyncio.run(put(stack.supervisor.store_url, who, PASSWORD, replace=False))
    with httpx.Client(base_url=stack.url, timeout=30, trust_env=False) as client:
        body = {"shop": "demo", "name": "lin", "password": PASSWORD}
        session = client.post("/v1/desk/session", json=body)
        assert session.status_code == 201, session.text
        client.headers["x-csrf-token"] = session.json()["csrf"]
        yield client


@pytest.fixture
def operator(desk: httpx.Client) -> Iterator[httpx.Client]:
    """The operator is online now, so that there is a line; it is empty after."""
    state = desk.put("/v1/desk/presence", json={"state": "online"})
    assert state.status_code == 200, state.text
    yield desk
    while offers := desk.get("/v1/desk/offers").json():
        for offer in offers:
            path = f"/v1/desk/handoffs/{offer['id']}"
            version = {"version": offer["version"]}
            claimed = desk.post(f"{path}/claim", json=version).json()
            closing = {"version": claimed["version"], "seen": 10_000}
            closed = desk.post(f"{path}/close", json=closing)
            assert closed.status_code == 200, closed.text


@pytest.fixture(scope="module")
async def inside(
    config: Config, embedded_store: EmbeddedStore, folder: Path
) -> AsyncIterator[Inside]:
    """
    The same gateway inside this process; no demo.

    For one module at a time: its sweeper would tidy up other tests' mailboxes.
    """
    own = msgspec.structs.replace(
        config,
        demo=False,
        data_dir=str(folder / "inside"),
        store=msgspec.structs.replace(config.store, url=embedded_store.url),
        limits=msgspec.structs.replace(
            config.limits, visitor_rate_per_s=0.5, visitor_burst=3
        ),
    )
    filled, kept = fill(own, Path(own.data_dir))
    gateway = await Gateway.open(filled, kept.visitor_secret)
    keys = {
        f"{shop.id}/{channel.name}": channel.key
        for shop in filled.shops
        for channel in shop.channels
    }
    yield Inside(gateway, gateway.asgi._app, keys)
    await gateway.close(1.0)
