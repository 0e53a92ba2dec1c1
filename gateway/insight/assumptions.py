"""
What an assessment assumes: every number has a name, a range and a sentence.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path

import msgspec

from gateway.errors import ConfigError


class Range(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """
    One assumption.

    Attributes:
        zh / en: What it is, for the report.
    """

    low: float
    likely: float
    high: float
    zh: str = ""
    en: str = ""


class Thresholds(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """
    When a shop is of which stage; see the shipped file for each one's meaning.
    """

    growth_per_day: float
    mature_per_day: float
    growth_beyond_l1: float
    mature_tasks: float
    high_frequency_scene: float
    costly_scenes: float
    payback_months: float


class Values(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All assumptions; their sentences are in the shipped file."""

    operator_month: Range
    operator_hours: Range
    occupancy: Range
    parallel: Range
    handle_s: Range
    reach: Range
    durable: Range
    l1_cost: Range
    l2_cost: Range
    l3_cost: Range
    startup_setup: Range
    growth_setup: Range
    mature_setup: Range
    startup_month: Range
    growth_month: Range
    mature_month: Range


class Assumptions(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True
):
    """The whole file."""

    currency: str
    thresholds: Thresholds
    values: Values

    def likely(self) -> dict[str, float]:
        """Name -> likely value."""
        return {name: one.likely for name, one in self.ranges().items()}

    def ranges(self) -> dict[str, Range]:
        """Name -> range."""
        return {name: getattr(self.values, name) for name in Values.__struct_fields__}


#: Assumptions that are a share of something.
_SHARES = frozenset({"occupancy", "reach", "durable"})
#: Assumptions that something is divided by.
_POSITIVE = frozenset({"operator_hours", "occupancy", "parallel"})


def load(path: Path, changes: Iterable[str] = ()) -> Assumptions:
    """
    Read *path* and apply *changes* (``name=value`` or ``name=low..likely..high``).

    Raises:
        ConfigError: If something is wrong; names the file or the change, and the fix.
    """
    try:
        tree = tomllib.loads(path.read_text(encoding="utf-8"))
        read = msgspec.convert(tree, Assumptions)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as exc:
        raise ConfigError(f"{path}: {exc}") from exc
    except msgspec.ValidationError as exc:
        raise ConfigError(f"{path}: {exc}; compare with the shipped file") from exc
    changed = dict(_change(change, read.ranges()) for change in changes)
    values = msgspec.structs.replace(read.values, **changed)
    result = msgspec.structs.replace(read, values=values)
    _check(result, path)
    return result


def _change(change: str, ranges: Mapping[str, Range]) -> tuple[str, Range]:
    name, _, value = change.partition("=")
    if name not in ranges:
        raise ConfigError(
            f"--set {change}: no such assumption; there are {', '.join(ranges)}"
        )
    parts = value.split("..")
    try:
        numbers = [float(part) for part in parts]
    except ValueError as exc:
        raise ConfigError(
            f"--set {change}: write a number, or low..likely..high"
        ) from exc
    if len(numbers) == 1:
        numbers *= 3
    if len(numbers) != 3:  # noqa: PLR2004 - low, likely, high
        raise ConfigError(f"--set {change}: write a number, or low..likely..high")
    low, likely, high = numbers
    return name, msgspec.structs.replace(
        ranges[name], low=low, likely=likely, high=high
    )


def _check(assumptions: Assumptions, path: Path) -> None:
    for name, one in assumptions.ranges().items():
        place = f"{path}: assumption {name}"
        if not 0 <= one.low <= one.likely <= one.high < float("inf"):
            raise ConfigError(f"{place}: order it 0 <= low <= likely <= high")
        if name in _SHARES and one.high > 1:
            raise ConfigError(f"{place}: is a share; write 0 to 1")
        if name in _POSITIVE and one.low <= 0:
            raise ConfigError(f"{place}: must be above 0")
