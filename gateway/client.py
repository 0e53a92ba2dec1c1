"""
A thin typed client of the gateway, for apps, servers and our own commands.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from time import perf_counter
from types import TracebackType
from typing import Self

import httpx
import msgspec

from gateway.outcome import EventOut, MessageOut


_decode = msgspec.json.Decoder(MessageOut).decode
_decode_event = msgspec.json.Decoder(EventOut).decode


class _Page(msgspec.Struct):
    events: list[EventOut]


_decode_page = msgspec.json.Decoder(_Page).decode


class Refused(Exception):
    """The gateway answered with a problem; *status* and *body* tell which."""

    def __init__(self, status: int, body: str) -> None:
        super().__init__(f"{status}: {body[:300]}")
        self.status = status


class Timed(msgspec.Struct, frozen=True):
    """A result and the milliseconds until it came."""

    result: MessageOut
    ms: float


class GatewayClient:
    """
    Speaks the customer API with one channel's key; without one, only health.

    Use as an async context manager; the connections end with it.
    """

    def __init__(
        self,
        url: str,
        key: str,
        timeout_s: float = 30.0,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._http = httpx.AsyncClient(
            base_url=url,
            headers={"authorization": f"Bearer {key}"} if key else {},
            timeout=timeout_s,
            trust_env=False,
            transport=transport,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._http.aclose()

    async def send(
        self,
        conversation: str,
        message_id: str,
        user_id: str,
        text: str,
        locale: str | None = None,
    ) -> Timed:
        """
        Send one message and wait for what becomes of it.

        Raises:
            Refused: If the gateway refuses it.
            httpx.TransportError: If it cannot be reached.
        """
        body = {"message_id": message_id, "user_id": user_id, "text": text}
        if locale is not None:
            body["locale"] = locale
        started = perf_counter()
        reply = await self._http.post(
            f"/v1/conversations/{conversation}/messages", json=body
        )
        took_ms = (perf_counter() - started) * 1e3
        if reply.status_code not in (200, 202):
            raise Refused(reply.status_code, reply.text)
        return Timed(_decode(reply.content), took_ms)

    async def events(self, conversation: str, after: int = 0) -> list[EventOut]:
        """
        What happened after event number *after*, oldest first.

        Raises:
            As :meth:`send`.
        """
        reply = await self._http.get(
            f"/v1/conversations/{conversation}/events", params={"after": after}
        )
        if reply.status_code != httpx.codes.OK:
            raise Refused(reply.status_code, reply.text)
        return _decode_page(reply.content).events

    async def follow(
        self, conversation: str, after: int = 0
    ) -> AsyncIterator[EventOut]:
        """
        Every event after *after* as it happens, until the gateway ends the stream.

        To resume, call again with the number of the last event.

        Raises:
            As :meth:`send`.
        """
        path = f"/v1/conversations/{conversation}/events"
        headers = {"accept": "text/event-stream"}
        async with self._http.stream(
            "GET", path, params={"after": after}, headers=headers
        ) as reply:
            if reply.status_code != httpx.codes.OK:
                raise Refused(reply.status_code, (await reply.aread()).decode())
            async for line in reply.aiter_lines():
                if line.startswith("data:"):
                    yield _decode_event(line[5:])

    async def token(self, user_id: str, conversation: str, life_s: int = 3_600) -> str:
        """
        A token that an app may hold for one user's conversation; needs the key.

        Raises:
            As :meth:`send`.
        """
        body = {"user_id": user_id, "conversation_id": conversation, "life_s": life_s}
        reply = await self._http.post("/v1/tokens", json=body)
        if reply.status_code != httpx.codes.CREATED:
            raise Refused(reply.status_code, reply.text)
        token: str = reply.json()["token"]
        return token

    async def is_ready(self) -> bool:
        """Whether the gateway takes messages now."""
        try:
            reply = await self._http.get("/readyz")
        except httpx.TransportError:
            return False
        return reply.status_code == httpx.codes.OK
