"""
``tidegate loadtest``: benchmarks and faults, on this machine only.
"""

from __future__ import annotations

import sys
from pathlib import Path

import click
import msgspec
from rich.console import Console
from rich.table import Table

from gateway.cli import options
from loadtest.path_bench import PathReport, compare


@click.group()
def loadtest() -> None:
    """Measure and break a gateway of its own, over HTTP, on 127.0.0.1."""


@loadtest.command()
@options.as_json
@options.config_file
@click.option("--rounds", type=click.IntRange(1, 50), default=5, show_default=True)
@click.option(
    "--messages", type=click.IntRange(1000), default=20_000, show_default=True
)
@click.option(
    "--rate",
    type=float,
    default=2000.0,
    show_default=True,
    help="Open-loop arrivals a second.",
)
def path(
    as_json: bool, config_file: Path | None, rounds: int, messages: int, rate: float
) -> None:
    """Compare the L1 path with a bare handler, and show its stages."""
    report = compare(
        options.read_config(config_file),
        rounds=rounds,
        messages=messages,
        rate_per_s=rate,
        tell=lambda line: click.echo(line, err=True),
    )
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(report)))
    else:
        _print(report)
    is_clean = report.gateway.errors == 0 and report.open_loop.errors == 0
    sys.exit(0 if is_clean and report.open_loop.is_valid else 1)


def _print(report: PathReport) -> None:
    table = Table("", "requests/s", "CPU us", "p50 ms", "p99 ms", "errors")
    for name, side in (("(a) bare", report.bare), ("(b) gateway", report.gateway)):
        table.add_row(
            name,
            f"{side.rps:,.0f}",
            f"{side.cpu_us:.1f}",
            f"{side.p50_ms:.2f}",
            f"{side.p99_ms:.2f}",
            str(side.errors),
        )
    console = Console()
    console.print(table)
    stages = Table("(c) stage", "us of wall time", "share")
    for name, us in report.stage_us.items():
        stages.add_row(name, f"{us:.1f}", f"{report.shares[name]:.0%}")
    console.print(stages)
    loop = report.open_loop
    console.print(
        f"(b)/(a): {report.ratio:.2f} in requests/s, {report.cpu_ratio:.2f} in CPU time;"
        f" store {report.durability}"
    )
    console.print(
        f"open loop {loop.rps:,.0f}/s: p50 {loop.p50_ms:.2f} ms, p99 {loop.p99_ms:.2f} ms,"
        f" errors {loop.errors}, generator late {loop.lag_ms:.1f} ms"
        f"{'' if loop.is_valid else ' (INVALID: the generator was late)'}"
    )
    console.print(f"{report.hardware}; medians of {report.rounds} rounds")
