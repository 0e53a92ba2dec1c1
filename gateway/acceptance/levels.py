"""
The levels of a shop's service, tested one by one, in one report.

    L1  self-resolution   cases in which L1 has to answer everything by itself: passed
    L2  intent            steps that name an intent: the router took them for it
        answers           cases of single questions that need the knowledge: passed
        context           cases whose last message means nothing without what was said
    L3  closed loops      cases after which something has to be different in the shop:
                          passed by the shop's state

A case counts once however often it is played, and as passed only if it passed every
time; its interval is Wilson's, of the cases. Which level a case belongs to is said by
its tags (``L1``, ``L2``, ``context``); without one, whatever must be done is L3's.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import msgspec

from gateway.acceptance.running import Outcome
from gateway.acceptance.suite import Case, Suite
from gateway.insight.outcomes import Rate, rate


#: What is measured, in the order of the report.
MEASURES = (
    "L1 self-resolution",
    "L2 intent",
    "L2 answers",
    "L2 context",
    "L3 closed loops",
)


class Measure(msgspec.Struct, frozen=True, kw_only=True):
    """
    One line of the report.

    Attributes:
        found: Share, sample size and 95 % interval; None if nothing was played.

        missed: Cases that failed, or messages taken for something else.
    """

    name: str
    found: Rate | None
    missed: tuple[str, ...]


def measure(played: Sequence[tuple[Suite, Outcome]]) -> tuple[Measure, ...]:
    """The levels, over all suites that were played."""
    trials = [*_cases(played), *_intents(played)]
    return tuple(_measured(name, trials) for name in MEASURES)


#: Name of the measure, what was tried, whether it held.
_Trial = tuple[str, str, bool]


def _measured(name: str, trials: Iterable[_Trial]) -> Measure:
    own = [(what, held) for of, what, held in trials if of == name]
    return Measure(
        name=name,
        found=rate(sum(held for _, held in own), len(own)),
        missed=tuple(what for what, held in own if not held),
    )


def _cases(played: Iterable[tuple[Suite, Outcome]]) -> Iterator[_Trial]:
    for suite, outcome in played:
        failed = {one.case for one in outcome.results if one.problems}
        for case in suite.cases:
            name = level_of(case)
            if name is not None:
                yield name, f"{suite.suite}/{case.id}", case.id not in failed


def level_of(case: Case) -> str | None:
    """The measure that *case* counts for; None for one that must change nothing."""
    if "L1" in case.tags:
        return "L1 self-resolution"
    if "context" in case.tags:
        return "L2 context"
    if "L2" in case.tags:
        return "L2 answers"
    wanted = case.expect
    is_loop = bool(wanted.changes or wanted.created or wanted.ledger)
    return "L3 closed loops" if is_loop else None


def _intents(played: Iterable[tuple[Suite, Outcome]]) -> Iterator[_Trial]:
    for suite, outcome in played:
        talks = {one.case: one.talk for one in outcome.results if one.run == 1}
        for case in suite.cases:
            lines = talks.get(case.id, ())
            for step, line in zip(case.turns, lines, strict=False):
                wanted = step.reply.intent
                if wanted is not None:
                    told = f"{step.say}: {line.intent or '-'} for {wanted}"
                    yield "L2 intent", told, line.intent == wanted
