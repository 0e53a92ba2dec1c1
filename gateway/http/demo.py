"""
What only the demo has: a list of customers to speak as.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from litestar import get
from litestar.handlers import HTTPRouteHandler


class DemoCustomer(NamedTuple):
    """A customer of the demo shop, with their orders."""

    user_id: str
    name: str
    locale: str
    orders: tuple[str, ...]


def demo_customers(customers: Sequence[DemoCustomer]) -> HTTPRouteHandler:
    """The route the chat page asks; elsewhere it is not there."""
    body = [customer._asdict() for customer in customers]

    @get("/v1/demo/customers", include_in_schema=False, sync_to_thread=False)
    def listed() -> list[dict[str, object]]:
        return body

    return listed
