"""
``tidegate accept``: run acceptance suites and judge them by the state of the shop.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
import msgspec
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from gateway.acceptance import report
from gateway.acceptance.levels import Measure, measure
from gateway.acceptance.running import Outcome, Player, Result, Shop, stack_for
from gateway.acceptance.suite import Case, Suite, json_schema, load
from gateway.cli import options
from gateway.config import Config, resolve
from gateway.errors import ConfigError
from gateway.stack import Stack
from gateway.store.connection import Scripts


#: What ``--levels`` plays if no suite is named.
LEVELS = (
    "suites/levels-zh.yaml",
    "suites/levels-en.yaml",
    "suites/zh.yaml",
    "suites/en.yaml",
)


@click.command()
@click.argument("suites", nargs=-1, metavar="SUITE.yaml …")
@click.option(
    "--runs", type=click.IntRange(1, 100), default=1, help="Times each case is played."
)
@click.option("--case", "only", multiple=True, help="Play only these cases.")
@click.option("--tag", "tags", multiple=True, help="Play only cases with these tags.")
@click.option(
    "--report",
    "report_dir",
    type=click.Path(path_type=Path),
    help="Folder for the HTML and the JUnit XML report.",
)
@click.option(
    "--levels",
    is_flag=True,
    help="One report of L1, L2 and L3; without suites the shipped ones are played.",
)
@click.option("--schema", is_flag=True, help="Print the JSON Schema of suites.")
@options.as_json
@options.config_file
@options.data_dir
def accept(
    suites: tuple[str, ...],
    runs: int,
    only: tuple[str, ...],
    tags: tuple[str, ...],
    report_dir: Path | None,
    levels: bool,
    schema: bool,
    as_json: bool,
    config_file: Path | None,
    data_dir: Path | None,
) -> None:
    """
    Run acceptance suites against a fresh gateway and a fresh demo shop.

    SUITE.yaml is a file, or the name of a shipped one (suites/zh.yaml). Exit 0
    only if every case passed every time; 1 if not; 2 for a suite that cannot be
    read. With --levels cases are counted by the level they test, each with its
    sample size and 95 % interval; how many must pass is yours to say, so it exits 0.
    """
    if schema:
        click.echo(msgspec.json.format(msgspec.json.encode(json_schema()), indent=2))
        return
    if levels and not suites:
        suites = LEVELS
    if not suites:
        raise click.UsageError("name a suite, for example suites/zh.yaml")
    outcomes: list[Outcome] = []
    played: list[tuple[Suite, Outcome]] = []
    for name in suites:
        path = find(name)
        suite = chosen(load(path), only, tags)
        config = _config(config_file, data_dir, suite)
        outcome = run(suite, path, config, runs)
        outcomes.append(outcome)
        played.append((suite, outcome))
        written = report.write(
            suite, outcome, report_dir or Path(config.data_dir) / "report"
        )
        if not as_json:
            _print(outcome, written)
    found = measure(played) if levels else ()
    if as_json:
        tree = _tree(outcomes) | ({"levels": found} if levels else {})
        click.echo(msgspec.json.format(msgspec.json.encode(tree), indent=1))
    elif levels:
        _print_levels(found)
    sys.exit(0 if levels or all(one.has_passed for one in outcomes) else 1)


def find(name: str) -> Path:
    """
    A suite by path, or a shipped one by name.

    Raises:
        ConfigError: If there is none.
    """
    path = Path(name)
    if path.is_file():
        return path
    try:
        return resolve(name)
    except ConfigError:
        raise ConfigError(f"{name}: no such suite file") from None


def chosen(suite: Suite, only: tuple[str, ...], tags: tuple[str, ...]) -> Suite:
    """
    The suite with the cases that were asked for.

    Raises:
        ConfigError: If none is left.
    """

    def is_meant(case: Case) -> bool:
        has_tag = not tags or bool(set(tags) & set(case.tags))
        return has_tag and (not only or case.id in only)

    cases = tuple(case for case in suite.cases if is_meant(case))
    if not cases:
        raise ConfigError(f"suite {suite.suite}: no case with such an id or tag")
    return msgspec.structs.replace(suite, cases=cases)


def _config(config_file: Path | None, data_dir: Path | None, suite: Suite) -> Config:
    folder = data_dir or Path(tempfile.mkdtemp(prefix=f"tidegate-{suite.suite}-"))
    return options.read_config(
        config_file,
        data_dir=str(folder),
        server__port=0,
        log__path=str(folder / "gateway.log"),
    )


def run(suite: Suite, path: Path, config: Config, runs: int) -> Outcome:
    """Play every case of *suite* *runs* times."""

    def tell(line: str) -> None:
        click.echo(line, err=True)

    with stack_for(suite, path, config, tell) as (stack, fresh):
        return asyncio.run(_play(suite, stack, fresh, runs))


async def _play(suite: Suite, stack: Stack, fresh: Any, runs: int) -> Outcome:
    console = Console(stderr=True)
    store = await Scripts.connect(stack.supervisor.store_url)
    results: list[Result] = []
    try:
        async with (
            stack.client() as client,
            Shop(stack.shop_url, stack.shop_key) as shop,
        ):
            player = Player(
                suite, fresh, shop_id=stack.shop, client=client, shop=shop, store=store
            )
            with Progress(console=console, disable=not console.is_terminal) as bar:
                task = bar.add_task(suite.suite, total=runs * len(suite.cases))
                for number in range(1, runs + 1):
                    for case in suite.cases:
                        results.append(await player.play(case, number))
                        bar.advance(task)
    finally:
        await store.close()
    return Outcome(suite=suite.suite, runs=runs, results=tuple(results))


def _tree(outcomes: list[Outcome]) -> dict[str, Any]:
    return {
        "passed": all(one.has_passed for one in outcomes),
        "suites": [
            {
                "suite": one.suite,
                "runs": one.runs,
                "pass": {str(k): one.pass_power(k) for k in range(1, one.runs + 1)},
                "results": [
                    {"passed": result.has_passed, **msgspec.to_builtins(result)}
                    for result in one.results
                ],
            }
            for one in outcomes
        ],
    }


def _print_levels(found: Sequence[Measure]) -> None:
    table = Table("level", "share", "n", "95 %", "missed", show_lines=True)
    for one in found:
        rate, missed = one.found, "\n".join(one.missed)
        if rate is None:
            table.add_row(one.name, "-", "0", "-", missed)
            continue
        interval = f"{rate.low:.3f} - {rate.high:.3f}"
        table.add_row(one.name, f"{rate.share:.3f}", str(rate.n), interval, missed)
    Console().print(table, markup=False)


def _print(outcome: Outcome, written: tuple[Path, Path]) -> None:
    failed = [one for one in outcome.results if one.problems]
    table = Table("case", "run", "what did not hold", show_lines=True)
    for one in failed:
        table.add_row(one.case, str(one.run), "\n".join(one.problems))
    if failed:
        Console().print(table, markup=False)
    passed = len(outcome.results) - len(failed)
    click.echo(f"{outcome.suite}: {passed} of {len(outcome.results)} passed")
    powers = dict.fromkeys((1, outcome.runs))
    click.echo("  ".join(f"pass^{k} = {outcome.pass_power(k):.3f}" for k in powers))
    click.echo(f"report: {written[0]} {written[1]}")
