"""
What is asked of a language model, and what it answers. Pure values.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from engines.contract import ShopId


Speaker = Literal["system", "user", "assistant"]
Finish = Literal["stop", "length", "tool"]


class ChatLine(msgspec.Struct, frozen=True):
    """One line of a prompt."""

    role: Speaker
    content: str


class Tool(msgspec.Struct, frozen=True):
    """
    Something the model may ask for by name.

    Attributes:
        arguments: A Struct with ``forbid_unknown_fields``; its JSON schema is sent,
            and what comes back is decoded by it, strictly.
    """

    name: str
    description: str
    arguments: type[msgspec.Struct]


class Prompt(msgspec.Struct, frozen=True, kw_only=True):
    """
    One question to a model. What never changes stands first: prefixes are cached.

    Attributes:
        shop / user: Whose token budgets are used.

        private: More texts to mask beside what is found by pattern (names, streets).

        tools: If any, the answer is one call of one of them, or plain text.

        must_call: Plain text is no answer.

        max_tokens: 0 means the configured length.

        deadline_s: Reading of the event loop's clock after which a reply is
            worthless.
    """

    shop: ShopId
    user: str
    lines: tuple[ChatLine, ...]
    private: tuple[str, ...] = ()
    tools: tuple[Tool, ...] = ()
    must_call: bool = False
    max_tokens: int = 0
    temperature: float = 0.0
    deadline_s: float = float("inf")


class ToolCall(msgspec.Struct, frozen=True):
    """A tool the model asks for; *arguments* is an instance of the tool's Struct."""

    name: str
    arguments: msgspec.Struct


class Usage(msgspec.Struct, frozen=True):
    """Tokens of one call, as the server counted them or as we guess."""

    prompt_tokens: int = 0
    completion_tokens: int = 0


class RawReply(msgspec.Struct, frozen=True, kw_only=True):
    """What a server sent, put together: text, and the one tool it named."""

    text: str
    tool_name: str = ""
    tool_arguments: str = ""
    finish: Finish = "stop"
    usage: Usage = Usage()
    first_token_s: float = 0.0


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """
    A usable answer.

    Attributes:
        call: The tool it asks for, if tools were offered and it named one.

        finish: ``length`` if the text was cut at the token limit.

        endpoint: Name of the endpoint that answered.
    """

    text: str
    call: ToolCall | None = None
    finish: Finish = "stop"
    endpoint: str = ""
    usage: Usage = Usage()


class CallRecord(msgspec.Struct, frozen=True, kw_only=True):
    """
    One call of one endpoint, for metrics. No text.

    Attributes:
        outcome: ``ok``, ``timeout``, ``overloaded``, ``unavailable``, ``bad_reply``
            or ``abandoned``.

        cost_micro: Millionths of a minor unit.
    """

    tier: str
    endpoint: str
    outcome: str
    seconds: float
    first_token_s: float = 0.0
    usage: Usage = Usage()
    cost_micro: int = 0


def schema_of(tool: Tool) -> dict[str, Any]:
    """JSON schema of the arguments of *tool*, without references outside itself."""
    (schema,), definitions = msgspec.json.schema_components(
        (tool.arguments,), ref_template="#/$defs/{name}"
    )
    name = schema["$ref"].rsplit("/", 1)[-1]
    own: dict[str, Any] = dict(definitions.pop(name))
    return own | {"$defs": definitions} if definitions else own
