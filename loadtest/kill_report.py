"""
What many kills showed: what was killed, how long take-overs took, what was found.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import msgspec

from loadtest.history import Finding
from loadtest.l3_faults import L3Report


#: Longest take-over that the house promises, seconds.
PROMISED_S = 30.0


class Spread(msgspec.Struct, frozen=True, kw_only=True):
    """Take-over times in seconds, of the kills that hit open messages."""

    kills: int
    p50_s: float
    p95_s: float
    max_s: float


class KillReport(msgspec.Struct, frozen=True, kw_only=True):
    """
    What was killed, and what came of it.

    Attributes:
        places: Kills by what and where.

        unacknowledged: Messages whose senders gave up.

        tasks: What the kills under L3 tasks showed; None if there were none.
    """

    kills: int
    places: dict[str, int]
    messages: int
    takeover: Spread
    lease_ms: int
    unacknowledged: int
    seconds: float
    findings: tuple[Finding, ...]
    tasks: L3Report | None = None

    @property
    def is_kept(self) -> bool:
        """True if nothing was found and no take-over was longer than promised."""
        tasks = self.tasks
        is_clean = not self.findings and not self.unacknowledged
        return (
            is_clean
            and self.takeover.max_s <= PROMISED_S
            and (tasks is None or not (tasks.findings or tasks.unacknowledged))
        )

    def count(self, kind: str) -> int:
        """Findings of one kind, in conversations and tasks."""
        return sum(one.kind == kind for one in self.all_findings)

    @property
    def all_findings(self) -> tuple[Finding, ...]:
        """Of conversations and of tasks."""
        return self.findings + (self.tasks.findings if self.tasks else ())


def spread(times_s: Sequence[float]) -> Spread:
    """Nearest-rank quantiles; zeros if there are no times."""
    ranked = sorted(times_s) or [0.0]

    def at(share: float) -> float:
        return ranked[math.ceil(share * len(ranked)) - 1]

    return Spread(kills=len(times_s), p50_s=at(0.5), p95_s=at(0.95), max_s=ranked[-1])
