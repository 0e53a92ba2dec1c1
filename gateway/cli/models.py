"""
``tidegate models``: which router models there are, and which one serves.

Works on the folder; what changes something leaves a line in the audit log. Running
workers look at the folder every few seconds and follow.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import click
import msgspec
from rich.console import Console
from rich.table import Table

from gateway.cli import options
from gateway.cli.acting import write_down
from gateway.config import Config
from gateway.routers import open_registry
from gateway.store.audit import HOUSE
from router_models.registry import Entry, ModelState, Registry


def _config(config_file: Path | None, data_dir: Path | None) -> Config:
    return options.read_config(
        config_file, data_dir=str(data_dir) if data_dir else None
    )


def _registry(config_file: Path | None, data_dir: Path | None) -> Registry:
    return open_registry(_config(config_file, data_dir))


def _acting(
    config_file: Path | None, data_dir: Path | None, act: str, **about: object
) -> Registry:
    """The registry, for an act that stands in the audit log by now: models are of no shop."""
    config = _config(config_file, data_dir)
    write_down(config, HOUSE, act, about)
    return open_registry(config)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


@click.group()
def models() -> None:
    """Router models: list, verify, promote, roll back, shadow, canary."""


@models.command(name="list")
@options.as_json
@options.data_dir
@options.config_file
def list_(as_json: bool, data_dir: Path | None, config_file: Path | None) -> None:
    """Every model with its role and its figures on groups it never saw."""
    found = _registry(config_file, data_dir).entries()
    if as_json:
        click.echo(msgspec.json.encode(found))
        return
    table = Table(
        "version", "role", "tier macro-F1", "high-risk recall", "severe", "KB"
    )
    for one in found:
        table.add_row(
            one.version, ", ".join(one.roles), *_figures(one), str(one.size // 1024)
        )
    Console().print(table)


def _figures(entry: Entry) -> list[str]:
    whole = entry.metrics.get("held_out_groups", {}).get("overall", {})
    tier = whole.get("heads", {}).get("tier", {}).get("macro_f1")
    recall, severe = whole.get("high_risk_recall"), whole.get("severe_under_routing")
    return [
        "-" if value is None else f"{value:.3f}" for value in (tier, recall, severe)
    ]


@models.command()
@click.argument("version")
@options.as_json
@options.data_dir
@options.config_file
def show(
    version: str, as_json: bool, data_dir: Path | None, config_file: Path | None
) -> None:
    """A model's manifest without its golden turns, and its last comparison."""
    registry = _registry(config_file, data_dir)
    manifest = msgspec.to_builtins(registry.verify(version))
    manifest["golden"] = f"{len(manifest['golden'])} turns"
    told: dict[str, Any] = {
        "manifest": manifest,
        "comparison": msgspec.to_builtins(registry.comparison(version)),
    }
    encoded = msgspec.json.encode(told)
    click.echo(encoded if as_json else msgspec.json.format(encoded, indent=1))


@models.command()
@click.argument("version")
@options.data_dir
@options.config_file
def verify(version: str, data_dir: Path | None, config_file: Path | None) -> None:
    """Check every byte of a model and replay its golden turns."""
    manifest = _registry(config_file, data_dir).verify(version)
    click.echo(f"{version}: whole, {len(manifest.golden)} golden turns agree")


@models.command()
@click.argument("folder", type=click.Path(path_type=Path, exists=True))
@options.data_dir
@options.config_file
def add(folder: Path, data_dir: Path | None, config_file: Path | None) -> None:
    """Take a model in that `tidegate train --out FOLDER` wrote."""
    click.echo(_registry(config_file, data_dir).add(folder))


@models.command()
@click.argument("version")
@options.data_dir
@options.config_file
def promote(version: str, data_dir: Path | None, config_file: Path | None) -> None:
    """Let VERSION serve. Refused if a comparison found it worse."""
    registry = _acting(config_file, data_dir, "model_promote", version=version)
    _tell(registry.promote(version, _now_ms()))


@models.command()
@options.data_dir
@options.config_file
def rollback(data_dir: Path | None, config_file: Path | None) -> None:
    """Go back to the model that served before."""
    _tell(_acting(config_file, data_dir, "model_rollback").rollback(_now_ms()))


@models.command()
@click.argument("version", default="")
@options.data_dir
@options.config_file
def shadow(version: str, data_dir: Path | None, config_file: Path | None) -> None:
    """Let VERSION judge beside the active model; without VERSION end it."""
    registry = _acting(config_file, data_dir, "model_shadow", version=version)
    _tell(registry.shadow(version, _now_ms()))


@models.command()
@click.argument("version", default="")
@click.option("--share", type=click.FloatRange(0, 1), default=0.05, show_default=True)
@options.data_dir
@options.config_file
def canary(
    version: str, share: float, data_dir: Path | None, config_file: Path | None
) -> None:
    """Let VERSION decide for a share of the conversations; without it end it."""
    about = {"version": version, "share": share}
    registry = _acting(config_file, data_dir, "model_canary", **about)
    _tell(registry.canary(version, share, _now_ms()))


def _tell(state: ModelState) -> None:
    canary = f"{state.canary} ({state.canary_share:.0%})" if state.canary else "-"
    click.echo(
        f"active {state.active}, previous {state.previous or '-'},"
        f" shadow {state.shadow or '-'}, canary {canary}"
    )
