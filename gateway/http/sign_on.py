"""
Single sign-on at the desk: to the provider, and back with a session.

What belongs to one attempt travels in a cookie of its own, signed with the gateway's
secret: only the browser that set out can come back. Refusals lead to the sign-in page.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

import jwt
import msgspec
from litestar import Controller, Request, Response, get
from litestar.datastructures import Cookie
from litestar.di import NamedDependency
from litestar.params import QueryParameter
from litestar.types import ControllerRouterHandler

from gateway.errors import NotFound
from gateway.handoff.errors import BadCredentials
from gateway.handoff.single_sign_on import Attempt, SignOnFailed, SingleSignOn
from gateway.http.audit import AuditApi
from gateway.http.desk_session import DeskApi, cookie_of


COOKIE = "tg_sign_on"
PATH = "/v1/desk/sign-on"
#: Seconds between setting out and coming back.
ATTEMPT_S = 600
_ALGORITHM = "HS256"
_AUDIENCE = "tidegate-sign-on"

Short = Annotated[str, QueryParameter(max_length=128)]
Long = Annotated[str, QueryParameter(max_length=4_096)]
State = Annotated[str, QueryParameter(name="state", max_length=256)]


class SignOnApi(msgspec.Struct, frozen=True, kw_only=True):
    """
    What single sign-on needs; handed in by the composition root.

    Attributes:
        provider: None if there is none.

        public_url: Address under which browsers find the gateway; empty: as they ask.

        secret: Signs the attempts.

        tell: Called with every refusal, for the log.
    """

    provider: SingleSignOn | None
    public_url: str
    secret: str
    wall_s: Callable[[], float]
    tell: Callable[[str], None]


class SignOnOut(msgspec.Struct, frozen=True, kw_only=True):
    """Whether operators may sign in with their company's account."""

    is_on: bool


class SignOnController(Controller):
    """The way to the provider and back."""

    path = PATH
    tags = ("desk",)

    @get(summary="Whether there is single sign-on")
    async def shown(self, sign_on: NamedDependency[SignOnApi]) -> SignOnOut:
        """The sign-in page asks before it shows the button."""
        return SignOnOut(is_on=sign_on.provider is not None)

    @get(
        "/start",
        status_code=303,
        summary="To the provider's page",
        opt={"is_optional": True},
    )
    async def start(
        self,
        request: Request[Any, Any, Any],
        sign_on: NamedDependency[SignOnApi],
        shop: Short,
    ) -> Response[None]:
        """The browser is sent on; what must come back stays in its cookie."""
        provider = _provider(sign_on)
        try:
            address, attempt = await provider.start(shop, _back(request, sign_on))
        except SignOnFailed as exc:
            return _refused(sign_on, exc)
        cookie = _attempt_cookie(request, _seal(attempt, sign_on), ATTEMPT_S)
        return Response(
            None, status_code=303, headers={"location": address}, cookies=[cookie]
        )

    @get(
        "/callback",
        status_code=303,
        summary="Back from the provider",
        opt={"is_optional": True},
    )
    async def callback(
        self,
        request: Request[Any, Any, Any],
        sign_on: NamedDependency[SignOnApi],
        desk_api: NamedDependency[DeskApi],
        audit_api: NamedDependency[AuditApi],
        returned: State = "",
        code: Long = "",
        error: Long = "",
    ) -> Response[None]:
        """A session of the account that the provider names, if we have one."""
        provider = _provider(sign_on)
        try:
            attempt = _open(request.cookies.get(COOKIE, ""), sign_on)
            _check_granted(error, code)
            back = _back(request, sign_on)
            name = await provider.finish(attempt, returned, code, back)
            session = await desk_api.accounts.sign_on(attempt.shop, name)
            about = {"by": "single sign-on"}
            await audit_api.log.write(attempt.shop, name, "sign_in", about, "done")
        except (SignOnFailed, BadCredentials) as exc:
            return _refused(sign_on, exc)
        cookies = [
            cookie_of(session.token, request, int(desk_api.session_s)),
            _attempt_cookie(request, "", 0),
        ]
        return Response(
            None, status_code=303, headers={"location": "/desk"}, cookies=cookies
        )


def _check_granted(error: str, code: str) -> None:
    if error or not code:
        raise SignOnFailed(f"the provider refused: {error or 'no code'}")


def _provider(sign_on: SignOnApi) -> SingleSignOn:
    if sign_on.provider is None:
        raise NotFound("there is no single sign-on here")
    return sign_on.provider


def _back(request: Request[Any, Any, Any], sign_on: SignOnApi) -> str:
    base = sign_on.public_url or str(request.base_url)
    return f"{base.rstrip('/')}{PATH}/callback"


def _seal(attempt: Attempt, sign_on: SignOnApi) -> str:
    claims = {
        "aud": _AUDIENCE,
        "exp": int(sign_on.wall_s()) + ATTEMPT_S,
        **msgspec.structs.asdict(attempt),
    }
    return jwt.encode(claims, sign_on.secret, algorithm=_ALGORITHM)


def _open(cookie: str, sign_on: SignOnApi) -> Attempt:
    try:
        claims = jwt.decode(
            cookie,
            sign_on.secret,
            algorithms=[_ALGORITHM],
            audience=_AUDIENCE,
            options={"require": ["exp"]},
        )
        return msgspec.convert(claims, Attempt)
    except (jwt.PyJWTError, msgspec.ValidationError) as exc:
        raise SignOnFailed("no attempt of this browser is open") from exc


def _attempt_cookie(request: Request[Any, Any, Any], value: str, life_s: int) -> Cookie:
    return Cookie(
        key=COOKIE,
        value=value,
        path=PATH,
        httponly=True,
        # The provider's page leads back here: a strict one would stay behind.
        samesite="lax",
        secure=request.url.scheme == "https",
        max_age=life_s,
    )


def _refused(sign_on: SignOnApi, exc: Exception) -> Response[None]:
    sign_on.tell(str(exc))
    return Response(None, status_code=303, headers={"location": "/desk#sign-on-failed"})


def sign_on_routes() -> list[ControllerRouterHandler]:
    """Routes of single sign-on; they ask for ``sign_on`` and ``desk_api`` by name."""
    return [SignOnController]
