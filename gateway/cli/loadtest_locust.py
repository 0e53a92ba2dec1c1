"""
``tidegate loadtest locust``: customers and operators as Locust users.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping
from pathlib import Path

import click
import msgspec
from rich.console import Console
from rich.table import Table

from gateway.cli import options
from gateway.cli.operator import put
from gateway.handoff.accounts import Operator
from loadtest.locust_run import LocustFailed, LocustReport, run_locust
from loadtest.sale import Sale, read_talks
from loadtest.sale_report import facts, sale_page
from loadtest.schedule import SHAPES, Shape


@click.command()
@options.as_json
@options.config_file
@click.option("--minutes", type=click.FloatRange(0.05), default=0.5, show_default=True)
@click.option("--shape", type=click.Choice(SHAPES), default="double", show_default=True)
@click.option(
    "--peak",
    type=click.FloatRange(0.1),
    default=40.0,
    show_default=True,
    help="Messages a second at the highest point.",
)
@click.option("--operators", type=click.IntRange(0, 200), default=3, show_default=True)
@click.option("--talks", type=click.Path(path_type=Path, exists=True))
@click.option("--seed", type=int, default=1, show_default=True)
@click.option("--report", "page", type=click.Path(path_type=Path), help="HTML page.")
def locust(
    as_json: bool,
    config_file: Path | None,
    minutes: float,
    shape: Shape,
    peak: float,
    operators: int,
    talks: Path | None,
    seed: int,
    page: Path | None,
) -> None:
    """
    Locust users that speak the wire contract, open loop, with operators at the desk.

    Needs the extra `locust`. Exits 1 if a message was lost, an answer was not by the
    contract, or the generator was late.
    """
    try:
        mix = read_talks(talks)
    except ValueError as exc:
        raise click.UsageError(str(exc)) from exc
    sale = Sale(
        shape=shape, seconds=minutes * 60, peak_per_s=peak, talks=mix, seed=seed
    )
    config = options.read_config(config_file)
    try:
        report = run_locust(
            config, sale, operators, _hire, lambda line: click.echo(line, err=True)
        )
    except LocustFailed as exc:
        raise click.ClickException(str(exc)) from exc
    if page is not None:
        page.write_text(sale_page(report.sale), encoding="utf-8")
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(report)))
    else:
        _print(report)
    sys.exit(0 if report.is_clean and report.sale.client.is_valid else 1)


def _hire(store_url: str, shop: str, names: Mapping[str, str]) -> None:
    for name, password in names.items():
        who = Operator(shop=shop, name=name, display=name, role="operator", capacity=3)
        asyncio.run(put(store_url, who, password, replace=True))


def _print(report: LocustReport) -> None:
    table = Table(show_header=False)
    for name, told in facts(report.sale):
        table.add_row(name, told)
    for name, (count, bad) in report.calls.items():
        table.add_row(
            f"calls: {name}", f"{count}, {bad} refused or not by the contract"
        )
    people = ", ".join(f"{state} {n}" for state, n in report.people.items())
    table.add_row("handoffs at the end", people or "none")
    Console().print(table)
