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
    r"|\.\s|\s(?:and|then|also)\s(?=(?:also |then |please |to )*(?:cancel|refund|return"
    r"|change|update|send|ship|exchange|swap|merge|combine|re-?issue|issue|reschedule"
    r"|postpone|replace|deliver|split|chase|switch|correct|I(?:'d| want| need)|my |the invoice)\b)",
    re.IGNORECASE,
)
_CORRECTION = re.compile(
    r"(?:[,，。;；!！…\s]|^)(?:啊|哦|噢|呃|等等)?[,，]?(?:不对不对|不对|说错了|打错了|写错了是|搞错了,|错了错了|哦不|噢不|啊不)[,，。!！:：\s]*(?:应该)?(?=\S)"
    r"|(?:[,.;!—-]\s*|\s)(?:no,? wait|wait,? no|sorry,? (?:i meant?|make that)|i meant?|scratch that|correction|my mistake)[,:;.\s]+",
    re.IGNORECASE,
)


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


def requests_in(text: str, has_own: Callable[[str], bool]) -> tuple[Request, ...]:
    """
    The tasks a cleaned *text* asks for, each with its own words.

    Args:
        has_own: Tells if a piece names an order, a line or a product itself.
    """
    whole = wishes.recipes_in(text.lower())
    pieces = [piece.strip() for piece in _CUT.split(text) if piece and piece.strip()]
    found = _grouped(pieces, has_own)
    if len(found) <= 1 or not whole:
        return tuple(Request(recipe, text) for recipe in whole)
    kept = {one.recipe for one in found}
    if whole == ("cancel_order",) and not _are_apart(found):
        return (Request("cancel_order", text),)
    missed = [Request(one, text) for one in whole if one not in kept]
    return tuple(found + missed)[:MAX_REQUESTS]


def _grouped(pieces: list[str], has_own: Callable[[str], bool]) -> list[Request]:
    groups: list[tuple[wishes.Recipe, list[str]]] = []
    waiting: list[str] = []
    for piece in pieces:
        recipes = wishes.recipes_in(piece.lower())
        if not recipes:
            (groups[-1][1] if groups else waiting).append(piece)
            continue
        for recipe in recipes:
            if groups and _continues(groups[-1], recipe, piece, has_own):
                groups[-1][1].append(piece)
            else:
                groups.append((recipe, [*waiting, piece]))
                waiting = []
    return [Request(recipe, "，".join(words)) for recipe, words in groups]


def _continues(
    group: tuple[wishes.Recipe, list[str]],
    recipe: wishes.Recipe,
    piece: str,
    has_own: Callable[[str], bool],
) -> bool:
    """A piece that goes on with the task before it instead of beginning another."""
    before, words = group
    if wishes.is_part_of(recipe, before):
        return True
    if recipe != before:
        return False
    return not (has_own(piece) and any(has_own(word) for word in words))


def _are_apart(found: list[Request]) -> bool:
    """Whether a cancellation stands beside wishes that are no reason for it."""
    return any(wishes.names_order(one.text.lower()) for one in found[1:])
