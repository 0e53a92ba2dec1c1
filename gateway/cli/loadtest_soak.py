"""
``tidegate loadtest soak``: the same load for a long time.
"""

from __future__ import annotations

import sys
from pathlib import Path

import click
import msgspec
from rich.console import Console
from rich.table import Table

from gateway.cli import options
from loadtest.sale import Sale, read_talks
from loadtest.soak import SoakReport, run_soak


@click.command()
@options.as_json
@options.config_file
@click.option("--slices", type=click.IntRange(1, 10_000), default=12, show_default=True)
@click.option(
    "--seconds",
    type=click.FloatRange(1, 3600),
    default=30,
    show_default=True,
    help="Of a slice; its last conversations end a little later.",
)
@click.option(
    "--rate",
    type=click.FloatRange(0.1, 5000),
    default=50,
    show_default=True,
    help="Messages a second.",
)
@click.option("--talks", type=click.Path(path_type=Path, exists=True))
@click.option("--seed", type=int, default=1, show_default=True)
def soak(
    as_json: bool,
    config_file: Path | None,
    slices: int,
    seconds: float,
    rate: float,
    talks: Path | None,
    seed: int,
) -> None:
    """
    One gateway under the same load for a long time: lost messages, drift of memory and time.

    A million messages: --rate 300 --slices 56 --seconds 60. Exits 1 if a message was lost
    or left without an end, if something drifted, or if the generator was late.
    """
    try:
        mix = read_talks(talks)
    except ValueError as exc:
        raise click.UsageError(str(exc)) from exc
    sale = Sale(shape="steady", seconds=seconds, peak_per_s=rate, talks=mix, seed=seed)
    config = options.read_config(config_file)
    report = run_soak(config, sale, slices, lambda line: click.echo(line, err=True))
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(report)))
    else:
        _print(report)
    is_valid = all(one.is_valid for one in report.slices)
    sys.exit(0 if report.is_clean and is_valid else 1)


def _print(report: SoakReport) -> None:
    table = Table(show_header=False)
    for name, told in _facts(report):
        table.add_row(name, told)
    Console().print(table)


def _facts(report: SoakReport) -> list[tuple[str, str]]:
    slices, drift = report.slices, report.drift
    late = sum(not one.is_valid for one in slices)
    facts = [
        ("messages", f"{report.messages} in {len(slices)} slices"),
        ("acknowledged and lost", str(sum(one.lost for one in slices))),
        ("without an end", str(sum(one.ends.unfinished for one in slices))),
        ("not taken", str(sum(one.ends.not_taken for one in slices))),
        ("slices whose generator was late", str(late)),
        ("slowest message", f"{max(one.max_ms for one in slices):.0f} ms"),
    ]
    if drift is None:
        return [
            *facts,
            ("drift", "too few slices to tell"),
            ("hardware", report.hardware),
        ]
    return [
        *facts,
        (
            "p95, first and last third",
            f"{drift.p95_first_ms:.1f} ms, {drift.p95_last_ms:.1f} ms",
        ),
        ("workers' memory, last third over first", f"{drift.workers:.3f}"),
        ("workers, MB a million messages", f"{drift.workers_mb_per_million:.0f}"),
        ("store, bytes a message", f"{drift.store_bytes_per_message:.0f}"),
        ("drift", "; ".join(drift.findings) or "none"),
        ("hardware", report.hardware),
    ]
