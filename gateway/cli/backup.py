"""
``tidegate backup`` and ``tidegate restore``: a data folder in one file, and back.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click
import msgspec

from gateway.backup import Contents, back_up
from gateway.backup import restore as restore_from
from gateway.cli import options
from gateway.store.beside import run_beside
from gateway.store.connection import Scripts
from gateway.store.data_version import bring_up_to_date


@click.command()
@click.argument("target", type=click.Path(path_type=Path))
@options.as_json
@options.config_file
@options.data_dir
def backup(
    target: Path, as_json: bool, config_file: Path | None, data_dir: Path | None
) -> None:
    """Copy the data folder into TARGET, while the gateway runs or stands still."""
    config = options.read_config(
        config_file, data_dir=str(data_dir) if data_dir else None
    )
    contents = back_up(Path(config.data_dir), target, datetime.now(UTC))
    _tell(contents, as_json, f"backed up into {target}")
    if config.store.url:
        click.echo(
            "the store is an external one and not in it: use its own snapshots",
            err=True,
        )


@click.command()
@click.argument("source", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@options.as_json
@options.config_file
@options.data_dir
def restore(
    source: Path, as_json: bool, config_file: Path | None, data_dir: Path | None
) -> None:
    """Unpack SOURCE into a data folder that is empty or not there, and start it once."""
    config = options.read_config(
        config_file, data_dir=str(data_dir) if data_dir else None
    )
    folder = Path(config.data_dir)
    contents = restore_from(source, folder)
    keys = 0 if config.store.url else run_beside("", folder, _look)
    _tell(contents, as_json, f"restored into {folder}; the store has {keys} keys")


async def _look(scripts: Scripts) -> int:
    """Keys in the restored store, whose data this release must understand."""
    await bring_up_to_date(scripts)
    return sum(int(count) for count in await scripts.on_each_primary("DBSIZE"))


def _tell(contents: Contents, as_json: bool, words: str) -> None:
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(contents)))
        return
    size = sum(member.size for member in contents.files)
    click.echo(
        f"{words}: {len(contents.files)} files, {size:,} bytes,"
        f" made {contents.made_at:%Y-%m-%d %H:%M:%S} UTC"
    )
