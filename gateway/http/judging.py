"""
``/v1/route``: a turn from bare lines, judged as evaluation judges it, and why.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from engines.contract import Decision, OpenTask, Utterance
from gateway.http.wire import RouteIn
from router_models.certificates import Certificate
from router_models.compiled import Thresholds
from router_models.fleet import Fleet
from router_models.router import Feature
from router_models.situation import situate


class Why(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """
    What led to a decision.

    Attributes:
        rules: Hard rules hit; *raised* are the labels they set.

        chances: Calibrated probabilities by head and label, before rules.

        needed: Chance of each tier to be the lowest that suffices.

        continues: The turn only supplies what *open_task* waits for.

        is_abstained: The model did not know; the turn went one tier up.

        peak: How well the model knows such turns; lines are in *thresholds* and in
            *certificate*, which says what was proven of turns like it.

        features: What spoke most for the decided labels.
    """

    rules: tuple[str, ...] = ()
    raised: tuple[str, ...] = ()
    chances: dict[str, dict[str, float]]
    needed: dict[str, float]
    continues: bool = False
    is_abstained: bool = False
    peak: float
    open_task: OpenTask | None = None
    thresholds: Thresholds
    certificate: Certificate | None = None
    features: dict[str, list[Feature]]


class Routed(Decision, frozen=True, kw_only=True, omit_defaults=True):
    """A decision and why it is so."""

    explanation: Why


#: A turn of bare lines -> decision with reasons.
Judge = Callable[[RouteIn], Routed]


def judge(fleet: Fleet) -> Judge:
    """A judge that asks the model that serves; it changes nothing."""

    def decide(data: RouteIn) -> Routed:
        router = fleet.active.router
        context = tuple(Utterance(line.role, line.text) for line in data.context)
        found = router.explain(situate(router, data.text, context, data.locale))
        why = {name: getattr(found, name) for name in Why.__struct_fields__}
        decision = msgspec.structs.asdict(found.decision)
        return Routed(**decision, explanation=Why(**why))

    return decide
