"""
Which other web pages may call us: those whose origin a channel lists.

The widget's own files may be loaded by any page: they are public. A page that is
listed nowhere gets the same answers as before, and its browser keeps them from it.
Credentials are never allowed: a token is sent by the script, not by the browser.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any


Send = Callable[[dict[str, Any]], Any]
Scope = dict[str, Any]

#: Paths whose answers any page may read.
_PUBLIC = ("/web/",)
#: What the widget calls.
_CUSTOMER = ("/v1/visitors", "/v1/conversations/")
_AGE_S = b"600"


class Cors:
    """
    Answers preflights and marks answers.

    Args:
        origins: Of all channels; each channel still checks its own.
    """

    def __init__(self, origins: Iterable[str]) -> None:
        self._origins = frozenset(origin.encode() for origin in origins)

    def origin_of(self, scope: Scope) -> bytes | None:
        """The calling page's origin, if it may read the answer."""
        path: str = scope["path"]
        is_public = path.startswith(_PUBLIC)
        if not is_public and not (self._origins and path.startswith(_CUSTOMER)):
            return None
        for name, value in scope["headers"]:
            if name == b"origin":
                return value if is_public or value in self._origins else None
        return None

    @staticmethod
    def is_preflight(scope: Scope) -> bool:
        """A browser asks whether it may."""
        return scope["method"] == "OPTIONS" and any(
            name == b"access-control-request-method" for name, _ in scope["headers"]
        )

    @staticmethod
    async def allow(send: Send, origin: bytes) -> None:
        """Yes, it may."""
        headers = [
            (b"access-control-allow-origin", origin),
            (b"access-control-allow-methods", b"GET, POST"),
            (
                b"access-control-allow-headers",
                b"authorization, content-type, last-event-id",
            ),
            (b"access-control-max-age", _AGE_S),
            (b"vary", b"origin"),
            (b"content-length", b"0"),
        ]
        await send({"type": "http.response.start", "status": 204, "headers": headers})
        await send({"type": "http.response.body", "body": b""})

    @staticmethod
    def marking(send: Send, origin: bytes) -> Send:
        """*send* with the answer marked as readable by *origin*."""

        async def mark(event: dict[str, Any]) -> None:
            if event["type"] == "http.response.start":
                more = (
                    (b"access-control-allow-origin", origin),
                    (b"access-control-expose-headers", b"retry-after"),
                    (b"vary", b"origin"),
                )
                event = {**event, "headers": [*event["headers"], *more]}
            await send(event)

        return mark
