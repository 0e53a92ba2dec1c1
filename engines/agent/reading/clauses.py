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
from engines.agent.reading.task_cues import Recipe


#: Requests of one message that are looked at, at most.
MAX_REQUESTS = 6
_CUT = re.compile(
    r"[。;；!！?？\n]|[,，](?!\d{3}\b)"
    r"|(?=另外|还有(?!什么)|顺便|然后|同时|并且|此外|以及把|再把|再帮)"
    r"|(?<=[退换][一两二三四1-9][个件条双只瓶份])(?=[退换][一两二三四1-9][个件条双只瓶份])"
    r"|\s(?:and|then|also)\s(?=(?:please )?(?:tell me|let me know|how (?:much|long|soon)|when|where)\b)"
    r"|(?<=[a-z0-9][a-z0-9])\.\s|\s(?:and|then|also)\s(?=(?:also |then |please |to )*(?:cancel|refund|return"
    r"|change|update|send|ship|exchange|swap|merge|combine|re-?issue|issue|reschedule"
    r"|postpone|replace|deliver|split|chase|switch|correct|move|put|chase|I(?:'d| want| need)|my |the invoice)\b)",
    re.IGNORECASE,
)
#: A piece that only adds another order ("还有A03") is no longer than this.
_LONGEST_AFTERTHOUGHT = 16
#: Letters that say about as much as one character.
_LATIN_PER_HAN = 2
#: Goods alone are no longer than this in Chinese.
_LONGEST_GOODS = 8
_ADDS = re.compile(
    r"还有|以及|另外|加上|^[和跟与也]|\b(?:and|also|plus|too|as well)\b", re.IGNORECASE
)
#: What is said of goods that nobody wants anything done with.
_REMARKS = re.compile(
    r"(?:在|还|我|都|就)?(?:用|穿|戴|吃|喝)[着了]|没(?:问题|毛病)|挺好|很好|不错|满意|喜欢|可以的|正常|[没不]坏"
    r"|\b(?:is|are|works?|looks?|fits?) (?:fine|great|good|ok|okay|perfect\w*|lovely)\b|\b(?:i'm|already) (?:using|wearing)\b|\b(?:love|like)\b",
    re.IGNORECASE,
)
#: Goods that stay on their way, or are wanted still: "帐篷照发", "the lamp is still fine".
_AS_ORDERED = re.compile(
    r"照(?:发|寄|送|常|旧|样|原样)|(?:正常|继续|接着|先|还是)(?:发|寄|送)|发(?:货|来)?(?:就行|即可|没事)|(?:还|都|仍|依然)(?:是)?要的?[。!！]?$|没事[。!！]?$"
    r"|\b(?:is|are|'s) (?:still |all )?(?:fine|good|ok|okay|wanted|coming|needed)\b|\bstill (?:fine|good|ok|okay|want|need|wanted|like)\b"
    r"|\b(?:ship|send) (?:it |them )?as (?:is|ordered|planned)\b",
    re.IGNORECASE,
)
#: The steps of a list: "第一，…第二，…", "(1) … (2) …", "1. … 2. …".
_ENUMERATED = re.compile(
    r"第[一二三四五六](?=\s?(?:[,，、:：]|[A-Za-z0-9-]{5,}|取消|退|改|换|把|帮|催|订单))"
    r"|(?:^|(?<=[\s,，。;；:：]))[(（]?[1-6①-⑥][)）、.．]\s*(?=[^\d\s])|[①-⑥]|(?:^|(?<=[\s,，。;；:：]))[(（]?[a-f][)）]\s*"
)
#: (a task, what a piece after it says, what is wanted then).
_AFTER_ALL: dict[tuple[Recipe, Recipe], Recipe] = {
    ("replace_item", "refund_item"): "refund_item",
    ("refund_item", "chase_refund"): "chase_refund",
    ("exchange_item", "replace_item"): "replace_item",
}
#: A space after Chinese, and before it or an id.
_SPACE = re.compile(r"(?<=[\u4e00-\u9fff])\s+(?=[\u4e00-\u9fffA-Z\d])")
_CJK = re.compile(r"[\u4e00-\u9fff]")
_CORRECTION = re.compile(
    r"(?:[,，。;；!！…\s]|^)(?:啊|哦|噢|呃|等等)?[,，]?(?:不对不对|不对|说错了|打错了|写错了是|搞错了,|错了错了|哦不|噢不|啊不|算了[,，]?(?:我)?(?=还是)|(?:哦|噢|啊|诶)?等等[,，]?(?=是|应该|我)|(?:哦|噢|啊|诶)等一?下[,，]?(?=是|应该))[,，。!！:：\s]*(?:应该)?(?=\S)"
    r"|(?:[,.;!—-]\s*|\s)(?:no,? wait|wait,? no|oh,? wait|no,? sorry|sorry,? no|actually(?=,? (?:no\b|it'?s|make|not|the))|sorry,? (?:i meant?|make that)|i meant?|scratch that|correction|my mistake)[,:;.\s]+",
    re.IGNORECASE,
)


Kinds = Callable[[str], frozenset[str]]


class Request(msgspec.Struct, frozen=True):
    """One task with the words that belong to it."""

    recipe: Recipe
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
    text = _ENUMERATED.sub("；", text)
    whole = wishes.recipes_in(plain(text).lower())
    cut = [piece.strip() for piece in _CUT.split(text) if piece and piece.strip()]
    pieces = [part for piece in cut for part in _at_spaces(piece, plain)]
    found = _grouped(pieces, kinds_in, plain)
    if len(pieces) == 1 or not found:
        is_forbidden = any(wishes.is_forbidden(plain(one).lower()) for one in pieces)
        return () if is_forbidden else tuple(Request(one, text) for one in whole)
    is_reason = len(found) > 1 and not any(kinds_in(one.text) for one in found[1:])
    if whole == ("cancel_order",) and is_reason:
        return (Request("cancel_order", text),)
    return tuple(found)[:MAX_REQUESTS]


def _at_spaces(piece: str, plain: Callable[[str], str]) -> list[str]:
    """
    A piece cut where a space stands for a comma: each part has a wish of its own.

    Words without one stay with the wish before them.
    """
    parts: list[str] = []
    wishing = 0
    for part in filter(None, _SPACE.split(piece)):
        has_wish = bool(wishes.recipes_in(plain(part).lower()))
        wishing += has_wish
        if parts and not has_wish:
            parts[-1] = f"{parts[-1]} {part}"
        else:
            parts.append(part)
    return parts if wishing > 1 and wishing == len(parts) else [piece]


def _grouped(
    pieces: list[str],
    kinds_in: Kinds,
    plain: Callable[[str], str],
) -> list[Request]:
    groups: list[tuple[Recipe, list[str]]] = []
    waiting: list[str] = []
    is_kept = False
    for piece in pieces:
        own = kinds_in(piece)
        folded = plain(piece).lower()
        if wishes.is_forbidden(folded):
            continue
        is_aside = groups and wishes.only_stays(folded)
        recipes = () if is_aside else wishes.recipes_in(folded)
        # "Keep the grinder, filters and the rest": the list goes on.
        is_kept = not recipes and (wishes.begins_to_keep(folded) or is_kept)
        if recipes:
            _add(groups, waiting, piece, folded, recipes, own, kinds_in)
        elif _stays_as_it_is(own, folded):
            continue
        elif groups and _names_first_order(groups[-1][1], own, kinds_in):
            groups[-1][1].append(piece)
        elif not groups:
            waiting.append(piece)
        elif _belongs(groups[-1][1][-1], piece, folded, own, kinds_in, is_kept=is_kept):
            groups[-1][1].append(piece)
    comma = "，" if any(_CJK.search(piece) for piece in pieces) else ", "
    return [Request(recipe, comma.join(words)) for recipe, words in groups]


def _stays_as_it_is(own: frozenset[str], folded: str) -> bool:
    """A piece without a wish that says of an order or of goods that they stay."""
    if own == {"line"}:
        return _AS_ORDERED.search(folded) is not None
    return own == {"order"} and wishes.stays(folded)


def _names_first_order(words: list[str], own: frozenset[str], kinds_in: Kinds) -> bool:
    """A piece without a wish that says which order the wish before it is on."""
    return own == {"order"} and not any("order" in kinds_in(word) for word in words)


def _add(
    groups: list[tuple[Recipe, list[str]]],
    waiting: list[str],
    piece: str,
    folded: str,
    recipes: tuple[Recipe, ...],
    own: frozenset[str],
    kinds_in: Kinds,
) -> None:
    """A piece with wishes goes on with the group before it, or begins groups."""
    if groups and not own and (after_all := _after_all(groups[-1], recipes)):
        groups[-1] = (after_all, [*groups[-1][1], piece])
        return
    for recipe in recipes:
        if groups and _continues(groups[-1], recipe, folded, own, kinds_in):
            groups[-1][1].append(piece)
        else:
            groups.append((recipe, [*waiting, piece]))
            waiting.clear()


def _belongs(
    before: str,
    piece: str,
    folded: str,
    own: frozenset[str],
    kinds_in: Kinds,
    *,
    is_kept: bool,
) -> bool:
    """Tell if a piece without a wish says more of the wish before it."""
    if own == {"line"} and not wishes.keeps_gift(folded):
        if is_kept:
            return wishes.begins_to_keep(folded)
        if kinds_in(before) and not (_adds(piece) or wishes.only_stays(folded)):
            return False
    per_letter = 1 if _CJK.search(piece) else _LATIN_PER_HAN
    return "order" not in own or len(piece) <= _LONGEST_AFTERTHOUGHT * per_letter


def _adds(piece: str) -> bool:
    """Tell if a piece without a wish adds goods: by a word for it, or as bare goods."""
    is_short = len(piece) <= (
        _LONGEST_GOODS if _CJK.search(piece) else 5 * _LONGEST_GOODS
    )
    return _ADDS.search(piece) is not None or (is_short and not _REMARKS.search(piece))


def _after_all(
    group: tuple[Recipe, list[str]], recipes: tuple[Recipe, ...]
) -> Recipe | None:
    """The task of a group whose next piece tells what is really wanted; else None."""
    if len(recipes) != 1:
        return None
    before, words = group
    if before == "exchange_item" and not wishes.wants_the_same(words[-1].lower()):
        return None
    return _AFTER_ALL.get((before, recipes[0]))


def _continues(
    group: tuple[Recipe, list[str]],
    recipe: Recipe,
    folded: str,
    own: frozenset[str],
    kinds_in: Kinds,
) -> bool:
    """A piece that goes on with the task before it instead of beginning another."""
    before, words = group
    if recipe != before:
        return not own and wishes.goes_on(folded, recipe, before)
    return not any(own & kinds_in(word) for word in words)
