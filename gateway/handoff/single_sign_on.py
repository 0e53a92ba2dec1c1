"""
Signing in at the desk with the company's own account: OpenID Connect.

Authorization code with PKCE, state and nonce (OpenID Connect Core 1.0, RFC 7636,
RFC 9700). What the provider proves is a name; the account behind it, its shop and its
role are ours and must exist already: a stranger of the same company is refused.

    start ──> the provider's page ──> callback(code) ──> token ──> claims ──> account
"""

from __future__ import annotations

import base64
import hashlib
import secrets
from collections.abc import Callable
from typing import Any, TypeVar
from urllib.parse import urlencode, urlsplit

import httpx
import jwt
import msgspec


#: Seconds for one call to the provider.
TIMEOUT_S = 5.0
#: A provider's answer may be so large, in bytes.
MOST_BYTES = 262_144
#: Seconds that what the provider publishes is taken as it is.
KEPT_S = 600.0
#: Seconds between two looks for keys that are not known yet.
LOOK_AGAIN_S = 10.0
#: Difference of clocks that is forgiven, in seconds.
LEEWAY_S = 60
#: Signatures taken: none with a shared secret, and never ``none``.
ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "ES256", "ES384", "EdDSA")
_Kind = TypeVar("_Kind")
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


class SignOnFailed(Exception):
    """Signing in at the provider did not work; the text says why, for the log."""


class SignOnSettings(msgspec.Struct, frozen=True, kw_only=True):
    """
    A provider, as it was told about us.

    Attributes:
        claim: Of the ID token, whose value is the account's name; with ``email`` the
            provider must have verified it, and the account has the part before the @.

        domain: With ``email``, the only one that is taken.
    """

    issuer: str
    client_id: str
    client_secret: str = ""
    claim: str = "preferred_username"
    domain: str = ""


class Attempt(msgspec.Struct, frozen=True, kw_only=True):
    """One way to the provider and back; the browser carries it, sealed."""

    shop: str
    state: str
    nonce: str
    verifier: str


class _Published(msgspec.Struct, frozen=True):
    """What a provider says of itself."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str


class _Tokens(msgspec.Struct, frozen=True):
    id_token: str


class SingleSignOn:
    """
    The relying party of one provider.

    Args:
        clock: Monotonic seconds.
    """

    def __init__(self, settings: SignOnSettings, clock: Callable[[], float]) -> None:
        _check_address("issuer", settings.issuer)
        self._settings = settings
        self._clock = clock
        self._http = httpx.AsyncClient(timeout=TIMEOUT_S, trust_env=False)
        self._published: tuple[float, _Published] | None = None
        self._keys: dict[str, jwt.PyJWK] = {}
        self._keys_at = float("-inf")

    async def close(self) -> None:
        """End the connections."""
        await self._http.aclose()

    async def start(self, shop: str, back: str) -> tuple[str, Attempt]:
        """
        Where the browser goes, and what it must bring *back*.

        Raises:
            SignOnFailed: If the provider can't be reached or is not what it says.
        """
        published = await self._discover()
        attempt = Attempt(
            shop=shop,
            state=secrets.token_urlsafe(24),
            nonce=secrets.token_urlsafe(24),
            verifier=secrets.token_urlsafe(48),
        )
        query = {
            "response_type": "code",
            "client_id": self._settings.client_id,
            "redirect_uri": back,
            "scope": "openid profile email",
            "state": attempt.state,
            "nonce": attempt.nonce,
            "code_challenge": _challenge(attempt.verifier),
            "code_challenge_method": "S256",
        }
        mark = "&" if urlsplit(published.authorization_endpoint).query else "?"
        return f"{published.authorization_endpoint}{mark}{urlencode(query)}", attempt

    async def finish(self, attempt: Attempt, state: str, code: str, back: str) -> str:
        """
        The account's name that the provider proves.

        Raises:
            SignOnFailed: If anything of it does not hold.
        """
        if not secrets.compare_digest(state.encode(), attempt.state.encode()):
            raise SignOnFailed("the state is not the one that was sent")
        published = await self._discover()
        token = await self._redeem(published, attempt, code, back)
        return self._name(await self._claims(published, token, attempt))

    async def _redeem(
        self, published: _Published, attempt: Attempt, code: str, back: str
    ) -> str:
        settings = self._settings
        body = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": back,
            "client_id": settings.client_id,
            "code_verifier": attempt.verifier,
        }
        auth = None
        if settings.client_secret:
            auth = httpx.BasicAuth(settings.client_id, settings.client_secret)
        found = await self._call("POST", published.token_endpoint, data=body, auth=auth)
        return _read(found, _Tokens).id_token

    async def _claims(
        self, published: _Published, token: str, attempt: Attempt
    ) -> dict[str, Any]:
        try:
            key = await self._key(published, jwt.get_unverified_header(token))
            claims: dict[str, Any] = jwt.decode(
                token,
                key,
                algorithms=[one for one in ALGORITHMS if one == key.algorithm_name],
                audience=self._settings.client_id,
                issuer=self._settings.issuer,
                leeway=LEEWAY_S,
                options={"require": ["exp", "iat", "iss", "aud", "sub"]},
            )
        except jwt.PyJWTError as exc:
            raise SignOnFailed(f"the ID token does not hold: {exc}") from exc
        nonce = str(claims.get("nonce", ""))
        if not secrets.compare_digest(nonce.encode(), attempt.nonce.encode()):
            raise SignOnFailed("the ID token is of another attempt")
        if claims.get("azp", self._settings.client_id) != self._settings.client_id:
            raise SignOnFailed("the ID token was made for somebody else")
        return claims

    def _name(self, claims: dict[str, Any]) -> str:
        settings = self._settings
        found = claims.get(settings.claim)
        if not isinstance(found, str) or not found:
            raise SignOnFailed(f"the ID token has no {settings.claim}")
        if settings.claim != "email":
            return found
        if claims.get("email_verified") is not True:
            raise SignOnFailed("the provider did not verify the address")
        name, _, domain = found.rpartition("@")
        if not settings.domain or domain.lower() != settings.domain.lower():
            raise SignOnFailed("the address is of another domain")
        return name.lower()

    async def _key(self, published: _Published, header: dict[str, Any]) -> jwt.PyJWK:
        """The provider's key of a token; unknown ones are looked for now and then."""
        kid = str(header.get("kid") or "")
        now = self._clock()
        is_old = now - self._keys_at > KEPT_S
        may_look = now - self._keys_at > LOOK_AGAIN_S
        if is_old or (kid not in self._keys and may_look):
            found = await self._call("GET", published.jwks_uri)
            keys = jwt.PyJWKSet.from_json(found.decode("utf-8", "replace")).keys
            self._keys = {one.key_id or "": one for one in keys}
            self._keys_at = now
        if not kid and len(self._keys) == 1:
            return next(iter(self._keys.values()))
        if kid not in self._keys:
            raise SignOnFailed("the ID token is signed with an unknown key")
        return self._keys[kid]

    async def _discover(self) -> _Published:
        now, issuer = self._clock(), self._settings.issuer
        if self._published is not None and now - self._published[0] < KEPT_S:
            return self._published[1]
        address = f"{issuer.rstrip('/')}/.well-known/openid-configuration"
        found = _read(await self._call("GET", address), _Published)
        if found.issuer != issuer:
            raise SignOnFailed(f"the provider calls itself {found.issuer[:200]!r}")
        for name in ("authorization_endpoint", "token_endpoint", "jwks_uri"):
            _check_address(name, getattr(found, name))
        self._published = (now, found)
        return found

    async def _call(self, method: str, address: str, **more: Any) -> bytes:
        try:
            async with self._http.stream(method, address, **more) as answer:
                body = b""
                async for piece in answer.aiter_bytes():
                    body += piece
                    if len(body) > MOST_BYTES:
                        raise SignOnFailed("the provider's answer is too large")
        except httpx.HTTPError as exc:
            raise SignOnFailed(f"the provider can't be reached: {exc!r}") from exc
        if answer.status_code != httpx.codes.OK:
            raise SignOnFailed(f"the provider answered {answer.status_code}")
        return body


def _read(found: bytes, kind: type[_Kind]) -> _Kind:
    try:
        return msgspec.json.decode(found, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError) as exc:
        raise SignOnFailed(f"the provider's answer can't be read: {exc}") from exc


def _challenge(verifier: str) -> str:
    digest = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def _check_address(what: str, address: str) -> None:
    parts = urlsplit(address)
    is_near = parts.scheme == "http" and parts.hostname in _LOOPBACK
    if not parts.hostname or not (parts.scheme == "https" or is_near):
        raise SignOnFailed(f"{what} must be an https address, not {address[:200]!r}")
