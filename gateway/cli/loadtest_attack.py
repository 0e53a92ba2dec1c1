"""
``tidegate loadtest attack``: the security table, run.
"""

from __future__ import annotations

import sys
from pathlib import Path

import click
import msgspec
from rich.console import Console
from rich.table import Table

from gateway.cli import options
from loadtest.attack import ROWS, RowReport, run_attacks


@click.command()
@options.as_json
@options.config_file
@click.option(
    "--row",
    "rows",
    type=click.Choice(list(ROWS)),
    multiple=True,
    help="Only these; all if left out.",
)
@click.option(
    "--share",
    type=click.FloatRange(0.0001, 1.0),
    default=1.0,
    show_default=True,
    help="Share of each row's inputs.",
)
@click.option("--seed", type=int, default=1, show_default=True)
def attack(
    as_json: bool,
    config_file: Path | None,
    rows: tuple[str, ...],
    share: float,
    seed: int,
) -> None:
    """
    Attack a gateway of its own in every way of the table; exit 1 if one gets through.

    Books of two shops, canaries and the gateway's own counts judge; the language
    model stands on the attacker's side.
    """
    reports = run_attacks(
        options.read_config(config_file),
        rows=rows or tuple(ROWS),
        share=share,
        seed=seed,
        tell=lambda line: click.echo(line, err=True),
    )
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(reports)))
    else:
        _print(reports)
    sys.exit(1 if any(report.failed for report in reports) else 0)


def _print(reports: list[RowReport]) -> None:
    table = Table("row", "what", "tried", "passed", "seconds", "figures")
    for report in reports:
        table.add_row(
            report.row,
            report.name,
            f"{report.tried:,}",
            f"{report.passed:,}",
            f"{report.seconds:.0f}",
            report.note,
        )
    Console(width=140).print(table)
    for report in reports:
        for failure in report.failures:
            click.echo(f"{report.row}: {failure}", err=True)
