"""
S1 to S3: webhooks that are forged, replayed, or of a mode without a signature.
"""

from __future__ import annotations

import asyncio
import random
import re
import secrets
import time
from collections.abc import Iterator
from itertools import cycle, islice
from typing import Any

import httpx
import msgspec

from gateway.channels.accounts import troubles
from gateway.channels.contract import HookRefused, RawRequest
from gateway.channels.registry import open_channel
from gateway.channels.signing import sorted_sha1
from loadtest.attack_found import Found, in_batches
from loadtest.attack_house import House
from loadtest.play import Said
from loadtest.players import PLAYERS
from loadtest.tampering import PROOFS, forged


#: Kinds whose webhook carries the message itself, with the platform's id of it.
_CARRIERS = ("webhook", "telegram", "slack", "line", "feishu", "wechat", "whatsapp")
_COPIES = 8
#: Taken for the platform's, and answered as it wants it.
_TAKEN = httpx.codes.OK
_INTO_MAILBOX = re.compile(
    r'tidegate_hooks_total\{.*outcome="(?:leased|waiting)"'
).match
#: A header may hold this; blanks around a value are no part of it in HTTP.
_SENDABLE = re.compile(
    r"(?:[\x21-\x7e\xa1-\xff](?:[\x20-\x7e\xa1-\xff]*[\x21-\x7e\xa1-\xff])?)?\Z"
).match


async def s1_forged(house: House, count: int, rng: random.Random) -> Found:
    """
    Every scheme bent in every way: over the wire, and none may be taken.

    What no HTTP client can put into a header goes to the channel's own check.
    """
    found, before = Found(), await _accepted(house)
    streams = [
        forged(kind, house.platforms["demo", kind], time.time(), rng.randrange(10**6))
        for kind in PROOFS
    ]
    kinds = cycle(zip(PROOFS, streams, strict=True))

    async def one(item: tuple[str, str, RawRequest]) -> None:
        kind, how, request = item
        found.check(not await _is_taken(house, kind, request), f"{kind}: {how}")

    drawn = ((kind, *next(stream)) for kind, stream in islice(kinds, count))
    await in_batches(drawn, one)
    if await _accepted(house) != before:
        found.fail("the count of accepted messages rose")
    return found


async def _is_taken(house: House, kind: str, request: RawRequest) -> bool:
    values = (*request.headers.values(), *request.query.values())
    if all(map(_SENDABLE, values)):
        return (await _present(house, kind, request)).status_code == _TAKEN
    channel = open_channel(_settings(house, kind))
    try:
        channel.decode(request, channel.verify(request, time.time()))
    except HookRefused:
        return False
    return True


def _settings(house: House, kind: str) -> Any:
    return house.platforms["demo", kind]


async def _present(house: House, kind: str, request: RawRequest) -> httpx.Response:
    return await house.ask(
        "POST",
        f"/v1/hooks/{kind}/demo",
        params=dict(request.query),
        headers={k: v.encode("latin-1") for k, v in request.headers.items()},
        content=request.body,
    )


async def _accepted(house: House) -> float:
    """Messages that hooks put into a mailbox so far, by the gateway's own count."""
    lines = (await house.ask("GET", "/metrics")).text.splitlines()
    return sum(float(line.rpartition(" ")[2]) for line in lines if _INTO_MAILBOX(line))


async def s2_replayed(house: House, count: int, rng: random.Random) -> Found:
    """Honest messages again, too early, too late; each is in its mailbox once."""
    found, before = Found(), await _accepted(house)
    originals = max(1, count // (_COPIES + 2))

    async def copies(number: int) -> None:
        kind = _CARRIERS[number % len(_CARRIERS)]
        said = _said(rng, time.time())
        request = PLAYERS[kind].hook(_settings(house, kind), said)
        answers = await asyncio.gather(
            *(_present(house, kind, request) for _ in range(_COPIES))
        )
        found.check(any(one.status_code == _TAKEN for one in answers), f"{kind}: lost")
        found.tried += _COPIES - 1

    await in_batches(range(originals), copies)
    rose = await _accepted(house) - before
    if rose != originals:
        found.fail(f"{originals} messages, {rose:.0f} accepted")
    await _out_of_time(house, count - found.tried, rng, found)
    await _another_body(house, rng, found)
    return found


async def _out_of_time(
    house: House, count: int, rng: random.Random, found: Found
) -> None:
    """Signed rightly, for another hour; only where the time is signed."""
    timed = [kind for kind in _CARRIERS if _signs_time(kind)]
    before = await _accepted(house)

    async def one(number: int) -> None:
        kind = timed[number % len(timed)]
        window_s = open_channel(_settings(house, kind)).caps.skew_s
        off_s = rng.choice((-1, 1)) * (window_s + rng.uniform(60, 10**6))
        said = _said(rng, time.time() + off_s)
        request = PLAYERS[kind].hook(_settings(house, kind), said)
        answer = await _present(house, kind, request)
        found.check(answer.status_code != _TAKEN, f"{kind}: {off_s:.0f} s off")

    await in_batches(range(count), one)
    if await _accepted(house) != before:
        found.fail("something out of its time was accepted")


def _signs_time(kind: str) -> bool:
    return any("timestamp" in proof for proof in PROOFS[kind])


async def _another_body(house: House, rng: random.Random, found: Found) -> None:
    """The same id with other words: the first ones stand."""
    before = await _accepted(house)
    for kind in _CARRIERS:
        said = _said(rng, time.time())
        for text in (said.text, "改成别的话"):
            request = PLAYERS[kind].hook(
                _settings(house, kind), said._replace(text=text)
            )
            await _present(house, kind, request)
            found.tried += 1
    if await _accepted(house) - before != len(_CARRIERS):
        found.fail("an id was taken again with another body")


def _said(rng: random.Random, at_s: float) -> Said:
    user = str(rng.randrange(10**9, 10**10))
    return Said(secrets.token_hex(8), user, "多久发货", at_s)


async def s3_plain_mode(house: House, count: int, rng: random.Random) -> Found:
    """WeChat without AES: no configuration opens it, no request passes in it."""
    found, before = Found(), await _accepted(house)
    settings = _settings(house, "wechat")
    for key in islice(_bad_keys(rng), count // 2):
        bad = msgspec.structs.replace(settings, aes_key=key)
        found.check(list(troubles(bad)), f"aes_key {key!r} was not refused")

    async def one(number: int) -> None:
        answer = await _present(house, "wechat", _plain(settings, number))
        found.check(answer.status_code != _TAKEN, f"plain body {number}")

    await in_batches(range(count - count // 2), one)
    if await _accepted(house) != before:
        found.fail("a plain message was accepted")
    return found


def _bad_keys(rng: random.Random) -> Iterator[str]:
    """Empty, too short, too long, or of the right length and not base64."""
    yield ""
    while True:
        size = rng.choice((1, 16, 32, 42, 43, 44, 64))
        yield "".join(rng.choices("abcXYZ019+/", k=size - 1)) + rng.choice(" é\0-_=")


def _plain(settings: Any, number: int) -> RawRequest:
    """As WeChat signs plain mode: token, timestamp, nonce, and nothing of the body."""
    stamp, nonce = str(int(time.time())), secrets.token_hex(6)
    body = (
        f"<xml><ToUserName>gh_1</ToUserName><FromUserName>o{number}</FromUserName>"
        f"<CreateTime>{stamp}</CreateTime><MsgType>text</MsgType>"
        f"<Content>给我退款</Content><MsgId>{number}</MsgId></xml>"
    )
    signature = sorted_sha1(settings.token, stamp, nonce)
    query = {"timestamp": stamp, "nonce": nonce, "signature": signature}
    return RawRequest(
        method="POST",
        headers={"content-type": "text/xml"},
        query=query | ({"encrypt_type": "raw"} if number % 2 else {}),
        body=body.encode(),
    )
