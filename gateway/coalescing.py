"""
Messages that only ask whether anybody is there.

While a turn is being worked on, impatient customers write "在吗", "人呢", or the
same once more. Each would be a turn of its own, and in an overload a turn that
takes the place of somebody else's. Such a message is merged into the turn that
was under way when it came: it gets a fixed line that points to the answer.
"""

from __future__ import annotations

import unicodedata


#: Without blanks, punctuation and case.
_NUDGES = frozenset(
    {
        "在", "在吗", "在么", "在不在", "在嘛", "有人吗", "有人么", "有人在吗",
        "人呢", "人在吗", "喂", "亲", "你好", "您好", "快点", "快点啊", "快回复",
        "回复我", "回我", "怎么不说话", "怎么不回", "hello", "hi", "hey",
        "anyonethere", "areyouthere", "stillthere", "youthere",
    }
)  # fmt: skip
#: Longest text that may be a nudge.
MOST_CHARS = 24


def is_nudge(text: str, previous: str) -> bool:
    """True if *text* says nothing that *previous*, under way then, did not."""
    bare = _bare(text)
    if bare == _bare(previous):
        return True
    return len(text) <= MOST_CHARS and (not bare or bare in _NUDGES)


def _bare(text: str) -> str:
    folded = unicodedata.normalize("NFKC", text).casefold()
    return "".join(char for char in folded if char.isalnum())
