"""
``tidegate loadtest people``: the human queue, played at random and simulated.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import click
import msgspec
from rich.console import Console
from rich.table import Table

from gateway.cli import options
from gateway.store.embedded import EmbeddedStore
from loadtest.people_report import PeopleReport, days, histories, report


@click.command()
@options.as_json
@click.option("--events", type=click.IntRange(1), default=10_000, show_default=True)
@click.option("--seeds", type=click.IntRange(1, 100), default=6, show_default=True)
def people(as_json: bool, events: int, seeds: int) -> None:
    """
    Random histories of the human queue on a real store, and simulated days.

    Exits 1 if somebody was assigned twice, lost, starved or passed over, or if a goal
    of the simulated days does not hold.
    """

    def tell(line: str) -> None:
        click.echo(line, err=True)

    with TemporaryDirectory(prefix="tidegate-") as folder:
        store = EmbeddedStore(Path(folder))
        store.start()
        try:
            played = asyncio.run(histories(store.url, events, tell))
        finally:
            store.stop()
    found = report(played, days(seeds, tell), seeds)
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(found)))
    else:
        _print(found)
    sys.exit(1 if found.misses else 0)


def _print(found: PeopleReport) -> None:
    played = found.histories
    broken = ", ".join(f"{n} x {what}" for what, n in played.broken.items())
    console = Console(width=120)
    console.print(
        f"{played.events} random events in {played.histories} histories of three"
        f" gateways on one store: {played.customers} customers, {played.talks} talks,"
        f" longest wait {played.longest_s:.0f} s; broken promises:"
        f" {broken or 'none (0 double assignments, 0 starved, 0 passed over, 0 lost)'}"
        f" ({played.seconds:.0f} s)"
    )
    grid = Table(
        "load", "told", "within the p90 told", "mean error s", "Jain, worst class",
        "doubled", "disorder", "longest wait s",
    )  # fmt: skip
    for day in found.days:
        grid.add_row(
            day.load,
            str(day.told),
            f"{day.coverage:.3f}",
            f"{day.error_s:.0f}",
            f"{day.jain:.3f}",
            str(day.doubled),
            str(day.disorder),
            f"{day.longest_s:.0f}",
        )
    console.print(grid)
    console.print(f"{found.seeds} seeds each; {found.hardware}")
    for miss in found.misses:
        console.print(f"goal missed: {miss}")
