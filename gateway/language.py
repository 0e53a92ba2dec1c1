"""
Which language a customer is answered in: the text's own, if it has one.

An order number, an "ok", a "hi" belong to either language: they say nothing of the one
a customer speaks, and leave a conversation in the language it had.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from engines.contract import Locale


#: Language of a text by its scripts; the second argument if it has none.
LocaleOf = Callable[[str, Locale], Locale]

#: So few Latin words say nothing of the language a customer speaks.
FEW_WORDS = 2

#: Ids and numbers, whose Latin letters belong to no language.
_CODE = re.compile(r"[A-Za-z]*\d[A-Za-z\d]*")
_has_han = re.compile("[\u3400-\u9fff]").search
_has_digit = re.compile(r"\d").search
_has_letter = re.compile(r"[^\W\d_]").search


def is_telling(text: str) -> bool:
    """True if *text* shows the language of its writer."""
    return _has_han(text) is not None or len(_words(text)) > FEW_WORDS


def language_of(text: str, declared: Locale | None, locale_of: LocaleOf) -> Locale:
    """
    The text's own language; that of the sender's page, or Chinese, if it shows none.

    Args:
        declared: Language of the page, None if nobody said.
    """
    if _has_han(text) is None:
        words = len(_words(text))
        if not words or (declared is not None and words <= FEW_WORDS):
            return declared or "zh"
    return locale_of(_CODE.sub("", text), declared or "zh")


def _words(text: str) -> list[str]:
    """What stands between spaces and has letters but no digit."""
    return [
        word
        for word in text.split()
        if _has_letter(word) is not None and _has_digit(word) is None
    ]
