"""
What asking a language model may raise; the tree is drawn in the package.
"""

from __future__ import annotations


class LlmError(Exception):
    """Base of what asking a language model may raise."""


class LlmUnavailable(LlmError):
    """No endpoint answered."""


class LlmRefused(LlmUnavailable):
    """The endpoint refuses this request for good (4xx); another may take it."""


class LlmTimeout(LlmError):
    """A deadline passed."""


class LlmOverloaded(LlmError):
    """The endpoint, or our own share of it, is full for now."""

    def __init__(self, message: str, retry_after_s: float = 1.0) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class LlmOverBudget(LlmError):
    """The shop or the customer has used up its tokens."""


class LlmBadReply(LlmError):
    """The endpoint answered, but with nothing that can be used."""
