"""
What part of real questions a pack answers, and what it misses, in clusters.

Misses are gathered by the rarest words that they share: each message joins the
first cluster whose seed has enough words in common. The cost grows with the
number of messages, not with its square: only clusters with a common rare word
are compared.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

import msgspec

from engines.contract import Locale
from engines.rules import folding
from engines.rules.engine import RulesEngine
from engines.rules.matcher import Match
from engines.rules.plain_files import numbered_lines, refuse


#: Share of letter pieces that makes two messages of one cluster.
ALIKE: Final = 0.34

#: Clusters compared per message, those with the most common pieces first.
MAX_COMPARED: Final = 12


class Cluster(msgspec.Struct, frozen=True):
    """Questions that are alike; *nearest* is the intent they come closest to."""

    size: int
    locale: Locale
    texts: list[str]
    nearest: str


class Coverage(msgspec.Struct, frozen=True):
    """
    How much of a set of questions a pack answers.

    Attributes:
        answered, handed_on, missed: They sum to *messages*.

        intents: Answered questions by intent, most asked first.

        clusters: Of the misses, the largest first.
    """

    messages: int
    answered: int
    handed_on: int
    missed: int
    intents: dict[str, int]
    clusters: list[Cluster]


class _Line(msgspec.Struct, frozen=True):
    """A line of a transcript in JSON; other fields are left alone."""

    text: str = ""
    role: str = "customer"


class _Open:
    """A cluster that still grows."""

    def __init__(self, seed: frozenset[str], locale: Locale) -> None:
        self.seed = seed
        self.locale = locale
        self.texts: list[str] = []
        self.nearest: Counter[str] = Counter()


class _Clusters:
    """Clusters of misses, found by the pieces of their seeds."""

    def __init__(self) -> None:
        self._all: list[_Open] = []
        self._by_piece: dict[str, list[int]] = defaultdict(list)

    def add(self, text: str, locale: Locale, nearest: str) -> None:
        """Put *text* into the cluster it is likest to, or open one."""
        pieces = folding.grams(folding.squeeze(folding.fold(text)), locale)
        number = self._find(pieces)
        if number is None:
            number = len(self._all)
            self._all.append(_Open(pieces, locale))
            for piece in pieces:
                self._by_piece[piece].append(number)
        self._all[number].texts.append(text)
        self._all[number].nearest[nearest] += 1

    def _find(self, pieces: frozenset[str]) -> int | None:
        shared = Counter(n for p in pieces for n in self._by_piece.get(p, ()))
        for number, count in shared.most_common(MAX_COMPARED):
            seed = self._all[number].seed
            if 2 * count >= ALIKE * 2 * (len(seed) + len(pieces)) / 2:
                return number
        return None

    def largest(self, most: int) -> list[Cluster]:
        """The *most* largest clusters."""
        ranked = sorted(self._all, key=lambda one: -len(one.texts))[:most]
        return [
            Cluster(
                len(one.texts),
                one.locale,
                list(dict.fromkeys(one.texts)),
                one.nearest.most_common(1)[0][0],
            )
            for one in ranked
        ]


def cover(
    engine: RulesEngine, texts: Iterable[str], locale: Locale, most: int = 30
) -> Coverage:
    """Match every text and gather what is missed."""
    counts: Counter[str] = Counter()
    intents: Counter[str] = Counter()
    misses = _Clusters()
    for text in texts:
        found = engine.match(text, locale)
        if not isinstance(found, Match):
            counts["missed"] += 1
            nearest = found.nearest.id if found.nearest else ""
            misses.add(text, folding.language(folding.fold(text), locale), nearest)
        elif found.intent.needs:
            counts["handed_on"] += 1
        else:
            counts["answered"] += 1
            intents[found.intent.id] += 1
    return Coverage(
        sum(counts.values()),
        counts["answered"],
        counts["handed_on"],
        counts["missed"],
        dict(intents.most_common()),
        misses.largest(most),
    )


def read_texts(path: Path) -> list[str]:
    """
    Questions of a transcript: plain lines, or JSON lines with ``text``.

    Lines of an assistant or operator (``role``) and blank ones are left out.

    Raises:
        BadFile: If the file is no text, has no question, or at the first line that
            begins as JSON and is none, or whose ``text`` is no string.
    """
    found = (_question(path, number, line) for number, line in numbered_lines(path))
    texts = [text for text in found if text]
    if not texts:
        fix = 'write one question a line, or JSON lines with "text"'
        raise refuse(path, 1, "there is no question in it", fix)
    return texts


def _question(path: Path, number: int, line: str) -> str:
    """What a customer said in a line; empty if it is somebody else's."""
    if not line.startswith("{"):
        return line
    try:
        row = msgspec.json.decode(line, type=_Line)
    except msgspec.MsgspecError as exc:
        fix = 'write {"text": "…", "role": "customer"}'
        raise refuse(path, number, f"not a line of JSON: {exc}", fix) from exc
    return row.text.strip() if row.role == "customer" else ""


def draft(clusters: Sequence[Cluster], least: int) -> list[dict[str, object]]:
    """
    Draft intents of clusters with at least *least* questions, for review.

    Answers are left empty on purpose: a pack with one is refused until a person
    has written it.
    """
    drafts: list[dict[str, object]] = []
    for number, cluster in enumerate(clusters, 1):
        if cluster.size < least:
            break
        title = cluster.texts[0][:30]
        drafts.append(
            {
                "id": f"draft.n{number}",
                "title": {"zh": title, "en": title},
                cluster.locale: {"examples": cluster.texts[:40], "answer": ""},
            }
        )
    return drafts
