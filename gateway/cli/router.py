"""
``tidegate route | eval``: the router without a gateway around it.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, TextIO

import click
import msgspec
from rich.console import Console
from rich.progress import Progress as Bar
from rich.table import Table

from gateway.cli import options
from gateway.routers import RELEASED, load_both, load_router
from router_models import evaluate as evaluation
from router_models.details import Details, details
from router_models.evaluate import EvalReport, Judged, Row, RowError
from router_models.report_page import page
from router_models.router import TierRouter
from router_models.situation import situate


def _router(config_file: Path | None) -> TierRouter:
    """What decides in a gateway of this configuration: both stages where it has two."""
    config = options.read_config(config_file)
    return load_both(config, load_router(config.router))


@click.command()
@click.argument("what")
@options.as_json
@options.config_file
def route(what: str, as_json: bool, config_file: Path | None) -> None:
    """
    Judge WHAT: a text, a file of JSON lines, or - for JSON lines on standard input.

    A line is {"text", "id"?, "context"?: [{"role", "text"}], "locale"?}; each gets
    one line of JSON back. Exit 3 if a line was refused.
    """
    router = _router(config_file)
    if what != "-" and not Path(what).is_file():
        decision = evaluation.route_row(router, Row(text=what))
        click.echo(_pretty(msgspec.to_builtins(decision), as_json))
        return
    bad = 0
    with click.open_file(what, encoding="utf-8", errors="surrogateescape") as lines:
        for number, row in _rows(lines):
            if isinstance(row, RowError):
                bad += 1
                click.echo(msgspec.json.encode({"line": number, "error": str(row)}))
                continue
            decision = evaluation.route_row(router, row)
            answer: dict[str, Any] = {} if row.id is None else {"id": row.id}
            click.echo(msgspec.json.encode(answer | msgspec.to_builtins(decision)))
    sys.exit(3 if bad else 0)


def _rows(lines: Iterable[str]) -> Iterator[tuple[int, Row | RowError]]:
    """Every line that is not blank, decoded or refused, with its number."""
    for number, line in enumerate(lines, 1):
        try:
            for row in evaluation.read_rows([line.encode("utf-8", "surrogateescape")]):
                yield number, row
        except RowError as exc:
            told = RowError(number, str(exc).partition(": ")[2].rpartition(";")[0])
            yield number, told


def _pretty(decision: dict[str, Any], as_json: bool) -> str:
    if as_json:
        return msgspec.json.encode(decision).decode()
    return "\n".join(f"{key:>11}  {value}" for key, value in decision.items())


@click.command(name="eval")
@click.argument(
    "file", type=click.File("r", encoding="utf-8", errors="surrogateescape")
)
@click.option(
    "--html",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Where the report page goes; beside FILE if left out, none for -.",
)
@options.as_json
@options.config_file
def evaluate(
    file: TextIO, html: Path | None, as_json: bool, config_file: Path | None
) -> None:
    """
    Compare the router with the labels of FILE (JSON lines, - for standard input).

    Labels are any of complexity, risk, asks_human, tier, emotion, intent. Writes a
    page with all plots. With --json each line gets a line back, and a last line
    holds the report. Exit 3 if a line was refused.
    """
    router = _router(config_file)
    judged: list[Judged] = []
    bad: list[RowError] = []
    console = Console(stderr=True)
    with Bar(console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task("routing", total=None)
        for number, row in _rows(file):
            if isinstance(row, RowError):
                bad.append(row)
                _tell(row, number, as_json)
                continue
            judged.append(_judge(router, row, number, as_json))
            bar.advance(task)
    if not judged:
        raise click.ClickException(f"{file.name}: no row to evaluate")
    report = evaluation.report(judged, router.version)
    found = _details(judged, router, console)
    print_report(report, as_json, found)
    target = html or (None if file.name == "<stdin>" else Path(f"{file.name}.html"))
    if target is not None:
        target.write_text(page(report, found, Path(file.name).name), "utf-8")
        click.echo(f"report: {target}", err=True)
    sys.exit(3 if bad else 0)


def _details(judged: list[Judged], router: TierRouter, console: Console) -> Details:
    with console.status("evaluating") as status:
        return details(
            judged,
            router,
            pairs=RELEASED.parent / "data" / "pairs.yaml",
            progress=status.update,
        )


def _judge(router: TierRouter, row: Row, number: int, as_json: bool) -> Judged:
    turn = situate(router, row.text, row.context, row.locale)
    one = evaluation.judge(router, turn, evaluation.wanted_labels(row))
    if as_json:
        line = {"id": row.id or number, "wanted": one.wanted, "given": one.given}
        click.echo(msgspec.json.encode(line))
    return one


def _tell(error: RowError, number: int, as_json: bool) -> None:
    if as_json:
        click.echo(msgspec.json.encode({"line": number, "error": str(error)}))
    else:
        click.echo(f"skipped: {error}", err=True)


def print_report(
    report: EvalReport, as_json: bool, found: Details | None = None
) -> None:
    if as_json:
        told = (
            {"report": report}
            if found is None
            else {"report": report, "details": found}
        )
        click.echo(msgspec.json.encode(told))
        return
    table = Table("slice", "head", "n", "accuracy", "macro-F1", "ECE")
    slices = {"all": report.overall, **report.by_locale}
    for name, part in slices.items():
        for head, one in part.heads.items():
            table.add_row(
                name,
                head,
                str(one.n),
                f"{one.accuracy:.3f}",
                f"{one.macro_f1:.3f}",
                "-" if one.ece is None else f"{one.ece:.3f}",
            )
    console = Console()
    console.print(table)
    for name, part in slices.items():
        console.print(
            f"{name}: severe under-routing {share_of(part.severe_under_routing)}"
            f" (left at L1 {share_of(part.left_at_l1)}),"
            f" high-risk recall {share_of(part.high_risk_recall)}"
            f" at {share_of(part.high_risk_false_alarms)} false alarms"
        )
    if found is not None:
        _print_details(found, console)
    console.print(f"model {report.model}, {report.n} rows")


def _print_details(found: Details, console: Console) -> None:
    recall = found.high_risk_recall_at_10.get("all")
    console.print(f"high-risk recall at 10 % false alarms: {share_of(recall)}")
    routed = found.cost_quality
    if routed is not None:
        console.print(
            f"APGR {routed.apgr:.3f} (oracle {routed.apgr_oracle:.3f}, coin 0.5)"
        )
        for name, (cost, quality) in routed.marks.items():
            console.print(f"  {name}: {cost:.1f} a turn, {quality:.1%} suffice")
    for one in found.certificates:
        console.print(
            f"certificate {one.stratum}: promised <= {one.alpha:.0%},"
            f" {one.errors} of {one.n} rows{' BROKEN' if one.is_broken else ''}"
        )
    if found.flips is not None and found.flips.rate:
        worst = max(found.flips.rate.items(), key=lambda item: item[1])
        console.print(
            f"written otherwise: tier changes in {worst[1]:.1%} of rows at worst"
            f" ({worst[0]}), to a lower one in {found.flips.lower:.1%} of all"
        )
    if found.parity is not None:
        console.print(f"zh-en parity: {found.parity.same_tier:.1%} of pairs, same tier")


def share_of(value: float | None) -> str:
    return "-" if value is None else f"{value:.1%}"
