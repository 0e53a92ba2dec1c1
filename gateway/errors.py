"""
What the gateway may refuse, and why.

    GatewayError
    ├── ConfigError            a setting is wrong; names file, line and fix
    ├── BadMessage             the request is not a message we can accept
    ├── MessageConflict        the message id was used with another text or user
    ├── Unauthorized           no key, or one we do not know
    ├── Forbidden              the key is not for this conversation or shop
    ├── NotFound               no such shop, channel, conversation or record
    ├── TooLarge               the body is over the limit
    ├── RateLimited            too many requests; retry_after_s
    └── Draining               this process is going away; try another one

The store has its own tree (:mod:`gateway.store.errors`), people theirs
(:mod:`gateway.handoff.errors`); :mod:`gateway.http.problems` maps all of them
to the wire.
"""

from __future__ import annotations


class GatewayError(Exception):
    """Base of what the gateway refuses."""


class ConfigError(GatewayError):
    """A setting is wrong; *message* names file, line and the fix."""


class BadMessage(GatewayError):
    """The request is not a message we can accept."""

    def __init__(self, detail: str, field: str = "") -> None:
        super().__init__(detail)
        self.field = field


class MessageConflict(GatewayError):
    """The message id was already used with another text or user."""

    def __init__(self, message_id: str) -> None:
        super().__init__(
            f"message_id {message_id!r} was already accepted with another text or"
            " user_id; a new message needs a new id"
        )
        self.message_id = message_id


class OrdersChanged(GatewayError):
    """Somebody else ordered something else since the caller looked."""


class Unauthorized(GatewayError):
    """No key, or one we do not know."""


class Forbidden(GatewayError):
    """The key is not for this conversation or shop."""


class NotFound(GatewayError):
    """No such shop, channel, conversation or record."""


class TooLarge(GatewayError):
    """The body is over the limit."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"the body is larger than {limit} bytes")
        self.limit = limit


class RateLimited(GatewayError):
    """Too many requests; *why* says of whom."""

    def __init__(
        self, retry_after_s: float, why: str = "too many requests with this key"
    ) -> None:
        super().__init__(why)
        self.retry_after_s = retry_after_s


class Draining(GatewayError):
    """This process is going away; another one answers."""
