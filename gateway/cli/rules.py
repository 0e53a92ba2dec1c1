"""
``tidegate rules``: check, try and grow the rule packs of L1.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Literal

import click
import msgspec
from rich.console import Console
from rich.table import Table

from engines import yamlfile
from engines.rules import audit as auditing
from engines.rules import bench as benching
from engines.rules import coverage as covering
from engines.rules.engine import RulesEngine, shop_time
from engines.rules.faq import read_faq
from engines.rules.trial import Score, read_cases, try_out
from engines.yamlfile import BadFile, Problem
from gateway.cli import options
from gateway.config import resolve


PATH = click.Path(path_type=Path, exists=True, dir_okay=False)
_SHARE = click.FloatRange(0, 1)

#: Numbers of patterns that the benchmark builds.
_SIZES = range(100, 1_000_001)

pack_option = click.option(
    "--pack",
    type=PATH,
    help="Pack file; the first shop's of the configuration if left out.",
)
facts_option = click.option("--facts", type=PATH, help="The shop's page of facts.")
locale_option = click.option(
    "--locale", type=click.Choice(["zh", "en"]), default="zh", show_default=True,
    help="Language of texts whose script does not tell.",
)  # fmt: skip


@click.group()
def rules() -> None:
    """Check, try and grow the rule packs of L1."""


def _files(
    config_file: Path | None, pack: Path | None, facts: Path | None
) -> tuple[list[Path], Path | None]:
    """Pack files (the last one counts) and page of facts of a call."""
    shop = options.read_config(config_file).shops[0]
    packs = [pack] if pack else [resolve(name) for name in shop.packs]
    return packs, facts or (resolve(shop.facts) if shop.facts else None)


@rules.command()
@options.as_json
@options.config_file
@pack_option
@facts_option
def check(
    as_json: bool, config_file: Path | None, pack: Path | None, facts: Path | None
) -> None:
    """Look for mistakes in a pack. Exit 1 if it does not load."""
    found = auditing.audit(*_files(config_file, pack, facts), shop_time())
    if as_json:
        click.echo(msgspec.json.encode(found))
    else:
        for problem in found.problems:
            click.echo(str(problem))
        click.echo(
            f"{found.pack or 'not loaded'}: {found.intents} intents,"
            f" {found.answered} answered, utterances {found.utterances},"
            f" {len(found.problems)} problems"
        )
    sys.exit(0 if found.is_usable else 1)


@rules.command()
@click.argument("files", nargs=-1, required=True, type=PATH)
@options.as_json
@options.config_file
@pack_option
@facts_option
@click.option(
    "--min-right", type=_SHARE, default=0.0, help="Least share that is right."
)
@click.option(
    "--max-wrong", type=_SHARE, default=1.0, help="Largest share that is wrong."
)
def test(  # one parameter an option
    files: tuple[Path, ...],
    as_json: bool,
    config_file: Path | None,
    pack: Path | None,
    facts: Path | None,
    min_right: float,
    max_wrong: float,
) -> None:
    """
    Match utterance FILES (JSON lines: text, intent or null, locale) and count.

    Exit 1 if fewer are right or more are wrong than asked for.
    """
    cases = {str(path): list(read_cases(path)) for path in files}
    engine = RulesEngine.load(*_files(config_file, pack, facts))
    scores = {name: try_out(engine, some) for name, some in cases.items()}
    if as_json:
        click.echo(msgspec.json.encode(scores))
    else:
        _print_scores(scores)
    holds = all(
        one.right_share >= min_right and one.wrong_share <= max_wrong
        for one in scores.values()
    )
    sys.exit(0 if holds else 1)


def _print_scores(scores: dict[str, Score]) -> None:
    table = Table("file", "cases", "right", "wrong", "missed")
    for name, one in scores.items():
        table.add_row(
            name, str(one.cases), f"{one.right_share:.1%}", f"{one.wrong_share:.1%}",
            str(one.missed),
        )  # fmt: skip
        for slip in one.slips:
            if slip.is_wrong:
                click.echo(f"wrong: {slip.text} -> {slip.found}, not {slip.expected}")
    Console(width=120).print(table)


@rules.command()
@click.argument("transcripts", type=PATH)
@options.as_json
@options.config_file
@pack_option
@facts_option
@locale_option
def coverage(  # one parameter an option
    transcripts: Path,
    as_json: bool,
    config_file: Path | None,
    pack: Path | None,
    facts: Path | None,
    locale: Literal["zh", "en"],
) -> None:
    """Say what share of real questions a pack answers, and what it misses."""
    texts = covering.read_texts(transcripts)
    engine = RulesEngine.load(*_files(config_file, pack, facts))
    found = covering.cover(engine, texts, locale)
    if as_json:
        click.echo(msgspec.json.encode(found))
        return
    total = found.messages or 1
    click.echo(
        f"{found.messages} questions: answered {found.answered / total:.1%}, handed on"
        f" {found.handed_on / total:.1%}, missed {found.missed / total:.1%}"
    )
    table = Table("times", "misses that are alike", "nearest intent")
    for cluster in found.clusters:
        table.add_row(str(cluster.size), " · ".join(cluster.texts[:4]), cluster.nearest)
    Console(width=120).print(table)


@rules.command()
@click.argument("transcripts", type=PATH)
@options.config_file
@pack_option
@facts_option
@locale_option
@click.option(
    "--least", type=click.IntRange(1), default=3, show_default=True,
    help="Questions of a draft.",
)  # fmt: skip
def suggest(  # one parameter an option
    transcripts: Path,
    config_file: Path | None,
    pack: Path | None,
    facts: Path | None,
    locale: Literal["zh", "en"],
    least: int,
) -> None:
    """Draft intents (YAML, answers left open) from clusters of misses."""
    texts = covering.read_texts(transcripts)
    engine = RulesEngine.load(*_files(config_file, pack, facts))
    found = covering.cover(engine, texts, locale, most=200)
    drafts = covering.draft(found.clusters, least)
    click.echo(
        f"# {len(drafts)} drafts from {found.missed} misses: name them, translate,"
        " write the answers."
    )
    click.echo(yamlfile.dump({"intents": drafts}))


@rules.command(name="import")
@click.argument("faq", type=PATH)
@click.option("--force", is_flag=True, help="Write over --out if it is there.")
@click.option("--name", default="shop", show_default=True, help="Name of the new pack.")
@click.option("--extends", default="ecommerce", show_default=True)
@click.option(
    "--out", type=click.Path(path_type=Path), help="File to write; else printed."
)
def import_(faq: Path, force: bool, name: str, extends: str, out: Path | None) -> None:
    """Turn a FAQ (CSV or XLSX) into a pack. Exit 3 if something was left out."""
    text, problems = read_faq(faq, name, extends)
    for problem in problems:
        click.echo(str(problem), err=True)
    if out is None:
        click.echo(text)
    else:
        _write(out, text, force)
        click.echo(
            f"wrote {out}; put it beside {extends}.yaml and run rules check", err=True
        )
    sys.exit(3 if problems else 0)


def _write(out: Path, text: str, force: bool) -> None:
    """Write *text* to a file that is not there yet, or over it if told so."""
    try:
        with out.open("w" if force else "x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError as exc:
        fix = "name another file, or add --force to write over it"
        raise BadFile([Problem(str(out), 1, "is there already", fix)]) from exc
    except OSError as exc:
        reason = f"cannot be written: {exc.strerror}"
        fix = "name a file in a folder that is there and may be written"
        raise BadFile([Problem(str(out), 1, reason, fix)]) from exc


def _sizes(
    _context: click.Context, _option: click.Parameter, value: str
) -> tuple[int, ...]:
    """Sizes of ``--sizes``, in the order given."""
    try:
        sizes = tuple(int(size) for size in value.split(","))
    except ValueError:
        sizes = ()
    if not sizes or not all(size in _SIZES for size in sizes):
        message = f"{value!r} must be whole numbers of 100 to 1,000,000, with commas"
        raise click.BadParameter(message)
    return sizes


@rules.command()
@options.as_json
@click.option(
    "--sizes", default="1000,10000,100000", show_default=True, callback=_sizes,
    help="Numbers of patterns, with commas between them.",
)  # fmt: skip
@click.option(
    "--runs", type=click.IntRange(1, 99), default=3, show_default=True,
    help="Times that all sizes are built and timed; medians are told.",
)  # fmt: skip
@click.option("--arithmetic", type=click.Choice(["auto", "plain"]), default="auto")
def bench(
    as_json: bool,
    sizes: tuple[int, ...],
    runs: int,
    arithmetic: Literal["auto", "plain"],
) -> None:
    """
    Microseconds per message at growing packs, beside a loop of expressions.

    The growth is the time at the largest pack over that at the smallest, within each
    run; the median of the runs is told.
    """
    found = benching.measure_growth(
        sizes, runs, arithmetic, lambda line: click.echo(line, err=True)
    )
    if as_json:
        click.echo(msgspec.json.encode(found))
        return
    table = Table(
        "patterns", "sums", "zh 15 us", "en 60 us", "compile s", "regex loop us"
    )
    for row in found.rows:
        table.add_row(
            str(row.patterns), row.arithmetic, f"{row.zh_us:.1f}", f"{row.en_us:.1f}",
            f"{row.compile_s:.1f}", f"{row.loop_us:.0f}",
        )  # fmt: skip
    Console(width=100).print(table)
    click.echo(
        f"growth from {min(sizes)} to {max(sizes)} patterns, median of {runs} runs:"
        f" zh {found.zh:.2f}x, en {found.en:.2f}x"
    )
