"""
Switches that make the demo shop misbehave after it has done its work.

Only there when the service was started with faults allowed. A fault strikes
calls of one kind of effect (or all), as often as it was set, and never touches
the books: the effect took place, only the answer suffers, except for
``error_before``, where nothing took place.
"""

from __future__ import annotations

import asyncio
from typing import Annotated, Literal

import msgspec
from litestar.datastructures import Headers
from litestar.enums import ScopeType
from litestar.middleware import ASGIMiddleware
from litestar.types import ASGIApp, Receive, Scope, Send

from engines.shops.wire import KEY_HEADER


Mode = Literal["delay_after", "drop_reply", "error_after", "error_before"]


class Fault(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """
    One fault to come.

    Attributes:
        path_end: Strikes effects whose path ends so, for example
            ``/line-refunds``; empty strikes every effect.
        times: How many calls it strikes.
    """

    mode: Mode
    times: Annotated[int, msgspec.Meta(ge=1, le=10_000)] = 1
    delay_s: Annotated[float, msgspec.Meta(ge=0, le=60)] = 0.0
    path_end: str = ""


class Switchboard:
    """Faults that are set and not yet used up, in the order they were set."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []

    def set(self, fault: Fault) -> None:
        """Add a fault after those already set."""
        self._faults.append(fault)

    def clear(self) -> None:
        """Forget every fault."""
        self._faults.clear()

    def take(self, path: str) -> Fault | None:
        """Use one strike up, if a fault is set for *path*."""
        for position, fault in enumerate(self._faults):
            if path.endswith(fault.path_end):
                left = fault.times - 1
                self._faults[position : position + 1] = (
                    [msgspec.structs.replace(fault, times=left)] if left else []
                )
                return fault
        return None


class Saboteur(ASGIMiddleware):
    """Applies the switchboard to calls that carry an idempotency key."""

    scopes = (ScopeType.HTTP,)

    def __init__(self, switchboard: Switchboard) -> None:
        self._switchboard = switchboard

    async def handle(
        self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp
    ) -> None:
        """Let the call through, then spoil its answer if a fault is due."""
        fault = None
        if KEY_HEADER in Headers.from_scope(scope):
            fault = self._switchboard.take(scope["path"])
        if fault is None:
            await next_app(scope, receive, send)
            return
        if fault.mode != "error_before":
            await next_app(scope, receive, _swallow)
            await asyncio.sleep(fault.delay_s)
        await _spoiled(fault.mode, send)


async def _swallow(_message: object) -> None:
    """Drop the answer of the service."""


async def _spoiled(mode: Mode, send: Send) -> None:
    """
    Answer 500, or start an answer and break it off.

    A response that is started and not finished makes the server close the
    line, so the caller sees a reply that was cut.
    """
    is_cut = mode in {"drop_reply", "delay_after"}
    await send(
        {
            "type": "http.response.start",
            "status": 200 if is_cut else 500,
            "headers": [(b"content-length", b"1000" if is_cut else b"0")],
        }
    )
    if not is_cut:
        await send({"type": "http.response.body", "body": b"", "more_body": False})
