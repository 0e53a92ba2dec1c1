"""
Other ways of saying the same: wrappers and slips that change no label.

Our rows are terse; customers greet, excuse themselves, thank and mistype. Without
these copies a model learns that whoever says "I" or "please" wants money back.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path

import msgspec

from engines.contract import Locale
from router_models.dataset import Example
from router_models.documents import read_yaml
from router_models.errors import DataError


#: What is nothing but its wording: wrapping it would change what it is.
_BARE = frozenset(
    {
        "greeting",
        "thanks_closing",
        "acknowledgement",
        "filler",
        "urge_reply",
        "gibberish",
        "bare_reference",
        "slot_answer",
        "consent",
        "refusal",
    }
)

#: Share of the copies with something before, of those with something after as well,
#: and of the English copies with a slip of the keyboard.
_BEFORE, _AFTER, _SLIPS = 0.75, 0.35, 0.25


class Wrappers(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """
    What customers put around a request, by language.

    Attributes:
        before_question, before_request: Fit only a text that starts with one of
            *question_starts* or *request_starts* (whole words in English).
    """

    before: dict[Locale, tuple[str, ...]]
    after: dict[Locale, tuple[str, ...]]
    before_question: dict[Locale, tuple[str, ...]]
    before_request: dict[Locale, tuple[str, ...]]
    question_starts: dict[Locale, tuple[str, ...]]
    request_starts: dict[Locale, tuple[str, ...]]


def load_wrappers(path: Path) -> Wrappers:
    """
    Read wrappers from a YAML file.

    Raises:
        DataError: If the file is wrong, or a language has none of a kind.
    """
    fix = f"give {', '.join(Wrappers.__struct_fields__)}, each with zh and en lists"
    wrappers = read_yaml(path, Wrappers, fix)
    for name in Wrappers.__struct_fields__:
        by_locale = getattr(wrappers, name)
        if not all(by_locale.get(locale) for locale in ("zh", "en")):
            raise DataError(path, "a language has no texts", fix, name)
    return wrappers


def reword(
    examples: Sequence[Example], wrappers: Wrappers, share: float, seed: int
) -> list[Example]:
    """
    Copies of a *share* of the examples, wrapped; labels and groups stay.

    Same examples and seed, same copies.
    """
    usable = [
        one for one in examples if one.intent not in _BARE and one.turn.text.strip()
    ]
    chance = random.Random(seed)  # noqa: S311 - reproducible, not secret
    chosen = chance.sample(usable, round(share * len(usable)))
    return [_reworded(one, wrappers, chance) for one in chosen]


def _reworded(example: Example, wrappers: Wrappers, chance: random.Random) -> Example:
    locale, text = example.turn.locale, example.turn.text
    before = after = ""
    if chance.random() < _BEFORE:
        before = chance.choice(_fitting(text, locale, wrappers))
    if not before or chance.random() < _AFTER:
        after = chance.choice(wrappers.after[locale])
    text = f"{before}{text}{after}"
    if locale == "en" and chance.random() < _SLIPS:
        text = _mistyped(text, chance)
    turn = msgspec.structs.replace(example.turn, text=text)
    return msgspec.structs.replace(example, turn=turn, is_copy=True)


def _fitting(text: str, locale: Locale, wrappers: Wrappers) -> tuple[str, ...]:
    before = wrappers.before[locale]
    if _starts(text, locale, wrappers.request_starts[locale]):
        return wrappers.before_request[locale] + before[::4]
    if _starts(text, locale, wrappers.question_starts[locale]):
        return wrappers.before_question[locale] + before
    return before


def _starts(text: str, locale: Locale, starts: tuple[str, ...]) -> bool:
    if locale == "zh":
        return text.startswith(starts)
    return text.split(maxsplit=1)[0].lower().strip(",.!?") in starts


def _mistyped(text: str, chance: random.Random) -> str:
    at = chance.randrange(len(text))
    swapped = text[:at] + text[at + 1 : at + 2] + text[at] + text[at + 2 :]
    return chance.choice((text[:at] + text[at + 1 :], swapped))
