"""
Two workers of one shop with an operator, a rival shop, and customers with orders.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from inside_errands import open_customers
from promises import LATE, House

from gateway.store.embedded import EmbeddedStore


@pytest.fixture(scope="module")
async def house(
    embedded_store: EmbeddedStore, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[House]:
    """What the promises are made in."""
    folder = tmp_path_factory.mktemp("house")
    async with open_customers(embedded_store.url, folder, 60, LATE) as customers:
        yield House(customers)
