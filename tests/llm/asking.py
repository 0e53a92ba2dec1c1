"""
What the tests of this room share: settings with short waits, prompts, a tool.
"""

from __future__ import annotations

from typing import Any

import msgspec

from engines.contract import ShopId
from engines.llm import ChatLine, EndpointConfig, LlmConfig, Prompt, Tool
from loadtest.llm_stub_process import StubControl


class Refund(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Arguments of the tool."""

    order: str
    units: int = 1


REFUND = Tool("refund", "Gives money back.", Refund)


def endpoint(stub: StubControl, name: str = "one", **more: Any) -> EndpointConfig:
    """An endpoint of a running stub."""
    return EndpointConfig(name=name, url=stub.url, model="stub-1", key="k" * 20, **more)


def settings(*endpoints: EndpointConfig, **more: Any) -> LlmConfig:
    """Short deadlines, so that tests of silence are quick."""
    waits = {"first_token_s": 0.5, "between_tokens_s": 0.3, "total_s": 3.0}
    return LlmConfig(endpoints=endpoints, **(waits | more))


def prompt(text: str, **more: Any) -> Prompt:
    """One line of a customer below a fixed first line."""
    lines = (ChatLine("system", "You help."), ChatLine("user", text))
    return Prompt(**{"shop": ShopId("demo"), "user": "u1", "lines": lines} | more)
