"""
A client that repeats itself until it is heard, as channels do.
"""

from __future__ import annotations

import asyncio
from time import monotonic
from typing import Any, TypeVar

import httpx
import msgspec


T = TypeVar("T")

#: Seconds between two tries.
RETRY_S = 0.15
#: Tries to read a log before the run is given up.
READS = 200


class Repeater:
    """
    Sends each message, with its id, until it is acknowledged.

    Attributes:
        retries: Requests that had to be sent again.

        unacknowledged: Messages that were given up.

        slowest_s: Longest way to an acknowledgement.
    """

    def __init__(
        self,
        url: str,
        key: str,
        give_up_s: float,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._http = httpx.AsyncClient(
            base_url=url,
            transport=transport,
            headers={"authorization": f"Bearer {key}"},
            timeout=30.0,
            trust_env=False,
            # Kept connections may all end at one worker: the others would idle.
            limits=httpx.Limits(max_keepalive_connections=0),
        )
        self._give_up_s = give_up_s
        self.retries = 0
        self.unacknowledged = 0
        self.slowest_s = 0.0

    async def close(self) -> None:
        """Close every connection."""
        await self._http.aclose()

    async def send(
        self, conversation: str, body: dict[str, str], *, is_patient: bool = False
    ) -> dict[str, Any] | None:
        """
        The result of one message; None if it was given up.

        Args:
            is_patient: Ask again while the answer is still to come.
        """
        started = monotonic()
        while monotonic() - started < self._give_up_s:
            result = await self._try(conversation, body)
            is_pending = result is not None and result["status"] == "pending"
            if result is not None and not (is_patient and is_pending):
                self.slowest_s = max(self.slowest_s, monotonic() - started)
                return result
            self.retries += 1
            await asyncio.sleep(RETRY_S)
        self.unacknowledged += 1
        return None

    async def _try(
        self, conversation: str, body: dict[str, str]
    ) -> dict[str, Any] | None:
        path = f"/v1/conversations/{conversation}/messages"
        try:
            reply = await self._http.post(path, json=body)
        except httpx.TransportError:
            return None
        if reply.status_code not in (200, 202):
            return None
        result: dict[str, Any] = reply.json()
        return result

    async def log(self, conversation: str, kind: type[T]) -> list[T]:
        """
        All events of a conversation.

        Raises:
            TimeoutError: If they cannot be read, however often it is tried.
        """
        for _ in range(READS):
            try:
                reply = await self._http.get(f"/v1/conversations/{conversation}/events")
                if reply.status_code == httpx.codes.OK:
                    events = msgspec.json.decode(reply.content)["events"]
                    return [msgspec.convert(event, kind) for event in events]
            except httpx.TransportError:
                pass
            await asyncio.sleep(RETRY_S)
        raise TimeoutError(f"the events of {conversation} could not be read")
