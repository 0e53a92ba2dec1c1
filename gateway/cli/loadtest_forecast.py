"""
``tidegate loadtest forecast``: whether what plan and assess foretell is what comes.
"""

from __future__ import annotations

import asyncio
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import click
import msgspec
from rich.console import Console
from rich.table import Table

from gateway.cli import options
from gateway.cli.assess import open_rehearsal
from gateway.config import Config
from gateway.insight.dry_run import sum_up
from gateway.insight.transcripts import Line, Transcript
from loadtest.capacity import ALLOWED, ALLOWED_POINTS, CapacityReport, Foretold, measure
from loadtest.sale import read_talks


@click.command()
@options.as_json
@options.config_file
@click.option(
    "--seconds",
    type=click.FloatRange(1, 600),
    default=10,
    show_default=True,
    help="Of each of the eight runs.",
)
@click.option(
    "--talks",
    type=click.Path(path_type=Path, exists=True),
    help="Mix of conversations of the check.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="Write the fitted costs there, for `tidegate plan --capacity`.",
)
def forecast(
    as_json: bool,
    config_file: Path | None,
    seconds: float,
    talks: Path | None,
    out: Path | None,
) -> None:
    """
    Measure what messages cost, and check it on a run that was not measured with.

    Beside it stands what the dry run of `tidegate assess` says of who answers. Exits 1
    if a cost is more than 25 % or a share more than 5 points off, or if the generator
    was late.
    """
    try:
        mix = read_talks(talks)
    except ValueError as exc:
        raise click.UsageError(str(exc)) from exc
    config = options.read_config(config_file)
    ends = asyncio.run(_dry_run(config, mix))
    report = measure(
        config, seconds, mix, ends, lambda line: click.echo(line, err=True)
    )
    if out is not None:
        body = msgspec.json.format(msgspec.json.encode(report.capacity), indent=2)
        out.write_bytes(body + b"\n")
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(report)))
    else:
        _print(report)
    sys.exit(0 if report.is_valid and not report.misses else 1)


async def _dry_run(config: Config, mix: Sequence[Sequence[str]]) -> Mapping[str, float]:
    """What ``assess`` says of the same conversations: message shares by tier."""
    counts = Counter(tuple(talk) for talk in mix)
    async with open_rehearsal(config, None) as (rehearsal, version):
        tried = []
        for number, (talk, times) in enumerate(counts.items()):
            lines = tuple(Line("customer", text) for text in talk)
            one, _ = await rehearsal.play(Transcript(id=str(number), lines=lines))
            tried += [one] * times
    return sum_up(tried, Counter(), version).messages


def _print(report: CapacityReport) -> None:
    costs = Table("", "L1", "L2", "L3", "human", "idle")
    for name, one in (
        ("gateway", report.capacity.worker),
        ("store", report.capacity.store),
    ):
        us = (f"{one.us[tier]:.0f} us" for tier in ("L1", "L2", "L3", "human"))
        costs.add_row(name, *us, f"{one.idle:.1%} of a core")
    console = Console()
    console.print(costs)
    each = (f"{tier} {n:.0f}" for tier, n in report.capacity.message_bytes.items())
    console.print(
        f"memory of the store in bytes: {report.capacity.talk_bytes:.0f} a conversation,"
        f" a message {', '.join(each)}"
    )
    check = Table(
        f"check: {report.check.count} messages", "foretold", "measured", "error"
    )
    for row in report.rows:
        check.add_row(
            f"{row.what} ({row.unit})",
            f"{row.foretold:.3f}",
            f"{row.measured:.3f}",
            _off(row),
        )
    console.print(check)
    console.print(
        f"allowed: {ALLOWED:.0%}, {ALLOWED_POINTS:g} points; {report.capacity.hardware}"
    )
    if not report.is_valid:
        console.print("VOID: the generator was late or full")


def _off(row: Foretold) -> str:
    told = f"{row.error:+.1%}"
    if row.unit == "%":
        told = f"{row.foretold - row.measured:+.1f} points"
    return f"{told} (too far off)" if row.is_off else told
