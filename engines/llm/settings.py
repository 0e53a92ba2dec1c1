"""
What a configuration says of language models: endpoints, deadlines, budgets.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from engines.contract import Tier


Seconds = Annotated[float, msgspec.Meta(gt=0, le=600)]
Count = Annotated[int, msgspec.Meta(ge=1)]
Tokens = Annotated[int, msgspec.Meta(ge=0)]

#: How an endpoint is made to name a tool; ``auto`` asks it once, at the start.
ToolSetting = Literal["auto", "native", "schema", "content"]


class EndpointConfig(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True
):
    """
    One OpenAI-compatible server and the model asked for there.

    Attributes:
        name: What metrics and health pages call it.

        url: Base address that ends in ``/v1`` or the like; ``/chat/completions``
            is added.

        key_file: File that holds the key instead of *key*.

        tiers: Tiers that use it, in the order in which endpoints stand.

        tools: How it names a tool. ``native``: ``tools`` and ``tool_calls``;
            ``schema``: ``response_format`` with a JSON schema; ``content``: JSON in
            the text.

        slots: Calls at once, per worker.

        price_in / price_out: Minor units per million tokens, for the cost metric.
    """

    name: str
    url: str
    model: str
    key: str = ""
    key_file: str = ""
    tiers: tuple[Tier, ...] = (Tier.L2, Tier.L3)
    tools: ToolSetting = "auto"
    slots: Count = 32
    price_in: Tokens = 0
    price_out: Tokens = 0


class LlmConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """
    Language models. Without endpoints every tier does without.

    Attributes:
        first_token_s / between_tokens_s: Longest silence before and inside a reply.

        total_s: Longest whole reply.

        max_tokens: Longest reply asked for.

        retry_share: Second tries (and fallbacks) per first try, in the long run.

        breaker_failures: Failures in a row after which an endpoint is left alone.

        breaker_rest_s: How long it is left alone at first; doubled up to a minute.

        shop_tokens_per_minute / user_tokens_per_hour: Prompt and reply together,
            per worker; 0 means no limit.
    """

    endpoints: tuple[EndpointConfig, ...] = ()
    first_token_s: Seconds = 4.0
    between_tokens_s: Seconds = 3.0
    total_s: Seconds = 20.0
    max_tokens: Count = 600
    retry_share: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0.1
    breaker_failures: Count = 5
    breaker_rest_s: Seconds = 5.0
    shop_tokens_per_minute: Tokens = 0
    user_tokens_per_hour: Tokens = 0
