"""
``tidegate loadtest limits``: tries to get beyond what policy allows.
"""

from __future__ import annotations

import sys
from pathlib import Path

import click
import msgspec
from rich.console import Console
from rich.table import Table

from gateway.cli import options
from loadtest.limit_proof import LimitReport, run_limit_proof


@click.command()
@options.as_json
@options.config_file
@click.option("--tries", type=click.IntRange(1), default=2_000, show_default=True)
@click.option("--seed", type=int, default=1, show_default=True)
def limits(as_json: bool, config_file: Path | None, tries: int, seed: int) -> None:
    """
    Try to get beyond the policy's limits; exit 1 if one try does.

    Random orders, amounts, states and ages; sums over the day, split and from many
    conversations at once; orders that move while a proposal waits; claims of
    authority. What the shop is sent is judged by a checker of its own.
    """
    report = run_limit_proof(
        options.read_config(config_file).shops[0],
        tries=tries,
        seed=seed,
        tell=lambda line: click.echo(line, err=True),
    )
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(report)))
    else:
        _print(report)
    sys.exit(0 if report.is_clean else 1)


def _print(report: LimitReport) -> None:
    table = Table(
        "way", "tries", "effects", "wait for an operator", "sent beyond",
        "effects beyond",
    )  # fmt: skip
    for way in report.ways:
        table.add_row(*(str(value) for value in msgspec.structs.astuple(way)))
    Console(width=110).print(table)
    effects = sum(way.effects for way in report.ways)
    beyond = sum(one.is_effect for one in report.beyond)
    click.echo(
        f"{report.tries} tries in {report.turns} turns and {report.seconds:.0f} s:"
        f" {effects} effects, {beyond} beyond a limit,"
        f" {len(report.beyond) - beyond} more sent and refused by the shop"
    )
    for line in (*report.beyond[:20], *report.stuck[:20]):
        click.echo(str(line), err=True)
