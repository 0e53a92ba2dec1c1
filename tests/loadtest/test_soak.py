"""
A soak finds what grows and what slows down; a small one loses nothing.
"""

from __future__ import annotations

import pytest

from gateway.config_file import load
from loadtest.sale import Ends, Sale
from loadtest.soak import LEAST_SLICES, Slice, SoakReport, drift_of, run_soak, slope


def piece(
    p95_ms: float = 4.0, workers_mb: float = 200.0, store_mb: float = 1.0
) -> Slice:
    """One slice of 1000 messages."""
    return Slice(
        messages=1000, is_valid=True, p50_ms=2, p95_ms=p95_ms, max_ms=20, lost=0,
        ends=Ends(answered=1000, with_people=0, not_taken=0, unfinished=0),
        workers_mb=workers_mb, store_mb=store_mb,
    )  # fmt: skip


def report(slices: list[Slice]) -> SoakReport:
    """A run of them."""
    return SoakReport(
        rate_per_s=1,
        slice_s=1,
        slices=tuple(slices),
        drift=drift_of(slices),
        hardware="",
    )


def test_a_store_that_keeps_what_was_said_is_no_drift() -> None:
    """It is told by message; one slow slice or one full one is no drift either."""
    slices = [piece(store_mb=1.0 + 4 * n) for n in range(9)]
    slices[8] = piece(p95_ms=90, workers_mb=300, store_mb=33)
    found = report(slices)
    assert found.is_clean
    assert found.drift is not None
    assert found.drift.store_bytes_per_message == pytest.approx(4000)
    assert found.drift.workers_mb_per_million == 0


def test_a_leak_of_a_worker_is_found_and_told_by_message() -> None:
    """Ten megabytes a slice."""
    found = report([piece(workers_mb=200 + 10 * n) for n in range(9)])
    assert found.drift is not None
    assert found.drift.workers_mb_per_million == pytest.approx(10_000)
    assert ["memory" in one for one in found.drift.findings] == [True]
    assert not found.is_clean


def test_a_gateway_that_slows_down_is_found_if_it_matters() -> None:
    """Twice as slow is drift at 10 ms, and none at 1 ms."""
    slow = report([piece(p95_ms=10 * (1 + n / 4)) for n in range(9)])
    assert slow.drift is not None
    assert ["p95" in one for one in slow.drift.findings] == [True]
    assert report([piece(p95_ms=1 * (1 + n / 4)) for n in range(9)]).is_clean


def test_few_slices_say_nothing_of_drift_but_of_losses() -> None:
    """Rather no verdict than a made-up one."""
    few = [piece(workers_mb=200 * (n + 1)) for n in range(LEAST_SLICES - 1)]
    assert report(few).drift is None
    assert report(few).is_clean
    lost = piece()
    bad = Slice(
        **{name: getattr(lost, name) for name in Slice.__struct_fields__} | {"lost": 1}
    )
    assert not report([*few, bad]).is_clean


def test_a_slope_is_not_moved_by_one_outlier() -> None:
    """Half of all pairs would have to be off."""
    assert slope([1, 2, 3, 4, 5], [2, 4, 600, 8, 10]) == pytest.approx(2)


def test_a_small_soak_of_a_real_gateway_loses_nothing() -> None:
    """Two slices over HTTP, every conversation read back."""
    flags = {"router.arithmetic": "plain", "server.workers": 1}
    sale = Sale(
        shape="steady", seconds=2, peak_per_s=15, talks=(("多久发货",), ("转人工",))
    )
    found = run_soak(load(None, {}, flags), sale, 2, lambda _: None)
    assert found.is_clean
    assert [one.ends.not_taken for one in found.slices] == [0, 0]
    assert all(one.ends.answered and one.ends.with_people for one in found.slices)
    assert found.slices[1].store_mb > found.slices[0].store_mb
    assert min(one.workers_mb for one in found.slices) > 20
