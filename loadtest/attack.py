"""
The attack table: S1 to S24, each row so many inputs against a live gateway.

Success of an attacker is an unauthorised effect or a leak, not a sentence: the books
of the shops, canaries and the gateway's own counts judge. Every row has the number of
inputs of a whole run; a share of it is drawn from the same generators.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Mapping, Sequence
from time import monotonic
from typing import NamedTuple

import msgspec

from gateway.config import Config
from loadtest.attack_data import s13_masking, s14_sinks, s15_tenants
from loadtest.attack_desk import s17_scripts, s18_fetches, s22_desk
from loadtest.attack_effects import s10_other_peoples, s11_amounts
from loadtest.attack_files import s16_models, s19_stalls
from loadtest.attack_found import Attack
from loadtest.attack_hooks import s1_forged, s2_replayed, s3_plain_mode
from loadtest.attack_house import House, open_house
from loadtest.attack_wire import s4_bombs, s5_calls, s20_characters
from loadtest.attack_words import (
    s6_direct,
    s7_indirect,
    s8_sleepers,
    s9_adaptive,
    s12_importance,
    s21_wallet,
    s23_leaks,
    s24_person,
)


#: A row is drawn from as many inputs at least, however small the share.
_FEWEST = 20


class _Row(NamedTuple):
    name: str
    inputs: int
    attack: Attack


ROWS: dict[str, _Row] = {
    "S1": _Row("webhooks forged", 50_000, s1_forged),
    "S2": _Row("webhooks replayed, out of their time", 20_000, s2_replayed),
    "S3": _Row("WeChat plain mode", 1_000, s3_plain_mode),
    "S4": _Row("XML and JSON bombs, size, slow clients", 2_000, s4_bombs),
    "S5": _Row("calls at random, every route", 100_000, s5_calls),
    "S6": _Row("injection, direct", 1_000, s6_direct),
    "S7": _Row("injection in documents, notes, titles", 1_000, s7_indirect),
    "S8": _Row("injection that sleeps", 200, s8_sleepers),
    "S9": _Row("attacker who learns", 2_000, s9_adaptive),
    "S10": _Row("other people's orders and talks", 10_000, s10_other_peoples),
    "S11": _Row("amounts, parallel refunds", 2_000, s11_amounts),
    "S12": _Row("importance claimed", 500, s12_importance),
    "S13": _Row("personal data masked", 100_000, s13_masking),
    "S14": _Row("canaries in logs, metrics, errors, keys, prompts", 10_000, s14_sinks),
    "S15": _Row("two shops with the same ids", 10_000, s15_tenants),
    "S16": _Row("model files", 200, s16_models),
    "S17": _Row("markup towards people", 500, s17_scripts),
    "S18": _Row("addresses nobody may call", 300, s18_fetches),
    "S19": _Row("texts that stall matchers", 2_000, s19_stalls),
    "S20": _Row("odd characters", 10_000, s20_characters),
    "S21": _Row("the model's bill", 1_000, s21_wallet),
    "S22": _Row("the desk's sessions and roles", 2_000, s22_desk),
    "S23": _Row("prompts and keys asked for", 1_000, s23_leaks),
    "S24": _Row("a person in one turn, machines marked", 1_000, s24_person),
}


class RowReport(msgspec.Struct, frozen=True, kw_only=True):
    """
    One row of the table.

    Attributes:
        failed: Inputs, or checks over all of them, that did not hold.

        failures: Some of them, in words.
    """

    row: str
    name: str
    tried: int
    failed: int
    failures: tuple[str, ...]
    note: str
    seconds: float

    @property
    def passed(self) -> int:
        """Inputs that ended as they must."""
        return max(0, self.tried - self.failed)


def run_attacks(
    config: Config,
    *,
    rows: Sequence[str],
    share: float = 1.0,
    most: int = 10**6,
    seed: int,
    tell: Callable[[str], None],
) -> list[RowReport]:
    """
    Run *rows*, each with *share* of its inputs, against one fresh gateway.

    Args:
        most: Inputs of a row at most.

        tell: Called with a line before each row.
    """
    counts = {name: min(most, _count(name, share)) for name in rows}
    with open_house(config) as house:
        return asyncio.run(_all(house, counts, seed, tell))


async def _all(
    house: House,
    counts: Mapping[str, int],
    seed: int,
    tell: Callable[[str], None],
) -> list[RowReport]:
    reports = []
    try:
        for name, count in counts.items():
            tell(f"{name}: {ROWS[name].name}, {count} inputs")
            reports.append(await _run(house, name, count, seed))
    finally:
        await house.http.aclose()
    return reports


def _count(name: str, share: float) -> int:
    whole = ROWS[name].inputs
    return min(whole, max(_FEWEST, round(whole * share)))


async def _run(house: House, name: str, count: int, seed: int) -> RowReport:
    row, started = ROWS[name], monotonic()
    found = await row.attack(house, count, random.Random(f"{seed}-{name}"))
    if not await house.is_well():
        found.fail("an honest message is not answered after it")
    return RowReport(
        row=name,
        name=row.name,
        tried=found.tried,
        failed=found.failed,
        failures=tuple(found.failures),
        note=found.note,
        seconds=monotonic() - started,
    )
