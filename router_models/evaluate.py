"""
Labelled rows from any source, judged by a router, and the figures of it.

A row is one JSON object a line: ``{id?, text, context?: [{role, text}], locale?}`` with any
of the labels ``complexity, risk, asks_human, tier, emotion, intent``. Missing labels
are not scored.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Literal

import msgspec

from engines.contract import (
    Complexity,
    Decision,
    Emotion,
    Locale,
    Risk,
    Tier,
    Turn,
    Utterance,
)
from router_models.metrics import (
    HeadReport,
    SliceReport,
    confusion,
    head_report,
    left_at_l1,
    recall_and_alarms,
    severe_share,
)
from router_models.router import Explanation, TierRouter
from router_models.situation import situate


HEADS = ("complexity", "risk", "asks_human", "tier", "emotion", "intent")

#: Characters a line may have: a row with its context is far below.
MAX_LINE = 1_000_000


class RowError(ValueError):
    """
    A line is not a row.

    Attributes:
        line: Its number, from 1.
    """

    def __init__(self, line: int, problem: str) -> None:
        super().__init__(
            f"line {line}: {problem}; write a JSON object with at least `text`"
        )
        self.line = line


class Row(msgspec.Struct, frozen=True):
    """
    One line of a file of rows; labels that are None are not scored.

    Rows come from anywhere: fields that are not ours are passed over.
    """

    text: str
    id: str | int | None = None
    context: tuple[Utterance, ...] = ()
    locale: Locale | None = None
    complexity: Complexity | None = None
    risk: Risk | None = None
    asks_human: bool | Literal["yes", "no"] | None = None
    tier: Tier | None = None
    emotion: Emotion | None = None
    intent: str | None = None


class Judged(msgspec.Struct, frozen=True):
    """
    A row's labels by head, as text, beside what the router said.

    Attributes:
        chances: Probability stated for each given label; none for a label that a rule
            set, since no model states it.
    """

    turn: Turn
    wanted: dict[str, str]
    given: dict[str, str]
    chances: dict[str, float]
    found: Explanation

    @property
    def locale(self) -> Locale:
        """Language of the turn."""
        return self.turn.locale


class EvalReport(msgspec.Struct, frozen=True, kw_only=True):
    """Figures over all rows and by language, and the model they speak of."""

    model: str
    n: int
    overall: SliceReport
    by_locale: dict[str, SliceReport]


def read_rows(lines: Iterable[str | bytes]) -> Iterator[Row]:
    """
    Decode rows one by one; blank lines are skipped.

    Raises:
        RowError: At the first line that is not a row; names line, problem and fix.
    """
    decoder = msgspec.json.Decoder(Row)
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        if len(line) > MAX_LINE:
            raise RowError(number, f"longer than {MAX_LINE} characters")
        try:
            yield decoder.decode(line)
        except (msgspec.MsgspecError, UnicodeError, RecursionError) as exc:
            raise RowError(number, str(exc)) from exc


def route_row(router: TierRouter, row: Row) -> Decision:
    """What the router says of a bare row."""
    return router.decide(situate(router, row.text, row.context, row.locale))


def evaluate(
    rows: Iterable[Row],
    router: TierRouter,
    progress: Callable[[int], object] = id,
) -> EvalReport:
    """
    Route every row and compare with its labels.

    Args:
        progress: Called with the number of rows done.
    """
    judged = []
    for done, row in enumerate(rows, 1):
        turn = situate(router, row.text, row.context, row.locale)
        judged.append(judge(router, turn, wanted_labels(row)))
        progress(done)
    return report(judged, router.version)


def wanted_labels(row: Row) -> dict[str, str]:
    """The labels a row has, as text; asks_human is ``yes`` or ``no``."""
    found = {name: getattr(row, name) for name in HEADS}
    return {name: _text(value) for name, value in found.items() if value is not None}


def judge(router: TierRouter, turn: Turn, wanted: dict[str, str]) -> Judged:
    """Route *turn* and put its wanted labels beside."""
    found = router.explain(turn)
    given = {name: _text(getattr(found.decision, name)) for name in HEADS}
    return Judged(turn, wanted, given, _stated(found), found)


def _stated(found: Explanation) -> dict[str, float]:
    """The probability behind each decided label; that of the task where it decided."""
    decision, chances = found.decision, found.chances
    asks = chances["asks_human"]["yes"]
    stated = {
        name: chances[name][getattr(decision, name)]
        for name in ("complexity", "risk", "emotion")
    }
    stated["asks_human"] = asks if decision.asks_human else 1.0 - asks
    stated["tier"] = found.needed[decision.tier]
    if found.continues:
        of_task = chances["continues"]["yes"]
        stated |= dict.fromkeys(("complexity", "risk", "tier"), of_task)
    elif decision.tier == "human":
        person = found.needed[decision.tier]
        stated["tier"] = 1.0 - (1.0 - asks) * (1.0 - person)
    for name in found.raised:
        stated.pop(name, None)
    if found.raised:
        stated.pop("tier", None)
    return stated


def report(judged: Sequence[Judged], model: str) -> EvalReport:
    """Sum up judged rows, all together and by language."""
    locales = sorted({one.locale for one in judged})
    return EvalReport(
        model=model,
        n=len(judged),
        overall=sum_up(judged),
        by_locale={
            locale: sum_up([one for one in judged if one.locale == locale])
            for locale in locales
        },
    )


def sum_up(judged: Sequence[Judged]) -> SliceReport:
    """All figures of some rows."""
    heads = {}
    for name in HEADS:
        found = _head(name, judged)
        if found is not None:
            heads[name] = found
    tiers = _pairs("tier", judged)
    risks = _pairs("risk", judged)
    recall, alarms = recall_and_alarms(*([a == "high" for a in side] for side in risks))
    return SliceReport(
        n=len(judged),
        heads=heads,
        tiers=confusion(*tiers),
        severe_under_routing=severe_share(*tiers),
        left_at_l1=left_at_l1(*tiers),
        high_risk_recall=recall,
        high_risk_false_alarms=alarms,
    )


def _head(name: str, judged: Sequence[Judged]) -> HeadReport | None:
    wanted, given = _pairs(name, judged)
    if not wanted:
        return None
    chances = [one.chances.get(name) for one in judged if name in one.wanted]
    return head_report(wanted, given, chances)


def _pairs(name: str, judged: Sequence[Judged]) -> tuple[list[str], list[str]]:
    both = [(one.wanted[name], one.given[name]) for one in judged if name in one.wanted]
    return [a for a, _ in both], [b for _, b in both]


def _text(value: object) -> str:
    return ("no", "yes")[value] if isinstance(value, bool) else str(value)
