"""
S17, S18, S22: what operators see, what could be fetched, and who gets to the desk.
"""

from __future__ import annotations

import asyncio
import random
import secrets
import time
from base64 import b64encode, urlsafe_b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import httpx
import msgspec

from loadtest.attack_found import Found, in_batches
from loadtest.attack_house import House, Seat
from loadtest.play import Said, sign
from loadtest.players import PLAYERS


#: What their scripts read.
_SHOWN = ("/v1/desk/board", "/v1/desk/overview", "/v1/audit", "/v1/knowledge")
_PAGES = ("/", "/desk", "/lab", "/ops")


# --- S17 ---


async def s17_scripts(house: House, count: int, rng: random.Random) -> Found:
    """
    Markup in texts and names leaves as JSON that no browser runs, and pages carry a
    policy under which inline code would not run either.

    What pages do with it, a real browser shows: ``tests/browser``.
    """
    found = Found()
    for page in _PAGES:
        answer = await house.ask("GET", page)
        policy = answer.headers.get("content-security-policy", "")
        is_strict = "default-src 'none'" in policy and "unsafe" not in policy
        found.check(is_strict, f"{page}: {policy!r}")

    async def one(_: int) -> None:
        name, text = house.fresh("xss"), _markup(rng)
        answer = await house.post(name, text, _markup(rng)[:60])
        events = await house.ask(
            "GET", f"/v1/conversations/{name}/events", headers=house.bearer()
        )
        found.check(_is_inert(answer) and _is_inert(events), f"{text!r}")

    await in_batches(range(count), one)
    await _seen_by_people(house, found, rng)
    return found


async def _seen_by_people(house: House, found: Found, rng: random.Random) -> None:
    """What the desk, the operations page and the audit log show of such names."""
    seat = await house.seat("supervisor")
    stranger = {"shop": "demo", "name": _markup(rng), "password": "wrong-password"}
    await house.ask("POST", "/v1/desk/session", json=stranger)
    for path in _SHOWN:
        answer = await house.ask("GET", path, headers=seat.headers)
        is_shown = answer.status_code == httpx.codes.OK
        found.check(is_shown and _is_inert(answer), f"{path}: {answer}")


def _is_inert(answer: httpx.Response) -> bool:
    kind = answer.headers.get("content-type", "")
    if not kind.startswith(("application/json", "application/problem+json")):
        return False
    return str(answer.headers.get("x-content-type-options")) == "nosniff"


def _markup(rng: random.Random) -> str:
    code = rng.choice(("alert(1)", "fetch('//x.invalid')", "document.cookie"))
    return rng.choice(
        (
            "<script>{}</script>",
            "<img src=x onerror={}>",
            "[点我](javascript:{})",
            "<svg/onload={}>",
            "</script><script>{}//",
            "{{{{constructor.constructor('{}')()}}}}",
            "<a href='data:text/html,<script>{}</script>'>订单</a>",
            "转人工 <iframe srcdoc='<script>{}</script>'>",
        )
    ).format(code)


# --- S18 ---


async def s18_fetches(house: House, count: int, rng: random.Random) -> Found:
    """Addresses in texts, documents and webhooks: nobody behind them is called."""
    found = Found()
    seat = await house.seat("supervisor")
    async with _trap() as (port, hits):

        async def one(number: int) -> None:
            url = _address(rng, port)
            await _WAYS[number % len(_WAYS)](house, seat, url)
            found.tried += 1

        await in_batches(range(count), one)
        await asyncio.sleep(1.0)
        for hit in hits:
            found.fail(f"called: {hit}")
    found.note = f"{len(hits)} connections to the trap"
    return found


@asynccontextmanager
async def _trap() -> AsyncIterator[tuple[int, list[str]]]:
    """A port of ours that notes who comes."""
    hits: list[str] = []

    async def met(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        hits.append((await reader.read(200)).decode("latin-1"))
        writer.close()

    server = await asyncio.start_server(met, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1], hits


def _address(rng: random.Random, port: int) -> str:
    host = rng.choice(
        (
            "127.0.0.1",
            "localhost",
            "2130706433",
            "0x7f000001",
            "[::ffff:127.0.0.1]",
            "127.1",
        )
    )
    return f"http://{host}:{port}/{secrets.token_hex(4)}.png"


async def _in_text(house: House, _: Seat, url: str) -> None:
    await house.post(
        house.fresh("ssrf"), f"看图 ![x]({url}) {url} 这款有货吗", "c-ssrf"
    )


async def _in_document(house: House, seat: Seat, url: str) -> None:
    page = f"<html><img src='{url}'><link rel=stylesheet href='{url}'><h1>说明</h1><p>图</p>"
    body = {"name": "trap.html", "content": b64encode(page.encode()).decode()}
    await house.ask("POST", "/v1/knowledge", json=body, headers=seat.headers)


async def _in_session(house: House, _: Seat, url: str) -> None:
    """DingTalk names the address of its answer in the body, which nothing signs."""
    settings = house.platforms["demo", "dingtalk"]
    said = Said(secrets.token_hex(8), "1234567890", "多久发货", time.time())
    request = PLAYERS["dingtalk"].hook(settings, said)
    body = request.body.replace(b"{", f'{{"sessionWebhook": "{url}",'.encode(), 1)
    await house.ask(
        "POST",
        "/v1/hooks/dingtalk/demo",
        params=dict(request.query),
        headers=dict(request.headers),
        content=body,
    )


async def _in_meta(house: House, _: Seat, url: str) -> None:
    await house.post(house.fresh("ssrf"), "多久发货", "c-ssrf", meta={"callback": url})


_WAYS = (_in_text, _in_session, _in_meta, _in_text, _in_document)


# --- S22 ---


async def s22_desk(house: House, count: int, rng: random.Random) -> Found:
    """Stolen, expired, made-up sessions; other sites; roles that climb."""
    found = Found()
    seat, gone = await house.seat("operator"), await house.seat("operator")
    await house.ask("DELETE", "/v1/desk/session", headers=gone.headers)
    calls = [_made_up, _signed_out, _no_csrf, _other_site, _climbs, _forged_token]

    async def one(number: int) -> None:
        call = calls[number % len(calls)]
        answer = await call(house, rng, seat, gone)
        is_refused = answer.status_code in (401, 403)
        found.check(is_refused, f"{call.__name__}: {answer} {answer.request.url}")

    await in_batches(range(count - 20), one)
    for _ in range(20):
        found.check(await _socket_is_refused(house, seat), "WebSocket of another site")
    return found


async def _made_up(
    house: House, rng: random.Random, _: Seat, __: Seat
) -> httpx.Response:
    token = rng.choice((secrets.token_urlsafe(32), "", "null", "../x", "a" * 4_000))
    return await house.ask("GET", _reads(rng), headers={"cookie": f"tg_desk={token}"})


async def _signed_out(
    house: House, rng: random.Random, _: Seat, gone: Seat
) -> httpx.Response:
    return await house.ask("GET", _reads(rng), headers=gone.headers)


async def _no_csrf(
    house: House, rng: random.Random, seat: Seat, __: Seat
) -> httpx.Response:
    token = rng.choice(("", "x", seat.csrf[:-1], seat.csrf.swapcase() + "x"))
    headers = seat.headers | {"x-csrf-token": token}
    return await house.ask(
        "PUT", "/v1/desk/presence", json={"state": "online"}, headers=headers
    )


async def _other_site(
    house: House, rng: random.Random, seat: Seat, __: Seat
) -> httpx.Response:
    origin = rng.choice(("https://evil.invalid", "null", "http://127.0.0.1:1"))
    headers = seat.headers | {"origin": origin}
    return await house.ask(
        "PUT", "/v1/desk/presence", json={"state": "online"}, headers=headers
    )


async def _climbs(
    house: House, rng: random.Random, seat: Seat, __: Seat
) -> httpx.Response:
    """What only supervisors may."""
    method, path, body = rng.choice(
        (
            ("POST", "/v1/knowledge", {"name": "x.md", "content": "eA=="}),
            ("DELETE", "/v1/knowledge?name=member.md", None),
            ("POST", "/v1/models/router-x/promote", {}),
        )
    )
    return await house.ask(method, path, json=body, headers=seat.headers)


async def _forged_token(
    house: House, rng: random.Random, _: Seat, __: Seat
) -> httpx.Response:
    """A visitor's token of our own making."""
    claims = {
        "aud": "tidegate-visitor",
        "sub": "v1",
        "shop": "demo",
        "channel": "app",
        "conversation": "shared",
        "exp": int(time.time()) + 3_600,
    }
    key = rng.choice(("", "x" * 32, "secret" * 8, "tidegate" * 4))
    token = _token(claims, key, rng.choice(("HS256", "HS512", "none", "None")))
    return await house.ask(
        "GET",
        "/v1/conversations/shared/events",
        headers={"authorization": f"Bearer {token}"},
    )


def _token(claims: dict[str, object], key: str, algorithm: str) -> str:
    """A JWT, signed with HMAC-SHA256 whatever it says of itself; bare for ``none``."""
    head = _base64(msgspec.json.encode({"alg": algorithm, "typ": "JWT"}))
    signed = f"{head}.{_base64(msgspec.json.encode(claims))}"
    is_bare = algorithm.lower() == "none"
    return f"{signed}.{'' if is_bare else _base64(sign(key, signed.encode()))}"


def _base64(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def _reads(rng: random.Random) -> str:
    return rng.choice(
        (
            "/v1/desk/board",
            "/v1/desk/session",
            "/v1/actions",
            "/v1/knowledge",
            "/v1/models",
        )
    )


async def _socket_is_refused(house: House, seat: Seat) -> bool:
    """No upgrade, or one that is told why and closed before the board."""
    target = urlsplit(house.url)
    reader, writer = await asyncio.open_connection(target.hostname, target.port)
    lines = (
        "GET /v1/desk/ws HTTP/1.1",
        f"host: {target.netloc}",
        f"cookie: tg_desk={seat.cookie}",
        "origin: https://evil.invalid",
        "connection: upgrade",
        "upgrade: websocket",
        "sec-websocket-version: 13",
        f"sec-websocket-key: {b64encode(secrets.token_bytes(16)).decode()}",
    )
    writer.write(("\r\n".join(lines) + "\r\n\r\n").encode())
    try:
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)
        if b" 101 " not in head.split(b"\r\n", 1)[0]:
            return True
        said = await asyncio.wait_for(reader.read(4_096), 5)
    finally:
        writer.close()
    return b'"bad_origin"' in said and b'"board"' not in said
