"""
``tidegate loadtest``: benchmarks and faults, on this machine only.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Literal

import click
import msgspec
from rich.console import Console
from rich.table import Table

from gateway.cli import options
from gateway.routers import load_router
from loadtest.faults import FaultReport, run_faults
from loadtest.l3_faults import L3Report, run_l3_faults
from loadtest.path_bench import PathReport, TooFewQuestions, compare
from loadtest.sale import Model, Sale, SaleReport, read_talks, run_sale
from loadtest.sale_compare import compare_sales, compared_page, table
from loadtest.sale_report import sale_page
from loadtest.schedule import SHAPES, Shape
from loadtest.striker import FaultKind


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
@click.option(
    "--arithmetic",
    type=click.Choice(["auto", "native", "plain"]),
    help="How the router adds up; as configured if left out.",
)
def path(
    as_json: bool,
    config_file: Path | None,
    rounds: int,
    messages: int,
    rate: float,
    arithmetic: Literal["auto", "native", "plain"] | None,
) -> None:
    """Compare the L1 path with a bare handler, and show its stages."""
    config = options.read_config(config_file)
    if arithmetic is not None:
        router = msgspec.structs.replace(config.router, arithmetic=arithmetic)
        config = msgspec.structs.replace(config, router=router)
    try:
        report = compare(
            config,
            rounds=rounds,
            messages=messages,
            rate_per_s=rate,
            tell=lambda line: click.echo(line, err=True),
        )
    except TooFewQuestions as exc:
        raise click.ClickException(str(exc)) from exc
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(report)))
    else:
        _print(report)
    is_clean = report.gateway.errors == 0 and report.open_loop.errors == 0
    is_valid = report.ratio is not None and report.open_loop.is_valid
    sys.exit(0 if is_clean and is_valid else 1)


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
    stages = Table("(c) stage", "us a message", "share of CPU")
    for stage in report.stages:
        share = "" if stage.share is None else f"{stage.share:.0%}"
        stages.add_row(stage.name, f"{stage.us:.1f}", share)
    console.print(stages)
    console.print(_ratio(report))
    loop = report.open_loop
    console.print(
        f"open loop {loop.rps:,.0f}/s: p50 {loop.p50_ms:.2f} ms, p99 {loop.p99_ms:.2f} ms,"
        f" errors {loop.errors}, generator late {loop.lag_ms:.1f} ms"
        f"{'' if loop.is_valid else ' (INVALID: the generator was late)'}"
    )
    console.print(
        f"router arithmetic {report.arithmetic}; store {report.durability},"
        f" {report.store_cpu_us:.0f} us of CPU a message on the other core"
    )
    console.print(f"{report.hardware}; medians of {report.rounds} rounds")


def _ratio(report: PathReport) -> str:
    asked = f"{report.l1_share:.1%} of messages answered on L1, {report.texts} texts"
    if report.ratio is None or report.cpu_ratio is None:
        return f"no ratio: only {asked}"
    return (
        f"(b)/(a): {report.ratio:.2f} in requests/s, {report.cpu_ratio:.2f} in CPU"
        f" time; {asked}"
    )


@loadtest.command()
@options.as_json
@options.config_file
@click.option(
    "--fault",
    "kinds",
    type=click.Choice(["worker", "workers", "store", "pause", "stage", "none"]),
    multiple=True,
    help="What is killed (or paused); worker, workers and store if left out. With"
    " stage every strike also puts the shop on another stage.",
)
@click.option("--messages", type=click.IntRange(4), default=2000, show_default=True)
@click.option("--strikes", type=click.IntRange(0), default=20, show_default=True)
@click.option("--seed", type=int, default=1, show_default=True)
def faults(
    as_json: bool,
    config_file: Path | None,
    kinds: tuple[FaultKind, ...],
    messages: int,
    strikes: int,
    seed: int,
) -> None:
    """Kill -9 under load, then check: nothing lost, twice, out of order or untrue."""
    reports = [
        run_faults(
            options.read_config(config_file),
            kind,
            messages=messages,
            strikes=strikes,
            seed=seed,
            tell=lambda line: click.echo(line, err=True),
        )
        for kind in kinds or ("worker", "workers", "store")
    ]
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(reports)))
    else:
        _print_faults(reports)
    is_clean = all(
        not report.verdict.findings and not report.unacknowledged for report in reports
    )
    sys.exit(0 if is_clean else 1)


def _print_faults(reports: list[FaultReport]) -> None:
    table = Table(
        "fault", "killed", "messages", "answered", "with people", "lost", "twice",
        "disorder", "untrue", "repeats", "slowest s", "seconds",
    )  # fmt: skip
    for report in reports:
        verdict = report.verdict
        table.add_row(
            report.fault,
            str(report.struck),
            str(verdict.acknowledged),
            str(verdict.answered),
            str(verdict.with_people),
            *(
                str(verdict.count(kind))
                for kind in ("lost", "twice", "disorder", "untrue")
            ),
            str(report.retries),
            f"{report.slowest_s:.1f}",
            f"{report.seconds:.0f}",
        )
    Console(width=140).print(table)
    for report in reports:
        for finding in report.verdict.findings[:20]:
            click.echo(f"{report.fault}: {finding}", err=True)


@loadtest.command()
@options.as_json
@options.config_file
@click.option("--customers", type=click.IntRange(1), default=60, show_default=True)
@click.option("--strikes", type=click.IntRange(0), default=18, show_default=True)
@click.option("--seed", type=int, default=1, show_default=True)
def tasks(
    as_json: bool, config_file: Path | None, customers: int, strikes: int, seed: int
) -> None:
    """Kill -9 workers, store and shop under L3 tasks; the shop's books judge."""
    report = run_l3_faults(
        options.read_config(config_file),
        customers=customers,
        strikes=strikes,
        seed=seed,
        tell=lambda line: click.echo(line, err=True),
    )
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(report)))
    else:
        _print_tasks(report)
    sys.exit(1 if report.findings or report.unacknowledged else 0)


def _print_tasks(report: L3Report) -> None:
    table = Table(
        "killed", "errands", "done", "with people", "refused", "recovered",
        "findings", "repeats", "seconds",
    )  # fmt: skip
    table.add_row(
        str(report.struck),
        str(report.errands),
        str(report.done),
        str(report.with_people),
        str(report.refused),
        str(report.recovered),
        str(len(report.findings)),
        str(report.retries),
        f"{report.seconds:.0f}",
    )
    Console(width=140).print(table)
    for finding in report.findings[:20]:
        click.echo(str(finding), err=True)


@loadtest.command()
@options.as_json
@options.config_file
@click.option("--rounds", type=click.IntRange(100), default=2_000, show_default=True)
@click.option(
    "--public",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Folder of public intent sets: measure the features on them instead.",
)
def router(
    as_json: bool, config_file: Path | None, rounds: int, public: Path | None
) -> None:
    """Time the router beside scikit-learn's own call, or try its features on public sets."""
    console = Console(stderr=True)
    with console.status("measuring") as status:
        found: list[msgspec.Struct] = (
            [*_speed(config_file, rounds, status.update)]
            if public is None
            else _public(public, status.update)
        )
    if as_json:
        click.echo(msgspec.json.encode(found))
        return
    table = Table(*found[0].__struct_fields__)
    for row in found:
        table.add_row(*(str(value) for value in msgspec.structs.astuple(row)))
    Console().print(table)


def _speed(
    config_file: Path | None, rounds: int, told: Callable[[str], None]
) -> Sequence[msgspec.Struct]:
    # scikit-learn takes a second to import: only this command needs it.
    from router_models.speed import measure

    served = load_router(options.read_config(config_file).router)
    return measure(served, rounds, told)


def _public(folder: Path, told: Callable[[str], None]) -> list[msgspec.Struct]:
    # As above.
    from router_models.public_sets import SETS

    found: list[msgspec.Struct] = []
    for name, of_set in SETS.items():
        told(name)
        found.append(of_set(folder))
    return found


@loadtest.command()
@options.as_json
@options.config_file
@click.option("--minutes", type=click.FloatRange(0.05), default=3.0, show_default=True)
@click.option("--shape", type=click.Choice(SHAPES), default="spike", show_default=True)
@click.option(
    "--peak",
    type=click.FloatRange(0.1),
    default=100.0,
    show_default=True,
    help="Messages a second at the highest point.",
)
@click.option(
    "--talks",
    type=click.Path(path_type=Path, exists=True),
    help="Mix of conversations.",
)
@click.option("--seed", type=int, default=1, show_default=True)
@click.option(
    "--report",
    "page",
    type=click.Path(path_type=Path),
    default=Path("sale.html"),
    show_default=True,
)
@click.option(
    "--compare",
    is_flag=True,
    help="Once more without limits, once more with L1 alone; one report of all.",
)
@click.option(
    "--places",
    type=click.IntRange(0, 10_000),
    help="Calls that a stand-in for the model behind L2 and L3 works on at once, others"
    " wait in its line; 8 with --compare, else 0: no model.",
)
@click.option(
    "--model-s",
    type=click.FloatRange(0.001, 60),
    default=1.0,
    show_default=True,
    help="Mean seconds of a call of that model.",
)
def sale(
    as_json: bool,
    config_file: Path | None,
    minutes: float,
    shape: Shape,
    peak: float,
    talks: Path | None,
    seed: int,
    page: Path,
    compare: bool,
    places: int | None,
    model_s: float,
) -> None:
    """
    A sale day in minutes, open loop; every message accounted for, one HTML page.

    Exit 1 if a message was lost or left without an end, or if the run is void
    because the generator itself was late.
    """
    try:
        mix = read_talks(talks)
    except ValueError as exc:
        raise click.UsageError(str(exc)) from exc
    wanted = (8 if compare else 0) if places is None else places
    plan = Sale(
        shape=shape,
        seconds=minutes * 60,
        peak_per_s=peak,
        talks=mix,
        seed=seed,
        model=Model(places=wanted, mean_s=model_s) if wanted else None,
    )
    config = options.read_config(config_file)

    def tell(line: str) -> None:
        click.echo(line, err=True)

    if compare:
        reports = compare_sales(config, plan, tell)
        written = compared_page(reports)
    else:
        reports = {"": run_sale(config, plan, tell)}
        written = sale_page(reports[""])
    page.write_text(written, encoding="utf-8")
    if as_json:
        told = reports if compare else reports[""]
        click.echo(msgspec.json.format(msgspec.json.encode(told)))
    else:
        _print_sale(reports, page)
    is_good = all(one.is_clean and one.client.is_valid for one in reports.values())
    sys.exit(0 if is_good else 1)


def _print_sale(reports: Mapping[str, SaleReport], page: Path) -> None:
    head, *rows = table(reports)
    shown = Table(*head, show_header=any(head))
    for row in rows:
        shown.add_row(*row)
    Console().print(shown)
    click.echo(f"report: {page}")
