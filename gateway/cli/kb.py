"""
``tidegate kb``: a shop's knowledge: ingest, search, stats, check, remove.

A running gateway serves what was ingested within a second or two.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter

import click
import msgspec
from rich.console import Console
from rich.progress import Progress

from engines.contract import Locale
from engines.retrieval.dense import QuestionVectors, load_encoder
from engines.retrieval.documents import Audience
from engines.retrieval.engine import RetrievalEngine
from engines.retrieval.ingest.readers import READERS
from engines.retrieval.ingest.run import (
    IngestReport,
    Options,
    Outcome,
    ingest,
    remove,
)
from engines.retrieval.knowledge import Knowledge
from engines.retrieval.language import language_of
from engines.retrieval.review import Finding, review
from gateway.cli import options
from gateway.cli.acting import write_down
from gateway.cli.operator import shop_of
from gateway.services import knowledge_of, today


EXIT_REFUSED = 3

of_shop = click.option("--shop", help="Whose; the only shop if left out.")


@click.group()
def kb() -> None:
    """A shop's knowledge: what was ingested, found, and what contradicts itself."""


def knowledge_from(
    config_file: Path | None,
    data_dir: Path | None,
    shop: str | None,
    *,
    with_vectors: bool = True,
) -> Knowledge:
    """
    The knowledge that a call means.

    Args:
        with_vectors: Use them if the extra ``dense`` is installed.

    Raises:
        ConfigError: If the shop is not there, or not clear.
    """
    config = options.read_config(
        config_file, data_dir=str(data_dir) if data_dir else None
    )
    named = next(one for one in config.shops if one.id == shop_of(config, shop))
    encoder = load_encoder() if with_vectors else None
    questions = QuestionVectors(encoder) if encoder is not None else None
    return knowledge_of(named, Path(config.data_dir), questions)


def _write_down(
    config_file: Path | None,
    data_dir: Path | None,
    shop: str | None,
    act: str,
    about: Mapping[str, object],
) -> None:
    """Into the audit log, before it is done."""
    config = options.read_config(
        config_file, data_dir=str(data_dir) if data_dir else None
    )
    write_down(config, shop_of(config, shop), act, about)


@kb.command(name="ingest")
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@options.config_file
@options.data_dir
@of_shop
@options.as_json
@click.option(
    "--audience",
    type=click.Choice(["customer", "staff"]),
    default="customer",
    show_default=True,
    help="Who may read documents that do not say.",
)
@click.option(
    "--prune", is_flag=True, help="Remove documents of PATHS whose file is gone."
)
@click.option(
    "--max-mb",
    type=click.IntRange(1, 4_096),
    default=64,
    show_default=True,
    help="Larger files are refused.",
)
def ingest_paths(
    paths: tuple[Path, ...],
    config_file: Path | None,
    data_dir: Path | None,
    shop: str | None,
    as_json: bool,
    audience: Audience,
    prune: bool,
    max_mb: int,
) -> None:
    """
    Read PATHS, files or folders, into a shop's knowledge; only what has changed.

    Markdown, HTML, PDF, DOCX, XLSX, CSV and plain text. A file that cannot be used
    is named with the reason and skipped (exit code 3); the others are kept.
    """
    knowledge = knowledge_from(config_file, data_dir, shop)
    about = {"paths": " ".join(map(str, paths)), "prune": prune}
    _write_down(config_file, data_dir, shop, "knowledge_put", about)
    chosen = Options(audience=audience, prune=prune, max_bytes=max_mb * 2**20)
    console = Console(stderr=True)
    started = perf_counter()
    with Progress(console=console, disable=not console.is_terminal) as progress:
        bar = progress.add_task("reading", total=None)

        def tell(outcome: Outcome, number: int, total: int) -> None:
            progress.update(
                bar, completed=number, total=total, description=outcome.name
            )

        report = ingest(paths, knowledge.shelf, _now, tell, chosen)
        progress.update(bar, description="indexing", completed=0, total=None)

        def tell_vectors(done: int, of: int) -> None:
            progress.update(bar, description="vectors", completed=done, total=of)

        total = knowledge.compile(tell_vectors)
    took_s = perf_counter() - started
    if as_json:
        click.echo(msgspec.json.encode(report).decode())
    else:
        _print(report, knowledge, total, took_s)
    sys.exit(EXIT_REFUSED if report.refused else 0)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _print(
    report: IngestReport, knowledge: Knowledge, total: int, took_s: float
) -> None:
    for one in report.outcomes:
        if one.status == "refused":
            click.echo(f"refused    {one.name}: {one.reason}")
        elif one.status != "unchanged":
            click.echo(f"{one.status:10} {one.name}: {one.passages} passages")
    same = sum(one.status == "unchanged" for one in report.outcomes)
    if same or report.left_out:
        click.echo(
            f"{same} unchanged; {report.left_out} files of other kinds left out"
            f" (known: {', '.join(READERS)})"
        )
    click.echo(
        f"shop {knowledge.shop}: {report.documents} documents,"
        f" {report.passages} passages; {total} with its folder; {took_s:.1f} s"
    )


@kb.command(name="remove")
@click.argument("names", nargs=-1, required=True)
@options.config_file
@options.data_dir
@of_shop
def remove_documents(
    names: tuple[str, ...],
    config_file: Path | None,
    data_dir: Path | None,
    shop: str | None,
) -> None:
    """Take documents out of a shop's knowledge, by the names ``kb stats`` shows."""
    knowledge = knowledge_from(config_file, data_dir, shop)
    about = {"names": " ".join(names)}
    _write_down(config_file, data_dir, shop, "knowledge_remove", about)
    outcomes = remove(names, knowledge.shelf)
    knowledge.compile()
    for one in outcomes:
        click.echo(f"{one.status:10} {one.name} {one.reason}".rstrip())
    refused = any(one.status == "refused" for one in outcomes)
    sys.exit(EXIT_REFUSED if refused else 0)


class HitOut(msgspec.Struct, frozen=True, kw_only=True):
    """A passage that was found, as it is printed."""

    id: str
    title: str
    text: str
    source: str
    score: float
    coverage: float


class FoundOut(msgspec.Struct, frozen=True, kw_only=True):
    """What a search found, best first."""

    confidence: float
    hits: tuple[HitOut, ...]


@kb.command()
@click.argument("text")
@options.config_file
@options.data_dir
@of_shop
@options.as_json
@click.option("-k", type=click.IntRange(1, 100), default=5, show_default=True)
def search(
    text: str,
    config_file: Path | None,
    data_dir: Path | None,
    shop: str | None,
    as_json: bool,
    k: int,
) -> None:
    """Find passages for TEXT, and say how sure the best one answers."""
    knowledge = knowledge_from(config_file, data_dir, shop)
    engine = RetrievalEngine(knowledge.shop, knowledge.searcher(today), None)
    locale: Locale = language_of(text, "zh")
    found = engine.find(text, locale, k=k)
    out = FoundOut(
        confidence=found.confidence,
        hits=tuple(
            HitOut(
                id=hit.passage.id,
                title=hit.passage.title,
                text=hit.passage.text,
                source=f"{hit.passage.path}: {hit.passage.place or hit.passage.line}",
                score=hit.score,
                coverage=hit.coverage,
            )
            for hit in found.hits
        ),
    )
    if as_json:
        click.echo(msgspec.json.encode(out).decode())
        return
    click.echo(f"confidence {out.confidence:.2f}")
    for hit in out.hits:
        click.echo(f"\n{hit.title}  [{hit.score:.1f}, coverage {hit.coverage:.2f}]")
        click.echo(f"{hit.source}\n{hit.text}")


@kb.command()
@options.config_file
@options.data_dir
@of_shop
@options.as_json
def stats(
    config_file: Path | None, data_dir: Path | None, shop: str | None, as_json: bool
) -> None:
    """List a shop's ingested documents."""
    knowledge = knowledge_from(config_file, data_dir, shop)
    manifest = knowledge.shelf.manifest()
    if as_json:
        click.echo(msgspec.json.encode(manifest).decode())
        return
    for one in manifest.documents:
        click.echo(
            f"{one.name}: {one.zh} zh, {one.en} en, {one.bytes:,} bytes,"
            f" {one.audience}, {one.added_at}"
        )
    total = len(knowledge.passages(manifest))
    click.echo(
        f"shop {knowledge.shop}: {len(manifest.documents)} ingested documents,"
        f" {total} passages in all"
    )


@kb.command()
@options.config_file
@options.data_dir
@of_shop
@options.as_json
def check(
    config_file: Path | None, data_dir: Path | None, shop: str | None, as_json: bool
) -> None:
    """Find contradictions on numbers and dates, expired passages and duplicates."""
    knowledge = knowledge_from(config_file, data_dir, shop)
    findings: list[Finding] = review(knowledge.passages(), today())
    if as_json:
        click.echo(msgspec.json.encode(findings).decode())
    else:
        for one in findings:
            click.echo(f"{one.kind:13} {one.where}: {one.text}")
        click.echo(f"{len(findings)} findings")
    serious = any(one.kind == "contradiction" for one in findings)
    sys.exit(1 if serious else 0)
