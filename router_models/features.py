"""
What the model sees of a turn. The one definition for training and serving.

A turn becomes blocks of n-grams, each with a vocabulary of its own, and a few
signals of the conversation:

    cjk        characters 1-3 of the CJK string, with its two ends marked
    word       Latin words 1-2
    piece      Latin characters 2-5 inside words, for typos and endings
    concept    concepts of the lexicon and their pairs
    asked      the last line of the shop: characters, words and concepts
    earlier    the customer's line before this one, likewise
    task       what the open task waits for, alone and with what the turn has

In a block every n-gram counts once, and the block has a fixed length, so a long
message outweighs a short one in no block. Not seen: previous tier and risk, repeat contact,
name and labels of the open task, the channel, the shop. Rows have no honest values of
them, and a weight learned from made-up ones would mislead; the router uses risk and
task by rule instead.
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import NamedTuple

from engines.contract import OpenTask, Turn, Utterance
from router_models.lexicon import Lexicon
from router_models.text import MASK_NAMES, Normal, locale_of, normalise


__all__ = ["BLOCKS", "BLOCK_WEIGHTS", "SIGNALS", "Extract", "Extractor", "locale_of"]

#: Blocks of the text itself, and all blocks.
TEXT_BLOCKS = ("cjk", "word", "piece")
BLOCKS = (*TEXT_BLOCKS, "concept", "asked", "earlier", "task")

#: How much a block counts. The lines before say little: a turn judged by them
#: alone would take every question after a refund for a refund.
BLOCK_WEIGHTS = (1.0, 1.0, 1.0, 1.0, 0.25, 0.25, 1.0)

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

#: Characters of either end of a text that the model reads.
_HALF = 600
#: How much of the line before is read: a question stands at its end.
_TAIL = 120
#: Characters of a word that are cut into pieces.
WORD_CHARS = 24
#: How many earlier customer lines are compared with this one.
_REPEATS = 4
_REPEAT_OVERLAP = 0.5
#: Up to so many characters, a Latin word counted as two.
LENGTHS = _TINY, _SHORT, _LONG = 4, 14, 40
#: Concepts of a text that are paired, the first ones.
PAIRED = 8


class Extract(NamedTuple):
    """N-grams of each block, in the order of ``BLOCKS``, and active signals."""

    blocks: tuple[list[str], ...]
    signals: list[tuple[int, float]]


#: A turn that opens a conversation has nothing around it.
NOTHING = Extract(tuple([] for _ in BLOCKS), [])


class Extractor:
    """Turns a turn into n-grams and signals. Pure; bounded for any text."""

    def __init__(self, lexicon: Lexicon) -> None:
        self.lexicon = lexicon
        names = lexicon.names
        self._pairs = [[f"{a}+{b}" for b in names] for a in names]

    def extract(self, turn: Turn, normal: Normal | None = None) -> Extract:
        """
        What the model sees of *turn*.

        Args:
            normal: Normal form of the turn's text, if the caller has it.
        """
        normal = trimmed(normalise(turn.text) if normal is None else normal)
        blocks, signals = self.context(turn, normal)
        texts = (
            cjk_grams(normal.cjk, 3) if normal.cjk else [],
            word_grams(normal.latin) if normal.latin else [],
            piece_grams(normal.latin) if normal.latin else [],
        )
        return Extract(texts + blocks[len(TEXT_BLOCKS) :], signals)

    def context(self, turn: Turn, normal: Normal) -> Extract:
        """As :meth:`extract` of a *trimmed* form, the blocks of the text left empty."""
        around = self.around(turn, normal)
        concepts = self._concepts(self.lexicon.find(normal))
        blocks = ([], [], [], concepts, *around.blocks[len(TEXT_BLOCKS) + 1 :])
        return Extract(blocks, _text_signals(normal) + around.signals)

    def around(self, turn: Turn, normal: Normal) -> Extract:
        """What the lines before and the open task add to what the text itself says."""
        if not turn.history and turn.open_task is None and turn.turn_number <= 1:
            return NOTHING
        asked, earlier = _lines_before(turn.history)
        task = turn.open_task
        signals = _history_signals(turn, normal, asked) if _has_past(turn) else []
        return Extract(
            (
                [],
                [],
                [],
                [],
                self._line(asked),
                self._line(earlier),
                task_grams(task, normal) if task else [],
            ),
            signals + (_task_signals(task) if task else []),
        )

    def _concepts(self, found: list[int]) -> list[str]:
        names = self.lexicon.names
        grams = [names[number] for number in found]
        for at, first in enumerate(found[:PAIRED]):
            row = self._pairs[first]
            grams += [row[second] for second in found[at + 1 : PAIRED]]
        return grams

    def pair(self, first: int, second: int) -> str:
        """The n-gram of two concepts, the lower number first."""
        return self._pairs[first][second]

    def _line(self, text: str) -> list[str]:
        if not text:
            return []
        normal = normalise(text[-_TAIL:])
        names = self.lexicon.names
        grams = ["c:" + names[number] for number in self.lexicon.find(normal)]
        if normal.cjk:
            grams += cjk_grams(normal.cjk, 2)
        if normal.latin:
            grams += normal.latin.split()
        return grams


def trimmed(normal: Normal) -> Normal:
    """Both ends of a text that is longer than the model reads."""
    if len(normal.cjk) <= 2 * _HALF and len(normal.latin) <= 2 * _HALF:
        return normal
    return Normal(_ends(normal.cjk), _ends(normal.latin))


def _ends(text: str) -> str:
    return text if len(text) <= 2 * _HALF else text[:_HALF] + text[-_HALF:]


def cjk_grams(cjk: str, longest: int) -> list[str]:
    """Character n-grams of 1 to *longest*, ends marked, each once, in order."""
    marked = f"^{cjk}$"
    grams = list(cjk)
    for size in range(2, longest + 1):
        grams += [marked[at : at + size] for at in range(len(marked) - size + 1)]
    return list(dict.fromkeys(grams))


def word_grams(latin: str) -> list[str]:
    """Words and pairs of neighbouring words, ends marked, each once, in order."""
    words = latin.split()
    ends = ["^", *words, "$"]
    pairs = [f"{a} {b}" for a, b in pairwise(ends)]
    return list(dict.fromkeys(words + pairs))


def piece_grams(latin: str) -> list[str]:
    """Characters 2-5 inside each word with its spaces, each once, in order."""
    grams: dict[str, None] = {}
    for word in latin.split():
        padded = f" {word[:WORD_CHARS]} "
        length = len(padded)
        for size in (2, 3, 4, 5):
            for at in range(length - size + 1):
                grams[padded[at : at + size]] = None
    return list(grams)


def task_grams(task: OpenTask, normal: Normal) -> list[str]:
    """What the task waits for, and that joined with the masks the turn has."""
    grams = [task.waits_for]
    text = normal.cjk or normal.latin
    grams += [f"{task.waits_for}&{name}" for m, name in MASK_NAMES.items() if m in text]
    return list(dict.fromkeys(grams))


def _lines_before(history: tuple[Utterance, ...]) -> tuple[str, str]:
    """The shop's last line, empty if the customer spoke last, and theirs."""
    asked = earlier = ""
    for line in reversed(history):
        if line.role == "customer":
            earlier = line.text
            break
        asked = asked or line.text
    return asked, earlier


def _has_past(turn: Turn) -> bool:
    return bool(turn.history) or turn.turn_number > 1


def _rows(active: list[tuple[str, float]]) -> list[tuple[int, float]]:
    return [(_ROW[name], value) for name, value in active]


def _text_signals(normal: Normal) -> list[tuple[int, float]]:
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


def _history_signals(turn: Turn, normal: Normal, asked: str) -> list[tuple[int, float]]:
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
    others = (_overlap_units(normalise(text[-_TAIL:])) for text in lines)
    return sum(
        len(mine & other) >= _REPEAT_OVERLAP * min(len(mine), len(other))
        for other in others
        if other
    )


def _overlap_units(normal: Normal) -> set[str]:
    cjk = normal.cjk
    return {cjk[at : at + 2] for at in range(len(cjk) - 1)} or set(normal.latin.split())


def _task_signals(task: OpenTask) -> list[tuple[int, float]]:
    consent = task.waits_for == "consent"
    waits = "task_waits_for_consent" if consent else "task_waits_for_slot"
    return _rows([("has_task", 1.0), (waits, 1.0)])
