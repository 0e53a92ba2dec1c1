"""
``tidegate serve``: the gateway, until it is told to stop.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

import click

from gateway.cli import options
from gateway.stack import until_ready
from gateway.supervisor import Supervisor


@click.command()
@options.config_file
@options.data_dir
@click.option("--host", help="Address to listen on.")
@click.option("--port", type=int, help="Port to listen on; 0 takes a free one.")
@click.option("--workers", type=click.IntRange(1, 64), help="Processes on the port.")
def serve(
    config_file: Path | None,
    data_dir: Path | None,
    host: str | None,
    port: int | None,
    workers: int | None,
) -> None:
    """Run the gateway until SIGTERM or Ctrl-C; then drain and stop."""
    config = options.read_config(
        config_file,
        data_dir=str(data_dir) if data_dir else None,
        server__host=host,
        server__port=port,
        server__workers=workers,
    )
    supervisor = Supervisor(config, tell=lambda line: click.echo(line, err=True))
    supervisor.start()
    try:
        asyncio.run(until_ready(supervisor))
        _greet(supervisor)
        supervisor.wait()
    finally:
        supervisor.stop()


def _greet(supervisor: Supervisor) -> None:
    config = supervisor.config
    click.echo(f"tidegate listens on {supervisor.url}")
    names = [f"{shop.id}/{one.name}" for shop in config.shops for one in shop.channels]
    click.echo(f"  channels: {', '.join(names)}")
    click.echo(f"  keys: {Path(config.data_dir) / 'secrets.json'}")
