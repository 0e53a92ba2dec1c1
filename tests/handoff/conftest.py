"""
Fixtures of the human queue's tests.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from desk_server import DeskServer, serve
from people import People, open_people


@pytest.fixture
async def people(store_url: str) -> AsyncIterator[People]:
    """A shop with people on a real, empty store."""
    async with open_people(store_url) as opened:
        yield opened


@pytest.fixture
async def server(people: People, tmp_path: Path) -> AsyncIterator[DeskServer]:
    """The desk on a real HTTP server."""
    async with serve(people, tmp_path) as served:
        yield served
