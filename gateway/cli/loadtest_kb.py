"""
``tidegate loadtest kb | faith | strangers``: retrieval beside its peers, under
temptation, and on the knowledge of shops it has never seen.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import click
import msgspec
from rich.console import Console
from rich.table import Table

from gateway.cli import options
from loadtest.kb_bench import compare
from loadtest.kb_faith import run_faith
from loadtest.strangers import HERE, SHIPPED, Judged, Place, run_strangers


@click.command()
@options.as_json
@click.option(
    "--size",
    "sizes",
    type=click.IntRange(100, 1_000_000),
    multiple=True,
    default=(1_000, 10_000, 100_000),
    show_default=True,
    help="Passages; may be given several times.",
)
@click.option("--questions", type=click.IntRange(10), default=200, show_default=True)
def kb(as_json: bool, sizes: tuple[int, ...], questions: int) -> None:
    """Search beside bm25s and tantivy (if installed): one thread, same tokens."""
    found = compare(sizes, lambda line: click.echo(line, err=True), questions)
    if as_json:
        click.echo(msgspec.json.encode(found).decode())
        return
    table = Table("engine", "passages", "p50 ms", "p99 ms", "passages/s", "MB")
    for one in found:
        table.add_row(
            one.engine,
            f"{one.passages:,}",
            f"{one.p50_ms:.2f}",
            f"{one.p99_ms:.2f}",
            f"{one.per_s:,.0f}",
            f"{one.memory_mb:.0f}",
        )
    Console().print(table)


@click.command()
@options.as_json
@click.option("--questions", type=click.IntRange(1), default=300, show_default=True)
@click.option("--queries", type=click.IntRange(1), default=10_000, show_default=True)
@click.option("--seed", type=int, default=1, show_default=True)
def faith(as_json: bool, questions: int, queries: int, seed: int) -> None:
    """Plant near misses and another shop's words; no figure or word of them may leave."""
    report = asyncio.run(
        run_faith(questions, queries, seed, lambda line: click.echo(line, err=True))
    )
    if as_json:
        click.echo(msgspec.json.encode(report).decode())
    else:
        click.echo(
            f"{report.questions} questions with near misses, {report.answered} answered,"
            f" {len(report.unsupported)} with an unsupported figure"
            f" ({report.by_model} asked of a lying model);"
            f" {report.queries} searches, {len(report.canaries)} canaries"
        )
        for line in (*report.unsupported[:10], *report.canaries[:10]):
            click.echo(line)
    sys.exit(1 if report.unsupported or report.canaries else 0)


@click.command()
@click.argument("folders", nargs=-1, type=click.Path(path_type=Path, exists=True))
@options.as_json
@options.config_file
@click.option(
    "--into",
    "place",
    type=click.Choice(["own", "demo"]),
    default="own",
    show_default=True,
    help="A shop of its own, or the demo shop beside what that knows.",
)
@click.option("--misses", is_flag=True, help="Show each conversation that went wrong.")
def strangers(
    folders: tuple[Path, ...],
    as_json: bool,
    config_file: Path | None,
    place: Place,
    misses: bool,
) -> None:
    """
    Ingest another shop's files into a running gateway and ask as its customers would.

    A folder has files/ and questions.yaml; without one the invented shops that ship
    are asked.
    """
    report = run_strangers(
        folders or tuple(HERE / name for name in SHIPPED),
        options.read_config(config_file),
        place,
        lambda line: click.echo(line, err=True),
    )
    if as_json:
        click.echo(msgspec.json.encode(report).decode())
        return
    table = Table("kind", "right", "asked")
    for kind, (right, asked) in report.by_kind.items():
        table.add_row(kind, str(right), str(asked))
    table.add_row("all", str(report.right), str(report.asked))
    Console().print(table)
    for one in report.judged if misses else ():
        _print_miss(one)


def _print_miss(one: Judged) -> None:
    if one.fault:
        click.echo(f"{one.shop} {one.case} {one.tier} | {' / '.join(one.say)}")
        click.echo(f"    {one.fault}: {' '.join(one.reply.split())[:200]}")
