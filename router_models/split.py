"""
Splits that keep a group whole, so that no template stands on both sides.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from router_models.dataset import Example


def deal(examples: Sequence[Example], folds: int, seed: int) -> NDArray[np.int64]:
    """
    Fold number of each example.

    Groups are dealt one by one, in the order of language and intent, at random
    inside an intent: every fold gets its share of every intent, as far as there
    are groups enough.
    """
    first: dict[str, tuple[str, str]] = {}
    for example in examples:
        first.setdefault(example.group, (example.turn.locale, example.intent))
    order = sorted(first, key=lambda group: (first[group], _shuffled(group, seed)))
    fold = {group: at % folds for at, group in enumerate(order)}
    return np.array([fold[example.group] for example in examples], dtype=np.int64)


def assert_apart(left: Sequence[Example], right: Sequence[Example]) -> None:
    """
    Check that no group stands on both sides.

    Raises:
        ValueError: If one does; names it.
    """
    shared = {one.group for one in left} & {one.group for one in right}
    if shared:
        raise ValueError(f"groups on both sides of a split: {sorted(shared)[:5]}")


def _shuffled(group: str, seed: int) -> str:
    return hashlib.sha256(f"{seed}:{group}".encode()).hexdigest()
