"""
S13 to S15: personal data and other shops' data, looked for wherever they could go.
"""

from __future__ import annotations

import random
import re
from base64 import b64encode

import httpx
import msgspec

from engines.guard import find_split_personal_data, mask_personal_data
from gateway.store.connection import Scripts
from loadtest.attack_found import Found, in_batches
from loadtest.attack_house import (
    BUYERS,
    SHOPS,
    VICTIMS,
    House,
    Seat,
    canary,
    order_of,
)
from loadtest.personal_inputs import PersonalText, personal_text, shop_number_text


#: What must be reached: S13 of the plan.
MIN_RECALL, MAX_FALSE = 0.995, 0.001
#: The stand-in for a model forgets calls beyond so many.
_CALLS_KEPT = 1_500
_SEPARATORS = re.compile(r"[^0-9A-Za-z@.]")


async def s13_masking(_: House, count: int, rng: random.Random) -> Found:
    """Structured kinds in all spellings must go, numbers of the shop must stay."""
    found = Found()
    personal = [personal_text(rng) for _ in range(count // 2)]
    missed = [one for one in personal if not _is_masked(one)]
    shops = [shop_number_text(rng) for _ in range(count - len(personal))]
    gone = [text for text, number in shops if number not in mask_personal_data(text)]
    found.tried = count
    recall = 1 - len(missed) / max(1, len(personal))
    false = len(gone) / max(1, len(shops))
    found.note = f"recall {recall:.4%}, order numbers masked {false:.4%}"
    if recall < MIN_RECALL:
        for one in missed:
            found.fail(f"{one.kind}, {one.spelling}: {one.texts}")
    if false > MAX_FALSE:
        for text in gone:
            found.fail(f"{text!r} became {mask_personal_data(text)!r}")
    return found


def _is_masked(one: PersonalText) -> bool:
    if len(one.texts) == 1:
        return mask_personal_data(one.texts[0]) != one.texts[0]
    heads, tails = find_split_personal_data(*one.texts)
    return bool(heads and tails)


async def s14_sinks(house: House, count: int, rng: random.Random) -> Found:
    """
    Canaries go in as texts, ids and broken requests; nothing of them comes out in
    logs, metrics, errors, names of keys or prompts.
    """
    found = Found()
    drawn = [personal_text(rng, may_split=False) for _ in range(count)]
    errors: list[bytes] = []

    async def one(number: int) -> None:
        text = drawn[number].texts[0]
        if number % 5 == 0:
            errors.append((await _broken(house, text)).content)
        else:
            about = rng.choice(("", "，这个能退吗", "，帮我对比下两款", "，多久发货"))
            await house.post(house.fresh("pii"), text + about, house.fresh("u"))

    prompts: list[str] = []
    step = _CALLS_KEPT // 2
    for start in range(0, count, step):
        before = house.last_call
        await in_batches(range(start, min(count, start + step)), one)
        prompts += [_words(call) for call in house.calls_since(before)]
    sinks = {
        "log": (house.folder / "gateway.log").read_text("utf-8", "replace"),
        "metrics": (await house.ask("GET", "/metrics")).text,
        "errors": b"\n".join(errors).decode("utf-8", "replace"),
        "keys": await _key_names(house),
        "prompts": "\n".join(prompts),
    }
    found.tried = count
    bare = {name: _SEPARATORS.sub("", text) for name, text in sinks.items()}
    for personal in drawn:
        for name, text in bare.items():
            if personal.secret.lower() in text.lower():
                found.fail(f"{personal.kind} in {name}: {personal.texts[0]!r}")
    found.note = f"{len(prompts)} prompts, {len(sinks['log'])} characters of log"
    return found


def _words(call: dict[str, object]) -> str:
    return msgspec.json.encode(call["body"]).decode()


async def _broken(house: House, text: str) -> httpx.Response:
    """A request that is refused, with the canary in every place of it."""
    body = {"message_id": text, "user_id": text, "text": text, "phone": text}
    return await house.ask(
        "POST",
        "/v1/conversations/bad%00id/messages",
        json=body,
        headers=house.bearer(),
    )


async def _key_names(house: House) -> str:
    """Names of all keys; conversation ids are ours here, so nothing personal is in them."""
    scripts = await Scripts.connect(house.store_url)
    try:
        names = await scripts.command("{demo:0}", "KEYS", "*")
    finally:
        await scripts.close()
    return "\n".join(name.decode("utf-8", "replace") for name in names)


# --- S15 ---


async def s15_tenants(house: House, count: int, rng: random.Random) -> Found:
    """Two shops with the same ids of everything: neither hears of the other."""
    found = Found()
    seats = {shop: await house.seat("supervisor", shop) for shop in SHOPS}
    await _plant(house, seats)

    async def one(number: int) -> None:
        shop = SHOPS[number % 2]
        other = SHOPS[1 - number % 2]
        why = await _PROBES[number % len(_PROBES)](house, rng, shop, seats[shop])
        is_told = any(canary(other, u) in why for u in _USERS) or _word(other) in why
        found.check(not is_told, f"{shop} heard of {other}: {why[:200]}")

    await in_batches(range(count), one)
    return found


_USERS = (
    *(f"v{number}" for number in range(VICTIMS)),
    *(f"b{number}" for number in range(BUYERS)),
)


def _word(shop: str) -> str:
    """A word that only this shop's documents have."""
    return f"暗号鹦鹉{shop}"


async def _plant(house: House, seats: dict[str, Seat]) -> None:
    for shop, seat in seats.items():
        text = f"# 会员日说明\n\n会员日是每月8日。{_word(shop)}，会员日可以积分翻倍。"
        body = {"name": "member.md", "content": b64encode(text.encode()).decode()}
        answer = await house.ask(
            "POST", "/v1/knowledge", json=body, headers=seat.headers
        )
        answer.raise_for_status()
        await house.post("shared", f"我是{shop}的客人 转人工", "v1", shop=shop)


async def _asks_of_order(house: House, rng: random.Random, shop: str, _: Seat) -> str:
    user = rng.choice(_USERS)
    name = house.fresh("ten")
    text = f"订单{order_of(user)}寄到哪里，到哪了"
    await house.post(name, text, user, shop=shop)
    return await house.heard(name, shop=shop)


async def _asks_knowledge(house: House, rng: random.Random, shop: str, _: Seat) -> str:
    name = house.fresh("ten")
    text = rng.choice(("会员日是哪天", "暗号是什么", "会员日积分怎么算"))
    await house.post(name, text, "v2", shop=shop)
    return await house.heard(name, shop=shop)


async def _reads_shared(house: House, rng: random.Random, shop: str, _: Seat) -> str:
    """Names made to collide: "a:b" and "c", dots, hash tags."""
    name = rng.choice(("shared", "app.shared", "demo:0", "{rival:0}", "a:b", "b.c"))
    heard = await house.heard(name.replace("{", "%7B"), shop=shop)
    return heard if name != "shared" else heard.replace(f"我是{shop}", "")


async def _searches(house: House, rng: random.Random, shop: str, seat: Seat) -> str:
    other = next(one for one in SHOPS if one != shop)
    query = rng.choice(("会员日", "暗号鹦鹉", _word(other)))
    answer = await house.ask(
        "GET", "/v1/knowledge/search", params={"q": query}, headers=seat.headers
    )
    return answer.text


async def _looks_at_desk(house: House, rng: random.Random, _: str, seat: Seat) -> str:
    path = rng.choice(("/v1/desk/board", "/v1/actions", "/v1/load", "/v1/desk/session"))
    return (await house.ask("GET", path, headers=seat.headers)).text


async def _reads_metrics(house: House, _: random.Random, __: str, ___: Seat) -> str:
    return (await house.ask("GET", "/metrics")).text


_PROBES = (
    _asks_of_order,
    _asks_knowledge,
    _reads_shared,
    _searches,
    _looks_at_desk,
    _asks_of_order,
    _reads_shared,
    _reads_metrics,
)
