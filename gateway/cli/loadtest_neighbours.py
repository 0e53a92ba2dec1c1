"""
``tidegate loadtest neighbours``: one shop's flood, as another shop feels it.
"""

from __future__ import annotations

import sys
from pathlib import Path

import click
import msgspec
from rich.console import Console
from rich.table import Table

from gateway.cli import options
from loadtest.neighbours import NeighbourReport, Neighbours, run_neighbours


@click.command()
@options.as_json
@options.config_file
@click.option("--rounds", type=click.IntRange(1, 50), default=3, show_default=True)
@click.option(
    "--seconds",
    type=click.FloatRange(1, 600),
    default=15,
    show_default=True,
    help="Of each of the two runs of a round.",
)
@click.option(
    "--rate",
    type=click.FloatRange(0.1, 1000),
    default=4,
    show_default=True,
    help="Messages a second of the calm shop.",
)
@click.option(
    "--times",
    type=click.FloatRange(1, 1000),
    default=50,
    show_default=True,
    help="How many times as many its neighbour sends.",
)
@click.option("--seed", type=int, default=1, show_default=True)
def neighbours(
    as_json: bool,
    config_file: Path | None,
    rounds: int,
    seconds: float,
    rate: float,
    times: float,
    seed: int,
) -> None:
    """
    Two shops on one gateway: what the flood of one adds to the p99 of the other.

    Exits 1 if it adds a tenth or more, if fewer of the calm shop's messages are
    answered, if one is lost, or if a generator was late.
    """
    plan = Neighbours(
        rounds=rounds,
        seconds=seconds,
        calm_per_s=rate,
        times=times,
        seed=seed,
    )
    config = options.read_config(config_file)
    report = run_neighbours(config, plan, lambda line: click.echo(line, err=True))
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(report)))
    else:
        _print(report)
    sys.exit(0 if report.is_valid and not report.findings else 1)


def _print(report: NeighbourReport) -> None:
    table = Table(
        "run",
        "messages",
        "p50 ms",
        "p99 ms",
        "answered",
        "with people",
        "no place",
    )
    for number, one in enumerate(report.rounds, 1):
        for name, run in (("alone", one.alone), ("beside the flood", one.beside)):
            table.add_row(
                f"{number}, {name}",
                str(run.client.sent),
                f"{run.client.p50_ms:.0f}",
                f"{run.client.p99_ms:.0f}",
                str(run.ends.answered),
                str(run.ends.with_people),
                str(run.turned_away),
            )
    console = Console()
    console.print(table)
    console.print(
        f"p99 beside {report.plan.times:g} times the load over p99 alone:"
        f" {report.ratio:.3f} (median of {len(report.rounds)} rounds);"
        f" answered {report.answered:.1%} of what is answered alone"
        f"{'' if report.is_valid else ' (INVALID: a generator was late)'}"
    )
    console.print("; ".join(report.findings) or "the calm shop notices nothing")
    console.print(report.hardware)
