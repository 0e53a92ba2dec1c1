"""
Personal data leaves as ``[phone_1]`` and comes back as what it was.

One :class:`Mask` serves one prompt: the same value gets the same mark in every
line, so that a model can still tell two phones apart. What the customer typed
that looks like one of our marks makes us choose other marks.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Final

from engines.guard import find_personal_data, find_split_personal_data
from engines.llm.talk import ChatLine


_MARK: Final = re.compile(r"\[[a-z]+_\d+x*\]")
#: Longest mark; a stream holds back so many characters after an open bracket.
MAX_MARK: Final = 24
#: Shorter private texts would be found inside other words.
_MIN_PRIVATE: Final = 2


class Mask:
    """Marks of one prompt and what they stand for."""

    def __init__(self, private: Iterable[str] = (), avoid: str = "") -> None:
        self._of_value: dict[str, str] = {}
        self._of_mark: dict[str, str] = {}
        self._counts: dict[str, int] = {}
        texts = sorted({t for t in private if len(t) >= _MIN_PRIVATE}, key=len)
        self._private = tuple(reversed(texts))
        self._end = "x" if _MARK.search(avoid) else ""
        while self._end and f"{self._end}]" in avoid:
            self._end += "x"

    def hide_lines(self, lines: Sequence[ChatLine]) -> list[ChatLine]:
        """
        Every line hidden; a number that a customer sent in two lines, in both.

        Only where one line ends and the next line of the customer, or its last
        paragraph, begins: a passage may stand in front of the question.
        """
        parts = [line.content for line in lines]
        said = [at for at, line in enumerate(lines) if line.role == "user"]
        for first, second in pairwise(said):
            lead, newline, last = parts[second].rpartition("\n")
            heads, tails = find_split_personal_data(parts[first], last)
            for head, tail in zip(heads, tails, strict=True):
                marks = [
                    self._mark(head.kind, parts[first][head.start :]),
                    self._mark(tail.kind, last[: tail.end]),
                ]
                parts[first] = parts[first][: head.start] + marks[0]
                parts[second] = lead + newline + marks[1] + last[tail.end :]
        return [
            ChatLine(line.role, self.hide(text))
            for line, text in zip(lines, parts, strict=True)
        ]

    def hide(self, text: str) -> str:
        """*text* with every finding replaced by its mark."""
        parts, at = [], 0
        for span in find_personal_data(text):
            mark = self._mark(span.kind, text[span.start : span.end])
            parts += [text[at : span.start], mark]
            at = span.end
        hidden = "".join([*parts, text[at:]])
        for value in self._private:
            if value in hidden:
                hidden = hidden.replace(value, self._mark("private", value))
        return hidden

    def restore(self, text: str) -> str:
        """*text* with every mark of ours replaced by what it stands for."""
        return _MARK.sub(lambda m: self._of_mark.get(m[0], m[0]), text)

    @property
    def marks(self) -> Mapping[str, str]:
        """Mark to value."""
        return self._of_mark

    def _mark(self, kind: str, value: str) -> str:
        mark = self._of_value.get(value)
        if mark is None:
            number = self._counts[kind] = self._counts.get(kind, 0) + 1
            mark = f"[{kind}_{number}{self._end}]"
            self._of_value[value] = mark
            self._of_mark[mark] = value
        return mark


class StreamRestorer:
    """Restores a text that comes in pieces; a mark may be cut by a piece's end."""

    def __init__(self, mask: Mask) -> None:
        self._mask = mask
        self._held = ""

    def push(self, piece: str) -> str:
        """What can be shown now."""
        text = self._held + piece
        start = text.rfind("[")
        is_open = start >= 0 and "]" not in text[start:]
        if is_open and len(text) - start <= MAX_MARK:
            self._held, text = text[start:], text[:start]
        else:
            self._held = ""
        return self._mask.restore(text)

    def finish(self) -> str:
        """What was held back."""
        held, self._held = self._held, ""
        return self._mask.restore(held)
