"""
Calls of a platform's HTTP interface, and what a failed call means.

The one question after a failed send is whether the platform may have it. It has
not if the connection could not be made, or if it answered with an error; it may
have it if the answer never came. Only the first kind is simply tried again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import httpx
import msgspec

from gateway.channels.contract import HookUnreadable, Outcome, Refused, Sent, Unknown


#: Seconds for one call, the connection included; shorter than a delivery's lease.
TIMEOUT_S = 10.0
#: Access tokens are fetched anew so long before they end.
_EARLY_S = 300.0
_SERVER_ERROR = 500
_TOO_MANY = 429

#: Shared by all decoders of what platforms send: unknown fields are normal.
_encode = msgspec.json.Encoder().encode


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """An answer that came in full."""

    status: int
    body: bytes
    retry_after_s: float | None = None

    @property
    def is_ok(self) -> bool:
        """A status of success."""
        return 200 <= self.status < 300  # noqa: PLR2004 - the class of success

    def json(self) -> dict[str, Any]:
        """The body as an object; empty if it is none."""
        try:
            found = msgspec.json.decode(self.body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return {}
        return found if isinstance(found, dict) else {}


class NotSent(Exception):
    """The request never left: the platform cannot have it."""


class NoAnswer(Exception):
    """The request left, and nothing came back: the platform may have it."""


class PlatformApi:
    """
    The HTTP interface of one platform.

    Args:
        url: Base address, without a slash at the end.
    """

    def __init__(self, url: str, timeout_s: float = TIMEOUT_S) -> None:
        self._http = httpx.AsyncClient(
            base_url=url, timeout=timeout_s, trust_env=False, follow_redirects=False
        )

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def post(
        self,
        path: str,
        body: Any,
        *,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
    ) -> Reply:
        """Post JSON; :class:`NotSent` or :class:`NoAnswer` if nothing came back."""
        content = body if isinstance(body, bytes) else _encode(body)
        given = {"content-type": "application/json; charset=utf-8", **(headers or {})}
        return await self._call(
            self._http.build_request(
                "POST", path, content=content, headers=given, params=params
            )
        )

    async def get(self, path: str, params: Mapping[str, str]) -> Reply:
        """As :meth:`post`."""
        return await self._call(self._http.build_request("GET", path, params=params))

    async def _call(self, request: httpx.Request) -> Reply:
        try:
            async with asyncio.timeout(TIMEOUT_S):
                reply = await self._http.send(request)
        except (
            httpx.ConnectError,
            httpx.ConnectTimeout,
            httpx.PoolTimeout,
            httpx.UnsupportedProtocol,
        ) as exc:
            raise NotSent(type(exc).__name__) from exc
        except (httpx.HTTPError, TimeoutError) as exc:
            raise NoAnswer(type(exc).__name__) from exc
        return Reply(
            status=reply.status_code,
            body=reply.content,
            retry_after_s=_seconds(reply.headers.get("retry-after")),
        )


def _seconds(text: str | None) -> float | None:
    """``Retry-After`` in seconds; its other form, a date, is not used by platforms."""
    return float(text) if text and text.isascii() and text.isdigit() else None


async def outcome(
    call: Awaitable[Reply], judge: Callable[[Reply], Outcome | None]
) -> Outcome:
    """
    What became of a send.

    Args:
        judge: The platform's own codes; None leaves it to the status.
    """
    try:
        reply = await call
    except NotSent as exc:
        return Refused(reason="unreachable", detail=str(exc))
    except NoAnswer as exc:
        return Unknown(detail=str(exc))
    except TokenRefused as exc:
        return Refused(reason="credentials", detail=str(exc))
    return _judged(reply, judge)


def _judged(reply: Reply, judge: Callable[[Reply], Outcome | None]) -> Outcome:
    """An answer of a shape nobody documented says no more than its status."""
    try:
        judged = judge(reply)
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as exc:
        if reply.is_ok:
            return Unknown(detail=f"unreadable answer: {type(exc).__name__}")
        judged = None
    return judged if judged is not None else by_status(reply)


def by_status(reply: Reply) -> Outcome:
    """The plain meaning of an HTTP status."""
    if reply.is_ok:
        return Sent()
    if reply.status == _TOO_MANY:
        return Refused(reason="rate_limited", retry_after_s=reply.retry_after_s)
    if reply.status >= _SERVER_ERROR:
        return Refused(
            reason="unavailable",
            detail=f"HTTP {reply.status}",
            retry_after_s=reply.retry_after_s,
        )
    if reply.status in (401, 403):
        return Refused(reason="credentials", detail=f"HTTP {reply.status}")
    return Refused(reason="rejected", detail=f"HTTP {reply.status}", is_final=True)


def read_json(decoder: msgspec.json.Decoder[Any], data: bytes) -> Any:
    """
    Decode a verified body.

    Raises:
        HookUnreadable: If it is not as the platform documents it.
    """
    try:
        return decoder.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as exc:
        raise HookUnreadable(f"not as documented: {str(exc)[:200]}") from exc


class TokenRefused(Exception):
    """The platform gave no access token; *args* say what it answered."""


class AccessToken:
    """
    An access token, fetched when it is needed and shared by all sends.

    Args:
        fetch: Gets a token and its life in seconds; raises NotSent, NoAnswer or
            TokenRefused.
    """

    def __init__(self, fetch: Callable[[], Awaitable[tuple[str, float]]]) -> None:
        self._fetch = fetch
        self._lock = asyncio.Lock()
        self._token = ""
        self._until_s = 0.0

    async def get(self) -> str:
        """The token; one caller fetches, the others wait."""
        async with self._lock:
            loop = asyncio.get_running_loop()
            if not self._token or loop.time() >= self._until_s:
                token, life_s = await self._fetched()
                self._token = token
                self._until_s = loop.time() + max(life_s - _EARLY_S, life_s / 2)
            return self._token

    async def _fetched(self) -> tuple[str, float]:
        try:
            return await self._fetch()
        except NoAnswer as exc:
            # Only the token is missing: the send itself never left.
            raise NotSent(str(exc)) from exc

    def forget(self) -> None:
        """The platform says it is no longer good."""
        self._token = ""
