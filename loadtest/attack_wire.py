"""
S4, S5, S20: bodies, calls and characters that should break a server, and do not.
"""

from __future__ import annotations

import asyncio
import random
import secrets
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from time import monotonic, time
from typing import Any
from urllib.parse import quote, urlsplit

import httpx
import msgspec

from gateway.channels.contract import RawRequest
from gateway.channels.signing import WeChatEnvelope, sorted_sha1
from loadtest.attack_found import Found, in_batches
from loadtest.attack_house import House


#: Growth of a worker's memory that a row may cause.
_MAX_GROWTH = 300 * 2**20
#: Connections that say a byte now and then.
_SLOW = 150
_SLOW_S = 3.0
#: An honest message's time while the row runs.
_WELL_S = 5.0
_BOMB = (
    '<?xml version="1.0"?><!DOCTYPE l [<!ENTITY a "lol">'
    + "".join(f'<!ENTITY {chr(98 + n)} "{f"&{chr(97 + n)};" * 10}">' for n in range(8))
    + "]><xml><Content>&i;</Content></xml>"
)
_XXE = (
    '<?xml version="1.0"?><!DOCTYPE f [<!ENTITY x SYSTEM "file:///etc/passwd">]>'
    "<xml><ToUserName>g</ToUserName><FromUserName>o1</FromUserName>"
    "<MsgType>text</MsgType><Content>&x;</Content><MsgId>77</MsgId></xml>"
)


# --- S4 ---


async def s4_bombs(house: House, count: int, rng: random.Random) -> Found:
    """XML and JSON bombs, depth, size, and clients that never finish."""
    found, before = Found(), _memory(house)
    kinds: list[Callable[[House, random.Random], Any]] = [_xml, _deep, _large, _broken]

    async def one(number: int) -> None:
        answer = await kinds[number % len(kinds)](house, rng)
        is_refused = 400 <= answer.status_code < 500  # noqa: PLR2004 - the client's fault
        found.check(is_refused, f"{kinds[number % len(kinds)].__name__}: {answer}")

    await in_batches(range(max(4, count - _SLOW)), one)
    await _slow(house, found)
    grown = _memory(house) - before
    if grown > _MAX_GROWTH:
        found.fail(f"memory grew by {grown // 2**20} MB")
    found.note = f"memory +{max(0, grown) // 2**20} MB"
    return found


async def _xml(house: House, rng: random.Random) -> httpx.Response:
    """A hostile document inside an envelope that is sealed and signed rightly."""
    settings: Any = house.platforms["demo", "wechat"]
    envelope = WeChatEnvelope(settings.token, settings.aes_key, settings.app_id)
    document = rng.choice((_BOMB, _XXE, "<a>" * 40_000, "<xml><![CDATA[" * 20_000))
    inside = rng.choice((True, False))
    sealed = envelope.seal(document.encode() if inside else b"<xml></xml>")
    outer = "" if inside else document.partition("?>")[2]
    stamp, nonce = str(int(time())), secrets.token_hex(6)
    body = f"{outer}<xml><Encrypt>{sealed}</Encrypt></xml>".encode()
    signature = sorted_sha1(settings.token, stamp, nonce, sealed)
    query = {"timestamp": stamp, "nonce": nonce, "msg_signature": signature}
    return await _hook(
        house, RawRequest(method="POST", headers={}, query=query, body=body)
    )


async def _hook(house: House, request: RawRequest) -> httpx.Response:
    return await house.ask(
        "POST",
        "/v1/hooks/wechat/demo",
        params=dict(request.query),
        content=request.body,
    )


async def _deep(house: House, rng: random.Random) -> httpx.Response:
    depth = rng.choice((500, 3_000, 15_000))
    opening, closing = rng.choice((("[", "]"), ('{"a":', "}")))
    body = opening * depth + "1" + closing * depth
    return await house.ask(
        "POST", _path(rng), content=body[:32_000], headers=_json(house)
    )


async def _large(house: House, rng: random.Random) -> httpx.Response:
    size = rng.choice((40_000, 300_000, 2_000_000, 10_000_000))
    body = b'{"text": "' + b"x" * size + b'"}'
    return await house.ask("POST", _path(rng), content=body, headers=_json(house))


async def _broken(house: House, rng: random.Random) -> httpx.Response:
    body = rng.choice(
        (
            b"",
            b"\xff\xfe",
            b'{"text": "a", "text": "b"',
            b'{"message_id": 1e999}',
            b"[" + b"1," * 9_000 + b"1]",
            b'{"message_id": "m", "user_id": "u", "text": "\\ud800"}',
        )
    )
    return await house.ask("POST", _path(rng), content=body, headers=_json(house))


def _path(rng: random.Random) -> str:
    return rng.choice(("/v1/conversations/bomb/messages", "/v1/route"))


def _json(house: House) -> dict[str, str]:
    return {**house.bearer(), "content-type": "application/json"}


async def _slow(house: House, found: Found) -> None:
    """Many clients send a header's letter a second; others are served meanwhile."""
    target = urlsplit(house.url)
    lines = [
        await asyncio.open_connection(target.hostname, target.port)
        for _ in range(_SLOW)
    ]
    started = monotonic()
    while monotonic() - started < _SLOW_S:
        for _, writer in lines:
            writer.write(b"P")
        asked = monotonic()
        is_well = await house.is_well()
        found.tried += 1
        if not is_well or monotonic() - asked > _WELL_S:
            found.fail("nobody was served beside slow clients")
        await asyncio.sleep(0.5)
    for _, writer in lines:
        writer.close()
    found.tried += _SLOW


def _memory(house: House) -> int:
    """Resident bytes of all workers; 0 where it cannot be read."""
    total = 0
    for pid in house.supervisor.worker_pids:
        status = Path(f"/proc/{pid}/statm")
        if status.exists():
            total += int(status.read_text().split()[1]) * 4_096
    return total


# --- S5 ---


async def s5_calls(house: House, count: int, rng: random.Random) -> Found:
    """Calls of every route of the API page with parameters and bodies at random."""
    found = Found()
    schema = (await house.ask("GET", "/docs/openapi.json")).json()
    seats = [await house.seat("operator"), await house.seat("supervisor")]
    headers = [
        {},
        house.bearer(),
        house.bearer("rival"),
        {"authorization": "Bearer x"},
        *(seat.headers for seat in seats),
    ]

    async def one(call: tuple[str, str, dict[str, Any]]) -> None:
        method, path, more = call
        answer = await house.ask(method, path, **more)
        is_planned = answer.status_code < 500 or answer.status_code == 503  # noqa: PLR2004 - our own fault, and "try again"
        is_quiet = b"Traceback" not in answer.content
        found.check(is_planned and is_quiet, f"{method} {path}: {answer}")

    await in_batches(islice(_calls(schema, headers, rng), count), one)
    return found


def _calls(
    schema: dict[str, Any], headers: list[dict[str, str]], rng: random.Random
) -> Iterator[tuple[str, str, dict[str, Any]]]:
    routes = [
        (method, path, operation)
        for path, methods in schema["paths"].items()
        for method, operation in methods.items()
        # A stream would stay open.
        if not path.endswith(("/events", "/session"))
    ]
    while True:
        method, path, operation = rng.choice(routes)
        named = [one["name"] for one in operation.get("parameters", ())]
        for name in named:
            path = path.replace(f"{{{name}}}", quote(str(_value(rng, 0)), safe=""))
        more: dict[str, Any] = {"headers": rng.choice(headers)}
        if rng.random() < 0.5:  # noqa: PLR2004 - half of them
            more["params"] = {n: str(_value(rng, 0))[:300] for n in named}
        if method in ("post", "put"):
            more["content"] = _body(schema, operation, rng)
        yield method.upper(), path, more


def _body(
    schema: dict[str, Any], operation: dict[str, Any], rng: random.Random
) -> bytes:
    """The right fields with values at random, or anything."""
    wanted = operation.get("requestBody", {}).get("content", {})
    name = next(
        (one["schema"].get("$ref", "") for one in wanted.values()), ""
    ).rpartition("/")[2]
    fields = schema["components"]["schemas"].get(name, {}).get("properties", {})
    if not fields or rng.random() < 0.2:  # noqa: PLR2004 - a share
        return msgspec.json.encode(_value(rng, 2))
    return msgspec.json.encode(
        {f: _value(rng, 2) for f in fields if rng.random() < 0.9}  # noqa: PLR2004 - a share
    )


def _value(rng: random.Random, depth: int) -> Any:
    simple = (
        None,
        True,
        -1,
        2**63,
        1e308,
        "",
        "demo",
        "多久发货",
        "\x00",
        "'; DROP TABLE x;--",
        "../../etc/passwd",
        "a" * 300,
        "\u202eabc",
        "c1",
        secrets.token_hex(4),
    )
    if depth and rng.random() < 0.3:  # noqa: PLR2004 - a share
        inner = [_value(rng, depth - 1) for _ in range(rng.randrange(4))]
        return inner if rng.random() < 0.5 else {str(one)[:20]: one for one in inner}  # noqa: PLR2004 - half
    return rng.choice(simple)


# --- S20 ---


async def s20_characters(house: House, count: int, rng: random.Random) -> Found:
    """Ids and texts of odd characters: kept as they came, or refused in words."""
    found = Found()

    async def one(_: int) -> None:
        text = _odd(rng, rng.randrange(1, 40))
        name, odd_id = house.fresh("odd"), _odd(rng, rng.randrange(1, 12))
        body = {"message_id": odd_id, "user_id": "c-odd", "text": text}
        answer = await house.ask(
            "POST",
            f"/v1/conversations/{name}/messages",
            content=msgspec.json.encode(body),
            headers=_json(house),
        )
        if answer.status_code in (200, 202):
            is_same = await _is_kept(house, name, text)
        else:
            is_same = answer.status_code == httpx.codes.BAD_REQUEST
        found.check(is_same, f"{answer.status_code} {text!r} {odd_id!r}")

    await in_batches(range(count), one)
    for line in (house.folder / "gateway.log").read_bytes().splitlines():
        try:
            msgspec.json.decode(line)
        except msgspec.DecodeError:
            found.fail(f"a line of the log is no JSON: {line[:80]!r}")
    return found


async def _is_kept(house: House, name: str, text: str) -> bool:
    answer = await house.ask(
        "GET", f"/v1/conversations/{name}/events", headers=house.bearer()
    )
    said = [one["text"] for one in answer.json()["events"] if one["kind"] == "message"]
    return said == [text]


def _odd(rng: random.Random, size: int) -> str:
    pieces = (
        "\u202e", "\u2066", "\u200b", "\ufeff", "\x00", "\x07", "\r\n", "}{", "退",
        "款", "👩‍👩‍👧", "e\u0301", "ﷺ", "\u2028", "a", "{hash}", "\\", '"', "%0a", "\ufffd",
        "\U0010ffff", "\x7f", " ", "<script>",
    )  # fmt: skip
    return "".join(rng.choices(pieces, k=size))
