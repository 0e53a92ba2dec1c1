"""
``tidegate plan``: how many operators a forecast needs, and what they lead to.
"""

from __future__ import annotations

from pathlib import Path

import click
import msgspec
from rich.console import Console
from rich.table import Table

from gateway.cli import options
from gateway.cli.plan_day import read_capacity, read_shares, show_needs
from gateway.staffing.capacity import DayOf, needs
from gateway.staffing.erlang import Target
from gateway.staffing.planning import (
    Plan,
    Work,
    as_svg,
    ordinary_day,
    plan,
    read_forecast,
)


@click.command("plan")
@options.as_json
@click.option(
    "--forecast",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="CSV: start (HH:MM), handoffs.",
)
@click.option(
    "--handoffs",
    type=click.FloatRange(1, 1e6),
    default=2000,
    show_default=True,
    help="Of an ordinary day, without a forecast.",
)
@click.option("--times", type=click.FloatRange(0.1, 100), default=1, show_default=True)
@click.option(
    "--handling", type=click.FloatRange(5, 7200), default=480, show_default=True
)
@click.option("--talks", type=click.IntRange(1, 20), default=3, show_default=True)
@click.option(
    "--patience", type=click.FloatRange(5, 7200), default=300, show_default=True
)
@click.option("--wait", type=click.FloatRange(1, 3600), default=30, show_default=True)
@click.option(
    "--leave", type=click.FloatRange(0.001, 0.9), default=0.05, show_default=True
)
@click.option("--seeds", type=click.IntRange(1, 50), default=3, show_default=True)
@click.option(
    "--messages",
    type=click.FloatRange(1, 1e9),
    help="Customers' messages of a day: what gateways, store, model and people need.",
)
@click.option(
    "--capacity",
    "capacity_file",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Costs from `tidegate loadtest forecast --out`; the shipped ones if left out.",
)
@click.option(
    "--share",
    "shares",
    multiple=True,
    metavar="TIER=PART",
    help="Part of the messages of --messages that end on L1, L2, L3, human.",
)
@click.option(
    "--html", type=click.Path(path_type=Path), help="Write a page with plots."
)
def plan_command(
    as_json: bool,
    forecast: Path | None,
    handoffs: float,
    times: float,
    handling: float,
    talks: int,
    patience: float,
    wait: float,
    leave: float,
    seeds: int,
    messages: float | None,
    capacity_file: Path | None,
    shares: tuple[str, ...],
    html: Path | None,
) -> None:
    """
    Operators per half hour for a forecast, by Erlang-A, then simulated.

    The simulation runs the queue's own code on virtual time: places, told waits,
    offers, tickets. Times are seconds; --times multiplies the forecast, as for a
    sale. With --messages it reckons what a whole day needs instead.
    """
    work = Work(handling_s=handling, talks=talks, patience_s=patience)
    target = Target(wait_s=wait, leave=leave)
    if messages is not None:
        day = DayOf(
            messages=messages * times,
            shares=read_shares(shares),
            work=work,
            target=target,
        )
        show_needs(needs(read_capacity(capacity_file), day), as_json=as_json)
        return
    coming = read_forecast(forecast) if forecast else ordinary_day(handoffs)
    found = plan(
        [count * times for count in coming],
        work,
        target,
        seeds=seeds,
    )
    if html is not None:
        html.write_text(_page(found), encoding="utf-8")
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(found)))
    else:
        _print(found)


def _print(found: Plan) -> None:
    grid = Table(
        "from", "handoffs", "operators", "wait s", "leave", "wait s*", "leave*", "tickets*"
    )  # fmt: skip
    for half in found.halves:
        if half.handoffs:
            grid.add_row(
                half.start,
                f"{half.handoffs:.0f}",
                str(half.operators),
                f"{half.expected_wait_s:.0f}",
                f"{half.expected_leave:.1%}",
                "" if half.wait_s is None else f"{half.wait_s:.0f}",
                f"{half.left:.1%}",
                f"{half.ticketed:.1%}",
            )
    console = Console(width=100)
    console.print(grid)
    console.print(_told(found))


def _told(found: Plan) -> str:
    return (
        f"{found.hours:.0f} operator hours; simulated (*, {found.seeds} seeds):"
        f" {found.left:.1%} leave, {found.ticketed:.1%} get a ticket, longest wait"
        f" {found.longest_s:.0f} s; the told p90 wait held for {found.coverage:.0%},"
        f" double assignments {found.doubled}, out of order {found.disorder}"
    )


def _page(found: Plan) -> str:
    return (
        "<!doctype html><html lang=en><meta charset=utf-8><title>Staffing plan</title>"
        f"<body><h1>Staffing plan</h1><p>{_told(found)}</p>{as_svg(found)}</body></html>"
    )
