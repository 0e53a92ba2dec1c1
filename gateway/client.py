"""
A thin typed client of the gateway, for a shop's servers and apps, and our own commands.

    async with GatewayClient("https://gateway.example", key) as gateway:
        done = await gateway.send("c1", "m1", "u1", "多久发货")
        async for event in gateway.listen("c1", after=done.result.seq):
            ...

The key stays on the shop's server; what an app holds is a :meth:`GatewayClient.token`
of one user and conversation, good for every call but tokens and links. Sending again
with the same message id is harmless and gives the same result. Replies that the
gateway pushes to the shop's address are checked and read by :func:`gateway.push.read_push`.

    Refused              the gateway answered with a problem (RFC 9457)
    httpx.TransportError the gateway cannot be reached; send again with the same id
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from time import perf_counter
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

import httpx
import msgspec

from gateway.outcome import Card, EventOut, HandoffOut, MessageOut


_decode = msgspec.json.Decoder(MessageOut).decode
_decode_event = msgspec.json.Decoder(EventOut).decode


#: Seconds between two tries of a broken stream: first, longest.
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.2, 15.0


class _Page(msgspec.Struct):
    events: list[EventOut]


class _Problem(msgspec.Struct):
    code: str = ""
    field: str = ""
    retry_after_s: float | None = None


_decode_page = msgspec.json.Decoder(_Page).decode
_decode_problem = msgspec.json.Decoder(_Problem).decode
_decode_place = msgspec.json.Decoder(HandoffOut).decode


class Refused(Exception):
    """
    The gateway answered with a problem.

    Attributes:
        code: Closed word for the reason, for example ``rate_limited``; empty if
            something in between answered.

        field: Path of the offending field, if one is known.

        retry_after_s: Seconds after which the same call may pass.
    """

    def __init__(self, status: int, body: str) -> None:
        super().__init__(f"{status}: {body[:300]}")
        self.status = status
        try:
            problem = _decode_problem(body)
        except msgspec.MsgspecError:
            problem = _Problem()
        self.code = problem.code
        self.field = problem.field
        self.retry_after_s = problem.retry_after_s


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
        cards: Sequence[Card] = (),
    ) -> Timed:
        """
        Send one message and wait for what becomes of it.

        Raises:
            Refused: If the gateway refuses it.
            httpx.TransportError: If it cannot be reached.
        """
        body: dict[str, Any] = {
            "message_id": message_id,
            "user_id": user_id,
            "text": text,
        }
        if locale is not None:
            body["locale"] = locale
        if cards:
            body["cards"] = msgspec.to_builtins(cards)
        started = perf_counter()
        reply = await self._http.post(f"{_path(conversation)}/messages", json=body)
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
        path = f"{_path(conversation)}/events"
        reply = await self._http.get(path, params={"after": after})
        return _decode_page(_checked(reply).content).events

    async def follow(
        self, conversation: str, after: int = 0
    ) -> AsyncIterator[EventOut]:
        """
        Every event after *after* as it happens, until the gateway ends the stream.

        To resume, call again with the number of the last event.

        Raises:
            As :meth:`send`.
        """
        path = f"{_path(conversation)}/events"
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
        reply = _checked(await self._http.post("/v1/tokens", json=body))
        token: str = reply.json()["token"]
        return token

    async def listen(
        self, conversation: str, after: int = 0
    ) -> AsyncIterator[EventOut]:
        """
        As :meth:`follow`, and on over broken lines and restarts, each event once.

        Never ends by itself; a refusal that asks to come back is waited out.

        Raises:
            Refused: If the gateway refuses for good.
        """
        pause_s = _FIRST_PAUSE_S
        while True:
            try:
                async for event in self.follow(conversation, after):
                    after, pause_s = event.n, _FIRST_PAUSE_S
                    yield event
            except httpx.TransportError:
                pass
            except Refused as refused:
                if refused.status not in (429, 502, 503, 504):
                    raise
            await asyncio.sleep(pause_s)
            pause_s = min(pause_s * 2, _LONGEST_PAUSE_S)

    async def rate(self, conversation: str, score: int, comment: str = "") -> None:
        """
        Say how well the customer was served, 1 (worst) to 5; twice is once.

        Raises:
            As :meth:`send`.
        """
        body = {"score": score, "comment": comment}
        path = f"{_path(conversation)}/rating"
        _checked(await self._http.post(path, json=body))

    async def place(self, conversation: str) -> HandoffOut | None:
        """
        Where the conversation stands with people; None while the machine has it.

        Raises:
            As :meth:`send`.
        """
        reply = await self._http.get(f"{_path(conversation)}/handoff")
        if reply.status_code == httpx.codes.NOT_FOUND:
            return None
        return _decode_place(_checked(reply).content)

    async def leave(self, conversation: str) -> HandoffOut:
        """
        Out of the line for people, back to the machine.

        Raises:
            As :meth:`send`; 404 if nobody was coming.
        """
        reply = await self._http.delete(f"{_path(conversation)}/handoff")
        return _decode_place(_checked(reply).content)

    async def call_back(self, conversation: str) -> HandoffOut:
        """
        Be answered later instead of waiting: a ticket with a promised time.

        Raises:
            As :meth:`leave`.
        """
        reply = await self._http.post(f"{_path(conversation)}/handoff/callback")
        return _decode_place(_checked(reply).content)

    async def link(
        self, channel: str, user: str, conversation: str, user_id: str
    ) -> None:
        """
        *user* of *channel* is our *user_id*: one conversation from now on.

        Raises:
            As :meth:`send`.
        """
        body = {"conversation_id": conversation, "user_id": user_id}
        _checked(await self._http.put(_identity(channel, user), json=body))

    async def unlink(self, channel: str, user: str) -> None:
        """
        Undo :meth:`link`.

        Raises:
            As :meth:`send`; 404 if there was no link.
        """
        _checked(await self._http.delete(_identity(channel, user)))

    async def link_code(self, conversation: str, user_id: str) -> str:
        """
        A code that the customer writes on another channel ("link CODE") to link it.

        Raises:
            As :meth:`send`.
        """
        path = f"{_path(conversation)}/link-codes"
        reply = await self._http.post(path, json={"user_id": user_id})
        code: str = _checked(reply).json()["code"]
        return code

    async def is_ready(self) -> bool:
        """Whether the gateway takes messages now."""
        try:
            reply = await self._http.get("/readyz")
        except httpx.TransportError:
            return False
        return reply.status_code == httpx.codes.OK


def _path(conversation: str) -> str:
    return f"/v1/conversations/{quote(conversation, safe='')}"


def _identity(channel: str, user: str) -> str:
    return f"/v1/identities/{quote(channel, safe='')}/{quote(user, safe='')}"


def _checked(reply: httpx.Response) -> httpx.Response:
    """The reply of a call that went well; raises Refused."""
    if not reply.is_success:
        raise Refused(reply.status_code, reply.text)
    return reply
