"""
``tidegate loadtest simulation``: histories of the gateway core on virtual time.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from time import monotonic

import click
import msgspec

from engines.voice import Voice
from gateway.cli import options
from gateway.config import shipped
from gateway.store.functions import load_functions
from loadtest.simulation.history import History


#: Seconds between two lines of progress.
_TELL_EVERY_S = 10.0


@click.command()
@options.as_json
@click.option("--seeds", type=click.IntRange(1), default=1_000, show_default=True)
@click.option("--first", type=int, default=0, show_default=True, help="First seed.")
def simulation(as_json: bool, seeds: int, first: int) -> None:
    """
    Crashes, lost answers, broken lines, jumping clocks on virtual time; exit 1 if a
    promise breaks.

    A seed is one history: ``--first SEED --seeds 1`` replays it. Every night:
    ``--seeds 100000``. Needs the extra ``simulation``.
    """
    total: Counter[str] = Counter()
    faults: Counter[str] = Counter()
    broken, last = [], ""
    for history in _run(first, seeds):
        total["messages"] += history.messages
        total["virtual seconds"] += int(history.virtual_s)
        faults.update(history.faults)
        last = history.digest
        if history.verdict.findings:
            broken.append(history)
            click.echo(f"seed {history.seed}: {history.verdict.findings}", err=True)
    report = {
        "seeds": seeds,
        **total,
        "faults": dict(faults),
        "broken": [history.seed for history in broken],
        "digest": last,
    }
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(report)))
    else:
        click.echo("\n".join(f"{name}: {value}" for name, value in report.items()))
    sys.exit(1 if broken else 0)


def _run(first: int, seeds: int) -> Iterator[History]:
    try:
        # Runs the store's Lua here; only an extra has what that needs.
        from loadtest.simulation.world import live, parts_of
    except ModuleNotFoundError as exc:
        fix = f"{exc}; it comes with: pip install 'tidegate[simulation]'"
        raise click.ClickException(fix) from exc
    voice = Voice.load(shipped("voice/default.yaml"))
    parts, told = parts_of(load_functions(), voice), monotonic()
    for seed in range(first, first + seeds):
        yield live(seed, parts)
        if monotonic() - told > _TELL_EVERY_S and sys.stderr.isatty():
            told = monotonic()
            click.echo(f"{seed - first + 1} of {seeds}", err=True)
