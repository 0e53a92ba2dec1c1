"""
``/v1/route``: a turn from bare lines, judged as evaluation judges it.
"""

from __future__ import annotations

from engines.contract import Decision, Utterance
from gateway.http.system import Judge
from gateway.http.wire import RouteIn
from router_models.router import TierRouter
from router_models.situation import situate


def judge(router: TierRouter) -> Judge:
    """A judge that asks *router*; it changes nothing."""

    def decide(data: RouteIn) -> Decision:
        context = tuple(Utterance(line.role, line.text) for line in data.context)
        return router.decide(situate(router, data.text, context, data.locale))

    return decide
