"""
A small, strict OpenID provider as a process of its own; told to, it lies.

``python openid_provider.py`` prints its address and serves until SIGTERM. Codes are
used once, PKCE, client and redirect address are checked. ``POST /told`` sets who is
signed in there, their claims, and how the next ID token is spoiled.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import socket
import sys
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlencode

import jwt
import uvicorn
from cryptography.hazmat.primitives.asymmetric import rsa


CLIENT = ("tidegate", "a secret of the client")


class Provider:
    """The ASGI application."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.other = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.claims: dict[str, Any] = {"sub": "1", "preferred_username": "lin"}
        self.spoil = ""
        self.codes: dict[str, dict[str, str]] = {}

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        body, more = b"", True
        while more:
            event = await receive()
            body += event.get("body", b"")
            more = event.get("more_body", False)
        query = {
            name: values[0]
            for name, values in parse_qs(scope["query_string"].decode()).items()
        }
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        path = scope["path"]
        if path == "/authorize":
            await self.authorize(query, send)
            return
        answers: dict[str, Callable[[], tuple[int, Any]]] = {
            "/.well-known/openid-configuration": self.described,
            "/jwks": self.jwks,
            "/told": lambda: self.told(json.loads(body)),
            "/token": lambda: self.token(parse_qs(body.decode()), headers),
        }
        status, found = answers[path]()
        await answer(send, status, json.dumps(found).encode())

    def told(self, order: dict[str, Any]) -> tuple[int, Any]:
        self.claims, self.spoil = order["claims"], order.get("spoil", "")
        return 200, {}

    def described(self) -> tuple[int, Any]:
        return 200, {
            "issuer": self.url,
            "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token",
            "jwks_uri": f"{self.url}/jwks",
        }

    def jwks(self) -> tuple[int, Any]:
        to_jwk: Callable[..., Any] = jwt.algorithms.RSAAlgorithm.to_jwk
        public = to_jwk(self.key.public_key(), as_dict=True)
        return 200, {"keys": [{**public, "kid": "k1", "alg": "RS256"}]}

    async def authorize(self, query: dict[str, str], send: Any) -> None:
        assert query["code_challenge_method"] == "S256"
        assert "openid" in query["scope"]
        assert query["client_id"] == CLIENT[0]
        code = secrets.token_urlsafe(16)
        self.codes[code] = query
        back = urlencode({"code": code, "state": query["state"]})
        if self.spoil == "denied":
            back = urlencode({"error": "access_denied", "state": query["state"]})
        place = f"{query['redirect_uri']}?{back}".encode()
        await answer(send, 303, b"", (b"location", place))

    def token(
        self, form: dict[str, list[str]], headers: dict[str, str]
    ) -> tuple[int, Any]:
        asked = self.codes.pop(form["code"][0], None)
        proof = hashlib.sha256(form["code_verifier"][0].encode()).digest()
        challenge = base64.urlsafe_b64encode(proof).rstrip(b"=").decode()
        basic = base64.b64encode(
            f"{CLIENT[0]}:{CLIENT[1].replace(' ', '+')}".encode()
        ).decode()
        plain = base64.b64encode(":".join(CLIENT).encode()).decode()
        is_right = (
            asked is not None
            and asked["code_challenge"] == challenge
            and asked["redirect_uri"] == form["redirect_uri"][0]
            and headers.get("authorization") in (f"Basic {basic}", f"Basic {plain}")
        )
        if not is_right or asked is None:
            return 400, {"error": "invalid_grant"}
        return 200, {"id_token": self.id_token(asked), "access_token": "unused"}

    def id_token(self, asked: dict[str, str]) -> str:
        now = int(time.time())
        claims = {
            "iss": self.url,
            "aud": CLIENT[0],
            "iat": now,
            "exp": now + 300,
            "nonce": asked["nonce"],
            **self.claims,
        }
        spoiled: dict[str, dict[str, Any]] = {
            "issuer": {"iss": "http://127.0.0.1:1"},
            "audience": {"aud": "somebody"},
            "audiences": {"aud": ["somebody", CLIENT[0]], "azp": "somebody"},
            "nonce": {"nonce": "another"},
            "expired": {"iat": now - 7200, "exp": now - 3600},
        }
        claims |= spoiled.get(self.spoil, {})
        if self.spoil == "none":
            return jwt.encode(claims, "", algorithm="none", headers={"kid": "k1"})
        if self.spoil == "hmac":
            return jwt.encode(
                claims, "k" * 64, algorithm="HS256", headers={"kid": "k1"}
            )
        key = self.other if self.spoil == "key" else self.key
        if self.spoil == "no kid":
            return jwt.encode(claims, key, algorithm="RS256")
        kid = "k2" if self.spoil == "kid" else "k1"
        return jwt.encode(claims, key, algorithm="RS256", headers={"kid": kid})


async def answer(send: Any, status: int, body: bytes, *headers: Any) -> None:
    kind = (b"content-type", b"application/json")
    start = {"type": "http.response.start", "status": status}
    await send({**start, "headers": [kind, *headers]})
    await send({"type": "http.response.body", "body": body})


def main() -> None:
    """Serve on a free port of 127.0.0.1."""
    listener = socket.create_server(("127.0.0.1", 0))
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    sys.stdout.write(f"{url}\n")
    sys.stdout.flush()
    config = uvicorn.Config(Provider(url), lifespan="off", log_level="warning")
    uvicorn.Server(config).run([listener])


if __name__ == "__main__":
    main()
