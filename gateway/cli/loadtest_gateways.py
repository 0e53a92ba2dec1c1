"""
``tidegate loadtest gateways``: whole gateways killed on a cluster, and rolling deploys.
"""

from __future__ import annotations

import sys
from pathlib import Path

import click
import msgspec

from gateway.cli import options
from loadtest.gateways import GatewaysReport, run_gateways
from loadtest.matrix_row import judged
from loadtest.matrix_stores import replicated_cluster


@click.command()
@options.as_json
@options.config_file
@click.option("--gateways", type=click.IntRange(1, 8), default=2, show_default=True)
@click.option("--kills", type=click.IntRange(1), default=20, show_default=True)
@click.option(
    "--messages",
    type=click.IntRange(40),
    help="In all; eight for each strike if left out.",
)
@click.option(
    "--older",
    type=click.Path(exists=True, file_okay=False, resolve_path=True, path_type=Path),
    help="A checkout of an earlier version: each start changes the version.",
)
@click.option("--seed", type=int, default=1, show_default=True)
def gateways(
    as_json: bool,
    config_file: Path | None,
    gateways: int,
    kills: int,
    messages: int | None,
    older: Path | None,
    seed: int,
) -> None:
    """
    Kill -9 whole gateways on a cluster of three primaries with replicas.

    One strike in six kills all at once; some fall before the last one is over. Exit 1
    if anything is lost, answered twice or out of order.
    """
    with replicated_cluster(options.read_config(config_file)) as config:
        report = run_gateways(
            config,
            gateways=gateways,
            kills=kills,
            messages=messages or max(40, 8 * kills),
            seed=seed,
            tell=lambda line: click.echo(line, err=True),
            older=older,
        )
    outcome = judged(report.run)
    click.echo(msgspec.json.encode(report) if as_json else _told(report, outcome.found))
    sys.exit(0 if outcome.is_fine else 1)


def _told(report: GatewaysReport, found: str) -> str:
    return (
        f"{report.kills} gateways killed with {report.processes} processes,"
        f" {report.at_once} times all at once, {report.overlapping} not up again yet;"
        f" {found}; {report.run.seconds:.0f} s"
    )
