"""
Make an answer of what was found, in the words of the source.

Extraction only: every sentence of an answer is a slice of a passage and is
quoted as such, so no figure can change on the way. Short passages are said
whole, because the sentence that is left out is often the exception.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from engines.contract import Answer, Citation, Locale
from engines.retrieval.documents import Passage
from engines.retrieval.instructions import instructs
from engines.retrieval.terms import Analyzer, Query, coverage


_JOINT: Final[dict[Locale, str]] = {"zh": "：", "en": ": "}
#: Cells of a row are said if they are worth this share of the best one.
_NEAR_BEST: Final = 0.5
#: More of a row than this is as good as all of it.
_FEW_CELLS: Final = 0.5
#: Longer passages are cut to the sentences that answer, in characters.
BUDGET: Final[dict[Locale, int]] = {"zh": 150, "en": 420}


class Piece(msgspec.Struct, frozen=True, kw_only=True):
    """
    The answer to one part of a message.

    Attributes:
        subject: What it is about, for logs: a document or a kind of look-up.

        context: Whole sources for who wants to say it in other words, best first;
            the quote of each is all of its text.
    """

    text: str
    citations: tuple[Citation, ...]
    confidence: float
    subject: str
    context: tuple[Citation, ...] = ()


def extract(
    passage: Passage,
    query: Query,
    analyzer: Analyzer,
    confidence: float,
    share: float = 1.0,
) -> Piece:
    """Say of *passage* what answers *query*, in *share* of the usual length."""
    budget = int(BUDGET[passage.locale] * share)
    chosen = _cells(passage, query, analyzer) if passage.is_record else []
    runs = _runs(passage, chosen or _choose(passage, query, analyzer, budget))
    text = "\n".join(runs)
    if chosen:
        # A cell says nothing without what it is a cell of.
        text = f"{_name(passage)}{_JOINT[passage.locale]}{text}"
        runs += [line for line in passage.sentences if line.endswith(_name(passage))]
    return Piece(
        text=text,
        citations=tuple(
            Citation(id=passage.id, title=passage.title, quote=run) for run in runs
        ),
        confidence=confidence,
        subject=passage.header.id,
    )


def joined(pieces: Sequence[Piece]) -> Piece:
    """Several rows that answer one question alike, as one piece."""
    first, *others = pieces
    if not others:
        return first
    citations = dict.fromkeys(c for piece in pieces for c in piece.citations)
    return msgspec.structs.replace(
        first,
        text="\n".join(dict.fromkeys(piece.text for piece in pieces)),
        citations=tuple(citations),
    )


def merge(
    pieces: Sequence[Piece], *, left_open: str = "", answered: float = 1.0
) -> Answer:
    """
    One answer of one or more pieces; what two of them say is said once.

    Args:
        left_open: A sentence on what is not answered, said last.

        answered: Share of the questions that are; lowers the confidence half as much,
            since the answer says itself what is missing.
    """
    texts: list[str] = []
    citations: dict[tuple[str, str], Citation] = {}
    for piece in pieces:
        if piece.text not in texts:
            texts.append(piece.text)
        for citation in piece.citations:
            citations.setdefault((citation.id, citation.quote), citation)
    subjects = dict.fromkeys(piece.subject for piece in pieces)
    return Answer(
        text="\n".join([*texts, left_open] if left_open else texts),
        citations=tuple(citations.values()),
        intent="+".join(subjects),
        confidence=min(piece.confidence for piece in pieces) * (1 + answered) / 2,
    )


def source_of(passage: Passage) -> Citation:
    """The whole of *passage* as a source, but for what talks to machines."""
    quote = "\n".join(_runs(passage, _sayable(passage)))
    return Citation(id=passage.id, title=passage.title, quote=quote)


def _sayable(passage: Passage) -> list[int]:
    """Positions of the sentences that talk to a reader."""
    return [n for n, one in enumerate(passage.sentences) if not instructs(one)]


def _choose(
    passage: Passage, query: Query, analyzer: Analyzer, budget: int
) -> list[int]:
    """Positions of the sentences to say, in order."""
    everything = _sayable(passage)
    if len(passage.text) <= budget:
        return everything
    worth = [_worth(sentence, query, analyzer) for sentence in passage.sentences]
    chosen: list[int] = []
    for number in sorted(everything, key=lambda n: -worth[n]):
        size = len(passage.sentences[number])
        if not chosen or (worth[number] > 0 and size <= budget):
            chosen.append(number)
            budget -= size
    return sorted(chosen)


def _cells(passage: Passage, query: Query, analyzer: Analyzer) -> list[int]:
    """Positions of the cells of a row that answer; none if that is not clear."""
    name = _name(passage)
    # What says which row it is does not say what is asked of it.
    known = dict.fromkeys(analyzer.count(passage.heading), True)
    open_units = [one for one in query.units if not coverage(one, known)]
    asked = msgspec.structs.replace(query, units=tuple(open_units))
    worth = [
        0.0
        if name in sentence or instructs(sentence)
        else _worth(sentence, asked, analyzer)
        for sentence in passage.sentences
    ]
    best = max(worth, default=0.0)
    chosen = [n for n, one in enumerate(worth) if one and one >= best * _NEAR_BEST]
    return chosen if len(chosen) <= len(worth) * _FEW_CELLS else []


def _name(passage: Passage) -> str:
    names = passage.header.names
    return names[0] if names else passage.heading.rsplit(" · ", 1)[-1]


def _worth(sentence: str, query: Query, analyzer: Analyzer) -> float:
    terms = analyzer.count(sentence)
    has = dict.fromkeys(terms, True)
    return sum(unit.gravity * coverage(unit, has) for unit in query.units)


def _runs(passage: Passage, chosen: Sequence[int]) -> list[str]:
    """Neighbouring sentences as one slice of the passage's text."""
    runs: list[tuple[int, int]] = []
    at = 0
    for number, sentence in enumerate(passage.sentences):
        start = passage.text.index(sentence, at)
        at = start + len(sentence)
        if number not in chosen:
            continue
        if runs and number - 1 in chosen:
            runs[-1] = (runs[-1][0], at)
        else:
            runs.append((start, at))
    return [passage.text[start:end] for start, end in runs]
