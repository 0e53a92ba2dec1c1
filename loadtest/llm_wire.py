"""
How the stand-in for a model speaks: whole answers, streams, refusals and garbage.

The real chat-completions protocol, as ASGI messages.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Final

import msgspec

from loadtest.llm_manners import Garbage, Manners
from loadtest.llm_sayings import Ask, Said


Send = Callable[[dict[str, Any]], Awaitable[None]]

_PIECE: Final = 4
_HUGE: Final = 400_000


def _pieces(said: Said) -> list[dict[str, Any]]:
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


async def tell_in_pieces(said: Said, ask: Ask, manners: Manners, send: Send) -> None:
    """Answer as a stream of events."""
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


def _finish(said: Said, pieces: int, ask: Ask) -> str:
    if said.tool:
        return "tool_calls"
    return "length" if pieces >= ask.max_tokens else "stop"


async def tell_whole(said: Said, ask: Ask, manners: Manners, send: Send) -> None:
    """Answer in one JSON body."""
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
    await answer(send, 200, msgspec.json.encode(body))


def _chunk(ask: Ask, choice: dict[str, Any] | None) -> dict[str, Any]:
    choices = [] if choice is None else [{"index": 0, **choice}]
    head = {"id": "stub", "object": "chat.completion.chunk", "created": 0}
    return {**head, "model": ask.model, "choices": choices}


def _usage(ask: Ask, pieces: int) -> dict[str, int]:
    prompt = sum(len(message.content) for message in ask.messages) // _PIECE
    return {
        "prompt_tokens": prompt,
        "completion_tokens": pieces,
        "total_tokens": prompt + pieces,
    }


async def spoil(garbage: Garbage, send: Send) -> None:
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


async def answer(send: Send, status: int, body: bytes, **more: str) -> None:
    """Send *body* as JSON; *more* are headers."""
    await _start(send, status, "application/json", **more)
    await send({"type": "http.response.body", "body": body})
