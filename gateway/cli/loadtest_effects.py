"""
``tidegate loadtest crashes``: what L3 does to a shop, while everything dies.
"""

from __future__ import annotations

import sys
from pathlib import Path

import click
import msgspec
from rich.console import Console
from rich.table import Table

from gateway.cli import options
from loadtest.crash_proof import KINDS, CrashReport, run_crash_proof


@click.command()
@options.as_json
@options.config_file
@click.option("--kills", type=click.IntRange(1), default=1_000, show_default=True)
@click.option(
    "--keys",
    "kinds",
    type=click.Choice(list(KINDS)),
    multiple=True,
    help="Only shops that do this with idempotency keys; all three if left out.",
)
@click.option("--seed", type=int, default=1, show_default=True)
def crashes(
    as_json: bool,
    config_file: Path | None,
    kills: int,
    kinds: tuple[str, ...],
    seed: int,
) -> None:
    """
    Kill -9 whoever works on an action, at named and random places of every recipe.

    Three shops, by what they do with idempotency keys: honoured, kept (not honoured,
    but they can be looked up), ignored. Nothing may take effect twice or be lost;
    what nobody can find out must be with a person. Exit 1 if anything is found.
    """
    config = options.read_config(config_file)
    report = run_crash_proof(
        config.shops[0],
        kills=kills,
        seed=seed,
        tell=lambda line: click.echo(line, err=True),
        kinds=kinds or tuple(KINDS),
    )
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(report)))
    else:
        _print_crashes(report)
    sys.exit(0 if report.is_clean else 1)


def _print_crashes(report: CrashReport) -> None:
    table = Table(
        "keys", "killed", "cases", "effects", "done", "taken back", "with people",
        "not begun", "twice", "lost", "other findings",
    )  # fmt: skip
    for shop in report.shops:
        states = shop.states
        twice, lost = shop.count("twice"), shop.count("lost")
        table.add_row(
            shop.keys,
            str(shop.kills),
            str(shop.cases),
            str(shop.effects),
            str(states.get("done", 0)),
            str(states.get("compensated", 0)),
            str(states.get("parked", 0)),
            str(states.get("rejected", 0) + states.get("proposed", 0)),
            str(twice),
            str(lost),
            str(len(shop.findings) - twice - lost),
        )
    console = Console(width=140)
    console.print(table)
    console.print(
        f"{report.kills} kills in {report.seconds:.0f} s at {len(report.places)} places"
        " (random times count as one)"
    )
    for shop in report.shops:
        for finding in shop.findings[:20]:
            click.echo(f"{shop.keys}: {finding}", err=True)
