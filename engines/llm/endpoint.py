"""
One OpenAI-compatible server: a pooled connection, deadlines, errors in our words.

    no connection, any 5xx, 401, 403, 404    LlmUnavailable
    429, 529, 503 with Retry-After           LlmOverloaded, and a pause
    any other 4xx                            LlmRefused
    silence                                  LlmTimeout
    anything that is no chat completion      LlmBadReply
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

import httpx

from engines.llm.budgets import Breaker
from engines.llm.errors import (
    LlmBadReply,
    LlmOverloaded,
    LlmRefused,
    LlmTimeout,
    LlmUnavailable,
)
from engines.llm.settings import EndpointConfig, LlmConfig
from engines.llm.talk import RawReply, Usage
from engines.llm.tools import Mode
from engines.llm.wire import MAX_EVENT_BYTES, Events, Piece, piece_of


#: Longest text or arguments of one reply, in characters.
MAX_REPLY: Final = 65_536
_OK: Final = 200
_SERVER_ERROR: Final = 500
_BUSY: Final = frozenset({429, 529})
_UNAVAILABLE: Final = 503
#: A wrong key, address or model: no request will do better.
_MISPLACED: Final = frozenset({401, 403, 404, 405})
#: Shortest and longest pause a server gets, and the one of a server that names none.
#: A pause stops the whole pool, so what a server asks for is not rounded up: a second
#: instead of 0.2 s empties most slots.
_PAUSE_S: Final = (0.1, 300.0)
_USUAL_PAUSE_S: Final = 1.0


class Endpoint:
    """
    A server with its slots, its breaker and what is known of its tool mode.

    Args:
        clock: Monotonic; deadlines are readings of it.
    """

    def __init__(
        self,
        config: EndpointConfig,
        limits: LlmConfig,
        clock: Callable[[], float],
    ) -> None:
        self.config = config
        self.breaker = Breaker(limits.breaker_failures, limits.breaker_rest_s, clock)
        self.mode: Mode | None = None if config.tools == "auto" else config.tools
        self.asking = asyncio.Lock()
        self._limits = limits
        self._clock = clock
        self._slots = asyncio.Semaphore(config.slots)
        self._paused_until = float("-inf")
        headers = {"authorization": f"Bearer {config.key}"} if config.key else {}
        self._http = httpx.AsyncClient(
            headers={"content-type": "application/json", **headers},
            limits=httpx.Limits(max_connections=config.slots),
            timeout=None,  # noqa: S113 - every wait below has its own deadline
            follow_redirects=False,
            trust_env=False,
        )

    @property
    def pause_s(self) -> float:
        """Seconds for which the server asked to be left alone."""
        return max(0.0, self._paused_until - self._clock())

    @property
    def is_full(self) -> bool:
        """True if every slot is taken."""
        return self._slots.locked()

    async def close(self) -> None:
        """Close every connection."""
        await self._http.aclose()

    async def warm(self, limit_s: float) -> bool:
        """Open a connection that the first prompt then finds; False if it failed."""
        try:
            async with asyncio.timeout(limit_s):
                url = self.config.url.rstrip("/") + "/models"
                await self._http.get(url)
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError):
            return False
        return True

    async def pieces(self, body: bytes, deadline_s: float) -> AsyncGenerator[Piece]:
        """
        Send *body* and give what comes back, piece by piece.

        The last piece of a complete reply has ``is_end``; a stream that ends
        without one was cut.
        """
        if self._slots.locked():
            raise LlmOverloaded("every slot of the endpoint is taken")
        async with self._slots:
            response = await self._open(body, deadline_s)
            try:
                streams = "event-stream" in response.headers.get("content-type", "")
                source = _events(response) if streams else _whole(response)
                async with aclosing(source) as data:
                    async for piece in self._timed(data, deadline_s):
                        yield piece
            finally:
                await response.aclose()

    async def whole(self, body: bytes, deadline_s: float) -> RawReply:
        """
        Send *body* and put the reply together.

        Raises:
            LlmError: See the table above.
        """
        reply = _Collector(self._clock())
        async with aclosing(self.pieces(body, deadline_s)) as pieces:
            async for piece in pieces:
                reply.add(piece, self._clock())
        return reply.finish()

    async def _open(self, body: bytes, deadline_s: float) -> httpx.Response:
        url = self.config.url.rstrip("/") + "/chat/completions"
        request = self._http.build_request("POST", url, content=body)
        limit_s = min(self._limits.first_token_s, deadline_s - self._clock())
        try:
            async with asyncio.timeout(limit_s):
                response = await self._http.send(request, stream=True)
        except TimeoutError as exc:
            raise LlmTimeout("no answer before the first deadline") from exc
        except (httpx.HTTPError, httpx.InvalidURL) as exc:
            raise LlmUnavailable(f"no connection: {type(exc).__name__}") from exc
        if response.status_code != _OK:
            await response.aclose()
            raise self._refusal(response)
        return response

    def _refusal(
        self, response: httpx.Response
    ) -> LlmOverloaded | LlmUnavailable | LlmRefused:
        status = response.status_code
        after = _retry_after(response.headers.get("retry-after"))
        if status in _BUSY or (status == _UNAVAILABLE and after is not None):
            pause_s = after if after is not None else _USUAL_PAUSE_S
            self._paused_until = self._clock() + pause_s
            return LlmOverloaded(f"the server answered {status}", pause_s)
        if status >= _SERVER_ERROR or status in _MISPLACED:
            return LlmUnavailable(f"the server answered {status}")
        return LlmRefused(f"the server answered {status}")

    async def _timed(
        self, source: AsyncIterator[bytes], deadline_s: float
    ) -> AsyncIterator[Piece]:
        """Pieces of *source*; only the waiting for it is timed, not our reader."""
        token_s, is_complete = self._limits.first_token_s, False
        while True:
            limit_s = min(token_s, deadline_s - self._clock())
            try:
                async with asyncio.timeout(limit_s):
                    piece = await _next(source)
            except TimeoutError as exc:
                if is_complete:
                    return
                raise LlmTimeout("silence inside the reply") from exc
            except httpx.HTTPError as exc:
                raise LlmUnavailable(f"cut off: {type(exc).__name__}") from exc
            if piece is None:
                return
            if piece.says:
                token_s = self._limits.between_tokens_s
            is_complete = is_complete or piece.is_end
            yield piece


class _Collector:
    """Pieces of one reply, put together in bounded memory."""

    def __init__(self, started: float) -> None:
        self._started = started
        self._text: list[str] = []
        self._arguments: list[str] = []
        self._size = 0
        self._last = Piece()
        self._name = ""
        self._first_s = 0.0
        self._is_complete = False

    def add(self, piece: Piece, now: float) -> None:
        """
        Take one more piece.

        Raises:
            LlmBadReply: If the reply grows beyond any honest one.
        """
        if piece.says and not self._first_s:
            self._first_s = now - self._started
        self._text.append(piece.text)
        self._arguments.append(piece.tool_arguments)
        self._size += len(piece.text) + len(piece.tool_arguments)
        if self._size > MAX_REPLY:
            raise LlmBadReply(f"longer than {MAX_REPLY} characters")
        self._name = self._name or piece.tool_name
        self._is_complete = self._is_complete or piece.is_end
        self._last = Piece(
            finish=piece.finish or self._last.finish,
            usage=piece.usage or self._last.usage,
        )

    def finish(self) -> RawReply:
        """
        The whole reply.

        Raises:
            LlmBadReply: If it was cut, or says nothing.
        """
        text, arguments = "".join(self._text), "".join(self._arguments)
        if not self._is_complete:
            raise LlmBadReply("the stream was cut")
        if not text.strip() and not self._name:
            raise LlmBadReply("an empty answer")
        if self._name and self._last.finish == "length":
            raise LlmBadReply("a tool call that was cut at the token limit")
        return RawReply(
            text=text,
            tool_name=self._name,
            tool_arguments=arguments,
            finish=self._last.finish or "stop",
            usage=self._last.usage or Usage(),
            first_token_s=self._first_s,
        )


async def _next(source: AsyncIterator[bytes]) -> Piece | None:
    data = await anext(source, None)
    return None if data is None else piece_of(data)


async def _events(response: httpx.Response) -> AsyncGenerator[bytes]:
    events = Events()
    async for data in response.aiter_bytes():
        for event in events.feed(data):
            yield event


async def _whole(response: httpx.Response) -> AsyncGenerator[bytes]:
    """The body of a server that does not stream, as one event."""
    parts, size = [], 0
    async for data in response.aiter_bytes():
        parts.append(data)
        size += len(data)
        if size > MAX_EVENT_BYTES:
            raise LlmBadReply("a body longer than any honest one")
    yield b"".join(parts)


def _retry_after(value: str | None) -> float | None:
    """Seconds, from a number or an HTTP date; None if there is neither."""
    if value is None:
        return None
    try:
        seconds = float(value)
    except ValueError:
        try:
            when = parsedate_to_datetime(value)
            seconds = (when - datetime.now(UTC)).total_seconds()
        except (ValueError, TypeError):
            return None
    low, high = _PAUSE_S
    return min(max(seconds, low), high) if seconds == seconds else None  # noqa: PLR0124 - NaN
