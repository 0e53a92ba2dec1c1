"""
Fixtures for the tests of every room.

Async tests carry ``pytest.mark.anyio``. A test that needs the store asks for
``store_url`` and gets a real one, with every write on disk, and empty.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from redis import Redis

from gateway.store.embedded import EmbeddedStore


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


@pytest.fixture
def store_url(embedded_store: EmbeddedStore) -> str:
    """Address of a real, empty store."""
    with Redis.from_url(embedded_store.url) as client:
        client.flushall()
    return embedded_store.url
