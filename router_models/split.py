"""
Splits that keep a group whole, so that no template stands on both sides.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from router_models.dataset import Example
from router_models.text import normalise


def deal(examples: Sequence[Example], folds: int, seed: int) -> NDArray[np.int64]:
    """
    Fold number of each example.

    Groups that share a text in the same place count as one. They are dealt one by one,
    in the order of language and intent, at random inside an intent: every fold gets
    its share of every intent, as far as there are groups enough.
    """
    leader = _leaders(examples)
    first: dict[str, tuple[str, str]] = {}
    for example in examples:
        key = example.turn.locale, example.intent
        first.setdefault(leader[example.group], key)
    order = sorted(first, key=lambda group: (first[group], _shuffled(group, seed)))
    fold = {group: at % folds for at, group in enumerate(order)}
    dealt = [fold[leader[example.group]] for example in examples]
    return np.array(dealt, dtype=np.int64)


def assert_apart(left: Sequence[Example], right: Sequence[Example]) -> None:
    """
    Check that no group stands on both sides.

    Raises:
        ValueError: If one does; names it.
    """
    shared = {one.group for one in left} & {one.group for one in right}
    if shared:
        raise ValueError(f"groups on both sides of a split: {sorted(shared)[:5]}")


def _leaders(examples: Sequence[Example]) -> dict[str, str]:
    """For each group, the first of the groups it is tied to by a shared text."""
    leader = {example.group: example.group for example in examples}

    def find(group: str) -> str:
        while leader[group] != group:
            group = leader[group]
        return group

    owner: dict[tuple[object, object], str] = {}
    for example in examples:
        place = normalise(example.turn.text), example.turn.history
        mine = find(example.group)
        theirs = find(owner.setdefault(place, mine))
        leader[max(mine, theirs)] = min(mine, theirs)
    return {group: find(group) for group in leader}


def _shuffled(group: str, seed: int) -> str:
    return hashlib.sha256(f"{seed}:{group}".encode()).hexdigest()
