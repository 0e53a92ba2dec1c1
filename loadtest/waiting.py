"""
Waiting for what tells nobody that it is so.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable


async def until(is_so: Callable[[], object], limit_s: float = 15.0) -> None:
    """Wait until something is so; :class:`TimeoutError` if it never is."""
    async with asyncio.timeout(limit_s):
        while not is_so():  # noqa: ASYNC110 - what is waited for tells nobody
            await asyncio.sleep(0.01)
