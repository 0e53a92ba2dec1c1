"""
A pack against utterance files: how often it is right, wrong, or silent.

A line of a file is JSON: ``{"text", "intent", "locale"?}``; an intent of null
says that L1 must not answer. An answer is wrong if it is another intent's; a
typed hand-on tells the customer nothing, so it counts as neither.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

import msgspec

from engines.contract import Locale
from engines.rules.engine import RulesEngine
from engines.rules.matcher import Match
from engines.rules.plain_files import numbered_lines, refuse


class Case(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """
    One utterance and what it should find.

    Attributes:
        intent: None if nothing may be answered.
    """

    text: str
    intent: str | None
    locale: Locale = "zh"


#: Says in a file that L1 must not answer, as null does.
NONE: Final = "none"


class Slip(msgspec.Struct, frozen=True):
    """An utterance that did not find what it should; *found* is empty for a miss."""

    text: str
    expected: str
    found: str
    is_wrong: bool


class Score(msgspec.Struct, frozen=True):
    """
    How one set of utterances did.

    Attributes:
        right: Found what they should, or were left alone as they should.

        wrong: Were answered with something else.

        missed: The rest.
    """

    cases: int
    right: int
    wrong: int
    missed: int
    slips: list[Slip]

    @property
    def right_share(self) -> float:
        """Part of the cases that is right; 1 of none."""
        return self.right / self.cases if self.cases else 1.0

    @property
    def wrong_share(self) -> float:
        """Part of the cases that is wrong; 0 of none."""
        return self.wrong / self.cases if self.cases else 0.0


def read_cases(path: Path) -> Iterator[Case]:
    """
    Cases of one file of JSON lines; blank lines are left out.

    Raises:
        BadFile: If the file is no text, holds no case, or at the first line that is none.
    """
    for number, line in numbered_lines(path):
        try:
            yield msgspec.json.decode(line, type=Case)
        except msgspec.MsgspecError as exc:
            fix = 'write {"text": "…", "intent": "an.id" or null, "locale": "zh"}'
            raise refuse(path, number, str(exc), fix) from exc


def try_out(engine: RulesEngine, cases: Iterable[Case]) -> Score:
    """Match every case and count."""
    counts: Counter[str] = Counter()
    slips: list[Slip] = []
    for case in cases:
        found = engine.match(case.text, case.locale)
        intent = found.intent.id if isinstance(found, Match) else ""
        says = isinstance(found, Match) and not found.intent.needs
        wanted = case.intent if case.intent != NONE else None
        is_right = intent == wanted if wanted else not says
        is_wrong = not is_right and says
        outcome = "right" if is_right else "wrong" if is_wrong else "missed"
        counts[outcome] += 1
        if not is_right:
            slips.append(Slip(case.text, case.intent or "", intent, is_wrong))
    return Score(
        sum(counts.values()), counts["right"], counts["wrong"], counts["missed"], slips
    )
