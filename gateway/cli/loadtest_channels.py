"""
``tidegate loadtest hooks | copies | sends | tamper``: what platforms do to a gateway.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory

import click
import msgspec

from gateway.cli import options
from loadtest.copies import run_copies
from loadtest.hook_bench import run_hooks
from loadtest.send_day import run_day
from loadtest.tampering import PROOFS, tamper


#: What a platform may wait for an acknowledgement, p99, milliseconds.
ACK_MS = 100.0


@click.command()
@options.as_json
@options.config_file
@click.option("--webhooks", type=click.IntRange(1), default=6_000, show_default=True)
@click.option("--rate", type=float, default=300.0, show_default=True)
@click.option("--replays", type=click.IntRange(0), default=20_000, show_default=True)
@click.option(
    "--l3-s", type=float, default=10.0, show_default=True, help="The agent takes."
)
def hooks(
    as_json: bool,
    config_file: Path | None,
    webhooks: int,
    rate: float,
    replays: int,
    l3_s: float,
) -> None:
    """Webhooks at a rate, then replayed: time to acknowledge, answers doubled.

    Exit 1 if one is refused, lost, answered twice, or p99 is over 100 ms.
    """
    config = options.read_config(config_file)
    with TemporaryDirectory(prefix="tidegate-") as folder:
        report = run_hooks(
            config,
            Path(folder),
            count=webhooks,
            rate=rate,
            replays=replays,
            l3_s=l3_s,
        )
    p50, p99, worst = report.ack_ms
    _tell(
        as_json,
        report,
        (),
        f"{report.webhooks} webhooks at {report.rate_per_s:.0f}/s while the agent"
        f" takes {report.l3_s:.0f} s: acknowledged in p50 {p50} ms, p99 {p99} ms,"
        f" worst {worst} ms (generator late by {report.late_ms} ms at most);"
        f" {report.refused} refused;"
        f" {report.replies} answers arrived; {report.replays} replays,"
        f" {report.doubled} answers doubled",
    )
    is_whole = not report.refused and report.replies == webhooks and not report.doubled
    is_fine = is_whole and report.ack_ms[1] < ACK_MS
    sys.exit(0 if is_fine else 1)


@click.command("copies")
@options.as_json
@options.config_file
@click.option("--customers", type=click.IntRange(1), default=10, show_default=True)
@click.option("--replays", type=click.IntRange(0), default=20_000, show_default=True)
@click.option("--seed", type=int, default=1, show_default=True)
def copied(
    as_json: bool, config_file: Path | None, customers: int, replays: int, seed: int
) -> None:
    """Every message 2 to 50 times at once, two messages up to 300 ms apart, and all
    of it again later, on every channel. CUSTOMERS is for each channel.

    Exit 1 if anything is lost, doubled, torn apart or out of order.
    """
    config = options.read_config(config_file)
    with TemporaryDirectory(prefix="tidegate-") as folder:
        report = run_copies(
            config, Path(folder), customers=customers, replays=replays, seed=seed
        )
    _tell(
        as_json,
        report,
        report.wrong,
        f"{report.customers} new customers on {report.channels} channels,"
        f" {report.requests} webhooks and {report.replays} replays:"
        f" {report.refused} refused, {report.answers} answers to"
        f" {report.expected} messages, {len(report.wrong)} wrong",
    )
    sys.exit(0 if report.is_fine else 1)


@click.command("sends")
@options.as_json
@options.config_file
@click.option("--customers", type=click.IntRange(1), default=25, show_default=True)
@click.option("--seed", type=int, default=1, show_default=True)
def sends(as_json: bool, config_file: Path | None, customers: int, seed: int) -> None:
    """A day of sends within the platforms' budgets, in a minute, with outages.
    CUSTOMERS is for each channel. Exit 1 if a budget, window or pause is overrun, or
    a line is lost, doubled or out of order.
    """
    config = options.read_config(config_file)
    with TemporaryDirectory(prefix="tidegate-") as folder:
        report = run_day(config, Path(folder), customers=customers, seed=seed)
    _tell(
        as_json,
        report,
        report.wrong,
        f"{report.customers} customers wrote {report.words} messages, operators"
        f" {report.lines} lines: {report.sends} sends arrived,"
        f" {len(report.wrong)} wrong",
    )
    sys.exit(1 if report.wrong else 0)


@click.command("tamper")
@options.as_json
@click.option("--requests", type=click.IntRange(1), default=50_000, show_default=True)
@click.option("--seed", type=int, default=1, show_default=True)
def tamper_with(as_json: bool, requests: int, seed: int) -> None:
    """Forge webhooks of every signature scheme; exit 1 if one is taken."""
    results = []
    for kind in PROOFS:
        result = tamper(kind, requests, seed)
        results.append(result)
        if not as_json:
            click.echo(
                f"{kind}: {result.requests} forged, {len(result.accepted)} taken,"
                f" {len(result.faults)} faults"
            )
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(results)))
    is_clean = not any(one.accepted or one.faults for one in results)
    sys.exit(0 if is_clean else 1)


def _tell(
    as_json: bool, report: msgspec.Struct, wrong: Iterable[str], line: str
) -> None:
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(report)))
        return
    click.echo(line)
    for words in wrong:
        click.echo(f"  {words}")
