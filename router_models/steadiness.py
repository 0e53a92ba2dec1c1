"""
How steady decisions are: the same message written otherwise, and in both languages.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec

from engines.contract import Locale, Risk, Tier
from router_models.documents import read_yaml
from router_models.evaluate import Judged, Row
from router_models.perturb import WAYS, otherwise
from router_models.router import TierRouter
from router_models.situation import situate


_SHAPE = "write a list of {zh, en, tier, risk}"
_ORDER = ("L1", "L2", "L3", "human")


class Flips(msgspec.Struct, frozen=True, kw_only=True):
    """
    Decisions that changed when a text was written otherwise.

    Attributes:
        rate: Share of changed tiers by way of writing.

        lower: Share that went to a lower tier, all ways together.
    """

    n: int
    rate: dict[str, float]
    lower: float


class Parity(msgspec.Struct, frozen=True):
    """The same messages in both languages: how often both get the same tier and risk."""

    n: int
    same_tier: float
    same_risk: float
    apart: list[str]


def flip_rates(judged: Sequence[Judged], router: TierRouter) -> Flips | None:
    """Write rows otherwise in every way and compare the tiers."""
    if not judged:
        return None
    rate: dict[str, float] = {}
    lower = changed = 0
    for way in WAYS:
        found = flips = 0
        for number, one in enumerate(judged):
            text = otherwise(one.turn.text, way, number)
            if text is None or not text.strip():
                continue
            turn = msgspec.structs.replace(one.turn, text=text)
            tier = str(router.decide(turn).tier)
            found += 1
            flips += tier != one.given["tier"]
            lower += _ORDER.index(tier) < _ORDER.index(one.given["tier"])
        changed += found
        if found:
            rate[way] = round(flips / found, 4)
    return Flips(n=len(judged), rate=rate, lower=round(lower / max(1, changed), 4))


class _Pair(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    zh: str
    en: str
    tier: Tier
    risk: Risk


def _both(pair: _Pair) -> tuple[tuple[str, Locale], ...]:
    return (pair.zh, "zh"), (pair.en, "en")


def frozen_rows(path: Path) -> list[Row]:
    """
    The messages of a file of pairs as labelled rows: a suite that never trains.

    Raises:
        DataError: If the file is wrong.
    """
    return [
        Row(text, locale=locale, tier=pair.tier, risk=pair.risk)
        for pair in read_yaml(path, list[_Pair], _SHAPE)
        for text, locale in _both(pair)
    ]


def parity(router: TierRouter, path: Path) -> Parity:
    """
    Route the messages of a file of pairs in both languages.

    Raises:
        DataError: If the file is wrong.
    """
    pairs = read_yaml(path, list[_Pair], _SHAPE)
    both = [
        tuple(router.decide(situate(router, text)) for text in (pair.zh, pair.en))
        for pair in pairs
    ]
    apart = [
        f"{pair.zh} ({a.tier}) · {pair.en} ({b.tier})"
        for pair, (a, b) in zip(pairs, both, strict=True)
        if a.tier != b.tier
    ]
    return Parity(
        len(pairs),
        _share(a.tier == b.tier for a, b in both),
        _share(a.risk == b.risk for a, b in both),
        apart,
    )


def _share(hits: Iterable[bool]) -> float:
    found = list(hits)
    return round(sum(found) / max(1, len(found)), 4)
