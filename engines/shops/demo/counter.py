"""
The port's effects over HTTP: each takes place once for its key, or not at all.

An effect and its ``Idempotency-Key`` are one transaction.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from functools import partial
from typing import Annotated, Any, TypeVar

import msgspec
from litestar import Controller, Request, post
from litestar.datastructures import State
from litestar.params import FromPath, HeaderParameter, JSONBody

from engines.shops.demo import addresses, effects, payments, records
from engines.shops.demo.books import (
    Ask,
    KeyUse,
    Refusal,
    fingerprint,
)
from engines.shops.demo.carrying import carry_out, link_token
from engines.shops.demo.desk import books
from engines.shops.effects import OrderEffect, kind_of
from engines.shops.port import (
    Effect,
    Order,
)
from engines.shops.wire import (
    KEY_HEADER,
    AddressChange,
    Cancellation,
    Notification,
    RefundRequest,
)


Key = Annotated[
    str,
    HeaderParameter(
        name=KEY_HEADER, min_length=8, max_length=200, pattern=r"^[\x21-\x7e]+$"
    ),
]
Call = Request[Any, Any, State]
#: What a receipt says beside its number.
Detail = dict[str, Any]
_Body = TypeVar(
    "_Body", bound=AddressChange | RefundRequest | Cancellation | OrderEffect
)


class Counter(Controller):
    """Effects: each takes place once for its key, or not at all."""

    path = "/v1/customers/{user_id:str}"

    @post("/orders/{order_id:str}/address", status_code=200)
    async def change_address(
        self,
        *,
        state: State,
        user_id: FromPath[str],
        order_id: FromPath[str],
        key: Key,
        data: JSONBody[AddressChange],
    ) -> Effect:
        """Change the address of an unshipped order."""
        work = addresses.change_address
        return await _on_order(
            state, key, "change_address", (user_id, order_id), data, work
        )

    @post("/orders/{order_id:str}/address-when-paid", status_code=200)
    async def change_address_when_paid(
        self,
        *,
        request: Call,
        state: State,
        user_id: FromPath[str],
        order_id: FromPath[str],
        key: Key,
        data: JSONBody[AddressChange],
    ) -> Effect:
        """Ask for the higher freight by link; paying it changes the address."""
        token = link_token(key)
        url = f"{request.base_url}pay/{token}"

        def work(
            db: sqlite3.Connection, order: Order, body: AddressChange, at: str
        ) -> Detail:
            asked = payments.ask_payment(db, order, body, at, token)
            return {**asked, "payment_url": url}

        kind = "change_address_when_paid"
        return await _on_order(state, key, kind, (user_id, order_id), data, work)

    @post("/orders/{order_id:str}/line-refunds", status_code=200)
    async def refund_line(
        self,
        *,
        state: State,
        user_id: FromPath[str],
        order_id: FromPath[str],
        key: Key,
        data: JSONBody[RefundRequest],
    ) -> Effect:
        """Refund units of one line."""
        work = effects.refund_line
        return await _on_order(
            state, key, "refund_line", (user_id, order_id), data, work
        )

    @post("/orders/{order_id:str}/cancellation", status_code=200)
    async def cancel_order(
        self,
        *,
        state: State,
        user_id: FromPath[str],
        order_id: FromPath[str],
        key: Key,
        data: JSONBody[Cancellation],
    ) -> Effect:
        """Cancel an unshipped order."""
        work = effects.cancel_order
        return await _on_order(
            state, key, "cancel_order", (user_id, order_id), data, work
        )

    @post("/orders/{order_id:str}/effects/{kind:str}", status_code=200)
    async def perform(
        self,
        *,
        request: Call,
        state: State,
        user_id: FromPath[str],
        order_id: FromPath[str],
        kind: FromPath[str],
        key: Key,
        data: JSONBody[OrderEffect],
    ) -> Effect:
        """Any other effect on an order; *kind* is also in the body."""
        if kind != kind_of(data):
            raise Refusal("kind_mismatch", "path and body name different effects", 400)
        work = partial(carry_out, key=key, base_url=str(request.base_url))
        return await _on_order(state, key, kind, (user_id, order_id), data, work)

    @post("/notifications", status_code=200)
    async def notify(
        self,
        *,
        state: State,
        user_id: FromPath[str],
        key: Key,
        data: JSONBody[Notification],
    ) -> Effect:
        """Send the customer a notification of the shop."""
        ask = _ask(state, key, "notify", (user_id, "", data))
        return await books(state).perform(
            ask, lambda db: effects.notify(db, user_id, data, ask.at)
        )


async def _on_order(
    state: State,
    key: str,
    kind: str,
    at: tuple[str, str],
    body: _Body,
    work: Callable[[sqlite3.Connection, Order, _Body, str], Detail],
) -> Effect:
    """
    Do *work* on an order, once for *key*.

    Args:
        at: Customer and order.
    """
    ask = _ask(state, key, kind, (*at, body))
    return await books(state).perform(
        ask, lambda db: work(db, _order(state, db, *at, body), body, ask.at)
    )


def _order(
    state: State,
    db: sqlite3.Connection,
    user_id: str,
    order_id: str,
    body: AddressChange | RefundRequest | Cancellation | OrderEffect,
) -> Order:
    """The order an effect is on; a shop that honours no keys looks at no version."""
    found = records.order(db, user_id, order_id)
    if books(state).key_use is KeyUse.HONOURED:
        return found
    return msgspec.structs.replace(found, version=body.version)


def _ask(state: State, key: str, kind: str, request: tuple[object, ...]) -> Ask:
    at = state.clock().isoformat(timespec="seconds")
    return Ask(key, kind, fingerprint(kind, *request), at)
