"""
A thin HTTP client of the gateway, for the commands that act as customers.
"""

from __future__ import annotations

from time import perf_counter
from types import TracebackType
from typing import Self

import httpx
import msgspec

from gateway.outcome import MessageOut


_decode = msgspec.json.Decoder(MessageOut).decode


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

    def __init__(self, url: str, key: str, timeout_s: float = 30.0) -> None:
        self._http = httpx.AsyncClient(
            base_url=url,
            headers={"authorization": f"Bearer {key}"} if key else {},
            timeout=timeout_s,
            trust_env=False,
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

    async def is_ready(self) -> bool:
        """Whether the gateway takes messages now."""
        try:
            reply = await self._http.get("/readyz")
        except httpx.TransportError:
            return False
        return reply.status_code == httpx.codes.OK
