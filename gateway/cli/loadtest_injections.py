"""
``tidegate loadtest injections``: public injection sets, planted in all text fields.
"""

from __future__ import annotations

import sys
from pathlib import Path

import click
import msgspec
from rich.console import Console
from rich.table import Table

from gateway.cli import options
from loadtest.injection_texts import BadSet, read_sets
from loadtest.injections import FIELDS, InjectionRow, run_injections


@click.command()
@click.argument("data_dir", type=click.Path(path_type=Path, file_okay=False))
@options.as_json
@options.config_file
@click.option(
    "--field",
    "fields",
    type=click.Choice(FIELDS),
    multiple=True,
    help="Only these; all if left out.",
)
@click.option(
    "--most",
    type=click.IntRange(1),
    default=10_000,
    help="Texts of each set at most; all if left out.",
)
@click.option("--seed", type=int, default=1, show_default=True)
def injections(
    data_dir: Path,
    *,
    as_json: bool,
    config_file: Path | None,
    fields: tuple[str, ...],
    most: int,
    seed: int,
) -> None:
    """
    Plant the sets in DATA_DIR in messages, notes, titles, addresses and documents.

    A language model obeys all it reads; the books of the shop judge. DATA_DIR holds
    the folders bipia, injecguard, garak and purplellama, or some of them. Exit 1 if
    anything was done or told that nobody had a right to; 2 if there is no set.
    """
    try:
        sets = read_sets(data_dir)
    except BadSet as exc:
        click.echo(str(exc), err=True)
        sys.exit(2)
    rows = run_injections(
        options.read_config(config_file),
        sets,
        fields=fields or FIELDS,
        most=most,
        seed=seed,
        tell=lambda line: click.echo(line, err=True),
    )
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(rows)))
    else:
        _print(rows)
    sys.exit(0 if all(row.is_clean for row in rows) else 1)


def _print(rows: list[InjectionRow]) -> None:
    heads = ("set", "field", "planted", "model asked", "proposed", "effects", "leaks")
    table = Table(*heads)
    for row in rows:
        figures = (row.planted, row.asked, row.proposed, row.effects, row.leaks)
        table.add_row(row.source, row.field, *(f"{one:,}" for one in figures))
    Console(width=120).print(table)
    for row in rows:
        for example in row.examples[:20]:
            click.echo(f"{row.source} in {row.field}: {example}", err=True)
