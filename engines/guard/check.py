"""
The last look at an answer: every figure and every promise needs a source.

A figure is backed by the quote of a citation, by an action reference (its
summary and amount) or by the customer's own message. A promise is backed by
the same word in a quote or summary, never by what the customer wrote. Fixed
texts of the rule packs are reviewed when they are written and pass unread.
"""

from __future__ import annotations

import re
from typing import Final

from engines.contract import ActionRef, Answer, Escalation, Reason, Turn
from engines.guard.figures import Figure, figures, money


#: Citations of fixed texts; no other room may use this prefix.
RULE_PREFIX: Final = "rule:"

_FIGURE_HINT: Final = re.compile(
    r"[\d零〇一二两三四五六七八九十百千万半]|\b(?:one|two|three|four|five|six|seven|eight"
    r"|nine|ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen|seventeen|eighteen"
    r"|nineteen|twenty|thirty|forty|fifty|sixty|ninety|hundred)\b",
    re.IGNORECASE,
)
#: A promise, and what of it a source must hold for the promise to stand.
_PROMISES: Final = tuple(
    (re.compile(pattern, re.IGNORECASE), re.compile(backing, re.IGNORECASE))
    for pattern, backing in (
        (r"(?<![不能法没敢])保证(?!金)", r"(?<![不能法没敢])保证"),
        (r"(?<!不)(?:一定|肯定|绝对|必定)(?:会|能|可以|给|帮)", r"一定|肯定|绝对|必定"),
        (r"(?<!不)承诺", r"承诺"),
        (r"包(?:退|换|赔|您|你)", r"包[退换赔]"),
        (r"(?<![不无])赔(?!率)", r"赔"),
        (r"(?<![不无])补偿", r"补偿"),
        (r"[给为帮][您你]\S{0,4}?(?:退款|退回|退还|减免|免单)", r"退|减免|免单"),
        (
            r"(?<!cannot )(?<!can't )(?<!not )(?<!no )\b(?:guarantee(?:d|s)?|promise(?:d|s)?)\b",
            r"(?<!cannot )(?<!can't )(?<!not )(?<!no )\b(?:guarantee|promise)",
        ),
        (
            r"\b(?:definitely|certainly|surely) (?:will|can)\b|\bwill (?:definitely|certainly|surely)\b|\bfor sure\b",
            r"definitely|certainly|for sure",
        ),
        (r"(?<!no )(?<!not )\bcompensat\w+", r"compensat"),
        (r"(?<!not )\breimburs\w+", r"reimburs"),
        (
            r"\b(?:we|i)(?:'ll| will| shall)(?: \w+)? refund\b|\bwill be refunded\b",
            r"refund",
        ),
    )
)
#: Words for "it is done", and how a record says so.
_DONE: Final = (
    re.compile(
        r"已经?[为帮给][您你](?:成功)?(?:退款?|取消|修改|更改|改好|改成|补发|合并|办理)|\b(?:has|have) been"
        r" (?:successfully )?(?:refunded|cancelled|canceled|changed|updated|merged)\b",
        re.IGNORECASE,
    ),
    re.compile(
        r"已\S{0,4}(?:退|取消|改|补发|合并|办)|\b(?:refunded|cancelled|canceled|changed|updated|merged)\b",
        re.IGNORECASE,
    ),
)


def check(answer: Answer, turn: Turn) -> Answer | Escalation:
    """Return *answer* itself if all of it is backed, else an escalation ``guard``."""
    citations = answer.citations
    if citations and not answer.actions and _are_rules(answer):
        return answer
    quotes = "\n".join(citation.quote for citation in citations)
    # A mark between them, or the last figure of one would count a word of the next.
    sources = "\n· ".join([quotes, *(action.summary for action in answer.actions)])
    why = (
        _unbacked_promise(answer.text, sources)
        or _unproven_deed(answer, quotes)
        or _unbacked_figure(answer, sources, turn.text)
    )
    return Escalation(reason=Reason.GUARD, note=why) if why else answer


def _are_rules(answer: Answer) -> bool:
    return all(citation.id.startswith(RULE_PREFIX) for citation in answer.citations)


def _unbacked_promise(text: str, sources: str) -> str:
    for promise, backing in _PROMISES:
        found = promise.search(text)
        if found and not backing.search(sources):
            return f"promise without a source: {found[0]}"
    return ""


def _unproven_deed(answer: Answer, quotes: str) -> str:
    said, record = _DONE
    found = said.search(answer.text)
    if found and not _is_done(answer.actions) and not record.search(quotes):
        return f"said to be done without a receipt: {found[0]}"
    return ""


def _is_done(actions: tuple[ActionRef, ...]) -> bool:
    return any(action.state == "done" for action in actions)


def _unbacked_figure(answer: Answer, sources: str, said: str) -> str:
    if not _FIGURE_HINT.search(answer.text):
        return ""
    evidence = figures(f"{sources}\n{said}") | {
        money(action.amount_minor)
        for action in answer.actions
        if action.amount_minor is not None
    }
    for figure in sorted(figures(answer.text) - evidence):
        if not _is_backed(figure, evidence):
            return (
                f"figure without a source: {figure.value} {figure.unit or figure.kind}"
            )
    return ""


def _is_backed(figure: Figure, evidence: frozenset[Figure]) -> bool:
    """Weaker forms that still say the same: no unit, or fewer parts of a date."""
    if figure.kind == "number":
        return any(figure.value == known.value for known in evidence)
    if figure.kind == "money":
        return Figure("number", figure.value) in evidence
    if figure.kind == "date":
        return any(_same_day(figure, known) for known in evidence)
    return False


def _same_day(date: Figure, known: Figure) -> bool:
    """True if *known* fixes all that *date* says, but perhaps for the year."""
    if known.kind != "date":
        return False
    year, month, day = date.value.split("-")
    their_year, their_month, their_day = known.value.split("-")
    if year and their_year and year != their_year:
        return False
    if not month:
        return year == their_year
    return month == their_month and day in ("", their_day)
