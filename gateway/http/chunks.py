"""
A chat completion as a stream of chunks, as OpenAI's interface has them.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Any

import msgspec


#: Characters of one piece of an answer that is whole when it is sent.
PIECE = 24

_encode = msgspec.json.Encoder().encode


class Completed(msgspec.Struct, frozen=True, kw_only=True):
    """What is said, and where it came from."""

    text: str
    facts: dict[str, Any]


def usage_of(asked: int, text: str) -> dict[str, int]:
    """Characters, for want of tokens: most answers cost no model anything."""
    return {
        "prompt_tokens": asked,
        "completion_tokens": len(text),
        "total_tokens": asked + len(text),
    }


async def next_piece(
    said: asyncio.Queue[str], done: asyncio.Task[Completed]
) -> str | None:
    """The next sentence; None once the answer is whole and nothing is left to hear."""
    if said.empty() and not done.done():
        hearing = asyncio.ensure_future(said.get())
        try:
            await asyncio.wait([hearing, done], return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            hearing.cancel()
            done.cancel()
            raise
        if hearing.done():
            return hearing.result()
        hearing.cancel()
    if not said.empty():
        return said.get_nowait()
    done.result()
    return None


async def stream(
    head: Mapping[str, Any],
    asked: int | None,
    first: str | None,
    said: asyncio.Queue[str],
    done: asyncio.Task[Completed],
) -> AsyncIterator[bytes]:
    """
    Checked sentences as they are written, and what the answer adds to them.

    Should the answer begin otherwise, which a change of owner can bring about, it
    follows whole, on a line of its own: what was sent cannot be taken back.

    Args:
        asked: Characters of the transcript, if the caller wants the usage told.
    """
    chunk = {**head, "object": "chat.completion.chunk"}
    yield _event({**chunk, "choices": [_choice({"role": "assistant", "content": ""})]})
    sent = ""
    try:
        while first is not None:
            sent += first
            yield _event({**chunk, "choices": [_choice({"content": first})]})
            first = await next_piece(said, done)
        whole = done.result()
    finally:
        # Nobody reads on: the message is taken in, and its answer is committed.
        done.add_done_callback(_ended)
    for piece in _rest(sent, whole.text):
        yield _event({**chunk, "choices": [_choice({"content": piece})]})
    yield _event({**chunk, "choices": [_choice({}, "stop")], "tidegate": whole.facts})
    if asked is not None:
        yield _event({**chunk, "choices": [], "usage": usage_of(asked, whole.text)})
    yield b"data: [DONE]\n\n"


def _ended(done: asyncio.Task[Completed]) -> None:
    """Look at a failure, so that it is not reported as one that nobody saw."""
    if not done.cancelled():
        done.exception()


def _rest(sent: str, text: str) -> list[str]:
    """What of *text* was not sent yet, in pieces."""
    rest = text[len(sent) :] if text.startswith(sent) else f"\n\n{text}"
    return [rest[start : start + PIECE] for start in range(0, len(rest), PIECE)]


def _choice(delta: Mapping[str, str], finish: str | None = None) -> dict[str, Any]:
    return {"index": 0, "delta": delta, "finish_reason": finish}


def _event(value: Any) -> bytes:
    return b"data: " + _encode(value) + b"\n\n"
