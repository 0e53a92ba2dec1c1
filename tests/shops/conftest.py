"""
Fixtures of the shop's tests: the real service on a free port, and its connector.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from demo_shop import KEY, DemoShop

from engines.shops.http import HttpShop


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[DemoShop]:
    """A fresh shop, served over HTTP."""
    shop = DemoShop(tmp_path).start()
    yield shop
    shop.stop()


@pytest.fixture
async def shop(demo: DemoShop) -> AsyncIterator[HttpShop]:
    """The connector to the fresh shop."""
    async with HttpShop(demo.url, KEY, timeout_s=5.0) as port:
        yield port
