"""
Histories of the gateway core on virtual time.

``tidegate loadtest simulation`` runs as many seeds as it is asked for.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest
from planted import LUA, PYTHON, with_bug

from engines.voice import Voice
from gateway.store.functions import Function, load_functions
from loadtest.simulation import faults
from loadtest.simulation.world import Parts, live, parts_of


#: Seeds of one run of the tests; the nightly command runs 100,000.
SEEDS = 150
#: A planted bug must be found within so many.
SEEDS_PER_BUG = 40
#: Clocks are set back further than anybody waits, for a bug that only then is met.
JUMPS_MS = {"a lease outlives a clock that was set back": (-300_000, 1_000)}
VOICE = Voice.load(Path(__file__).parents[2] / "configs" / "voice" / "default.yaml")


@contextmanager
def opened(functions: Mapping[str, Function]) -> Iterator[Parts]:
    """What histories share, closed afterwards."""
    parts = parts_of(functions, VOICE)
    yield parts
    parts.telemetry.lines.close()


@pytest.fixture(scope="module")
def parts() -> Iterator[Parts]:
    """The functions as they are."""
    with opened(load_functions()) as parts:
        yield parts


@pytest.mark.parametrize("first", range(0, SEEDS, 50))
def test_no_history_breaks_a_promise(parts: Parts, first: int) -> None:
    """Crashes, lost answers, broken lines, jumping clocks: all ends as promised."""
    broken = {
        seed: found
        for seed in range(first, first + 50)
        if (found := live(seed, parts).verdict.findings)
    }
    assert broken == {}


def test_a_seed_is_the_same_history_in_every_process(parts: Parts) -> None:
    """Whatever the hash seed of the interpreter: a failure can be replayed."""
    run = "from gateway.cli.main import main; main()"
    command = [sys.executable, "-c", run, "loadtest", "simulation"]
    found = set()
    for hash_seed in ("1", "2"):
        done = subprocess.run(
            [*command, "--first", "7", "--seeds", "1", "--json"],
            env={"PATH": "/usr/bin:/bin", "PYTHONHASHSEED": hash_seed},
            cwd=Path(__file__).parents[2],
            capture_output=True,
            text=True,
            check=True,
        )
        found.add(done.stdout.partition('"digest"')[2].split('"')[1])
    assert found == {live(7, parts).digest}


@pytest.mark.parametrize("bug", [*LUA, *PYTHON])
def test_a_planted_bug_is_found(
    bug: str, parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A simulation nobody has seen fail proves nothing; without the bug it holds."""
    if bug in JUMPS_MS:
        monkeypatch.setattr(faults, "JUMPS_MS", JUMPS_MS[bug])
    if bug in PYTHON:
        PYTHON[bug](monkeypatch)
    with opened(with_bug(bug)) as broken:
        assert any(
            live(seed, broken).verdict.findings
            # With clocks set otherwise nobody has shown that it holds by itself.
            and (bug not in JUMPS_MS or not live(seed, parts).verdict.findings)
            for seed in range(SEEDS_PER_BUG)
        )
