"""
``tidegate assess | roi``: which stage pays for a shop, from its own conversations.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, cast

import click
import msgspec
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from gateway.cli import options
from gateway.clock import wall_ms
from gateway.config import Config, ShopConfig, resolve
from gateway.errors import ConfigError
from gateway.insight import page
from gateway.insight.assessment import (
    Assessment,
    Money,
    Request,
    demand_of,
    money_of,
)
from gateway.insight.assessment import (
    assess as assess_all,
)
from gateway.insight.assumptions import load
from gateway.insight.columns import shown
from gateway.insight.dry_run import Rehearsal
from gateway.insight.payback import STAGES, Demand
from gateway.insight.reading import Reading, read
from gateway.insight.transcripts import TranscriptError
from gateway.routers import load_router
from gateway.services import open_services
from router_models.situation import situate


assumptions_file = click.option(
    "--assumptions",
    type=click.Path(path_type=Path),
    help="TOML file of assumptions; the shipped one if left out.",
)
changes = click.option(
    "--set",
    "changes",
    multiple=True,
    metavar="NAME=VALUE",
    help="An assumption, or its range: NAME=LOW..LIKELY..HIGH.",
)
report_file = click.option(
    "--report", type=click.Path(path_type=Path), help="Where to write the HTML page."
)
language = click.option(
    "--lang", type=click.Choice(["zh", "en"]), default="zh", show_default=True
)


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--map", "maps", multiple=True, metavar="MEANING=COLUMN")
@click.option(
    "--customer",
    "customers",
    multiple=True,
    help="Value of the role column that is the customer.",
)
@click.option("--per-month", type=click.FloatRange(min=0, min_open=True))
@click.option("--sample", type=click.IntRange(1), default=1000, show_default=True)
@click.option("--seed", type=int, default=1, show_default=True)
@click.option(
    "--shop", help="Shop whose rules and knowledge are tried; the first if left out."
)
@report_file
@language
@assumptions_file
@changes
@options.as_json
@options.config_file
def assess(
    file: Path,
    maps: tuple[str, ...],
    customers: tuple[str, ...],
    per_month: float | None,
    sample: int,
    seed: int,
    shop: str | None,
    report: Path | None,
    lang: page.Language,
    assumptions: Path | None,
    changes: tuple[str, ...],
    as_json: bool,
    config_file: Path | None,
) -> None:
    """
    Assess the conversations of FILE (CSV, JSON lines, XLSX).

    Columns are guessed and shown. Nothing is sent; a sample is answered in a dry
    run by the router and the engines of the shop. Writes one HTML page. Exit 3 if
    rows had to be left out.
    """
    given = load(assumptions or resolve("insight/assumptions.toml"), changes)
    reading = read(file, _pairs_of(maps), customers)
    config = options.read_config(config_file)
    request = Request(
        source=file.name, assumptions=given, per_month=per_month, size=sample, seed=seed
    )
    found = asyncio.run(_assess(config, shop, reading, request))
    written = report or Path(f"{file.stem}.assessment.html")
    written.write_text(page.assessment_page(found, given, lang), encoding="utf-8")
    if as_json:
        click.echo(msgspec.json.encode(found))
    else:
        _print(found, page.words_of(lang))
        click.echo(f"report: {written}")
    sys.exit(3 if reading.skips else 0)


def _pairs_of(maps: tuple[str, ...]) -> dict[str, str]:
    pairs = {}
    for one in maps:
        meaning, equals, column = one.partition("=")
        if not equals:
            raise TranscriptError(f"--map {one}: write MEANING=COLUMN")
        pairs[meaning] = column
    return pairs


@asynccontextmanager
async def open_rehearsal(
    config: Config, shop_id: str | None
) -> AsyncIterator[tuple[Rehearsal, str]]:
    """A dry run of a shop's engines, without its business system; the model's version."""
    router = load_router(config.router)
    shop = _shop(config, shop_id)
    async with AsyncExitStack() as resources:
        services = await open_services(
            [shop], Path(config.data_dir), None, wall_ms, resources, {}
        )
        rehearsal = Rehearsal(
            router.decide,
            services[shop.id],
            lambda text, history: situate(router, text, history),
            shop=shop.id,
            min_confidence=config.dispatch.min_confidence,
            on_fault=lambda _turn, tier, exc: click.echo(f"{tier}: {exc!r}", err=True),
        )
        yield rehearsal, router.version


async def _assess(
    config: Config, shop_id: str | None, reading: Reading, request: Request
) -> Assessment:
    console = Console(stderr=True)
    async with open_rehearsal(config, shop_id) as (rehearsal, version):
        with Progress(console=console, disable=not console.is_terminal) as bar:
            task = bar.add_task("trying", total=None)

            def told(done: int, total: int) -> None:
                bar.update(task, completed=done, total=total)

            return await assess_all(reading, rehearsal, version, request, told)


def _shop(config: Config, shop_id: str | None) -> ShopConfig:
    """The shop that is tried, without its business system: nothing is called."""
    shops = {one.id: one for one in config.shops}
    if shop_id is not None and shop_id not in shops:
        raise ConfigError(
            f"--shop {shop_id}: no such shop; there are {', '.join(shops)}"
        )
    shop = shops[shop_id] if shop_id else config.shops[0]
    return msgspec.structs.replace(shop, business_url="")


def _print(found: Assessment, words: page.Words) -> None:
    console = Console()
    table = Table(show_header=False)
    for name, column in shown(found.mapping).items():
        table.add_row(f"→ {name}", column)
    traffic, advice = found.traffic, found.advice
    for name, value in (
        ("conversations", f"{traffic.conversations:,}"),
        ("per_day", "-" if traffic.per_day is None else f"{traffic.per_day:,.1f}"),
        ("peak_hour", "-" if traffic.peak_hour is None else f"{traffic.peak_hour}:00"),
        ("human_share", page.percent(traffic.human_share, words)),
        (
            "handling",
            f"{traffic.handling.mean_s:.0f} ({words[traffic.handling.source]})",
        ),
        ("now", _shares(found.dry_run.engines)),
        ("router", _shares(found.dry_run.router)),
        ("frequent", f"{found.frequent_share:.0%}"),
        ("costly", f"{', '.join(found.costly)} ({found.costly_share:.0%})"),
        ("by_thresholds", advice.by_thresholds),
        ("by_cost", advice.by_cost or "-"),
    ):
        table.add_row(words[name], value)
    console.print(table)
    if found.money is None:
        click.echo(words["no_money"])
    else:
        _print_money(found.money, words)


def _shares(shares: dict[str, float]) -> str:
    return "  ".join(f"{tier} {share:.1%}" for tier, share in shares.items())


def _print_money(money: Money, words: page.Words) -> None:
    names = (
        "stage",
        "people_now",
        "people_then",
        "saving",
        "setup",
        "payback",
        "year_net",
    )
    table = Table(*(words[name] for name in names))
    for one in money.plans:
        amounts = (one.people_now, one.people_then, one.saving, one.setup)
        months = (
            words["never"]
            if one.payback_months is None
            else f"{one.payback_months:.1f}"
        )
        table.add_row(
            one.stage,
            *(f"{amount / 100:,.0f}" for amount in amounts),
            months,
            f"{one.year_net / 100:,.0f}",
        )
    Console().print(table)


@click.command()
@click.option(
    "--from", "source", type=click.Path(path_type=Path), help="Output of assess --json."
)
@click.option(
    "--per-month",
    type=click.FloatRange(min=0, min_open=True),
    help="Conversations a month.",
)
@click.option(
    "--human-share", type=click.FloatRange(0, 1), default=1.0, show_default=True
)
@click.option(
    "--finished",
    "shares",
    nargs=3,
    type=click.FloatRange(0, 1),
    help="Shares that L1, L2 and L3 finish.",
)
@click.option(
    "--stage",
    type=click.Choice(STAGES),
    help="Stage of the ranges; the one that saves most if left out.",
)
@click.option("--seed", type=int, default=1, show_default=True)
@report_file
@language
@assumptions_file
@changes
@options.as_json
def roi(
    source: Path | None,
    per_month: float | None,
    human_share: float,
    shares: tuple[float, float, float] | None,
    stage: str | None,
    seed: int,
    report: Path | None,
    lang: page.Language,
    assumptions: Path | None,
    changes: tuple[str, ...],
    as_json: bool,
) -> None:
    """Cost and payback of every stage, with ranges and what they hang on."""
    given = load(assumptions or resolve("insight/assumptions.toml"), changes)
    demand = _demand(source, per_month, human_share, shares)
    money = money_of(demand, given, stage or STAGES[0], seed)
    if stage is None:
        best = max(money.plans, key=lambda one: one.saving)
        money = money_of(demand, given, best.stage, seed)
    written = report or Path("roi.html")
    written.write_text(page.money_page(money, given, lang), encoding="utf-8")
    if as_json:
        click.echo(msgspec.json.encode(money))
        return
    _print_money(money, page.words_of(lang))
    click.echo(f"report: {written}")


def _demand(
    source: Path | None,
    per_month: float | None,
    human_share: float,
    shares: tuple[float, float, float] | None,
) -> Demand:
    if source is not None:
        return _measured(source, per_month)
    if per_month is None or shares is None:
        raise click.UsageError(
            "give --from FILE, or --per-month and --finished L1 L2 L3"
        )
    if sum(shares) > 1:
        raise click.UsageError(
            "--finished: the three shares are of the whole; at most 1 together"
        )
    finished = dict(zip(("L1", "L2", "L3"), shares, strict=True))
    return Demand(
        per_month=per_month, human_share=human_share, handle_s=None, finished=finished
    )


def _measured(source: Path, per_month: float | None) -> Demand:
    """The demand of an assessment; another volume beats its own."""
    try:
        tree = cast("dict[str, Any]", msgspec.json.decode(source.read_bytes()))
        found = msgspec.convert(tree, Assessment)
    except (OSError, msgspec.MsgspecError) as exc:
        raise ConfigError(f"{source}: {exc}; write it with assess --json") from exc
    if found.money is not None:
        demand = found.money.demand
        volume = demand.per_month if per_month is None else per_month
        return msgspec.structs.replace(demand, per_month=volume)
    if per_month is None:
        raise click.UsageError(f"{source} has no volume; give --per-month")
    given = demand_of(found.traffic, found.dry_run, per_month)
    assert given is not None  # noqa: S101 - a volume was given
    return given
