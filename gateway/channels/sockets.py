"""
Connections that we make to platforms, for accounts that have no webhook.
"""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import urlsplit

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

from gateway.channels.contract import PlatformDown


#: Seconds for the handshake.
OPEN_S = 10.0
#: Longest frame that is read, bytes: a message is a few kilobytes.
MAX_FRAME = 1 << 20
#: Seconds for what was read before the end to get to disk.
LAST_S = 5.0
_LOOPBACK = ("127.0.0.1", "::1", "localhost")


def is_private(url: str, scheme: str) -> bool:
    """
    Whether a secret may travel there: encrypted, or not leaving this machine.

    Args:
        scheme: ``ws`` or ``http``, what it is called when it is not encrypted.
    """
    parts = urlsplit(url)
    if parts.scheme == scheme:
        return parts.hostname in _LOOPBACK
    return parts.scheme == f"{scheme}s" and bool(parts.hostname)


async def open_socket(url: str, ping_s: float | None = None) -> ClientConnection:
    """
    Connect; nothing is said yet.

    Args:
        ping_s: Seconds between two pings of the protocol's own; None for none.

    Raises:
        PlatformDown: If there is nobody, or not who the certificate should name.
    """
    try:
        return await connect(
            url,
            open_timeout=OPEN_S,
            close_timeout=1,
            ping_interval=ping_s,
            max_size=MAX_FRAME,
            proxy=None,
        )
    except (OSError, TimeoutError, WebSocketException) as exc:
        raise PlatformDown(f"{type(exc).__name__}: {exc}") from exc


async def whole(work: Any) -> None:
    """Finish *work* even when cancelled meanwhile, within :data:`LAST_S`."""
    task = asyncio.ensure_future(work)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task], timeout=LAST_S)
        task.cancel()
        raise
