"""
``tidegate rules hostile | public``: what the matcher bears, and public intent sets.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

import click
import msgspec
from rich.console import Console
from rich.table import Table

from engines.rules import hostile as attacking
from engines.rules import public_sets
from engines.rules.engine import RulesEngine
from engines.rules.loading import load_pack
from engines.rules.pack import Lexicon
from engines.yamlfile import BadFile
from gateway.cli import options
from gateway.config import resolve


#: The pack whose words are all that is known of a public set.
_WORDS: Final = "packs/base.yaml"


@click.command()
@options.as_json
@options.config_file
@click.option("--count", type=click.IntRange(20), default=2000, show_default=True)
@click.option("--p99-ms", type=float, default=5.0, show_default=True)
def hostile(as_json: bool, config_file: Path | None, count: int, p99_ms: float) -> None:
    """
    Check COUNT hostile patterns and messages; exit 1 if the p99 is above the bound.

    Half are patterns: refused or compiled to one matcher. Half are messages, each
    sent to the first shop's pack and to that matcher. Times are of CPU.
    """
    shop = options.read_config(config_file).shops[0]
    engine = RulesEngine.load(
        [resolve(name) for name in shop.packs],
        resolve(shop.facts) if shop.facts else None,
    )
    engine.use("auto")
    found = attacking.attack(engine, count)
    if as_json:
        click.echo(msgspec.json.encode(found).decode())
    else:
        click.echo(
            f"{found.patterns} patterns ({found.refused} refused): p99"
            f" {found.check_p99_ms:.2f} ms, longest {found.check_max_ms:.2f} ms"
        )
        click.echo(
            f"{found.messages} messages: p99 {found.match_p99_ms:.2f} ms, longest"
            f" {found.match_max_ms:.2f} ms"
        )
    sys.exit(0 if max(found.check_p99_ms, found.match_p99_ms) < p99_ms else 1)


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False))
@options.as_json
@click.option(
    "--set", "names", type=click.Choice(sorted(public_sets.SETS)), multiple=True,
    help="Only this one; may be given several times.",
)  # fmt: skip
def public(folder: Path, as_json: bool, names: tuple[str, ...]) -> None:
    """
    Match the dev parts of public intent sets that stand in FOLDER.

    FOLDER/banking77/train.csv and FOLDER/clinc150/data.json, as published. Exit 2 if
    one is not there.
    """
    lexicon = load_pack([resolve(_WORDS)]).lexicon
    try:
        rows = [
            _told(name, folder, lexicon) for name in names or sorted(public_sets.SETS)
        ]
    except BadFile as bad:
        click.echo(str(bad), err=True)
        sys.exit(2)
    if as_json:
        click.echo(msgspec.json.encode(rows).decode())
        return
    table = Table(
        "set", "dev", "likeliest right", "linear baseline", "answered right",
        "answered wrong", "out of scope answered",
    )  # fmt: skip
    for row in rows:
        outside = "" if row.out_of_scope is None else f"{row.out_of_scope:.1%}"
        table.add_row(
            row.name, str(row.dev), f"{row.likeliest:.1%}", f"{row.baseline:.1%}",
            f"{row.right:.1%}", f"{row.wrong:.1%}", outside,
        )  # fmt: skip
    Console(width=120).print(table)


def _told(name: str, folder: Path, lexicon: Lexicon) -> public_sets.SetFigures:
    click.echo(f"matching {name}", err=True)
    return public_sets.SETS[name](folder, lexicon)
