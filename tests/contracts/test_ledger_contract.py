"""
The ledger contract, on the store's ledger over every kind of server.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator

import pytest
from ledger import CHECKS, Check

from gateway.store.connection import Scripts
from gateway.store.ledger import StoreLedger


pytestmark = pytest.mark.anyio


@pytest.fixture
async def stored(every_store_url: str) -> AsyncIterator[StoreLedger]:
    """A ledger on a real, empty store."""
    scripts = await Scripts.connect(every_store_url)
    yield StoreLedger(scripts, lambda: int(time.time() * 1000))
    await scripts.close()


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
async def test_ledger_holds(check: Check, stored: StoreLedger) -> None:
    """Each clause of the contract holds on a real store."""
    await check(stored)
