"""
``tidegate plan --messages``: what a day of so many messages needs.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import click
import msgspec
from rich.console import Console
from rich.table import Table

from gateway.config import resolve
from gateway.errors import ConfigError
from gateway.staffing.capacity import BUSY, SHARES, TIERS, Capacity, Needs


#: Measured on the machine that it names.
SHIPPED = "insight/capacity.json"


def read_capacity(path: Path | None) -> Capacity:
    """
    The fitted costs of *path*, or the shipped ones.

    Raises:
        ConfigError: Naming file, place and fix.
    """
    file = path or resolve(SHIPPED)
    try:
        return msgspec.json.decode(file.read_bytes(), type=Capacity)
    except msgspec.MsgspecError as exc:
        raise ConfigError(
            f"{file}: {exc}; write it with tidegate loadtest forecast --out"
        ) from exc


def read_shares(given: Iterable[str]) -> dict[str, float]:
    """
    Tier -> part of the messages; the usual ones if none is given.

    Raises:
        ConfigError: If one is no share, or they do not add up to 1.
    """
    shares: dict[str, float] = {}
    for one in given:
        tier, _, part = one.partition("=")
        try:
            shares[tier] = float(part)
        except ValueError:
            raise ConfigError(f"--share {one}: write TIER=PART, as L1=0.5") from None
        if tier not in TIERS or not 0 <= shares[tier] <= 1:
            raise ConfigError(
                f"--share {one}: the tiers are {', '.join(TIERS)}, a part is 0 to 1"
            )
    if shares and abs(sum(shares.values()) - 1) > 0.01:  # noqa: PLR2004 - rounding
        raise ConfigError(
            f"--share: the parts add up to {sum(shares.values()):g}, not 1"
        )
    return shares or dict(SHARES)


def show_needs(found: Needs, *, as_json: bool) -> None:
    """Print it."""
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(found)))
        return
    table = Table(show_header=False)
    for name, told in (
        ("messages a second at the peak", f"{found.peak_per_s:,.1f}"),
        (f"workers, one a core, {BUSY:.0%} busy", f"{found.workers:,}"),
        ("stores, one a core, as busy", f"{found.shards:,}"),
        ("memory of the stores", f"{found.memory_gb:,.2f} GB"),
        (
            "tokens a minute at the peak, if models answer",
            f"{found.tokens_per_minute:,.0f}",
        ),
        ("operators in the busiest half hour", f"{found.operators:,}"),
        ("operator hours of the day", f"{found.operator_hours:,.0f}"),
    ):
        table.add_row(name, told)
    Console().print(table)
