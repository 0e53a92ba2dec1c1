"""
``tidegate learn``: from corrections to a candidate that is compared, not trusted.
"""

from __future__ import annotations

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import click
import msgspec
from rich.console import Console
from rich.progress import Progress as Bar

from gateway.cli import options
from gateway.config import Config, resolve
from gateway.routers import RELEASED, load_router, open_registry
from router_models import artifact, compare, corrections, evaluate, steadiness
from router_models.dataset import Example
from router_models.evaluate import EvalReport, Row
from router_models.registry import Comparison, Registry


_DATA = RELEASED.parent / "data"


@click.command()
@click.option(
    "--corrections",
    "files",
    multiple=True,
    type=click.Path(path_type=Path, exists=True),
    help="JSON lines of corrected turns; those of the desk if left out.",
)
@click.option(
    "--suite",
    "suites",
    multiple=True,
    type=click.Path(path_type=Path, exists=True),
    help="Labelled JSON lines that the candidate must not do worse on; repeat it.",
)
@click.option("--seed", type=int, default=7, show_default=True)
@options.as_json
@options.data_dir
@options.config_file
def learn(
    files: tuple[Path, ...],
    suites: tuple[Path, ...],
    seed: int,
    as_json: bool,
    data_dir: Path | None,
    config_file: Path | None,
) -> None:
    """
    Train a candidate on our data and your corrections; compare it; keep it.

    The candidate stands in `tidegate models list`; promoting is up to you, and refused
    if it is worse: then exit 1.
    """
    config = options.read_config(
        config_file, data_dir=str(data_dir) if data_dir else None
    )
    files = files or (Path(config.data_dir) / corrections.CORRECTIONS,)
    extra = [
        one for path in files for one in corrections.examples(corrections.read(path))
    ]
    if not extra:
        raise click.ClickException("no corrections: correct decisions in /lab first")
    registry = open_registry(config)
    with TemporaryDirectory() as folder:
        held_out = _train(Path(folder), seed, extra)
        found = _compare(config, registry, Path(folder), held_out, suites)
        version = registry.add(Path(folder), found)
    _tell(version, len(extra), found, as_json)
    sys.exit(1 if found.is_worse else 0)


def _train(folder: Path, seed: int, extra: list[Example]) -> EvalReport:
    """Train into *folder*; the figures on held-out groups of our own set."""
    # scikit-learn takes a second to import: only this command needs it.
    from router_models import train as training

    console = Console(stderr=True)
    with Bar(console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task("training", total=None)
        report = training.train(
            _DATA,
            folder,
            seed,
            lambda s: bar.update(task, completed=s.done, total=s.total),
            rules_file=resolve("router_rules.yaml"),
            stage_files=sorted(resolve("stages").glob("*.toml")),
            extra=extra,
        )
    return report.held_out


def _compare(
    config: Config,
    registry: Registry,
    folder: Path,
    held_out: EvalReport,
    suites: tuple[Path, ...],
) -> Comparison:
    active = registry.state().active
    usual = load_router(config.router, registry.path(active))
    candidate = load_router(config.router, folder)
    rows = {"frozen": steadiness.frozen_rows(_DATA / "pairs.yaml")}
    rows |= {path.name: _rows(path) for path in suites}
    both = {
        name: (
            evaluate.evaluate(part, candidate),
            evaluate.evaluate(part, usual),
        )
        for name, part in rows.items()
    }
    before = _held_out(registry.path(active), artifact.data_of(folder))
    if before is not None:
        both["held-out groups"] = (held_out, before)
    return compare.compare(active, both)


def _held_out(folder: Path, data_sha256: str) -> EvalReport | None:
    """The figures of the model in *folder*, if they are of the same turns."""
    manifest = artifact.load(folder)[1]
    if manifest.data_sha256 != data_sha256:
        return None
    return msgspec.convert(manifest.metrics["held_out_groups"], EvalReport)


def _rows(path: Path) -> list[Row]:
    with path.open("rb") as lines:
        return list(evaluate.read_rows(lines))


def _tell(version: str, n: int, found: Comparison, as_json: bool) -> None:
    if as_json:
        told = {"version": version, "corrections": n, "comparison": found}
        click.echo(msgspec.json.encode(told))
        return
    click.echo(f"candidate {version}, taught by {n} corrections")
    for suite, figures in found.figures.items():
        for figure, (now, before) in figures.items():
            click.echo(f"  {suite}: {figure} {_shown(now)} (was {_shown(before)})")
    for reason in found.reasons:
        click.echo(f"worse: {reason}")
    if not found.is_worse:
        click.echo(f"not worse: `tidegate models promote {version}` lets it serve")


def _shown(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
