"""
One client for any OpenAI-compatible endpoint, for every tier that wants language.

``settings`` is what a configuration says, ``client`` asks (several endpoints with
fallback, deadlines, budgets, tool modes), ``endpoint`` speaks to one server,
``talk`` is the vocabulary. Personal data is masked before it leaves and restored
in what comes back. Deliberately not here: prompts of any tier, the decision to
believe a reply, and effects of any kind.

    LlmError (engines.llm.errors)
    ├── LlmUnavailable    no endpoint answered
    ├── LlmTimeout        a deadline passed: first token, between tokens, total
    ├── LlmOverloaded     asked to slow down, or our own slots are full; retry_after_s
    ├── LlmOverBudget     the shop or the customer has used up its tokens
    └── LlmBadReply       an answer that is none: garbage, cut short, too long
"""

from __future__ import annotations

from engines.llm.client import LlmClient, open_clients, states_of, warm_models
from engines.llm.errors import (
    LlmBadReply,
    LlmError,
    LlmOverBudget,
    LlmOverloaded,
    LlmTimeout,
    LlmUnavailable,
)
from engines.llm.settings import EndpointConfig, LlmConfig
from engines.llm.talk import ChatLine, Prompt, Reply, Tool, ToolCall


__all__ = [
    "ChatLine",
    "EndpointConfig",
    "LlmBadReply",
    "LlmClient",
    "LlmConfig",
    "LlmError",
    "LlmOverBudget",
    "LlmOverloaded",
    "LlmTimeout",
    "LlmUnavailable",
    "Prompt",
    "Reply",
    "Tool",
    "ToolCall",
    "open_clients",
    "states_of",
    "warm_models",
]
