"""
Signals of a turn: what its length, marks, history and open task say without words.

Active signals are rows of the weight matrix with their values; the rows come first.
"""

from __future__ import annotations

import math

from engines.contract import OpenTask, Turn, Utterance
from router_models.text import MASK_NAMES, Normal, normalise


SIGNALS = (
    "is_zh",
    "is_en",
    "is_empty",
    "length_cjk",
    "length_latin",
    "is_tiny",
    "is_short",
    "is_long",
    "has_question_mark",
    "has_two_question_marks",
    "has_exclamation_mark",
    "has_three_exclamation_marks",
    "is_only_masks",
    "has_history",
    "turn_2",
    "turn_3_or_more",
    "shop_spoke_last",
    "shop_asked",
    "says_the_same_again",
    "says_the_same_third_time",
    "has_task",
    "task_waits_for_consent",
    "task_waits_for_slot",
)
_ROW = {name: row for row, name in enumerate(SIGNALS)}

#: How much of an earlier line is read: a question stands at its end.
TAIL = 120
#: How many earlier customer lines are compared with this one.
_REPEATS = 4
_REPEAT_OVERLAP = 0.5
#: Up to so many characters, a Latin word counted as two.
LENGTHS = _TINY, _SHORT, _LONG = 4, 14, 40


def has_past(turn: Turn) -> bool:
    """True unless the turn opens its conversation."""
    return bool(turn.history) or turn.turn_number > 1


def _rows(active: list[tuple[str, float]]) -> list[tuple[int, float]]:
    return [(_ROW[name], value) for name, value in active]


def text_signals(normal: Normal) -> list[tuple[int, float]]:
    """Rows and values of what the text itself shows."""
    cjk, latin = normal
    words = latin.count(" ") - 1 if latin else 0
    length = len(cjk) + 2 * words if not cjk else len(cjk)
    text = cjk or latin
    active = [
        ("length_cjk", math.log1p(len(cjk)) / 4),
        ("length_latin", math.log1p(words) / 4),
        ("is_zh" if cjk else "is_en" if has_letters(latin) else "is_empty", 1.0),
    ]
    if length <= _SHORT:
        active.append(("is_tiny" if length <= _TINY else "is_short", 1.0))
    elif length > _LONG:
        active.append(("is_long", 1.0))
    if "?" in text:
        two = text.count("?") > 1
        active.append(("has_two_question_marks" if two else "has_question_mark", 1.0))
    if "!" in text:
        three = text.count("!") > 2  # noqa: PLR2004 - the name says it
        name = "has_three_exclamation_marks" if three else "has_exclamation_mark"
        active.append((name, 1.0))
    if text and not text.strip(_ONLY_MASKS):
        active.append(("is_only_masks", 1.0))
    return _rows(active)


_ONLY_MASKS = "".join(MASK_NAMES) + "0123456789 "


def has_letters(latin: str) -> bool:
    """True if there is a word among the Latin string's numbers and marks."""
    return any(char.isalpha() for char in latin)


def history_signals(turn: Turn, normal: Normal, asked: str) -> list[tuple[int, float]]:
    """
    Rows and values of what was said before.

    Args:
        asked: The shop's last line, empty if the customer spoke last.
    """
    active = [("has_history", 1.0)]
    if turn.turn_number > 1:
        active.append(("turn_2" if turn.turn_number == 2 else "turn_3_or_more", 1.0))  # noqa: PLR2004
    if asked:
        active.append(("shop_spoke_last", 1.0))
        if asked.rstrip().endswith(("?", "？", "吗", "呢")):
            active.append(("shop_asked", 1.0))
    repeats = _repeats(turn.history, normal)
    if repeats:
        third = repeats > 1
        name = "says_the_same_third_time" if third else "says_the_same_again"
        active.append((name, 1.0))
    return _rows(active)


def _repeats(history: tuple[Utterance, ...], normal: Normal) -> int:
    """How many of the last customer lines say nearly the same as this one."""
    lines = [line.text for line in history if line.role == "customer"][-_REPEATS:]
    mine = _overlap_units(normal)
    if len(mine) < 3:  # noqa: PLR2004 - greetings and numbers repeat by nature
        return 0
    others = (_overlap_units(normalise(text[-TAIL:])) for text in lines)
    return sum(
        len(mine & other) >= _REPEAT_OVERLAP * min(len(mine), len(other))
        for other in others
        if other
    )


def _overlap_units(normal: Normal) -> set[str]:
    cjk = normal.cjk
    return {cjk[at : at + 2] for at in range(len(cjk) - 1)} or set(normal.latin.split())


def task_signals(task: OpenTask) -> list[tuple[int, float]]:
    """Rows and values of what an open task waits for."""
    consent = task.waits_for == "consent"
    waits = "task_waits_for_consent" if consent else "task_waits_for_slot"
    return _rows([("has_task", 1.0), (waits, 1.0)])
