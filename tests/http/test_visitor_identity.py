"""
Who a visitor is: by the shop's server's word, never by the browser's.
"""

from __future__ import annotations

import hashlib
import hmac
import time
from typing import Any

import jwt
import pytest

from gateway.errors import Unauthorized
from gateway.http.auth import Authenticator, ChannelKey, proven_user


SECRET = "s" * 40


def token(secret: str = SECRET, **claims: Any) -> str:
    given = {"sub": "c1005", "aud": "tidegate", "exp": int(time.time()) + 60, **claims}
    return jwt.encode(given, secret, algorithm="HS256")


def test_a_token_of_the_shops_server_says_who_it_is() -> None:
    """HS256, our audience, an end."""
    assert proven_user(SECRET, token(), None, None) == "c1005"


@pytest.mark.parametrize(
    "bad",
    [
        token("x" * 40),
        token(aud="other"),
        token(exp=int(time.time()) - 60),
        jwt.encode({"sub": "c1005", "aud": "tidegate"}, SECRET, algorithm="HS256"),
        jwt.encode(
            {"sub": "c1005", "aud": "tidegate", "exp": 9e9}, "", algorithm="none"
        ),
        token()[:-4] + "AAAA",
        "",
        "a.b.c",
        "令牌",
    ],
)
def test_another_token_says_nothing(bad: str) -> None:
    """Wrong key, audience, end, algorithm, bytes."""
    with pytest.raises(Unauthorized):
        proven_user(SECRET, bad, None, None)


def test_a_hash_of_the_user_id_is_a_proof_too() -> None:
    """And of no other id, with no other secret, in no other writing."""
    good = hmac.new(SECRET.encode(), b"c1005", hashlib.sha256).hexdigest()
    assert proven_user(SECRET, None, "c1005", good) == "c1005"
    for user, proof in (("c1006", good), ("c1005", good.upper()), ("", good)):
        with pytest.raises(Unauthorized):
            proven_user(SECRET, None, user, proof)
    with pytest.raises(Unauthorized):
        proven_user("", None, "c1005", good)


def test_who_is_proven_has_one_conversation_on_every_device() -> None:
    """Others get a new one each time."""
    key = ChannelKey(shop="s", channel="web", key="k" * 20)
    authenticator = Authenticator([key], SECRET, time.time)
    proven = [
        authenticator.visitor_token("s", "web", "c1005", is_proven=True)[1]
        for _ in range(2)
    ]
    assert proven[0].conversation_id == proven[1].conversation_id
    strangers = [authenticator.visitor_token("s", "web")[1] for _ in range(2)]
    assert strangers[0].conversation_id != strangers[1].conversation_id
