"""
A line between two processes that can be made slow, be cut, or fall silent.
"""

from __future__ import annotations

import asyncio
import threading
from contextlib import suppress
from typing import Literal


Mood = Literal["well", "slow", "silent", "cut"]

#: Delay of every piece while the line is slow, seconds.
SLOW_S = 0.2


class FaultProxy:
    """
    Forwards TCP on 127.0.0.1 to *port*, in a thread of its own.

    ``slow`` delays every piece, ``silent`` takes what comes and lets no answer
    through (half of the line is dead), ``cut`` ends every connection and refuses
    new ones. Pieces keep their order: it is TCP.
    """

    def __init__(self, port: int) -> None:
        self.port = 0
        self.mood: Mood = "well"
        self._target = port
        self._loop = asyncio.new_event_loop()
        self._writers: set[asyncio.StreamWriter] = set()
        self._started = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> FaultProxy:
        """Listen on a free port; returns when it does."""
        self._thread.start()
        self._started.wait()
        return self

    def stop(self) -> None:
        """End every connection and the thread."""
        self._loop.call_soon_threadsafe(self._end)
        self._thread.join()
        self._loop.close()

    def become(self, mood: Mood) -> None:
        """Be like that from now on, for connections that are open as well."""
        self.mood = mood
        if mood == "cut":
            self._loop.call_soon_threadsafe(self._cut)

    def _run(self) -> None:
        server = self._loop.run_until_complete(
            asyncio.start_server(self._meet, "127.0.0.1", 0)
        )
        self.port = server.sockets[0].getsockname()[1]
        self._started.set()
        self._loop.run_forever()
        server.close()
        self._loop.run_until_complete(self._end_tasks())

    async def _end_tasks(self) -> None:
        left = asyncio.all_tasks() - {asyncio.current_task()}
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)

    def _end(self) -> None:
        self._cut()
        self._loop.stop()

    def _cut(self) -> None:
        for writer in self._writers:
            writer.transport.abort()

    async def _meet(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        if self.mood == "cut":
            writer.transport.abort()
            return
        try:
            back, forth = await asyncio.open_connection("127.0.0.1", self._target)
        except OSError:
            writer.transport.abort()
            return
        self._writers |= {writer, forth}
        await asyncio.gather(
            self._pass_on(reader, forth, is_answer=False),
            self._pass_on(back, writer, is_answer=True),
        )
        self._writers -= {writer, forth}

    async def _pass_on(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        *,
        is_answer: bool,
    ) -> None:
        is_dead = False
        with suppress(OSError):
            while piece := await reader.read(65_536):
                if self.mood == "slow":
                    await asyncio.sleep(SLOW_S)
                # TCP loses nothing in the middle: once silent, this line stays so.
                is_dead |= self.mood == "silent" and is_answer
                if is_dead:
                    continue
                writer.write(piece)
                await writer.drain()
        writer.close()
