"""
Rows of the fault matrix about what the gateway depends on: models, the shop's system.

A small number of customers ask what needs the model or the shop while it misbehaves.
Every message must end, no order may move, and afterwards all is well again.
"""

from __future__ import annotations

import asyncio
import secrets
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from time import monotonic
from typing import NamedTuple, get_args

import httpx
import msgspec

from engines.llm import EndpointConfig
from gateway.stack import Stack, running
from loadtest.attack_house import seed_of
from loadtest.llm_manners import Garbage, Manners
from loadtest.llm_stub_process import StubControl, running_stub
from loadtest.matrix_row import Matrix, Outcome
from loadtest.shop_process import ShopProcess


#: A message may take so long while its model does not answer, seconds.
_LONGEST_S = 20.0
_TEXTS = (
    "电热水壶和保温杯哪个适合送老人",
    "把我的订单退一件，看着办",
    "which lamp is better for reading at night",
    "我的快递到哪了",
)


class _Place(NamedTuple):
    """A gateway, the model and the shop behind it."""

    stack: Stack
    stub: StubControl
    shop: ShopProcess


@contextmanager
def _open(matrix: Matrix) -> Iterator[_Place]:
    with tempfile.TemporaryDirectory(prefix="tg-") as name, running_stub() as stub:
        folder, key = Path(name), secrets.token_hex(16)
        shop = ShopProcess(folder / "shop", key, seed_of("demo"))
        shop.start()
        replace, config = msgspec.structs.replace, matrix.config
        endpoint = EndpointConfig(name="stub", url=stub.url, model="stub")
        shops = tuple(
            replace(one, business_url=shop.url, business_key=key)
            for one in config.shops
        )
        ours = replace(
            config,
            data_dir=str(folder / "data"),
            server=replace(config.server, port=0),
            log=replace(config.log, path=str(folder / "log")),
            llm=replace(config.llm, endpoints=(endpoint,)),
            shops=shops,
        )
        try:
            with running(ours, matrix.tell) as stack:
                yield _Place(stack, stub, shop)
        finally:
            shop.kill()


class _Asked(NamedTuple):
    statuses: list[int]
    slowest_s: float


async def _ask(place: _Place, texts: Sequence[str], prefix: str) -> _Asked:
    """Each text in a conversation of its own, all at once."""
    key = {"authorization": f"Bearer {place.stack.key}"}
    async with httpx.AsyncClient(
        base_url=place.stack.url, headers=key, timeout=60, trust_env=False
    ) as http:

        async def one(number: int, text: str) -> tuple[int, float]:
            started = monotonic()
            answer = await http.post(
                f"/v1/conversations/{prefix}{number}/messages",
                json={
                    "message_id": f"{prefix}{number}",
                    "user_id": f"b{number % 40}",
                    "text": text,
                },
            )
            return answer.status_code, monotonic() - started

        told = await asyncio.gather(*(one(n, t) for n, t in enumerate(texts)))
    return _Asked([status for status, _ in told], max(took for _, took in told))


def _judged(place: _Place, asked: _Asked, again: _Asked) -> Outcome:
    moved = [o.id for o in place.shop.books().orders.values() if o.version > 1]
    fine = all(
        status == httpx.codes.OK for status in (*asked.statuses, *again.statuses)
    )
    found = (
        f"{len(asked.statuses)} asked, all ended: {fine}, slowest"
        f" {asked.slowest_s:.1f} s, {len(moved)} effects; afterwards {again.slowest_s:.1f} s"
    )
    return Outcome(fine and not moved and asked.slowest_s < _LONGEST_S, found, 0)


def model(*manners: Manners) -> Callable[[Matrix], Outcome]:
    """A row in which the model has bad manners of each kind in turn."""

    def row(matrix: Matrix) -> Outcome:
        with _open(matrix) as place:
            statuses: list[int] = []
            slowest = 0.0
            for number, bad in enumerate(manners):
                place.stub.manners(bad)
                asked = asyncio.run(_ask(place, _TEXTS, f"bad{number}-"))
                statuses += asked.statuses
                slowest = max(slowest, asked.slowest_s)
            place.stub.manners(Manners())
            again = asyncio.run(_ask(place, _TEXTS, "well-"))
            return _judged(place, _Asked(statuses, slowest), again)

    return row


def garbage() -> Callable[[Matrix], Outcome]:
    """Every kind of garbage that the stand-in knows."""
    kinds = [kind for kind in get_args(Garbage) if kind]
    return model(*(Manners(garbage=kind) for kind in kinds))


def shop_away(matrix: Matrix) -> Outcome:
    """The shop's system is gone for a while: nothing hangs, nothing is invented."""
    with _open(matrix) as place:
        place.shop.kill()
        asked = asyncio.run(_ask(place, _TEXTS * 3, "away-"))
        place.shop.start()
        again = asyncio.run(_ask(place, _TEXTS, "well-"))
        return _judged(place, asked, again)


def flood(matrix: Matrix) -> Outcome:
    """Ids without end do not become series of metrics; one talk's flood stays there."""
    with _open(matrix) as place:
        before = _series(place.stack.url)
        texts = ["多久发货"] * 400
        asked = asyncio.run(_ask(place, texts, f"flood-{secrets.token_hex(4)}-"))
        grown = _series(place.stack.url) - before
        outcome = _judged(place, asked, asked)
    return Outcome(
        outcome.is_fine and grown < len(texts) // 4,
        f"{outcome.found}, +{grown} series",
        0,
    )


def _series(url: str) -> int:
    text = httpx.get(f"{url}/metrics", trust_env=False).text
    return sum(1 for one in text.splitlines() if one and not one.startswith("#"))
