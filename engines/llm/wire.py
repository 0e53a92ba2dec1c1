"""
Chat completions on the wire: what is sent, and chunks of what comes back.

Servers add and leave out fields freely, so reading is lenient in what it does
not need and strict in the types of what it does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from engines.llm.errors import LlmBadReply
from engines.llm.talk import ChatLine, Finish, Usage


#: One event or body beyond this is an attack or a fault.
MAX_EVENT_BYTES: Final = 1 << 20
_DONE: Final = b"[DONE]"
_FINISHES: Final[dict[str, Finish]] = {
    "stop": "stop",
    "length": "length",
    "tool_calls": "tool",
    "function_call": "tool",
}


class _Function(msgspec.Struct, frozen=True):
    name: str | None = None
    arguments: str | None = None


class _Call(msgspec.Struct, frozen=True):
    index: int = 0
    function: _Function = _Function()


class _Message(msgspec.Struct, frozen=True):
    content: str | None = None
    tool_calls: list[_Call] | None = None


class _Choice(msgspec.Struct, frozen=True):
    delta: _Message | None = None
    message: _Message | None = None
    finish_reason: str | None = None


class _Body(msgspec.Struct, frozen=True):
    choices: list[_Choice] = msgspec.field(default_factory=list)
    usage: Usage | None = None
    error: Any = None


_decoder: Final = msgspec.json.Decoder(_Body)


class Piece(msgspec.Struct, frozen=True, kw_only=True):
    """
    A piece of a reply.

    Attributes:
        tool_name / tool_arguments: Of the first tool call; later ones are ignored.

        is_end: True once the server has said that the reply is complete.
    """

    text: str = ""
    tool_name: str = ""
    tool_arguments: str = ""
    finish: Finish | None = None
    usage: Usage | None = None
    is_end: bool = False

    @property
    def says(self) -> bool:
        """True if it carries a token of the answer."""
        return bool(self.text or self.tool_name or self.tool_arguments)


class Events:
    """Cuts a byte stream into the data of server-sent events, in bounded memory."""

    def __init__(self) -> None:
        self._rest: list[bytes] = []
        self._size = 0

    def feed(self, data: bytes) -> list[bytes]:
        """
        Data lines completed by *data*; comments and other fields are dropped.

        Raises:
            LlmBadReply: If a line is longer than any honest one.
        """
        self._rest.append(data)
        self._size += len(data)
        if self._size > MAX_EVENT_BYTES and b"\n" not in data:
            raise LlmBadReply("a line of the stream has no end")
        if b"\n" not in data:
            return []
        *lines, rest = b"".join(self._rest).split(b"\n")
        self._rest, self._size = [rest], len(rest)
        return [
            line[5:].strip()
            for line in lines
            if line.startswith(b"data:") and line[5:].strip()
        ]


def body_of(
    model: str,
    lines: Sequence[ChatLine],
    *,
    max_tokens: int,
    temperature: float,
    more: Mapping[str, Any],
) -> bytes:
    """A request body; the same prompt gives the same bytes."""
    return msgspec.json.encode(
        {
            "model": model,
            "messages": [
                {"role": line.role, "content": line.content} for line in lines
            ],
            "max_tokens": max_tokens,
            "temperature": temperature,
            "stream": True,
            "stream_options": {"include_usage": True},
            **more,
        }
    )


def piece_of(data: bytes) -> Piece:
    """
    Read one event, or the whole body of a server that does not stream.

    Raises:
        LlmBadReply: If it is no such thing, or carries an error.
    """
    if data == _DONE:
        return Piece(is_end=True)
    try:
        body = _decoder.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as exc:
        raise LlmBadReply(f"the answer is no chat completion: {exc}") from exc
    if body.error is not None:
        raise LlmBadReply("the answer carries an error in its middle")
    if not body.choices:
        return Piece(usage=body.usage)
    return _of_choice(body.choices[0], body.usage)


def _of_choice(choice: _Choice, usage: Usage | None) -> Piece:
    message = choice.delta or choice.message or _Message()
    calls = [call for call in message.tool_calls or () if call.index == 0][:1]
    function = calls[0].function if calls else _Function()
    finish = choice.finish_reason
    return Piece(
        text=message.content or "",
        tool_name=function.name or "",
        tool_arguments=function.arguments or "",
        finish=_FINISHES.get(finish, "stop") if finish else None,
        usage=usage,
        is_end=finish is not None,
    )
