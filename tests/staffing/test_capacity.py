"""
Costs fitted from runs, what they foretell, and what a day needs by them.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner

from gateway.cli.plan import plan_command
from gateway.cli.plan_day import read_capacity, read_shares
from gateway.errors import ConfigError
from gateway.staffing.capacity import TIERS, Capacity, Costs, DayOf, Sample, needs
from loadtest.capacity import ALLOWED, CapacityReport, fit, foretell, foretell_ends


TRUE = Capacity(
    hardware="made up",
    measured="2026-01-01",
    worker=Costs(us=dict(zip(TIERS, (900, 2100, 3300, 1500), strict=True)), idle=0.02),
    store=Costs(us=dict(zip(TIERS, (300, 400, 500, 1000), strict=True)), idle=0.01),
    talk_bytes=1500,
    message_bytes=dict(zip(TIERS, (800, 1200, 2500, 3000), strict=True)),
)


def used(name: str, talks: int, seconds: float = 9.0, **messages: int) -> Sample:
    """A run that costs exactly what :data:`TRUE` says."""
    empty = Sample(
        name=name, seconds=seconds, talks=talks, messages=messages,
        worker_s=0, store_s=0, store_bytes=0,
    )  # fmt: skip
    return msgspec.structs.replace(
        empty,
        worker_s=TRUE.worker.seconds(empty),
        store_s=TRUE.store.seconds(empty),
        store_bytes=int(TRUE.bytes(empty)),
    )


def runs() -> Iterator[Sample]:
    """As the command makes them: no run is of one tier alone."""
    yield used("idle", 0)
    yield used("L1", 320, L1=320)
    yield used("L2", 310, L1=20, L2=280, human=10)
    yield used("L3", 330, L2=30, L3=290, human=10)
    yield used("human", 300, human=300)
    yield used("long", 80, L1=300, L2=20)


def test_planted_costs_are_recovered_from_mixed_runs() -> None:
    """And a run of another mix and rate is foretold."""
    found = fit(list(runs()), "made up", "2026-01-01")
    for tier in TIERS:
        assert found.worker.us[tier] == pytest.approx(TRUE.worker.us[tier], rel=1e-3)
        assert found.store.us[tier] == pytest.approx(TRUE.store.us[tier], rel=1e-3)
    assert found.worker.idle == pytest.approx(0.02, rel=1e-3)
    assert found.talk_bytes == pytest.approx(1500, rel=0.02)
    check = used("check", 400, 20, L1=700, L2=250, L3=60, human=40)
    assert all(abs(one.error) < 0.01 for one in foretell(found, check))


def test_a_cost_that_changed_is_seen_by_the_check() -> None:
    """A gateway that became half as fast since the fit is a miss, and named."""
    found = fit(list(runs()), "made up", "2026-01-01")
    check = used("check", 400, 20, L1=700, L2=250, L3=60, human=40)
    slow = msgspec.structs.replace(check, worker_s=check.worker_s * 2)
    report = CapacityReport(
        capacity=found,
        samples=(),
        check=slow,
        rows=foretell(found, slow),
        is_valid=True,
    )
    assert [one.error < -ALLOWED for one in report.misses] == [True]
    assert "gateway" in report.misses[0].what


def test_who_answers_is_off_by_points() -> None:
    """A share of 2 % that was foretold as 4 % is near; 20 for 30 is not."""
    check = used("check", 10, L1=100)
    check = msgspec.structs.replace(check, ended={"L1": 70, "L2": 28, "L3": 2})
    near = foretell_ends({"L1": 0.7, "L2": 0.26, "L3": 0.04}, check)
    assert [one.is_off for one in near] == [False] * 4
    far = foretell_ends({"L1": 0.8, "L2": 0.2}, check)
    assert [one.is_off for one in far] == [True, True, False, False]


def test_a_tier_that_never_answered_has_no_cost() -> None:
    """Rather an error than a zero."""
    with pytest.raises(ValueError, match="L3"):
        fit([one for one in runs() if "L3" not in one.messages], "", "")


def test_needs_grow_with_the_day_and_hold_the_limit() -> None:
    """Ten times the messages need ten times the machines, at the planned share."""
    small, large = (needs(TRUE, DayOf(messages=n)) for n in (1e6, 1e7))
    assert large.peak_per_s == pytest.approx(10 * small.peak_per_s)
    assert large.memory_gb == pytest.approx(10 * small.memory_gb)
    assert large.workers <= 10 * small.workers
    shares = DayOf(messages=1).shares
    us = sum(TRUE.worker.us[tier] * part for tier, part in shares.items())
    assert large.peak_per_s * us / 1e6 + 0.02 * large.workers <= 0.6 * large.workers
    # People in a large line do more each.
    assert small.operators <= large.operators <= 10 * small.operators
    assert needs(TRUE, DayOf(messages=10)).workers == 1


def test_the_command_reckons_a_day_of_ten_million_messages() -> None:
    """With the shipped costs; shares that are wrong are told."""
    run = CliRunner().invoke
    done = run(plan_command, ["--messages", "10000000", "--json"])
    assert done.exit_code == 0, done.output
    found = msgspec.json.decode(done.output)
    assert found["workers"] > 1
    assert found["operators"] > 100
    alone = run(plan_command, ["--messages", "1e7", "--share", "L1=1", "--json"])
    assert msgspec.json.decode(alone.output)["operators"] == 0
    assert "memory of the stores" in run(plan_command, ["--messages", "1000"]).output


@pytest.mark.parametrize("share", ["L1", "L1=x", "L9=1", "L1=2", "L1=0.4", "L1=nan"])
def test_wrong_shares_are_named(share: str) -> None:
    """With what to write."""
    with pytest.raises(ConfigError, match="--share"):
        read_shares([share])


def test_a_file_that_is_no_capacity_is_named(tmp_path: Path) -> None:
    """With the command that writes one."""
    file = tmp_path / "c.json"
    file.write_text('{"hardware": 1}')
    with pytest.raises(ConfigError, match=r"c\.json.*forecast"):
        read_capacity(file)
