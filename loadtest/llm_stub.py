"""
A stand-in for a language model: the real chat-completions protocol over real HTTP.

``python -m loadtest.llm_stub`` prints its address as JSON and serves until SIGTERM.
It is no model: it says what a script tells it to, quotes the sentence of a given
passage that is most like the question, or repeats the question. What it is for is
its bad manners (:class:`Manners`), set with ``POST /stub/manners``: delays, errors,
429 with Retry-After, slow streams, silence, cut streams and garbage of all kinds.
``POST /stub/script`` sets what it says, ``GET /stub/calls`` shows what it was asked.
"""

from __future__ import annotations

import argparse
import asyncio
import math
import random
import socket
from collections import deque
from typing import Any, Final

import msgspec
import uvicorn

from loadtest.llm_manners import Line, Manners
from loadtest.llm_sayings import Ask, say
from loadtest.llm_wire import Send, answer, spoil, tell_in_pieces, tell_whole


_KEPT_CALLS: Final = 2_000


class Stub:
    """The ASGI application."""

    def __init__(self) -> None:
        self._manners = Manners()
        self._usual = Manners()
        self._left = 0
        self._script: list[Line] = []
        self._inside = 0
        self._line: deque[asyncio.Future[None]] = deque()
        self._draws = random.Random(7)
        self._calls: deque[dict[str, Any]] = deque(maxlen=_KEPT_CALLS)
        self._asked = 0

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            return
        body = b""
        while True:
            event = await receive()
            body += event.get("body", b"")
            if not event.get("more_body"):
                break
        path: str = scope["path"]
        if path.endswith("/chat/completions"):
            await self._admit(body, scope, receive, send)
        else:
            await self._control(path, body, send)

    async def _control(self, path: str, body: bytes, send: Send) -> None:
        if path == "/stub/manners":
            self._manners = msgspec.json.decode(body, type=Manners)
            self._left = self._manners.for_calls
            if not self._left:
                self._usual = self._manners
        elif path == "/stub/script":
            self._script = msgspec.json.decode(body, type=list[Line])
        elif path == "/stub/calls":
            await answer(send, 200, msgspec.json.encode(list(self._calls)))
            return
        elif path != "/healthz":
            await answer(send, 404, b'{"error": {"message": "no such path"}}')
            return
        await answer(send, 200, b"{}")

    def _now(self) -> Manners:
        """Manners of this call; short-lived ones run out."""
        manners = self._manners
        if self._left:
            self._left -= 1
            if not self._left:
                self._manners = self._usual
        return manners

    async def _admit(
        self, body: bytes, scope: dict[str, Any], receive: Any, send: Send
    ) -> None:
        """A place among those that are worked on, for as long as it takes."""
        manners = self._now()
        is_full = manners.most and self._inside >= manners.most
        if is_full and manners.has_line:
            if not await self._stand(receive):
                return
        elif is_full:
            refusal = msgspec.json.encode({"error": {"message": "too many"}})
            await answer(send, 429, refusal, **{"retry-after": "0.2"})
            return
        else:
            self._inside += 1
        try:
            if manners.mean_s and not await self._work(manners, receive):
                return
            await self._complete(body, scope, send, manners)
        finally:
            self._leave()

    async def _stand(self, receive: Any) -> bool:
        """Stand in the line until a place is handed on; False if the asker hung up."""
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._line.append(turn)
        hung_up = asyncio.ensure_future(receive())
        await asyncio.wait([hung_up, turn], return_when=asyncio.FIRST_COMPLETED)
        hung_up.cancel()
        if turn.done():
            return True
        self._line.remove(turn)
        return False

    def _leave(self) -> None:
        """Hand the place on to the first in the line, or give it up."""
        if self._line:
            self._line.popleft().set_result(None)
        else:
            self._inside -= 1

    async def _work(self, manners: Manners, receive: Any) -> bool:
        """Take the time; False if the asker hung up meanwhile."""
        variance = math.log(1 + manners.cv**2)
        mu = math.log(manners.mean_s) - variance / 2
        took_s = self._draws.lognormvariate(mu, math.sqrt(variance))
        hung_up = asyncio.ensure_future(receive())
        done, _ = await asyncio.wait([hung_up], timeout=took_s)
        hung_up.cancel()
        return not done

    async def _complete(
        self, body: bytes, scope: dict[str, Any], send: Send, manners: Manners
    ) -> None:
        try:
            ask = msgspec.json.decode(body, type=Ask)
        except msgspec.MsgspecError as exc:
            await answer(send, 400, msgspec.json.encode({"error": str(exc)}))
            return
        keys = [
            value.decode()
            for name, value in scope["headers"]
            if name == b"authorization"
        ]
        self._asked += 1
        call = {"key": "".join(keys), "body": msgspec.json.decode(body)}
        self._calls.append({"n": self._asked, **call})
        await asyncio.sleep(manners.first_token_s)
        if manners.status != 200:  # noqa: PLR2004 - as on the wire
            after = {"retry-after": manners.retry_after} if manners.retry_after else {}
            refusal = msgspec.json.encode({"error": {"message": "as told"}})
            await answer(send, manners.status, refusal, **after)
        elif ask.response_format and "schema" not in manners.tools:
            await answer(send, 400, b'{"error": {"message": "no response_format"}}')
        elif manners.garbage:
            await spoil(manners.garbage, send)
        elif ask.stream and manners.streams:
            await tell_in_pieces(say(ask, self._script, manners), ask, manners, send)
        else:
            await tell_whole(say(ask, self._script, manners), ask, manners, send)


def main() -> None:
    """Entry of ``python -m loadtest.llm_stub [--port N]``."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    listener = socket.create_server(("127.0.0.1", parser.parse_args().port))
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    print(msgspec.json.encode({"url": url}).decode(), flush=True)
    config = uvicorn.Config(
        Stub(),
        lifespan="off",
        access_log=False,
        log_level="critical",
        timeout_graceful_shutdown=1,
    )
    uvicorn.Server(config).run([listener])


if __name__ == "__main__":
    main()
