"""
``tidegate loadtest recipes``: what ledger and policy cost, beside other engines.
"""

from __future__ import annotations

from pathlib import Path

import click
import msgspec
from rich.console import Console
from rich.table import Table

from gateway.cli import options
from loadtest.recipe_bench import run_recipe_bench


@click.command()
@options.as_json
@options.config_file
@click.option("--count", type=click.IntRange(10), default=300, show_default=True)
@click.option(
    "--peers",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Python of an environment with dbos, langgraph, langgraph-checkpoint-sqlite.",
)
def recipes(
    as_json: bool, config_file: Path | None, count: int, peers: Path | None
) -> None:
    """
    Time whole recipes, the ledger alone and policy alone, on one core.

    Every write is on disk before it counts. Other engines run as many durable steps
    that do nothing; the sync of their SQLite is what they choose themselves.
    """
    rows = run_recipe_bench(
        options.read_config(config_file).shops[0],
        count=count,
        peers=peers,
        tell=lambda line: click.echo(line, err=True),
    )
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(rows)))
        return
    table = Table("what", "count", "per second", "CPU ms each", "")
    for row in rows:
        figures = (f"{row.count:,}", f"{row.per_s:,.0f}", f"{row.cpu_ms:.3f}")
        table.add_row(row.what, *figures, row.note)
    Console(width=120).print(table)
