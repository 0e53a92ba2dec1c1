"""
Who is calling: a channel's API key, or a browser visitor's signed token.

Shop, channel and, for visitors, user and conversation come from here and never
from a body. Keys are compared as SHA-256 digests; tokens are HS256 JWTs with a
short life, bound to one conversation.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Callable, Iterable

import jwt
import msgspec

from gateway.errors import Forbidden, Unauthorized


TOKEN_LIFE_S = 12 * 3600
_ALGORITHM = "HS256"
_AUDIENCE = "tidegate-visitor"
_IDENTITY_AUDIENCE = "tidegate"


class Principal(msgspec.Struct, frozen=True, kw_only=True):
    """
    Who a request comes from.

    Attributes:
        name: For rate limits and logs; not secret.

        user_id: Set for a visitor: the only user it may speak for.

        conversation_id: Set for a visitor: its only conversation.
    """

    name: str
    shop: str
    channel: str
    user_id: str | None = None
    conversation_id: str | None = None

    def conversation_key(self, conversation_id: str) -> str:
        """
        The conversation's name in the store: apart for each channel.

        Raises:
            Forbidden: If a visitor asks for another one than its own.
        """
        if self.conversation_id is not None and conversation_id != self.conversation_id:
            raise Forbidden("this token is for another conversation")
        # A channel's name has no dot: the first one ends it.
        return f"{self.channel}.{conversation_id}"

    def check_user(self, user_id: str) -> None:
        """
        Refuse a visitor that speaks for somebody else.

        Raises:
            Forbidden: If *user_id* is not the visitor's own.
        """
        if self.user_id is not None and user_id != self.user_id:
            raise Forbidden("this token is for another user")


class ChannelKey(msgspec.Struct, frozen=True, kw_only=True):
    """The bearer key of one channel of one shop."""

    shop: str
    channel: str
    key: str


class Authenticator:
    """
    Turns an Authorization header into a principal.

    Args:
        secret: Signs visitors' tokens; the same in every worker.

        wall_s: Wall clock, for the tokens' life.
    """

    def __init__(
        self, keys: Iterable[ChannelKey], secret: str, wall_s: Callable[[], float]
    ) -> None:
        self._by_digest = {
            _digest(key.key.encode()): Principal(
                name=f"{key.shop}/{key.channel}", shop=key.shop, channel=key.channel
            )
            for key in keys
        }
        self._channels = {(one.shop, one.channel) for one in self._by_digest.values()}
        self._secret = secret
        self._wall_s = wall_s

    def principal(self, authorization: bytes | None) -> Principal:
        """
        The caller behind an ``Authorization`` header value.

        Raises:
            Unauthorized: If there is none, or it is not known.
        """
        if authorization is None or authorization[:7].lower() != b"bearer ":
            raise Unauthorized("send 'Authorization: Bearer <key of the channel>'")
        return self.of_token(authorization[7:])

    def of_token(self, token: bytes) -> Principal:
        """
        The caller behind a bare key or token.

        Raises:
            Unauthorized: If it is not known, not ours, or ran out.
        """
        known = self._by_digest.get(_digest(token))
        return known if known is not None else self._visitor(token)

    def _visitor(self, token: bytes) -> Principal:
        try:
            claims = jwt.decode(
                token,
                self._secret,
                algorithms=[_ALGORITHM],
                audience=_AUDIENCE,
                options={"require": ["exp", "sub", "shop", "channel", "conversation"]},
            )
        except (jwt.InvalidTokenError, ValueError) as exc:
            raise Unauthorized("the bearer key is not known") from exc
        if (claims["shop"], claims["channel"]) not in self._channels:
            raise Unauthorized("the token is for a channel that is gone")
        return Principal(
            name=f"visitor/{claims['conversation']}",
            shop=claims["shop"],
            channel=claims["channel"],
            user_id=claims["sub"],
            conversation_id=claims["conversation"],
        )

    def visitor_token(
        self,
        shop: str,
        channel: str,
        user_id: str | None = None,
        *,
        is_proven: bool = False,
    ) -> tuple[str, Principal, int]:
        """
        Make a visitor: its token, its principal, and when the token ends (s).

        Who is proven has one conversation on every device; others a new one.
        """
        conversation_id = f"v-{secrets.token_urlsafe(12)}"
        if user_id is not None and is_proven:
            conversation_id = f"u-{_digest(user_id.encode()).hex()[:32]}"
        user = user_id or f"visitor-{secrets.token_urlsafe(9)}"
        expires = int(self._wall_s()) + TOKEN_LIFE_S
        return self._token(shop, channel, user, conversation_id, expires)

    def app_token(
        self, principal: Principal, user_id: str, conversation_id: str, life_s: int
    ) -> tuple[str, Principal, int]:
        """A short-lived token of one user for one conversation of a channel."""
        expires = int(self._wall_s()) + life_s
        return self._token(
            principal.shop, principal.channel, user_id, conversation_id, expires
        )

    def _token(
        self, shop: str, channel: str, user: str, conversation_id: str, expires: int
    ) -> tuple[str, Principal, int]:
        claims = {
            "aud": _AUDIENCE,
            "sub": user,
            "shop": shop,
            "channel": channel,
            "conversation": conversation_id,
            "exp": expires,
        }
        token = jwt.encode(claims, self._secret, algorithm=_ALGORITHM)
        return token, self._visitor(token.encode()), expires


def proven_user(
    secret: str, identity: str | None, user_id: str | None, user_hash: str | None
) -> str:
    """
    Whom the shop's server says a visitor is.

    Args:
        secret: Shared with the shop's server; empty if the channel has none.

    Raises:
        Unauthorized: If the proof is wrong, too old, or of another secret.
    """
    if not secret:
        raise Unauthorized("this channel has no identity_secret to prove users with")
    if identity is not None:
        return _subject(secret, identity)
    wanted = hmac.new(secret.encode(), (user_id or "").encode(), hashlib.sha256)
    found = (user_hash or "").encode("utf-8", "surrogatepass")
    if not user_id or not hmac.compare_digest(found, wanted.hexdigest().encode()):
        raise Unauthorized("user_hash is not the HMAC of user_id by the shop's secret")
    return user_id


def _subject(secret: str, identity: str) -> str:
    try:
        claims = jwt.decode(
            identity,
            secret,
            algorithms=[_ALGORITHM],
            audience=_IDENTITY_AUDIENCE,
            options={"require": ["exp", "sub"]},
        )
    except (jwt.InvalidTokenError, ValueError) as exc:
        raise Unauthorized(
            "identity is not a valid token of the shop's server"
        ) from exc
    return str(claims["sub"])


def _digest(key: bytes) -> bytes:
    return hashlib.sha256(key).digest()
