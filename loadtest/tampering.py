"""
Webhooks that nobody signed: every way we know to bend a signed request.

A scheme is what the platform's documents say is covered: for Telegram and DingTalk
that is no part of the body, for WeChat's envelope it is the cipher text, not the XML
around it. A forged request must be refused with :class:`HookRefused`, at ``verify`` or
at ``decode``, and with nothing else: an exception of another kind counts as a fault.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator, Mapping
from itertools import count as count_from
from itertools import islice
from typing import Any

import msgspec

from gateway.channels.contract import HookRefused, HookUnreadable, RawRequest
from gateway.channels.registry import open_channel
from loadtest.play import Said
from loadtest.players import PLAYERS


#: Headers and query parameters that prove something, by kind.
PROOFS: Mapping[str, tuple[str, ...]] = {
    "webhook": ("webhook-id", "webhook-timestamp", "webhook-signature"),
    "telegram": ("x-telegram-bot-api-secret-token",),
    "slack": ("x-slack-request-timestamp", "x-slack-signature"),
    "line": ("x-line-signature",),
    "whatsapp": ("x-hub-signature-256",),
    "feishu": (
        "x-lark-request-timestamp",
        "x-lark-request-nonce",
        "x-lark-signature",
    ),
    "dingtalk": ("timestamp", "sign"),
    "wechat": ("timestamp", "nonce", "msg_signature"),
    "wecom_kf": ("timestamp", "nonce", "msg_signature"),
    "wecom_bot": ("timestamp", "nonce", "msg_signature"),
    "chatwoot": ("x-chatwoot-timestamp", "x-chatwoot-signature"),
}
#: Part of the body that is covered; None for all of it.
_COVERED: Mapping[str, re.Pattern[bytes] | None] = {
    "wechat": re.compile(rb"<Encrypt>(.+)</Encrypt>"),
    "wecom_kf": re.compile(rb"<Encrypt>(.+)</Encrypt>"),
    "wecom_bot": re.compile(rb'"encrypt":"(.+)"'),
}
#: Schemes that cover nothing of the body.
_BODILESS = frozenset({"telegram", "dingtalk"})
_LOOKALIKES = {"0": "０", "1": "１", "a": "а", "e": "е", "c": "с", "=": "＝", "/": "∕"}


class Tampered(msgspec.Struct, frozen=True, kw_only=True):
    """
    What became of forged requests of one scheme.

    Attributes:
        accepted: How they were bent, of those that were taken; must be empty.

        faults: Exceptions that are no refusal; must be empty.
    """

    kind: str
    requests: int
    accepted: tuple[str, ...]
    faults: tuple[str, ...]


Bend = Callable[[random.Random, str, RawRequest], RawRequest]


def tamper(kind: str, count: int, seed: int = 1) -> Tampered:
    """Forge *count* requests of one kind and present them."""
    ours = PLAYERS[kind].settings("http://127.0.0.1:9")
    channel = open_channel(ours)
    accepted, faults, at_s = [], [], 1_800_000_000.0
    for how, request in islice(forged(kind, ours, at_s, seed), count):
        try:
            channel.decode(request, channel.verify(request, at_s))
        except HookRefused:
            continue
        except HookUnreadable as exc:
            # Taken for the platform's, though nobody could read it.
            accepted.append(f"{how}: {exc}")
        except Exception as exc:  # noqa: BLE001 - every other ending is a finding
            faults.append(f"{how}: {exc!r}")
        else:
            accepted.append(how)
    return Tampered(
        kind=kind, requests=count, accepted=tuple(accepted), faults=tuple(faults)
    )


def forged(
    kind: str, ours: Any, at_s: float, seed: int = 1
) -> Iterator[tuple[str, RawRequest]]:
    """Forged requests without end, for an account of ours, and how each was bent."""
    rng, player, bends = random.Random(seed), PLAYERS[kind], _bends(kind)
    others = player.settings("http://127.0.0.1:9")
    for number in count_from(0):
        said = Said(f"m{number}", str(rng.randrange(10**9, 10**10)), "多久发货", at_s)
        how, bend = rng.choice(bends)
        honest = player.hook(others if how == "another key" else ours, said)
        request = bend(rng, kind, honest)
        if request != honest or how == "another key":
            yield how, request


def _bends(kind: str) -> list[tuple[str, Bend]]:
    bends: list[tuple[str, Bend]] = [
        ("another key", lambda _rng, _kind, request: request),
        ("a proof gone", _drop),
        ("a proof emptied", _empty),
        ("a character of a proof changed", _nibble),
        ("case of a proof changed", _case),
        ("a lookalike in a proof", _lookalike),
        ("blanks around a proof", _blanks),
        ("a proof cut", _cut),
        ("a proof of bytes", _bytes),
    ]
    if kind not in _BODILESS:
        bends += [("a bit of the body flipped", _flip), ("the body longer", _append)]
    return bends


def _some(rng: random.Random, kind: str) -> str:
    return rng.choice(PROOFS[kind])


def _put(request: RawRequest, name: str, value: str | None) -> RawRequest:
    """The request with another value at *name*, wherever it stands."""
    where = "headers" if name in request.headers else "query"
    found = dict(getattr(request, where))
    if value is None:
        found.pop(name, None)
    else:
        found[name] = value
    return msgspec.structs.replace(request, **{where: found})


def _value(request: RawRequest, name: str) -> str:
    return request.headers.get(name) or request.query.get(name, "")


def _drop(rng: random.Random, kind: str, request: RawRequest) -> RawRequest:
    return _put(request, _some(rng, kind), None)


def _empty(rng: random.Random, kind: str, request: RawRequest) -> RawRequest:
    return _put(request, _some(rng, kind), "")


def _nibble(rng: random.Random, kind: str, request: RawRequest) -> RawRequest:
    name = _some(rng, kind)
    value = _value(request, name)
    at = rng.randrange(len(value))
    return _put(request, name, value[:at] + rng.choice("09afzAZ+/=-") + value[at + 1 :])


def _case(rng: random.Random, kind: str, request: RawRequest) -> RawRequest:
    name = _some(rng, kind)
    return _put(request, name, _value(request, name).swapcase())


def _lookalike(rng: random.Random, kind: str, request: RawRequest) -> RawRequest:
    name = _some(rng, kind)
    value = _value(request, name)
    places = [at for at, character in enumerate(value) if character in _LOOKALIKES]
    if not places:
        return _put(request, name, value + "\u200b")
    at = rng.choice(places)
    return _put(request, name, value[:at] + _LOOKALIKES[value[at]] + value[at + 1 :])


def _blanks(rng: random.Random, kind: str, request: RawRequest) -> RawRequest:
    name = _some(rng, kind)
    blank = rng.choice((" ", "\t", "\n", "\u00a0", "\0"))
    value = _value(request, name)
    return _put(request, name, rng.choice((blank + value, value + blank)))


def _cut(rng: random.Random, kind: str, request: RawRequest) -> RawRequest:
    name = _some(rng, kind)
    value = _value(request, name)
    return _put(request, name, value[: rng.randrange(len(value))])


def _bytes(rng: random.Random, kind: str, request: RawRequest) -> RawRequest:
    made = "".join(chr(rng.randrange(256)) for _ in range(rng.randrange(1, 80)))
    return _put(request, _some(rng, kind), made)


def _flip(rng: random.Random, kind: str, request: RawRequest) -> RawRequest:
    start, end = _covered(kind, request.body)
    at = rng.randrange(start, end)
    changed = bytearray(request.body)
    changed[at] ^= 1 << rng.randrange(8)
    return msgspec.structs.replace(request, body=bytes(changed))


def _append(rng: random.Random, kind: str, request: RawRequest) -> RawRequest:
    _, end = _covered(kind, request.body)
    more = rng.choice((b" ", b"\n", b"A", b"=", b"\0", "é".encode()))
    body = request.body[:end] + more + request.body[end:]
    return msgspec.structs.replace(request, body=body)


def _covered(kind: str, body: bytes) -> tuple[int, int]:
    pattern = _COVERED.get(kind)
    found = pattern.search(body) if pattern else None
    return found.span(1) if found else (0, len(body))
