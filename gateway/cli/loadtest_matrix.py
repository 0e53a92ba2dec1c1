"""
``tidegate loadtest matrix``: the fault matrix, run.
"""

from __future__ import annotations

import sys
from pathlib import Path

import click
import msgspec
from rich.console import Console
from rich.table import Table

from gateway.cli import options
from loadtest.matrix import ELSEWHERE, ROWS, RowResult, run_matrix
from loadtest.matrix_row import Matrix


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
@click.option("--messages", type=click.IntRange(40), default=1_000, show_default=True)
@click.option("--strikes", type=click.IntRange(1), default=10, show_default=True)
@click.option("--seed", type=int, default=1, show_default=True)
def matrix(
    as_json: bool,
    config_file: Path | None,
    rows: tuple[str, ...],
    messages: int,
    strikes: int,
    seed: int,
) -> None:
    """
    Faults of processes, stores, lines, clusters, models and shops; exit 1 if a row fails.

    Every run is under load and judged by the history checker.
    """
    results = run_matrix(
        Matrix(
            config=options.read_config(config_file),
            messages=messages,
            strikes=strikes,
            seed=seed,
            tell=lambda line: click.echo(line, err=True),
        ),
        rows or tuple(ROWS),
    )
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(results)))
    else:
        _print(results)
    sys.exit(0 if all(result.passed for result in results) else 1)


def _print(results: list[RowResult]) -> None:
    table = Table("row", "fault", "store", "expected", "held", "found", "seconds")
    for result in results:
        table.add_row(
            result.number,
            result.fault,
            result.store,
            result.expected,
            "yes" if result.passed else "NO",
            result.found,
            f"{result.seconds:.0f}",
        )
    console = Console(width=160)
    console.print(table)
    kills = sum(result.kills for result in results)
    console.print(f"{kills} strikes. Other rows of the list:")
    for number, where in ELSEWHERE.items():
        console.print(f"  {number}: {where}")
