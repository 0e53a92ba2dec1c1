"""
A command's short visit to the store, beside a running gateway or without one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

from gateway.store.connection import Scripts
from gateway.store.embedded import EmbeddedStore
from gateway.store.errors import StoreLocked


T = TypeVar("T")


def run_beside(url: str, data_dir: Path, deed: Callable[[Scripts], Awaitable[T]]) -> T:
    """
    Do *deed* in the store at *url*; an empty one means the embedded store.

    A running gateway owns its folder: then its store is used, else one is started
    for the moment.
    """
    if url:
        return asyncio.run(_visit(url, deed))
    store = EmbeddedStore(data_dir)
    try:
        store.start()
    except StoreLocked:
        return asyncio.run(_visit(store.url, deed))
    try:
        return asyncio.run(_visit(store.url, deed))
    finally:
        store.stop()


async def _visit(url: str, deed: Callable[[Scripts], Awaitable[T]]) -> T:
    scripts = await Scripts.connect(url)
    try:
        return await deed(scripts)
    finally:
        await scripts.close()
