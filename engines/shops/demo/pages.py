"""
What needs no key: the liveness answer, and the payment pages behind a link.

A page says what is to be paid and has one button; paying twice pays once.
"""

from __future__ import annotations

from typing import Any

from litestar import MediaType, get, post
from litestar.datastructures import State
from litestar.params import FromPath

from engines.shops.demo import payments
from engines.shops.demo.desk import books


@get("/healthz", opt={"is_open": True})
async def healthz() -> dict[str, str]:
    """Say that the process is there."""
    return {"status": "ok"}


@get("/pay/{token:str}", media_type=MediaType.HTML, opt={"is_open": True})
async def payment_page(state: State, token: FromPath[str]) -> str:
    """Show what is to be paid, with one button."""
    found = await books(state).read(lambda db: payments.link(db, token))
    return _page(found)


@post("/pay/{token:str}", media_type=MediaType.HTML, opt={"is_open": True})
async def take_payment(state: State, token: FromPath[str]) -> str:
    """Take the payment and apply what it was for."""
    at = state.clock().isoformat(timespec="seconds")
    found = await books(state).write(lambda db: payments.pay(db, token, at))
    return _page(found)


#: Handlers of this module.
OPEN = (healthz, payment_page, take_payment)


def _page(found: dict[str, Any]) -> str:
    amount = f"{found['amount_minor'] / 100:.2f}"
    words = {
        "open": f"订单 {found['order_id']} 需补 ¥{amount} · To pay: CNY {amount}"
        '<form method="post"><button>支付 · Pay</button></form>',
        "paid": "已支付，变更已生效 · Paid; the change is in effect",
        "void": "链接已失效，没有扣款 · This link is void; nothing was charged",
    }
    return (
        '<!doctype html><html lang="zh"><meta charset="utf-8">'
        f"<title>潮汐优选 · Tide Goods</title><p>{words[found['status']]}</p></html>"
    )
