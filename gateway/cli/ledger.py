"""
``tidegate ledger``: export the actions of a shop, and check an export.

Works beside a running gateway: it talks to the same store.
"""

from __future__ import annotations

from pathlib import Path

import click
import msgspec

from engines.agent.ledger import ActionRecord
from gateway import audit
from gateway.cli import options
from gateway.cli.operator import shop_of
from gateway.errors import ConfigError
from gateway.store.beside import run_beside
from gateway.store.connection import Scripts
from gateway.store.ledger import StoreLedger


#: Actions of one shop that are exported at most.
MOST = 1_000_000


@click.group()
def ledger() -> None:
    """Actions as a chained export, and whether anything was rewritten since."""


@ledger.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@options.config_file
@options.data_dir
@click.option("--shop", help="Whose; the only shop if left out.")
def export(
    file: Path, config_file: Path | None, data_dir: Path | None, shop: str | None
) -> None:
    """Write every action of a shop to FILE, a JSON line each, oldest first."""
    entries = list(audit.chained(_records(config_file, data_dir, shop)))
    lines = (msgspec.json.encode(entry, order="sorted") for entry in entries)
    file.write_bytes(b"".join(line + b"\n" for line in lines))
    last = entries[-1].hash if entries else audit.START
    click.echo(f"{len(entries)} actions in {file}; last hash {last}")


@ledger.command()
@click.argument(
    "file",
    required=False,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
)
@options.as_json
@options.config_file
@options.data_dir
@click.option("--shop", help="Whose; the only shop if left out.")
def verify(
    file: Path | None,
    as_json: bool,
    config_file: Path | None,
    data_dir: Path | None,
    shop: str | None,
) -> None:
    """
    Check every record's own chain of hashes; exit 1 if one does not hold.

    With FILE, an earlier export, also the export by itself and that the ledger's
    records only grew since. Without it a chain that was made anew is not found.
    """
    entries = _read(file) if file else []
    records = _records(config_file, data_dir, shop)
    now = {(one.conversation_id, one.id): one for one in records}
    problems = audit.broken(entries) + audit.rewritten(entries, now)
    problems += [text for one in records for text in audit.unlawful(one)]
    if as_json:
        told = {"exported": len(entries), "now": len(now), "problems": problems}
        click.echo(msgspec.json.encode(told))
    else:
        click.echo(f"{len(entries)} actions exported, {len(now)} in the ledger")
        click.echo("\n".join(problems) or "nothing was rewritten")
    if problems:
        raise SystemExit(1)


def _read(file: Path) -> list[audit.Entry]:
    entries = []
    for number, line in enumerate(file.read_bytes().splitlines(), start=1):
        try:
            entries.append(msgspec.json.decode(line, type=audit.Entry))
        except (msgspec.DecodeError, UnicodeDecodeError) as exc:
            raise ConfigError(f"{file}:{number}: no line of an export: {exc}") from exc
    return entries


def _records(
    config_file: Path | None, data_dir: Path | None, shop: str | None
) -> list[ActionRecord]:
    config = options.read_config(
        config_file, data_dir=str(data_dir) if data_dir else None
    )
    name = shop_of(config, shop)

    async def read(scripts: Scripts) -> list[ActionRecord]:
        return await StoreLedger(scripts, lambda: 0).list_actions(name, limit=MOST)

    found = run_beside(config.store.url, Path(config.data_dir), read)
    return sorted(found, key=lambda one: (one.created_ms, one.conversation_id, one.id))
