"""
``/v1/route``: a turn from bare lines, judged as the gateway would judge it.

Lines from outside carry no open task; it is inferred from what the shop's last
line asks for, by the same function that evaluation uses.
"""

from __future__ import annotations

from engines.contract import Decision
from gateway.http.system import Judge
from gateway.http.wire import RouteIn
from router_models.router import TierRouter


def judge(router: TierRouter) -> Judge:
    """A judge that asks *router*; it changes nothing."""

    def decide(data: RouteIn, locale: str) -> Decision:
        raise NotImplementedError

    return decide
