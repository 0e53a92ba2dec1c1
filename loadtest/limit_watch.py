"""
A watch between the agent and the shop: every effect that is asked for is noted.

The shop would refuse much by itself. What counts is therefore what it is *sent*:
an agent that leaves the limits to the shop has none.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextvars import ContextVar
from typing import Any

import msgspec

from engines.shops.effects import (
    ExchangeItem,
    OrderEffect,
    ProtectPrice,
    ReplaceItem,
    SendGift,
    kind_of,
)
from engines.shops.http import HttpShop
from engines.shops.port import Address, LineRefund, OrderAt
from loadtest.limit_draws import Wish


#: The wish that is being worked on, wherever the agent is with it.
WISH: ContextVar[Wish] = ContextVar("wish")
#: Recipe of an effect, where it goes by another name.
_RECIPES: Mapping[str, str] = {
    "protect_price": "price_protection",
    "send_gift": "claim_gift",
}


class Call(msgspec.Struct, kw_only=True):
    """
    One effect that the shop was asked for.

    Attributes:
        at_ms: In the agent's time.

        money_minor: What goes to the customer, as the call says it.

        units: Of the line, if it is about one.

        is_link: A link to pay by is asked for: no goods or money move by it.

        is_taken: It took place.
    """

    key: str
    recipe: str
    wish: Wish
    user: str
    order_id: str
    at_ms: int
    money_minor: int = 0
    line: int = 0
    units: int = 0
    is_link: bool = False
    is_taken: bool = False


class WatchedShop:
    """The shop's connector; effects are noted in *calls*, reads go through."""

    def __init__(
        self, shop: HttpShop, calls: list[Call], clock_ms: Callable[[], int]
    ) -> None:
        self._shop = shop
        self._calls = calls
        self._clock_ms = clock_ms

    def __getattr__(self, name: str) -> Any:
        real = getattr(self._shop, name)
        if name not in _NOTED:
            return real

        async def call(key: str, *args: Any) -> Any:
            noted = Call(
                key=key, at_ms=self._clock_ms(), wish=WISH.get(), **_NOTED[name](*args)
            )
            self._calls.append(noted)
            effect = await real(key, *args)
            noted.is_taken = True
            return effect

        return call


def _at(at: OrderAt, recipe: str, **more: Any) -> dict[str, Any]:
    return {"recipe": recipe, "user": at.user_id, "order_id": at.order_id, **more}


def _refund(at: OrderAt, refund: LineRefund) -> dict[str, Any]:
    return _at(
        at,
        "refund_item",
        money_minor=refund.amount_minor,
        line=refund.line,
        units=refund.quantity,
    )


def _cancellation(at: OrderAt, amount_minor: int, _points: int) -> dict[str, Any]:
    return _at(at, "cancel_order", money_minor=amount_minor)


def _address(at: OrderAt, _address: Address, _freight: int) -> dict[str, Any]:
    return _at(at, "change_address")


def _performed(user: str, order_id: str, effect: OrderEffect) -> dict[str, Any]:
    kind = kind_of(effect)
    found: dict[str, Any] = {"recipe": _RECIPES.get(kind, kind), "user": user}
    match effect:
        case ExchangeItem():
            found |= {"money_minor": max(0, -effect.difference_minor)}
            # A dearer one is a link to pay by, and moves nothing until it is paid.
            is_link = effect.difference_minor > 0
            found |= {"line": effect.line, "units": effect.quantity, "is_link": is_link}
        case ProtectPrice():
            found |= {"money_minor": effect.amount_minor}
            found |= {"line": effect.line, "units": effect.quantity}
        case ReplaceItem():
            found |= {"line": effect.line, "units": effect.quantity}
        case SendGift():
            found |= {"line": effect.line, "units": 1}
        case _:
            pass
    return found | {"order_id": order_id}


_NOTED: Mapping[str, Callable[..., dict[str, Any]]] = {
    "refund_line": _refund,
    "cancel_order": _cancellation,
    "change_address": _address,
    "change_address_when_paid": _address,
    "perform": _performed,
}
