"""
Single sign-on against a real provider process: who gets a session, and who does not.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from time import monotonic

import httpx
import pytest
from desk_server import DeskServer, serve
from openid_provider import CLIENT
from people import People, operator

from gateway.handoff.single_sign_on import SignOnFailed, SignOnSettings, SingleSignOn


pytestmark = pytest.mark.anyio

PROVIDER = Path(__file__).with_name("openid_provider.py")


@pytest.fixture(scope="module")
def provider() -> Iterator[str]:
    """Address of a running provider."""
    with subprocess.Popen(
        [sys.executable, str(PROVIDER)], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
        process.terminate()


def settings(issuer: str, **more: str) -> SignOnSettings:
    name, secret = CLIENT
    return SignOnSettings(issuer=issuer, client_id=name, client_secret=secret, **more)


@pytest.fixture
async def desk(
    people: People, tmp_path: Path, provider: str
) -> AsyncIterator[DeskServer]:
    """A desk whose operators may come from the provider."""
    relying = SingleSignOn(settings(provider), monotonic)
    async with serve(people, tmp_path, relying) as served:
        await served.accounts.add_operator(operator("lin"), None)
        yield served
    await relying.close()


async def come(desk: DeskServer, provider: str, **told: object) -> httpx.Response:
    """A browser goes all the way; where it ends up."""
    order = {"claims": {"sub": "1", "preferred_username": "lin"}, **told}
    async with httpx.AsyncClient(base_url=desk.url) as browser:
        await browser.post(f"{provider}/told", json=order)
        start = await browser.get("/v1/desk/sign-on/start?shop=demo")
        assert start.status_code == 303
        back = await browser.get(start.headers["location"])
        done = await browser.get(back.headers["location"])
        assert done.status_code == 303
        return (
            await browser.get("/v1/desk/session")
            if (done.headers["location"] == "/desk")
            else done
        )


async def test_a_known_account_gets_a_session(desk: DeskServer, provider: str) -> None:
    """
    Role and shop are those of our account, which has no password at all.
    """
    shown = await come(desk, provider)
    assert shown.status_code == 200
    # Of one key only, its name may be left out.
    assert (await come(desk, provider, spoil="no kid")).status_code == 200
    assert (shown.json()["name"], shown.json()["role"]) == ("lin", "operator")
    async with httpx.AsyncClient(base_url=desk.url) as client:
        for password in ("", "x", "correct horse battery"):
            body = {"shop": "demo", "name": "lin", "password": password or "y"}
            refused = await client.post("/v1/desk/session", json=body)
            assert refused.status_code == 401


@pytest.mark.parametrize(
    "spoil",
    [
        "denied", "issuer", "audience", "audiences", "nonce", "expired", "none",
        "hmac", "key", "kid",
    ],
)  # fmt: skip
async def test_a_token_that_does_not_hold_is_refused(
    desk: DeskServer, provider: str, spoil: str
) -> None:
    """
    Another issuer, audience, nonce, time, key or algorithm: back to the sign-in page.
    """
    ended = await come(desk, provider, spoil=spoil)
    assert ended.headers["location"] == "/desk#sign-on-failed"
    assert "tg_desk" not in ended.headers.get("set-cookie", "")


@pytest.mark.parametrize("name", ["boss", "LIN", "lin ", ""])
async def test_a_stranger_of_the_company_is_refused(
    desk: DeskServer, provider: str, name: str
) -> None:
    """
    The provider knows them; we have no such account.
    """
    claims = {"sub": "2", "preferred_username": name}
    ended = await come(desk, provider, claims=claims)
    assert ended.headers["location"] == "/desk#sign-on-failed"


async def test_another_browsers_code_is_worth_nothing(
    desk: DeskServer, provider: str
) -> None:
    """
    Without the cookie of the attempt, or with a code used up, there is no session.
    """
    async with (
        httpx.AsyncClient(base_url=desk.url) as victim,
        httpx.AsyncClient(base_url=desk.url) as thief,
    ):
        order = {"claims": {"sub": "1", "preferred_username": "lin"}}
        await victim.post(f"{provider}/told", json=order)
        start = await victim.get("/v1/desk/sign-on/start?shop=demo")
        back = (await victim.get(start.headers["location"])).headers["location"]
        assert "failed" in (await thief.get(back)).headers["location"]
        await thief.get("/v1/desk/sign-on/start?shop=demo")
        assert "failed" in (await thief.get(back)).headers["location"]
        assert (await victim.get(back)).headers["location"] == "/desk"
        assert "failed" in (await victim.get(back)).headers["location"]


@pytest.mark.parametrize(
    ("claims", "name"),
    [
        ({"email": "Lin@shop.example", "email_verified": True}, "lin"),
        ({"email": "lin@shop.example", "email_verified": False}, None),
        ({"email": "lin@shop.example"}, None),
        ({"email": "lin@evil.example", "email_verified": True}, None),
        ({"email": "lin@shop.example.evil.example", "email_verified": True}, None),
    ],
)
async def test_an_address_counts_if_it_is_verified_and_ours(
    provider: str, claims: dict[str, object], name: str | None
) -> None:
    """
    With ``claim = "email"`` the part before the @ is the account, of one domain only.
    """
    chosen = settings(provider, claim="email", domain="shop.example")
    relying = SingleSignOn(chosen, monotonic)
    async with httpx.AsyncClient() as browser:
        order = {"claims": {"sub": "1", **claims}}
        await browser.post(f"{provider}/told", json=order)
        address, attempt = await relying.start("demo", "http://here/back")
        sent = httpx.URL((await browser.get(address)).headers["location"]).params
    try:
        found = await relying.finish(
            attempt, sent["state"], sent["code"], "http://here/back"
        )
    except SignOnFailed:
        found = None
    await relying.close()
    assert found == name


def test_only_protected_addresses_are_asked() -> None:
    """
    A provider that is not on this machine must be spoken to by https.
    """
    with pytest.raises(SignOnFailed, match="https"):
        SingleSignOn(settings("http://login.example"), monotonic)


async def test_a_provider_that_is_away_is_told(people: People, tmp_path: Path) -> None:
    """
    No error page: back to the sign-in page, where the password still works.
    """
    away = SingleSignOn(settings("http://127.0.0.1:1"), monotonic)
    async with (
        serve(people, tmp_path, away) as served,
        httpx.AsyncClient(base_url=served.url) as browser,
    ):
        assert (await browser.get("/v1/desk/sign-on")).json() == {"is_on": True}
        start = await browser.get("/v1/desk/sign-on/start?shop=demo")
        assert start.headers["location"] == "/desk#sign-on-failed"
    await away.close()
