"""
``tidegate loadtest kills``: many kills, what was lost, and how long take-overs took.
"""

from __future__ import annotations

import sys
from pathlib import Path

import click
import msgspec
from rich.console import Console
from rich.table import Table

from gateway.cli import options
from loadtest.kill_report import PROMISED_S, KillReport
from loadtest.kills import run_kills


@click.command()
@options.as_json
@options.config_file
@click.option("--kills", type=click.IntRange(1), default=40, show_default=True)
@click.option(
    "--lease-ms",
    type=click.IntRange(1_000),
    help="How long a silent worker keeps its conversations; as configured if left out.",
)
@click.option("--tasks/--no-tasks", default=True, help="A fifth of them on L3 tasks.")
@click.option("--seed", type=int, default=1, show_default=True)
def kills(
    as_json: bool,
    config_file: Path | None,
    kills: int,
    lease_ms: int | None,
    tasks: bool,
    seed: int,
) -> None:
    """
    Kill -9 workers and store, at random and at named places, while people talk.

    Exit 1 if anything is lost, answered twice, out of order, untrue or done twice,
    or if a take-over takes longer than 30 s.
    """
    config = options.read_config(config_file)
    if lease_ms is not None:
        store = msgspec.structs.replace(config.store, lease_ms=lease_ms)
        config = msgspec.structs.replace(config, store=store)
    report = run_kills(
        config,
        kills=kills,
        seed=seed,
        has_tasks=tasks,
        tell=lambda line: click.echo(line, err=True),
    )
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(report)))
    else:
        _print(report)
    sys.exit(0 if report.is_kept else 1)


def _print(report: KillReport) -> None:
    places = Table("killed", "times")
    for place, count in report.places.items():
        places.add_row(place, str(count))
    if report.tasks is not None:
        places.add_row("under L3 tasks", str(report.tasks.struck))
    found = Table("kills", "messages", "lost", "twice", "disorder", "untrue", "other")
    known = ("lost", "twice", "disorder", "untrue")
    counts = [report.count(kind) for kind in known]
    other = len(report.all_findings) - sum(counts)
    found.add_row(*map(str, (report.kills, report.messages, *counts, other)))
    console = Console(width=120)
    console.print(places)
    console.print(found)
    took = report.takeover
    console.print(
        f"take-over after {took.kills} kills that hit open messages: p50"
        f" {took.p50_s:.1f} s, p95 {took.p95_s:.1f} s, longest {took.max_s:.1f} s"
        f" (promised {PROMISED_S:.0f} s; lease {report.lease_ms / 1000:g} s);"
        f" given up {report.unacknowledged}; {report.seconds:.0f} s in all"
    )
    if report.tasks is not None:
        tasks = report.tasks
        console.print(
            f"tasks: {tasks.errands} errands, {tasks.done} done, {tasks.with_people}"
            f" with people, {tasks.recovered} actions brought to an end by others,"
            f" {len(tasks.findings)} findings in the shop's books and histories"
        )
    for finding in report.all_findings[:20]:
        click.echo(str(finding), err=True)
