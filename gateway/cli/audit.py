"""
``tidegate audit``: who did what, and whether a line was changed since.

Works beside a running gateway: it talks to the same store.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import click
import msgspec
from rich.console import Console
from rich.table import Table

from gateway.audit_archive import FOLDER, Row, archived
from gateway.audit_log import AuditLine, broken, hash_of, read
from gateway.cli import options
from gateway.cli.acting import log_of
from gateway.cli.operator import shop_of
from gateway.config import Config
from gateway.errors import ConfigError
from gateway.store.audit import HOUSE
from gateway.store.beside import run_beside
from gateway.store.connection import Scripts


house_option = click.option("--house", is_flag=True, help="What is of no shop.")
shop_option = click.option("--shop", help="Whose; the only shop if left out.")
archive_option = click.option(
    "--archive",
    "archives",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    multiple=True,
    help="Folder with old lines; the data folder's if left out. Several gateways may"
    " have one each.",
)


@click.group()
def audit() -> None:
    """Who did what at the desk and by command; whether a line was changed since."""


@audit.command("list")
@options.as_json
@options.config_file
@options.data_dir
@shop_option
@house_option
@archive_option
@click.option("--act", help="Only this act, as sign_in, stage, approve.")
@click.option("--who", help="Only this person's.")
@click.option("--most", type=click.IntRange(1), default=100, show_default=True)
def list_(
    as_json: bool,
    config_file: Path | None,
    data_dir: Path | None,
    shop: str | None,
    house: bool,
    archives: tuple[Path, ...],
    act: str | None,
    who: str | None,
    most: int,
) -> None:
    """The latest lines, oldest first."""
    config = _config(config_file, data_dir)
    name = HOUSE if house else shop_of(config, shop)
    rows, _ = _rows(config, name, archives)
    lines = [read(n, raw, name) for n, raw in rows]
    fits = [one for one in lines if act in {None, one.act} and who in {None, one.who}][
        -most:
    ]
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(fits)))
    else:
        _print(fits)


@audit.command()
@options.as_json
@options.config_file
@options.data_dir
@shop_option
@house_option
@archive_option
@click.option("--hash", "known", help="A hash from the gateway's log: must be there.")
def verify(
    as_json: bool,
    config_file: Path | None,
    data_dir: Path | None,
    shop: str | None,
    house: bool,
    archives: tuple[Path, ...],
    known: str | None,
) -> None:
    """Check every line, in the store and in the archive; exit 1 if one fails."""
    config = _config(config_file, data_dir)
    name = HOUSE if house else shop_of(config, shop)
    rows, given = _rows(config, name, archives)
    problems = broken(name, rows, given)
    if known is not None and known not in {hash_of(raw) for _, raw in rows}:
        problems.append(f"no line has the hash {known}: the chain is another one")
    last = hash_of(rows[-1][1]) if rows else ""
    if as_json:
        told = {"lines": len(rows), "last": last, "problems": problems}
        click.echo(msgspec.json.encode(told))
    else:
        click.echo(f"{len(rows)} lines; last hash {last or '-'}")
        click.echo("\n".join(problems) or "no line was changed, removed or added")
    if problems:
        raise SystemExit(1)


def _print(lines: list[AuditLine]) -> None:
    table = Table("n", "when", "who", "did", "with", "result")
    for line in lines:
        about = ", ".join(f"{name} {value}" for name, value in line.about.items())
        when = f"{datetime.fromtimestamp(line.at_ms / 1000, UTC):%Y-%m-%d %H:%M:%S}"
        table.add_row(str(line.n), when, line.who, line.act, about, line.result)
    Console().print(table)


def _config(config_file: Path | None, data_dir: Path | None) -> Config:
    return options.read_config(
        config_file, data_dir=str(data_dir) if data_dir else None
    )


def _rows(
    config: Config, shop: str, archives: tuple[Path, ...]
) -> tuple[list[Row], int]:
    """Archived and live rows, and the highest number ever given."""

    async def live(scripts: Scripts) -> tuple[list[Row], int]:
        log = log_of(scripts)
        return await log.all_lines(shop), await log.given(shop)

    rows, given = run_beside(config.store.url, Path(config.data_dir), live)
    merged: dict[int, bytes] = {}
    for folder in archives or (Path(config.data_dir) / FOLDER,):
        merged |= dict(archived(folder, shop))
    _check_same(merged, rows)
    return sorted((merged | dict(rows)).items()), given


def _check_same(old: Mapping[int, bytes], rows: list[Row]) -> None:
    """What is in the store and in a file must be the same."""
    for n, raw in rows:
        if old.get(n, raw) != raw:
            raise ConfigError(f"line {n} stands otherwise in the archive than here")
