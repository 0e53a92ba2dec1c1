"""
What can be asked of the stand-in for a model: how it behaves, and what it says.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec


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


class Manners(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """
    How it behaves.

    Attributes:
        status: Other than 200, it refuses with it.

        retry_after: Sent with a refusal, if not empty: seconds or an HTTP date.

        mean_s / cv: Of a lognormal time before the answer, beside *first_token_s*; an
            asker who hangs up frees its place at once.

        most: Calls at once; more are refused with 429. 0 for no bound.

        has_line: More than *most* wait in the order they came instead, as before a
            server of one's own; whoever hangs up leaves the line.

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
    has_line: bool = False
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
