"""
Find out, once, how an endpoint names a tool: the best of three modes that works.

Native calls are tried first, then a schema. Content needs nothing of the server,
so it is what is left. A server that does not answer is asked again later.
"""

from __future__ import annotations

from typing import Final

import msgspec

from engines.llm.endpoint import Endpoint
from engines.llm.errors import LlmBadReply, LlmRefused
from engines.llm.talk import ChatLine, Tool
from engines.llm.tools import Mode, read_reply, request_fields, with_instructions
from engines.llm.wire import body_of


_TOKENS: Final = 64
_MODES: Final[tuple[Mode, ...]] = ("native", "schema")


class Echo(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Arguments of the probe."""

    word: str


_ECHO: Final = Tool("echo", "Repeats a word.", Echo)
_LINES: Final = (
    ChatLine("system", "You test tools. Call the tool that is asked for."),
    ChatLine("user", 'Call the tool "echo" with the word "tide".'),
)


async def find_mode(endpoint: Endpoint, deadline_s: float) -> Mode:
    """
    The best mode of *endpoint*.

    Raises:
        LlmError: If it does not answer now.
    """
    for mode in _MODES:
        if await _works(endpoint, mode, deadline_s):
            return mode
    return "content"


async def _works(endpoint: Endpoint, mode: Mode, deadline_s: float) -> bool:
    body = body_of(
        endpoint.config.model,
        with_instructions(mode, _LINES, [_ECHO], must=True),
        max_tokens=_TOKENS,
        temperature=0.0,
        more=request_fields(mode, [_ECHO], must=True),
    )
    try:
        raw = await endpoint.whole(body, deadline_s)
        _, call = read_reply(raw, [_ECHO], must=True)
    except (LlmRefused, LlmBadReply):
        return False
    # A call that was written into the text shows that native calls don't work.
    is_named = mode != "native" or raw.tool_name == _ECHO.name
    return is_named and call is not None and call.arguments == Echo("tide")
