"""
``tidegate stage``: which stage a shop is on, and how to change it without a stop.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import click
import msgspec
from rich.console import Console
from rich.table import Table

from engines.contract import Tier
from engines.guard import mask_personal_data
from gateway.cli import options
from gateway.cli.acting import by_command
from gateway.cli.operator import shop_of
from gateway.clock import wall_ms
from gateway.config import Config
from gateway.routers import load_router, open_registry, stage_named
from gateway.stage_trial import StageTrial, try_stage
from gateway.stages import StageOrders, change_orders, changed, encode, read_orders
from gateway.store.beside import run_beside
from gateway.store.connection import Scripts
from gateway.store.stages import StageStore
from router_models.text import locale_of


T = TypeVar("T")
_DAY_MS = 86_400_000
shop_option = click.option("--shop", help="Whose; the only shop if left out.")


@click.group()
def stage() -> None:
    """Which tiers carry a shop's load, and at which prices: startup, growth, mature."""


@stage.command()
@options.as_json
@options.config_file
@options.data_dir
@shop_option
def show(
    as_json: bool, config_file: Path | None, data_dir: Path | None, shop: str | None
) -> None:
    """What is ordered, and what was before."""
    config, name = _where(config_file, data_dir, shop)
    _print(name, config, _ask(config, name, _as_it_is), as_json=as_json)


@stage.command("set")
@click.argument("name")
@options.as_json
@options.config_file
@options.data_dir
@shop_option
@click.option(
    "--share",
    type=click.FloatRange(0, 1, min_open=True),
    default=1.0,
    show_default=True,
    help="Of the conversations; below 1 the stage is on trial and guarded.",
)
@click.option(
    "--shadow", is_flag=True, help="Only ask the stage, let it decide nothing."
)
@click.option("--dry-run", is_flag=True, help="Only tell what would change.")
@click.option("--days", type=click.FloatRange(0.01, 90), default=7.0, show_default=True)
@click.option("--most", type=click.IntRange(1), default=2_000, show_default=True)
def set_stage(
    name: str,
    as_json: bool,
    config_file: Path | None,
    data_dir: Path | None,
    shop: str | None,
    share: float,
    shadow: bool,
    dry_run: bool,
    days: float,
    most: int,
) -> None:
    """
    Put a shop on stage NAME; workers follow within two seconds, nothing stops.

    With --dry-run recent messages of the store are judged again under both stages:
    who would carry them, and what a thousand of them cost.
    """
    config, where = _where(config_file, data_dir, shop)
    stage_named(name)
    if dry_run:
        _dry_run(config, where, name, days, most, as_json=as_json)
        return

    def change(before: StageOrders) -> StageOrders:
        return _ordered(before, name, share, is_shadow=shadow)

    _print(where, config, _ask(config, where, change), as_json=as_json)


@stage.command()
@options.as_json
@options.config_file
@options.data_dir
@shop_option
def back(
    as_json: bool, config_file: Path | None, data_dir: Path | None, shop: str | None
) -> None:
    """End a trial and a shadow; the stage that serves stays."""
    config, name = _where(config_file, data_dir, shop)

    def change(before: StageOrders) -> StageOrders:
        what = "trial and shadow ended"
        return changed(before, what, "cli", wall_ms(), trial="", share=0.0, shadow="")

    _print(name, config, _ask(config, name, change), as_json=as_json)


def _ordered(
    before: StageOrders, name: str, share: float, *, is_shadow: bool
) -> StageOrders:
    if is_shadow:
        return changed(before, f"shadow {name}", "cli", wall_ms(), shadow=name)
    if share < 1:
        what = f"{name} on trial for {share:.0%}"
        return changed(before, what, "cli", wall_ms(), trial=name, share=share)
    what = f"{name} for all"
    return changed(before, what, "cli", wall_ms(), stage=name, trial="", share=0.0)


def _as_it_is(before: StageOrders) -> StageOrders:
    return before


def _where(
    config_file: Path | None, data_dir: Path | None, shop: str | None
) -> tuple[Config, str]:
    folder = str(data_dir) if data_dir else None
    config = options.read_config(config_file, data_dir=folder)
    return config, shop_of(config, shop)


def _beside(config: Config, deed: Callable[[Scripts], Awaitable[T]]) -> T:
    return run_beside(config.store.url, Path(config.data_dir), deed)


def _ask(
    config: Config, shop: str, change: Callable[[StageOrders], StageOrders]
) -> StageOrders:
    async def deed(scripts: Scripts) -> StageOrders:
        store = StageStore(scripts)
        if change is _as_it_is:
            return await change_orders(store, shop, change)
        wanted = change(await read_orders(store, shop))
        about = {"stage": wanted.stage, "trial": wanted.trial, "shadow": wanted.shadow}
        async with by_command(scripts, shop, "stage", about):
            return await change_orders(store, shop, change)

    return _beside(config, deed)


def _print(shop: str, config: Config, orders: StageOrders, *, as_json: bool) -> None:
    if as_json:
        click.echo(encode(orders))
        return
    now = stage_named(orders.stage or config.router.stage)
    tiers = ", ".join(now.tiers)
    click.echo(f"{shop}: stage {now.name}; {tiers} work, people are behind them")
    if orders.trial:
        click.echo(f"on trial: {orders.trial}, {orders.share:.0%} of conversations")
    if orders.shadow:
        click.echo(f"shadow: {orders.shadow}, asked and deciding nothing")
    for one in orders.history:
        click.echo(f"  {one.at_ms} {one.by}: {one.what}")


def _dry_run(
    config: Config, shop: str, name: str, days: float, most: int, *, as_json: bool
) -> None:
    registry = open_registry(config)
    router = load_router(config.router, registry.path(registry.state().active))
    console = Console(stderr=True)
    with console.status("judging recent messages") as status:

        async def deed(scripts: Scripts) -> StageTrial:
            orders = await read_orders(StageStore(scripts), shop)
            now = stage_named(orders.stage or config.router.stage)
            return await try_stage(
                scripts,
                shop,
                router,
                (now, stage_named(name)),
                since_ms=wall_ms() - int(days * _DAY_MS),
                most=most,
                locale_of=locale_of,
                masked=mask_personal_data,
                tell=lambda n: status.update(f"{n} messages judged"),
            )

        found = _beside(config, deed)
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(found)))
    else:
        _print_trial(found)


def _print_trial(found: StageTrial) -> None:
    if not found.messages:
        click.echo("no messages in that time: nothing to judge")
        return
    table = Table("carried by", f"{found.stage} (now)", f"{found.other} (then)")
    for tier in Tier:
        table.add_row(
            tier, *(f"{part.get(tier, 0)}" for part in (found.now, found.then))
        )
    Console().print(table)
    click.echo(
        f"{found.changed} of {found.messages} messages would change hands; a thousand"
        f" cost {found.cost_milli / 1000:.2f} now and {found.then_milli / 1000:.2f} then"
        f" ({found.own_milli / 1000:.2f} by {found.other}'s own prices)"
    )
    for move, n in found.moves.items():
        click.echo(f"  {move}: {n}, as in {' | '.join(found.examples[move])}")
