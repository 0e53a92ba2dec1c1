"""
Measure retrieval on written questions: found, ranked, said, and left unsaid.

A question file is YAML: per language a list of ``{q, gold, also?, must?, after?}``.
``gold`` names passages without their language, any of which answers; an empty
list means that nothing in the knowledge does. ``also`` names, for each further
question of the same message, what answers that one. ``must`` are words that a right
answer says; ``after`` is what was said before, the customer first.

    BadFile (engines.yamlfile)   the file is not in this form
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec

from engines import yamlfile
from engines.contract import (
    Answer,
    ConversationId,
    Escalation,
    Locale,
    MessageId,
    ShopId,
    Turn,
    UserId,
    Utterance,
)
from engines.retrieval.engine import RetrievalEngine
from engines.retrieval.searching import Found


#: Ranks that are looked at.
DEPTH: Final = 10


class Question(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One question with what answers it."""

    q: str
    gold: tuple[str, ...]
    also: tuple[tuple[str, ...], ...] = ()
    must: tuple[str, ...] = ()
    after: tuple[str, ...] = ()

    @property
    def history(self) -> tuple[Utterance, ...]:
        """What was said before."""
        return tuple(
            Utterance("customer" if number % 2 == 0 else "assistant", line)
            for number, line in enumerate(self.after)
        )


class QuestionFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Questions by language."""

    zh: tuple[Question, ...] = ()
    en: tuple[Question, ...] = ()


class Trial(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one question."""

    locale: Locale
    question: Question
    founds: tuple[Found, ...]
    outcome: Answer | Escalation

    @property
    def has_answer(self) -> bool:
        """True if the knowledge answers it."""
        return bool(self.question.gold)

    @property
    def golds(self) -> list[frozenset[str]]:
        """Of each of its questions the full ids of the passages that answer."""
        return [
            frozenset(f"{self.locale}/{gold}" for gold in group)
            for group in (self.question.gold, *self.question.also)
        ]

    @property
    def confidence(self) -> float:
        """How sure the least sure of its questions is to be answered."""
        return min((found.confidence for found in self.founds), default=0.0)

    @property
    def is_right(self) -> bool:
        """True if it was answered with all that must be said."""
        if not isinstance(self.outcome, Answer) or not self.has_answer:
            return False
        said = self.outcome.text.lower()
        return all(word.lower() in said for word in self.question.must)

    def ranks(self) -> list[int | None]:
        """Of each of its questions the place of a right passage, from 1."""
        return [self._rank(gold) for gold in self.golds]

    def _rank(self, gold: frozenset[str]) -> int | None:
        places = [
            position
            for found in self.founds
            for position, hit in enumerate(found.hits[:DEPTH], 1)
            if hit.passage.id in gold
        ]
        return min(places, default=None)


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """
    Figures over trials, shares from 0 to 1.

    Attributes:
        recall: Share of answerable questions (each of a message counts) with a right passage among the
            first 1, 3 and 5.

        ndcg: Discounted gain of the first right passage, first ten ranks.

        answered: Share of answerable questions that were answered.

        precision: Of all answers given, the share that says what it must.

        false_answers: Share of unanswerable questions that were answered.

        auroc: Chance that an answerable question is surer than another.
    """

    questions: int
    composite: int
    unanswerable: int
    recall: dict[int, float]
    ndcg: float
    answered: float
    precision: float
    false_answers: float
    auroc: float


def load_questions(path: Path) -> QuestionFile:
    """
    Read a question file.

    Raises:
        BadFile: With the line of what is wrong.
    """
    return yamlfile.convert(yamlfile.read(path), QuestionFile)


async def run_trials(
    engine: RetrievalEngine, shop: ShopId, questions: QuestionFile, locale: Locale
) -> list[Trial]:
    """Ask every question of one language; nothing is looked up in a shop."""
    trials = []
    for number, question in enumerate(getattr(questions, locale)):
        turn = Turn(
            turn_id=f"q{number}",
            shop=shop,
            channel="web",
            conversation_id=ConversationId("questions"),
            message_id=MessageId(f"q{number}"),
            user_id=UserId("nobody"),
            seq=number + 1,
            text=question.q,
            locale=locale,
            history=question.history,
        )
        history = question.history
        founds = engine.find_parts(question.q, locale, history, DEPTH)
        outcome = await engine.answer(turn)
        trials.append(
            Trial(locale=locale, question=question, founds=founds, outcome=outcome)
        )
    return trials


def summarise(trials: Sequence[Trial]) -> Report:
    """Figures over *trials*; shares of nothing are 0."""
    with_answer = [trial for trial in trials if trial.has_answer]
    without = [trial for trial in trials if not trial.has_answer]
    ranks = [rank for trial in with_answer for rank in trial.ranks()]
    given = [trial for trial in trials if isinstance(trial.outcome, Answer)]
    return Report(
        questions=len(trials),
        composite=sum(bool(t.question.also or t.question.after) for t in trials),
        unanswerable=len(without),
        recall={
            k: _share([r is not None and r <= k for r in ranks]) for k in (1, 3, 5)
        },
        ndcg=_mean([1 / math.log2(r + 1) if r else 0.0 for r in ranks]),
        answered=_share([isinstance(t.outcome, Answer) for t in with_answer]),
        precision=_share([trial.is_right for trial in given]),
        false_answers=_share([isinstance(t.outcome, Answer) for t in without]),
        auroc=_auroc(
            [trial.confidence for trial in with_answer],
            [trial.confidence for trial in without],
        ),
    )


def _share(values: Sequence[bool]) -> float:
    return _mean([float(value) for value in values])


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else 0.0


def _auroc(high: Sequence[float], low: Sequence[float]) -> float:
    wins = sum((h > x) + 0.5 * (h == x) for h in high for x in low)
    return wins / (len(high) * len(low)) if high and low else 0.0
