"""
Which candidate a message is likest to, and by how much: the sums of L1.

A port with two implementations that give equal results: the plain one here,
and ``native`` in machine code where numba is installed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple, Protocol

from engines.contract import Locale
from engines.rules import calibration, folding
from engines.rules.calibration import MAX_LEAD
from engines.rules.profiles import IntentProfiles
from engines.rules.reading import Reading
from engines.rules.similarity import Likeness, SimilarityIndex


#: A candidate that only a rule or an expression proposes.
UNLIKE: Final = Likeness(0.0, 0.0)


class Scored(NamedTuple):
    """
    The best candidate of a message.

    Attributes:
        cosine, overlap: Likeness to its likest example.

        coverage: Share of the message's weight that its examples know.

        lead: How far it is ahead of the next candidate, up to MAX_LEAD.

        work: Entries and candidates touched.
    """

    intent: int
    cosine: float
    overlap: float
    coverage: float
    lead: float
    work: int


class Scorer(Protocol):
    """Finds the best candidate; keeps no state between messages."""

    def score(
        self,
        message: Reading,
        letters: str,
        bonuses: Mapping[int, float],
        excluding: Sequence[int],
    ) -> Scored | None:
        """
        Find the best candidate of a message; None if there is none.

        Args:
            letters: The squeezed message.

            bonuses: Candidates that rules propose, with what that adds.

            excluding: Positions of the exclusions that apply; what they name is
                no candidate, whatever proposes it.
        """
        ...


class PlainScorer:
    """The sums in Python."""

    def __init__(
        self,
        locale: Locale,
        index: SimilarityIndex,
        profiles: IntentProfiles,
        priorities: Sequence[float],
        exclusions: Sequence[frozenset[int]],
    ) -> None:
        self._locale: Locale = locale
        self._index = index
        self._profiles = profiles
        self._priorities = priorities
        self._exclusions = exclusions

    def score(
        self,
        message: Reading,
        letters: str,
        bonuses: Mapping[int, float],
        excluding: Sequence[int],
    ) -> Scored | None:
        """As the protocol says."""
        weights = self._index.weigh(message)
        grams = folding.grams(letters, self._locale)
        likest, work = self._index.nearest(message, grams, weights)
        for intent in bonuses:
            likest.setdefault(intent, UNLIKE)
        for number in excluding:
            for intent in likest.keys() & self._exclusions[number]:
                del likest[intent]
        if not likest:
            return None
        projection = self._profiles.project(message, grams)
        ranks = {
            intent: calibration.COSINE * likeness.cosine
            + calibration.PROFILE * self._profiles.score(intent, projection)
            + bonuses.get(intent, 0.0)
            + self._priorities[intent]
            for intent, likeness in likest.items()
        }
        best, lead = _first(ranks)
        total = sum(weights.values())
        known = self._profiles.known(best, weights)
        return Scored(
            best,
            *likest[best],
            known / total if total else 0.0,
            lead,
            work + len(likest),
        )


def _first(ranks: Mapping[int, float]) -> tuple[int, float]:
    """Return the best candidate, and its lead, as far as a lead counts."""
    ranked = sorted(ranks, key=lambda intent: (-ranks[intent], intent))
    best = ranked[0]
    lead = ranks[best] - ranks[ranked[1]] if len(ranked) > 1 else MAX_LEAD
    return best, min(lead, MAX_LEAD)
