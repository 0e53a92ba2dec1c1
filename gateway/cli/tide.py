"""
``tidegate loadtest tide`` and ``tidegate sale``: overload, simulated and ordered.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
import msgspec
from rich.console import Console
from rich.table import Table

from gateway.admission.ladder import TideOrders
from gateway.cli import options
from gateway.cli.acting import by_command
from gateway.cli.operator import shop_of
from gateway.store.beside import run_beside
from gateway.store.connection import Scripts
from gateway.store.tide import TideStore
from gateway.tide import encode_orders, read_orders
from loadtest.tide import SCENARIOS, TideReport, table
from loadtest.tide_live import LATE_MS, LiveReport, live


MINUTE_MS = 60_000


@click.command()
@options.as_json
@click.option("--seeds", type=click.IntRange(1, 100), default=6, show_default=True)
@click.option(
    "--load",
    "scenarios",
    type=click.Choice(list(SCENARIOS)),
    multiple=True,
    help="Which tides; all if left out.",
)
def tide(as_json: bool, seeds: int, scenarios: tuple[str, ...]) -> None:
    """
    Simulate overload: our admission beside five others, on virtual time.

    Exits 1 if one of our own goals does not hold.
    """
    report = table(
        seeds, lambda line: click.echo(line, err=True), scenarios or SCENARIOS
    )
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(report)))
    else:
        _print(report)
    sys.exit(1 if report.misses else 0)


def _print(report: TideReport) -> None:
    grid = Table(
        "load", "policy", "turns in time", "turns of finished talks", "top class",
        "cut midway", "wasted", "recovery s", "decision p99 us",
    )  # fmt: skip
    for row in report.rows:
        never = report.seeds - row.recovered
        recovery = _spread(row.recovery_s, 1) if row.recovered else "never"
        grid.add_row(
            row.scenario,
            row.policy,
            _spread(row.good),
            _spread(row.talks),
            _spread(row.top),
            f"{row.cut[0]:.2f}",
            f"{row.wasted:.0f}",
            f"{recovery}{f', {never} never' if never and row.recovered else ''}",
            f"{row.decision_p99_us:.0f}" if row.decision_p99_us else "",
        )
    console = Console(width=150)
    console.print(grid)
    console.print(
        "shares of what the backend can do; mean (least-most) of"
        f" {report.seeds} seeds; unloaded the top class finishes"
        f" {report.calm_top:.2f}; {report.hardware}"
    )
    for miss in report.misses:
        console.print(f"goal missed: {miss}")


def _spread(values: tuple[float, float, float], digits: int = 2) -> str:
    middle, least, most = values
    return f"{middle:.{digits}f} ({least:.{digits}f}-{most:.{digits}f})"


@click.command("tide-live")
@options.as_json
@options.config_file
@click.option("--load", "loads", type=click.FloatRange(0.1, 50), multiple=True)
@click.option("--seconds", type=click.FloatRange(3, 600), default=25, show_default=True)
def tide_live(
    as_json: bool, config_file: Path | None, loads: tuple[float, ...], seconds: float
) -> None:
    """
    The same tide in front of a real gateway, with a stand-in for the model behind L3.

    Exits 1 if an accepted message has no end, or if the generator was so late that
    the figures of a row are void.
    """
    report = live(
        options.read_config(config_file),
        loads or (1.0, 2.0, 5.0, 10.0),
        seconds,
        lambda line: click.echo(line, err=True),
    )
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(report)))
    else:
        _print_live(report)
    is_bad = any(row.unaccounted or row.late_ms > LATE_MS for row in report.rows)
    sys.exit(1 if is_bad else 0)


def _print_live(report: LiveReport) -> None:
    grid = Table(
        "load", "accepted", "answered", "with people", "tickets", "no end", "refused",
        "turns of finished talks", "simulated", "gap", "paid order", "others", "late ms",
        "429",
    )  # fmt: skip
    for row in report.rows:
        grid.add_row(
            f"{row.load:g}x",
            str(row.accepted),
            str(row.answered),
            str(row.with_people),
            str(row.ticketed),
            str(row.unaccounted),
            str(row.refused),
            f"{row.talks:.2f}",
            _spread(row.simulated),
            f"{row.gap:+.0%}" if row.late_ms <= LATE_MS else "void",
            f"{row.finished_known:.2f}",
            f"{row.finished_others:.2f}",
            f"{row.late_ms:.0f}",
            str(row.busy),
        )
    console = Console(width=150)
    console.print(grid)
    console.print(f"{report.seconds:.0f} s each; {report.hardware}")


@click.group()
def sale() -> None:
    """Tell the gateway that a sale is coming: it starts on rung 1, not on 0."""


@sale.command()
@options.as_json
@options.config_file
@options.data_dir
@click.option("--shop", help="Whose sale; the only shop if left out.")
@click.option("--minutes", type=click.IntRange(1, 7 * 1440), default=240)
@click.option("--in", "in_min", type=click.IntRange(0, 7 * 1440), default=0)
@click.option("--rung", type=click.IntRange(0, 4), help="Hold this rung meanwhile.")
def start(minutes: int, in_min: int, rung: int | None, **where: Any) -> None:
    """Start a sale now, or in some minutes."""

    def change(before: TideOrders, now_ms: int) -> TideOrders:
        from_ms = now_ms + in_min * MINUTE_MS
        until_ms = from_ms + minutes * MINUTE_MS
        pinned = {} if rung is None else {"pin": rung, "pin_until_ms": until_ms}
        return msgspec.structs.replace(
            before, sale_from_ms=from_ms, sale_until_ms=until_ms, by="cli", **pinned
        )

    _order(change, **where)


@sale.command()
@options.as_json
@options.config_file
@options.data_dir
@click.option("--shop", help="Whose sale; the only shop if left out.")
def end(**where: Any) -> None:
    """End the sale, and let go of a rung that is held."""
    _order(lambda _before, _now_ms: TideOrders(by="cli"), **where)


@sale.command()
@options.as_json
@options.config_file
@options.data_dir
@click.option("--shop", help="Whose sale; the only shop if left out.")
def status(**where: Any) -> None:
    """What is ordered."""
    _order(lambda before, _now_ms: before, **where)


def _order(
    change: Callable[[TideOrders, int], TideOrders],
    *,
    as_json: bool,
    config_file: Path | None,
    data_dir: Path | None,
    shop: str | None,
) -> None:
    config = options.read_config(
        config_file, data_dir=str(data_dir) if data_dir else None
    )
    name = shop_of(config, shop)
    now_ms = int(datetime.now(UTC).timestamp() * 1000)

    async def deed(scripts: Scripts) -> TideOrders:
        store = TideStore(scripts)
        before = await read_orders(store, name)
        after = change(before, now_ms)
        if after != before:
            about = {"orders": _told(after, now_ms)}
            async with by_command(scripts, name, "tide", about):
                await store.write(name, encode_orders(after))
        return after

    orders: TideOrders = run_beside(config.store.url, Path(config.data_dir), deed)
    if as_json:
        click.echo(encode_orders(orders))
    else:
        click.echo(f"{name}: {_told(orders, now_ms)}")


def _told(orders: TideOrders, now_ms: int) -> str:
    def when(at_ms: int) -> str:
        return f"{datetime.fromtimestamp(at_ms / 1000, UTC):%Y-%m-%d %H:%M} UTC"

    parts = []
    if orders.sale_until_ms > now_ms:
        parts.append(
            f"sale from {when(orders.sale_from_ms)} to {when(orders.sale_until_ms)}"
        )
    pinned = orders.pinned(now_ms)
    if pinned is not None:
        parts.append(f"rung {int(pinned)} ({pinned.name.lower()}) is held")
    return "; ".join(parts) or "no sale, the ladder moves by itself"
