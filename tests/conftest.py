"""
Fixtures for the tests of every room.

Async tests carry ``pytest.mark.anyio``. A test that needs the store asks for
``store_url`` and gets a real one, with every write on disk, and empty. A test of
what only the store decides asks for ``every_store_url`` and runs three times:
embedded, external, and on a cluster of three primaries.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from redis import Redis

from gateway.store.embedded import EmbeddedStore
from loadtest.store_servers import DURABLE, Cluster, Server


# Workers that tests start do not compile: it takes longer than most of the tests.
os.environ.setdefault("TIDEGATE_ROUTER__ARITHMETIC", "plain")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Browser tests last: Playwright keeps an event loop running to the end."""
    items.sort(key=lambda item: "/browser/" in item.path.as_posix())


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """Async tests run on asyncio."""
    return "asyncio"


@pytest.fixture(scope="session")
def embedded_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedStore]:
    """A real server for the whole run; not to be stopped by a test."""
    store = EmbeddedStore(tmp_path_factory.mktemp("store"))
    store.start()
    yield store
    store.stop()


@pytest.fixture(scope="session")
def external_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A real server that somebody else runs, over TCP."""
    server = Server(tmp_path_factory.mktemp("external"), **DURABLE).start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def cluster_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Three real primaries that share the slots."""
    cluster = Cluster(tmp_path_factory.mktemp("cluster")).start()
    yield cluster
    cluster.stop()


@pytest.fixture
def store_url(embedded_store: EmbeddedStore) -> str:
    """Address of a real, empty store."""
    with Redis.from_url(embedded_store.url) as client:
        client.flushall()
    return embedded_store.url


@pytest.fixture(
    params=[
        "embedded",
        "external",
        pytest.param("cluster", marks=pytest.mark.cluster),
    ]
)
def every_store_url(request: pytest.FixtureRequest) -> str:
    """Address of a real, empty store of each kind in turn."""
    if request.param == "embedded":
        url: str = request.getfixturevalue("store_url")
        return url
    if request.param == "cluster":
        cluster: Cluster = request.getfixturevalue("cluster_store")
        cluster.flush()
        return cluster.url
    server: Server = request.getfixturevalue("external_store")
    server.ask("FLUSHALL")
    return server.url
