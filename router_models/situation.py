"""
A turn from what the outside knows: a text and the lines before it.

The gateway builds its turns from its own state. ``/v1/route``, ``route`` and ``eval``
get bare lines; here the open task is read from them and the request behind it is judged by
the router itself.
"""

from __future__ import annotations

from collections.abc import Sequence

from engines.contract import (
    RISK_ORDER,
    Decision,
    Locale,
    OpenTask,
    Turn,
    Utterance,
)
from router_models.open_task import Asked, infer_open_task, inferred_task
from router_models.router import TierRouter
from router_models.text import locale_of
from router_models.turns import turn_of
from router_models.verdict import COMPLEXITY_ORDER


#: How far back a chain of answered questions is followed.
_DEPTH = 6


def situate(
    router: TierRouter,
    text: str,
    context: Sequence[Utterance] = (),
    locale: Locale | None = None,
) -> Turn:
    """
    The turn that *text* is after the lines of *context*.

    Args:
        locale: Language, read from the text if None.
    """
    language = locale or locale_of(text, _language(context))
    return turn_of(text, language, context, read_task(router, context, language))


def read_task(
    router: TierRouter,
    context: Sequence[Utterance],
    locale: Locale,
    depth: int = _DEPTH,
) -> OpenTask | None:
    """
    The task that the shop's last line in *context* leaves open, judged by *router*.

    Its labels are those of the customer's line it began with. An offer may go further than
    the request, so where consent is waited for the shop's own line counts as well.
    """
    asked = infer_open_task(context)
    if asked is None:
        return None
    verdicts = []
    if asked.request_at is not None:
        verdicts.append(_request(router, context, asked, locale, depth))
    if asked.waits_for == "consent" or not verdicts:
        verdicts.append(router.decide(turn_of(context[asked.at].text, locale)))
    complexity = max((v.complexity for v in verdicts), key=COMPLEXITY_ORDER.__getitem__)
    risk = max((v.risk for v in verdicts), key=RISK_ORDER.__getitem__)
    return inferred_task(asked, (complexity, risk))


def _request(
    router: TierRouter,
    context: Sequence[Utterance],
    asked: Asked,
    locale: Locale,
    depth: int,
) -> Decision:
    at = asked.request_at or 0
    before = context[:at]
    task = read_task(router, before, locale, depth - 1) if depth else None
    return router.decide(turn_of(context[at].text, locale, before, task))


def _language(context: Sequence[Utterance]) -> Locale:
    said = " ".join(line.text for line in context if line.role == "customer")
    return locale_of(said)
