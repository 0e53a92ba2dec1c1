"""
The load generator is honest: a stall shows, and a run that it spoils is void.
"""

from __future__ import annotations

import random
import subprocess
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import pytest

from loadtest.generator import MAX_CPU, MAX_LAG_S, Plan, Result, is_valid
from loadtest.schedule import SHAPES, Piece, arrivals, pieces, sends


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """A server that stands still for 1.5 s in every 6.5 s."""
    script = Path(__file__).parent / "freezing_server.py"
    command = [sys.executable, str(script)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as one:
        assert one.stdout is not None
        yield int(one.stdout.readline())
        one.kill()


def generate(port: int, **more: Any) -> Result:
    """A run of the generator in a process of its own."""
    base: dict[str, Any] = {"host": "127.0.0.1", "port": port, "key": "k", "count": 0}
    plan = Plan(**(base | {"connections": 20, "texts": ("hello",)} | more))
    done = subprocess.run(
        [sys.executable, "-m", "loadtest.generator"],
        input=msgspec.json.encode(plan),
        stdout=subprocess.PIPE,
        check=True,
        timeout=120,
    )
    return msgspec.json.decode(done.stdout, type=Result)


def test_a_server_that_freezes_is_reported_as_slow(port: int) -> None:
    """p95 of at least 1 s in open loop, where closed loop would not notice."""
    seen = generate(port, mode="open", count=520, rate_per_s=40.0)
    assert (seen.sent, seen.errors, seen.unanswered) == (520, 0, 0)
    assert seen.p95_ms >= 1000
    assert max(second.max_ms for second in seen.course) == seen.max_ms
    assert sum(second.offered for second in seen.course) == 520


def test_an_overloaded_generator_voids_its_run(port: int) -> None:
    """More than it can send: late, and said so."""
    seen = generate(port, mode="open", count=20_000, rate_per_s=1e6)
    assert seen.lag_ms > MAX_LAG_S * 1e3
    assert not seen.is_valid


@pytest.mark.parametrize(
    ("lag_s", "cpu", "expected"),
    [
        (MAX_LAG_S, MAX_CPU, True),
        (MAX_LAG_S + 0.001, 0.1, False),
        (0.0, MAX_CPU + 0.01, False),
    ],
)
def test_lateness_and_work_each_void_a_run(
    lag_s: float, cpu: float, expected: bool
) -> None:
    """The rule at its edges."""
    assert is_valid(lag_s, cpu) is expected


@pytest.mark.parametrize("shape", SHAPES)
def test_arrivals_follow_the_shape(shape: Any) -> None:
    """As many as the area under the course says, within five deviations."""
    course = pieces(shape, 100.0, 100.0)
    area = sum(p.seconds * (p.from_per_s + p.to_per_s) / 2 for p in course)
    times = list(arrivals(course, random.Random(3)))
    assert sum(p.seconds for p in course) == pytest.approx(100.0)
    assert abs(len(times) - area) < 5 * area**0.5
    assert times == sorted(times)


def test_a_spike_rises_tenfold_within_a_second() -> None:
    """0 o'clock of a sale."""
    quiet, rise, *_ = pieces("spike", 101.0, 500.0)
    assert (rise.seconds, rise.to_per_s / quiet.to_per_s) == (1.0, 10.0)


def test_a_talk_keeps_its_order_and_the_rate_is_of_messages() -> None:
    """Messages in time, a conversation's in theirs, as many as were asked for."""
    talks = (("a", "b", "c"), ("d",))
    found = list(sends([Piece(200.0, 20.0, 20.0)], talks, 5, "x"))
    assert all(one.due_s <= after.due_s for one, after in pairwise(found))
    assert abs(len(found) - 4000) < 5 * 2 * 4000**0.5
    numbers: dict[str, list[int]] = {}
    for one in found:
        numbers.setdefault(one.conversation, []).append(one.number)
    assert all(given == sorted(given) for given in numbers.values())
    assert found == list(sends([Piece(200.0, 20.0, 20.0)], talks, 5, "x"))
