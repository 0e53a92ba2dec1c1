"""
A server that answers at once, but for 1.5 s in every 6.5 s, when it is frozen.

Prints its port; frozen means that its whole process stands still.
"""

from __future__ import annotations

import asyncio
import sys
import time


FROZEN_S, PERIOD_S = 1.5, 6.5
ANSWER = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}"


async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer every request of a connection."""
    while head := await reader.readuntil(b"\r\n\r\n"):
        length = head.split(b"content-length: ")[1].split(b"\r")[0]
        await reader.readexactly(int(length))
        writer.write(ANSWER)


async def main() -> None:
    """Serve until the process is ended."""
    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    while True:
        await asyncio.sleep(PERIOD_S - FROZEN_S)
        time.sleep(FROZEN_S)  # noqa: ASYNC251 - to freeze is its purpose


asyncio.run(main())
