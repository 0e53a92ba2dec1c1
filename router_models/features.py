"""
What the model sees of a turn. The one definition for training and serving.

A turn becomes blocks of n-grams, each with a vocabulary of its own, and a few
signals of the conversation:

    cjk        characters 1-3 of the CJK string, with its two ends marked
    word       Latin words 1-2
    piece      Latin characters 2-5 inside words, for typos and endings
    concept    concepts of the lexicon and their pairs
    asked      the last line of the shop: characters, words and concepts
    earlier    the customer's last three lines before this one, likewise
    task       what the open task waits for, alone and with what the turn has

In a block every n-gram counts once, and the block has a fixed length, so a long
message outweighs a short one in no block. Not seen: previous tier and risk, repeat contact,
name and labels of the open task, the channel, the shop. Rows have no honest values of
them, and a weight learned from made-up ones would mislead; the router uses risk and
task by rule instead.
"""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

from engines.contract import OpenTask, Turn, Utterance
from router_models.lexicon import Lexicon
from router_models.signals import (
    TAIL,
    has_past,
    history_signals,
    task_signals,
    text_signals,
)
from router_models.text import MASK_NAMES, Normal, locale_of, normalise


__all__ = ["BLOCKS", "BLOCK_WEIGHTS", "Extract", "Extractor", "locale_of"]

#: Blocks of the text itself, and all blocks.
TEXT_BLOCKS = ("cjk", "word", "piece")
BLOCKS = (*TEXT_BLOCKS, "concept", "asked", "earlier", "task")

#: How much a block counts. The lines before say little: a turn judged by them
#: alone would take every question after a refund for a refund.
BLOCK_WEIGHTS = (1.0, 1.0, 1.0, 1.0, 0.25, 0.25, 1.0)

#: Characters of either end of a text that the model reads.
_HALF = 600
#: Characters of a word that are cut into pieces.
WORD_CHARS = 24
#: Lines of the customer's before this one that are read, and characters of them.
_EARLIER, _EARLIER_TAIL = 3, 2 * TAIL
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
        return Extract(blocks, text_signals(normal) + around.signals)

    def around(self, turn: Turn, normal: Normal) -> Extract:
        """What the lines before and the open task add to what the text itself says."""
        if not turn.history and turn.open_task is None and turn.turn_number <= 1:
            return NOTHING
        asked, earlier = _lines_before(turn.history)
        task = turn.open_task
        signals = history_signals(turn, normal, asked) if has_past(turn) else []
        return Extract(
            (
                [],
                [],
                [],
                [],
                self._line(asked[-TAIL:]),
                self._line(earlier[-_EARLIER_TAIL:]),
                task_grams(task, normal) if task else [],
            ),
            signals + (task_signals(task) if task else []),
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
        normal = normalise(text)
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
    """The shop's last line, empty if the customer spoke last, and theirs, joined."""
    asked = ""
    said: list[str] = []
    for line in reversed(history):
        if line.role != "customer":
            asked = asked or ("" if said else line.text)
        elif len(said) < _EARLIER:
            said.append(line.text[-_EARLIER_TAIL:])
        else:
            break
    return asked, "\n".join(reversed(said))
