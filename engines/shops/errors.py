"""
What a shop connector may raise.

    ShopError
    ├── ShopUnavailable     no answer, or a 5xx: the outcome of an effect is unknown
    │   └── ShopUnreachable    the call never left; nothing changed
    ├── ShopRefused         the shop says no; nothing changed; has code and message
    └── NotFound            no such record for this customer
"""

from __future__ import annotations


class ShopError(Exception):
    """Base of what a shop connector may raise."""


class ShopUnavailable(ShopError):
    """The shop does not answer; what it did with an effect is unknown."""


class ShopUnreachable(ShopUnavailable):
    """The call never left this machine; nothing changed."""


class ShopRefused(ShopError):
    """The shop says no, and changed nothing."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class NotFound(ShopError):
    """There is no such record for this customer."""
