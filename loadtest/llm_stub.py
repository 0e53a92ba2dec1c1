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
import re
import socket
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Final, Literal

import msgspec
import uvicorn


Garbage = Literal[
    "",
    "html",
    "bad_json",
    "wrong_types",
    "cut",
    "empty",
    "huge",
    "loop",
    "silent",
    "endless_line",
    "error_event",
]
Send = Callable[[dict[str, Any]], Awaitable[None]]

_PIECE: Final = 4
_HUGE: Final = 400_000
_KEPT_CALLS: Final = 2_000
_PASSAGE: Final = re.compile(
    r"^\[(\d+)\] [^\n]*\n(.*?)(?=^\[\d+\] |\Z)", re.MULTILINE | re.DOTALL
)
_SENTENCE: Final = re.compile(r"[^。！？；\n]+[。！？；]?|[^.!?\n]+[.!?]?")
_ORDERED: Final = re.compile(r'Call the tool "(\w+)" with the (\w+) "(\w+)"')


class Manners(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """
    How it behaves.

    Attributes:
        status: Other than 200, it refuses with it.

        retry_after: Sent with a refusal, if not empty: seconds or an HTTP date.

        mean_s / cv: Of a lognormal time before the answer, beside *first_token_s*; an
            asker who hangs up frees its place at once.

        most: Calls at once; more are refused with 429. 0 for no bound.

        for_calls: These manners hold for so many calls; 0 means for all.

        tools: Tool modes it masters; an unknown ``response_format`` is refused.
    """

    status: int = 200
    retry_after: str = ""
    first_token_s: float = 0.0
    token_s: float = 0.0
    mean_s: float = 0.0
    cv: float = 0.7
    most: int = 0
    garbage: Garbage = ""
    tools: tuple[Literal["native", "schema"], ...] = ("native", "schema")
    streams: bool = True
    counts: bool = True
    for_calls: int = 0


class Line(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """
    What it says, or which tool it calls, to a prompt whose last line fits *when*.

    Attributes:
        raw: The whole text as it is, even where a tool call was asked for.
    """

    when: str
    say: str = ""
    tool: str = ""
    args: dict[str, Any] = msgspec.field(default_factory=dict)
    raw: str = ""


class _Message(msgspec.Struct, frozen=True):
    role: str
    content: str


class _Ask(msgspec.Struct, frozen=True):
    model: str
    messages: list[_Message]
    stream: bool = False
    max_tokens: int = 1_000
    tools: list[dict[str, Any]] = msgspec.field(default_factory=list)
    response_format: dict[str, Any] | None = None

    @property
    def last(self) -> str:
        return self.messages[-1].content if self.messages else ""


class _Said(msgspec.Struct, frozen=True):
    """What it answers: text, or one native tool call."""

    text: str = ""
    tool: str = ""
    args: str = ""


class Stub:
    """The ASGI application."""

    def __init__(self) -> None:
        self._manners = Manners()
        self._usual = Manners()
        self._left = 0
        self._script: list[Line] = []
        self._inside = 0
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
            await _answer(send, 200, msgspec.json.encode(list(self._calls)))
            return
        elif path != "/healthz":
            await _answer(send, 404, b'{"error": {"message": "no such path"}}')
            return
        await _answer(send, 200, b"{}")

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
        if manners.most and self._inside >= manners.most:
            refusal = msgspec.json.encode({"error": {"message": "too many"}})
            await _answer(send, 429, refusal, **{"retry-after": "0.2"})
            return
        self._inside += 1
        try:
            if manners.mean_s and not await self._work(manners, receive):
                return
            await self._complete(body, scope, send, manners)
        finally:
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
            ask = msgspec.json.decode(body, type=_Ask)
        except msgspec.MsgspecError as exc:
            await _answer(send, 400, msgspec.json.encode({"error": str(exc)}))
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
            await _answer(send, manners.status, refusal, **after)
        elif ask.response_format and "schema" not in manners.tools:
            await _answer(send, 400, b'{"error": {"message": "no response_format"}}')
        elif manners.garbage:
            await _spoil(manners.garbage, send)
        elif ask.stream and manners.streams:
            await _stream(self._say(ask, manners), ask, manners, send)
        else:
            await _whole(self._say(ask, manners), ask, manners, send)

    def _say(self, ask: _Ask, manners: Manners) -> _Said:
        for line in self._script:
            if re.search(line.when, ask.last):
                if line.raw or not line.tool:
                    return _Said(line.raw or _as_asked(line.say, ask))
                return _call(line.tool, line.args, ask, manners)
        ordered = _ORDERED.search(ask.last)
        if ordered:
            return _call(ordered[1], {ordered[2]: ordered[3]}, ask, manners)
        return _Said(_as_asked(_quote(ask.last) or f"You said: {ask.last[:200]}", ask))


def _call(tool: str, args: dict[str, Any], ask: _Ask, manners: Manners) -> _Said:
    if ask.tools and "native" in manners.tools:
        return _Said(tool=tool, args=msgspec.json.encode(args).decode())
    text = msgspec.json.encode({"tool": tool, "args": args}).decode()
    return _Said(text if ask.response_format else f"```json\n{text}\n```")


def _as_asked(text: str, ask: _Ask) -> str:
    """Plain text in the form that a schema asks for."""
    if ask.response_format is None:
        return text
    return msgspec.json.encode({"tool": "say", "args": {"text": text}}).decode()


def _quote(prompt: str) -> str:
    """The sentence of a numbered passage that is most like the last paragraph."""
    *_, question = prompt.strip().split("\n")
    asked = _pairs(question)
    best, text = 0.0, ""
    for number, passage in _PASSAGE.findall(prompt):
        for sentence in _SENTENCE.findall(passage.rsplit("\n\n", 1)[0]):
            own = _pairs(sentence)
            score = len(asked & own) / (len(own) + 8)
            if score > best:
                best, text = score, f"{sentence.strip()} [{number}]"
    return text


def _pairs(text: str) -> set[str]:
    low = text.lower()
    return {low[i : i + 2] for i in range(len(low) - 1)}


def _pieces(said: _Said) -> list[dict[str, Any]]:
    """Deltas of a stream."""
    if said.tool:
        head = {"index": 0, "id": "call_1", "type": "function"}
        first = {"name": said.tool, "arguments": ""}
        calls = [{**head, "function": first}]
        cut = [said.args[i : i + _PIECE] for i in range(0, len(said.args), _PIECE)]
        rest = [[{"index": 0, "function": {"arguments": part}}] for part in cut]
        return [{"tool_calls": one} for one in [calls, *rest]]
    text = said.text
    return [{"content": text[i : i + _PIECE]} for i in range(0, len(text), _PIECE)]


async def _stream(said: _Said, ask: _Ask, manners: Manners, send: Send) -> None:
    await _start(send, 200, "text/event-stream")
    deltas = _pieces(said)[: ask.max_tokens]
    for delta in [{"role": "assistant", "content": ""}, *deltas]:
        await _event(send, _chunk(ask, {"delta": delta, "finish_reason": None}))
        await asyncio.sleep(manners.token_s)
    finish = _finish(said, len(deltas), ask)
    await _event(send, _chunk(ask, {"delta": {}, "finish_reason": finish}))
    if manners.counts:
        usage = _chunk(ask, None) | {"usage": _usage(ask, len(deltas))}
        await _event(send, usage)
    await send({"type": "http.response.body", "body": b"data: [DONE]\n\n"})


def _finish(said: _Said, pieces: int, ask: _Ask) -> str:
    if said.tool:
        return "tool_calls"
    return "length" if pieces >= ask.max_tokens else "stop"


async def _whole(said: _Said, ask: _Ask, manners: Manners, send: Send) -> None:
    message: dict[str, Any] = {"role": "assistant", "content": said.text or None}
    if said.tool:
        function = {"name": said.tool, "arguments": said.args}
        message["tool_calls"] = [
            {"id": "call_1", "type": "function", "function": function}
        ]
    pieces = len(_pieces(said))
    choice = {"message": message, "finish_reason": _finish(said, pieces, ask)}
    body = _chunk(ask, choice) | {"object": "chat.completion"}
    if manners.counts:
        body["usage"] = _usage(ask, pieces)
    await _answer(send, 200, msgspec.json.encode(body))


def _chunk(ask: _Ask, choice: dict[str, Any] | None) -> dict[str, Any]:
    choices = [] if choice is None else [{"index": 0, **choice}]
    head = {"id": "stub", "object": "chat.completion.chunk", "created": 0}
    return {**head, "model": ask.model, "choices": choices}


def _usage(ask: _Ask, pieces: int) -> dict[str, int]:
    prompt = sum(len(message.content) for message in ask.messages) // _PIECE
    return {
        "prompt_tokens": prompt,
        "completion_tokens": pieces,
        "total_tokens": prompt + pieces,
    }


async def _spoil(garbage: Garbage, send: Send) -> None:
    """Answer 200 with something that is no answer."""
    if garbage == "html":
        await _start(send, 200, "text/html")
        body = b"<html><body>Please sign in</body></html>"
        await send({"type": "http.response.body", "body": body})
        return
    await _start(send, 200, "text/event-stream")
    async for part in _garbage(garbage):
        await send({"type": "http.response.body", "body": part, "more_body": True})
    await send({"type": "http.response.body", "body": b""})


async def _garbage(garbage: Garbage) -> AsyncIterator[bytes]:
    hello = {"choices": [{"index": 0, "delta": {"content": "It costs 5"}}]}
    if garbage == "silent":
        yield b": still here\n\n"
        await asyncio.sleep(3600)
    elif garbage == "bad_json":
        yield b'data: {"choices": [{"delta": {"content": "hal\n\n'
    elif garbage == "wrong_types":
        yield b'data: {"choices": [{"delta": {"content": 7}}]}\n\n'
    elif garbage == "error_event":
        yield b'data: {"error": {"message": "out of memory"}}\n\n'
    elif garbage == "endless_line":
        yield b"data: "
        for _ in range(_HUGE // 100):
            yield b"x" * 400
    elif garbage in ("huge", "loop"):
        word = "A" * 1_000 if garbage == "huge" else "and then "
        loop = {"choices": [{"index": 0, "delta": {"content": word}}]}
        for _ in range(_HUGE // len(word)):
            yield b"data: " + msgspec.json.encode(loop) + b"\n\n"
    elif garbage == "cut":
        yield b"data: " + msgspec.json.encode(hello) + b"\n\n"
    else:
        yield b"data: [DONE]\n\n"


async def _event(send: Send, body: dict[str, Any]) -> None:
    data = b"data: " + msgspec.json.encode(body) + b"\n\n"
    await send({"type": "http.response.body", "body": data, "more_body": True})


async def _start(send: Send, status: int, kind: str, **more: str) -> None:
    headers = {"content-type": kind, **more}
    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": status, "headers": raw})


async def _answer(send: Send, status: int, body: bytes, **more: str) -> None:
    await _start(send, status, "application/json", **more)
    await send({"type": "http.response.body", "body": body})


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
