"""
Several requests in one message, told apart: which words belong to which task.

A message is cut at punctuation and connectives; a piece without a wish of its
own belongs to the one before it, or to the first. Pieces of one task stay
together unless each names something of its own.
"""

from __future__ import annotations

import re
from collections.abc import Callable

import msgspec

from engines.agent.reading import wishes


#: Requests of one message that are looked at, at most.
MAX_REQUESTS = 6
_CUT = re.compile(
    r"[。;；!！\n]|[,，](?!\d{3}\b)"
    r"|(?=另外|还有(?!什么)|顺便|然后|同时|并且|此外|以及把|再把|再帮)"
    r"|(?<=[a-z0-9][a-z0-9])\.\s|\s(?:and|then|also)\s(?=(?:also |then |please |to )*(?:cancel|refund|return"
    r"|change|update|send|ship|exchange|swap|merge|combine|re-?issue|issue|reschedule"
    r"|postpone|replace|deliver|split|chase|switch|correct|I(?:'d| want| need)|my |the invoice)\b)",
    re.IGNORECASE,
)
#: A piece that only adds another order ("还有A03") is no longer than this.
_LONGEST_AFTERTHOUGHT = 16
_BROKEN_SO_BACK: tuple[wishes.Recipe, tuple[wishes.Recipe, ...]] = (
    "replace_item",
    ("refund_item",),
)
_CJK = re.compile(r"[\u4e00-\u9fff]")
_CORRECTION = re.compile(
    r"(?:[,，。;；!！…\s]|^)(?:啊|哦|噢|呃|等等)?[,，]?(?:不对不对|不对|说错了|打错了|写错了是|搞错了,|错了错了|哦不|噢不|啊不)[,，。!！:：\s]*(?:应该)?(?=\S)"
    r"|(?:[,.;!—-]\s*|\s)(?:no,? wait|wait,? no|sorry,? (?:i meant?|make that)|i meant?|scratch that|correction|my mistake)[,:;.\s]+",
    re.IGNORECASE,
)


Kinds = Callable[[str], frozenset[str]]


class Request(msgspec.Struct, frozen=True):
    """One task with the words that belong to it."""

    recipe: wishes.Recipe
    text: str


def corrected(text: str) -> tuple[str, str]:
    """A text cut at its last "no, I mean": what was said, and what is meant instead."""
    cuts = list(_CORRECTION.finditer(text))
    if not cuts or not text[: cuts[-1].start()].strip():
        return text, ""
    return text[: cuts[-1].start()], text[cuts[-1].end() :]


def requests_in(
    text: str, kinds_in: Kinds, plain: Callable[[str], str]
) -> tuple[Request, ...]:
    """
    The tasks a cleaned *text* asks for, each with its own words.

    Args:
        kinds_in: Tells what a piece names itself: an ``order``, a ``line``.

        plain: Puts the word for an order in place of ids, which are no words.
    """
    whole = wishes.recipes_in(plain(text).lower())
    pieces = [piece.strip() for piece in _CUT.split(text) if piece and piece.strip()]
    found = _grouped(pieces, kinds_in, plain)
    if len(pieces) == 1 or not found:
        is_forbidden = any(wishes.is_forbidden(plain(one).lower()) for one in pieces)
        return () if is_forbidden else tuple(Request(one, text) for one in whole)
    is_reason = len(found) > 1 and not any(kinds_in(one.text) for one in found[1:])
    if whole == ("cancel_order",) and is_reason:
        return (Request("cancel_order", text),)
    return tuple(found)[:MAX_REQUESTS]


def _grouped(
    pieces: list[str],
    kinds_in: Kinds,
    plain: Callable[[str], str],
) -> list[Request]:
    groups: list[tuple[wishes.Recipe, list[str]]] = []
    waiting: list[str] = []
    for piece in pieces:
        own = kinds_in(piece)
        folded = plain(piece).lower()
        if wishes.is_forbidden(folded):
            continue
        recipes = wishes.recipes_in(folded)
        if not recipes:
            if not groups:
                waiting.append(piece)
            elif "order" not in own or len(piece) <= _LONGEST_AFTERTHOUGHT:
                groups[-1][1].append(piece)
            continue
        if groups and not own and (groups[-1][0], recipes) == _BROKEN_SO_BACK:
            groups[-1] = ("refund_item", [*groups[-1][1], piece])
            continue
        for recipe in recipes:
            if groups and _continues(groups[-1], recipe, folded, own, kinds_in):
                groups[-1][1].append(piece)
            else:
                groups.append((recipe, [*waiting, piece]))
                waiting = []
    comma = "，" if any(_CJK.search(piece) for piece in pieces) else ", "
    return [Request(recipe, comma.join(words)) for recipe, words in groups]


def _continues(
    group: tuple[wishes.Recipe, list[str]],
    recipe: wishes.Recipe,
    folded: str,
    own: frozenset[str],
    kinds_in: Kinds,
) -> bool:
    """A piece that goes on with the task before it instead of beginning another."""
    before, words = group
    if recipe != before:
        return not own and wishes.goes_on(folded, recipe, before)
    return not any(own & kinds_in(word) for word in words)
