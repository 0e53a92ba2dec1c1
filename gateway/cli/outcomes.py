"""
``tidegate outcomes``: what became of a shop's contacts, by strict definitions.
"""

from __future__ import annotations

from pathlib import Path

import click
import msgspec
from rich.console import Console
from rich.table import Table

from engines.contract import Tier
from gateway.cli import options
from gateway.cli.operator import shop_of
from gateway.clock import wall_ms
from gateway.insight.outcomes import Outcomes, Rate, Spread
from gateway.outcomes import count_shop
from gateway.routers import stage_named
from gateway.stages import read_orders
from gateway.store.beside import run_beside
from gateway.store.connection import Scripts
from gateway.store.stages import StageStore
from router_models.policy import price_of


@click.command()
@options.as_json
@options.config_file
@options.data_dir
@click.option("--shop", help="Which shop; the only one if left out.")
@click.option(
    "--days", type=click.FloatRange(0.01, 366), default=30.0, show_default=True
)
def outcomes(
    as_json: bool,
    config_file: Path | None,
    data_dir: Path | None,
    shop: str | None,
    days: float,
) -> None:
    """
    Count what became of contacts: resolved by tier, durable, reopened, abandoned.

    Reads the store, beside a running gateway or without one.
    """
    config = options.read_config(
        config_file, data_dir=str(data_dir) if data_dir else None
    )
    name = shop_of(config, shop)

    async def deed(scripts: Scripts) -> Outcomes:
        orders = await read_orders(StageStore(scripts), name)
        prices = stage_named(orders.stage or config.router.stage).prices
        return await count_shop(
            scripts,
            name,
            days=days,
            now_ms=wall_ms(),
            idle_ms=int(config.dispatch.episode_idle_s * 1000),
            prices={tier: price_of(prices, tier) for tier in Tier},
        )

    found = run_beside(config.store.url, Path(config.data_dir), deed)
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(found)))
    else:
        _print(name, days, found)


def _print(shop: str, days: float, found: Outcomes) -> None:
    console = Console()
    console.print(
        f"{shop}, contacts that began in the last {days:g} days: {found.contacts},"
        f" {found.small_talk} of them small talk"
    )
    console.print(_by_tier(found))
    console.print(_rest(found))


def _by_tier(found: Outcomes) -> Table:
    table = Table("tier", "resolved", "durable", "reopened", "pending")
    for tier in Tier:
        parts = (found.resolved, found.durable, found.reopened, found.pending)
        table.add_row(tier, *(str(part.get(tier, 0)) for part in parts))
    return table


def _rest(found: Outcomes) -> Table:
    table = Table(show_header=False)
    why = ", ".join(f"{reason} {n}" for reason, n in found.reasons.items())
    cost = found.cost_per_durable_milli
    for name, told in (
        ("eligible", str(found.eligible)),
        ("customers", str(found.customers)),
        ("involved", str(found.involved)),
        ("not over", str(found.open)),
        ("abandoned", str(found.abandoned)),
        ("unsatisfied", str(found.unsatisfied)),
        ("unanswered", str(found.unanswered)),
        ("handed over", f"{found.handed_over}{f' ({why})' if why else ''}"),
        ("resolved, of what is over", _rate(found.resolution)),
        ("resolved by a machine", _rate(found.machine_resolution)),
        ("durable, after 7 days", _rate(found.durability)),
        ("first response", _spread(found.first_response)),
        ("time to a person", _spread(found.to_person)),
        ("cost of a durable resolution", "-" if cost is None else f"{cost / 1000:.3f}"),
    ):
        table.add_row(name, told)
    return table


def _rate(rate: Rate | None) -> str:
    if rate is None:
        return "-"
    return f"{rate.share:.1%} of {rate.n} (95 %: {rate.low:.1%} to {rate.high:.1%})"


def _spread(spread: Spread | None) -> str:
    if spread is None:
        return "-"
    return f"p50 {spread.p50:.1f} s, p90 {spread.p90:.1f} s of {spread.n}"
