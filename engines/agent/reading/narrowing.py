"""
Some of what was proposed together, and not the rest: "keep 48231", "只取消0025".

Only words that name a part of the proposals narrow them. What is left is
proposed anew, so nothing here is consent to anything.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import TypeVar


_PIECE = re.compile(r"[,，。;；!！、]|(?=但是?|不过|[只仅])|\bbut\b|\band\b")
#: Said of a part, it takes that part out.
_STAYS = re.compile(
    r"留着|留下|保留|先留|别[退取换改动办]|先?不(?:用|要|想)?(?:退|取消|换|改|动|办)|不动|再想想|再考虑|再看看|等等再|先等|算了"
    r"|\b(?:keep|leave|hold off|skip|forget|drop|think about|not sure about|except|don't|do not|not)\b"
)
#: What is named after it is all that shall be done.
_ONLY = re.compile(r"[只仅]|就(?!行|好|可以)|先|\b(?:only|just)\b")
#: A correction, which is no refusal of a part.
_INSTEAD = re.compile(r"不是|应该是|\bi mean|\bi meant|\bsorry\b")

#: Two words, or three characters of Chinese.
_TELLING = re.compile(r"\w+\s+\w+|[\u4e00-\u9fff]{3}")

Part = TypeVar("Part")


def left_of(
    text: str, parts: Sequence[Part], names: Callable[[str, Part], bool]
) -> tuple[Part, ...] | None:
    """
    The parts that the folded *text* still wants; None if it narrows nothing.

    Args:
        parts: What was proposed together.

        names: Tells if a piece of the text names a part.
    """
    pieces = [piece.strip() for piece in _PIECE.split(text) if piece.strip()]
    if _INSTEAD.search(text) or (len(parts) == 1 and _says_more(pieces)):
        return None
    dropped: list[Part] = []
    chosen: list[Part] = []
    for piece in pieces:
        named = [part for part in parts if names(piece, part)]
        if _STAYS.search(piece):
            dropped += named
        elif _ONLY.search(piece):
            chosen += named
    if dropped:
        return tuple(part for part in parts if part not in dropped)
    is_part = 0 < len(chosen) < len(parts)
    return tuple(part for part in parts if part in chosen) if is_part else None


def _says_more(pieces: Sequence[str]) -> bool:
    """Beside what stays something else is named: "not the second, the first one"."""
    return any(_TELLING.search(piece) and not _STAYS.search(piece) for piece in pieces)
