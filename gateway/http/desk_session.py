"""
Who sits at the desk: the session cookie, and proof that the page is ours.

A call that changes something must come from our own origin and carry the
session's CSRF token; a WebSocket must come from our own origin. Browsers always
name the origin of such calls; a client that names none is not a browser.
"""

from __future__ import annotations

import hmac
from typing import Any
from urllib.parse import urlsplit

import msgspec
from litestar import Request
from litestar.connection import ASGIConnection
from litestar.datastructures import Cookie
from litestar.di import NamedDependency

from gateway.handoff.accounts import Accounts, Session
from gateway.handoff.desk import Desk
from gateway.handoff.errors import BadCsrf, BadOrigin, UnknownSession
from gateway.handoff.feed import DeskFeed
from gateway.live import Live


COOKIE = "tg_desk"
#: The desk, the actions and the models are resources of one session.
COOKIE_PATH = "/v1"
CSRF_HEADER = "x-csrf-token"
_READING = frozenset({"GET", "HEAD"})

Connection = ASGIConnection[Any, Any, Any, Any]


class DeskApi(msgspec.Struct, frozen=True, kw_only=True):
    """
    What the desk's routes need; handed in by the composition root.

    Attributes:
        session_s: Life of the session cookie.

        beat_s: How often a desk shows a sign of life.
    """

    desk: Desk
    accounts: Accounts
    feed: DeskFeed
    live: Live
    session_s: float
    beat_s: float


def check_origin(connection: Connection) -> None:
    """
    Refuse what another site's page sends.

    Raises:
        BadOrigin: If the browser names another origin than ours.
    """
    origin = connection.headers.get("origin")
    host = connection.headers.get("host", "")
    if origin is not None and urlsplit(origin).netloc != host:
        raise BadOrigin(f"the desk takes no requests from {origin[:200]}")


async def session_of(connection: Connection, api: DeskApi) -> Session:
    """
    The session behind the cookie.

    Raises:
        UnknownSession: If there is none.
    """
    token = connection.cookies.get(COOKIE)
    if not token:
        raise UnknownSession("sign in first")
    return await api.accounts.session(token)


async def signed_in(
    request: Request[Any, Any, Any], desk_api: NamedDependency[DeskApi]
) -> Session:
    """
    The session of a request, which is proven to come from our own page.

    Raises:
        UnknownSession, BadOrigin, BadCsrf: If one of it does not hold.
    """
    session = await session_of(request, desk_api)
    if request.method not in _READING:
        check_origin(request)
        sent = request.headers.get(CSRF_HEADER, "").encode()
        if not hmac.compare_digest(sent, session.csrf.encode()):
            raise BadCsrf("send the session's csrf as X-CSRF-Token")
    return session


def cookie_of(token: str, connection: Connection, life_s: int) -> Cookie:
    """The cookie that carries *token*; life 0 removes it."""
    return Cookie(
        key=COOKIE,
        value=token,
        path=COOKIE_PATH,
        httponly=True,
        samesite="strict",
        secure=connection.url.scheme in {"https", "wss"},
        max_age=life_s,
    )
