"""
Turns that stand by themselves, taught once more in the middle of another talk.

Our groups with lines before them are mostly follow-ups; without these copies a
model learns that whatever comes second is a follow-up, and that whatever comes while a
task is open answers it. A borrowed context comes from the same side of a split.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

import msgspec

from engines.contract import Locale, Turn
from router_models.dataset import Example


#: What changes its meaning with the lines before it.
_BOUND = frozenset(
    {
        "slot_answer",
        "consent",
        "refusal",
        "bare_reference",
        "acknowledgement",
        "filler",
        "gibberish",
        "greeting",
        "urge_reply",
    }
)


def move(examples: Sequence[Example], share: float, seed: int) -> list[Example]:
    """
    Copies of a *share* of the free-standing examples, after another group's lines.

    The labels stay; an open task that comes with the lines is not continued.
    """
    pools: dict[Locale, list[Turn]] = {"zh": [], "en": []}
    for turn in _first_turns(examples):
        if turn.history:
            pools[turn.locale].append(turn)
    free = [
        one for one in examples if not one.turn.history and one.intent not in _BOUND
    ]
    free = [one for one in free if pools[one.turn.locale]]
    chance = random.Random(seed)  # noqa: S311 - reproducible, not secret
    chosen = chance.sample(free, round(share * len(free)))
    return [_moved(one, chance.choice(pools[one.turn.locale])) for one in chosen]


def _first_turns(examples: Sequence[Example]) -> list[Turn]:
    first: dict[str, Turn] = {}
    for example in examples:
        first.setdefault(example.group, example.turn)
    return list(first.values())


def _moved(example: Example, host: Turn) -> Example:
    turn = msgspec.structs.replace(
        example.turn,
        history=host.history,
        open_task=host.open_task,
        turn_number=host.turn_number,
    )
    continues = None if host.open_task is None else False
    return msgspec.structs.replace(
        example, turn=turn, continues=continues, is_copy=True
    )
