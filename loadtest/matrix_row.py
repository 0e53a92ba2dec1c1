"""
What a row of the fault matrix is given, and what it says.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import msgspec

from gateway.config import Config
from loadtest.faults import FaultReport


class Matrix(msgspec.Struct, frozen=True, kw_only=True):
    """
    What every row runs with.

    Attributes:
        messages / strikes: Of one run under load.
    """

    config: Config
    messages: int
    strikes: int
    seed: int
    tell: Callable[[str], None]

    @property
    def shop(self) -> str:
        """Id of the shop that clients write to."""
        return self.config.shops[0].id


class Outcome(NamedTuple):
    """
    How a row ended.

    Attributes:
        found: Figures, in words.

        kills: Strikes that hit something.
    """

    is_fine: bool
    found: str
    kills: int


def judged(report: FaultReport) -> Outcome:
    """A run under load, in the words of the matrix."""
    verdict = report.verdict
    ended = verdict.answered + verdict.with_people
    is_whole = verdict.acknowledged == ended == report.messages
    found = (
        f"{verdict.acknowledged} acknowledged, {verdict.answered} answered,"
        f" {verdict.with_people} with people, {verdict.count('lost')} lost,"
        f" {verdict.count('twice')} twice, {verdict.count('disorder')} out of order,"
        f" {report.struck} strikes, slowest {report.slowest_s:.1f} s"
    )
    is_fine = is_whole and not verdict.findings and not report.unacknowledged
    return Outcome(is_fine, found, report.struck)
