"""
The sale day's accounting and its page; the run itself is ``tidegate loadtest sale``.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import monotonic, sleep

import httpx
import msgspec
import pytest

from gateway.config import Config
from gateway.routers import stage_named
from loadtest.generator import Result, Second
from loadtest.history import LogLine
from loadtest.llm_manners import Manners
from loadtest.llm_stub_process import running_stub
from loadtest.sale import (
    Ends,
    Model,
    Sale,
    SaleReport,
    admissions,
    ends_of,
    own_quantiles,
    read_talks,
)
from loadtest.sale_compare import UNBOUNDED, compared_page, table, variants
from loadtest.sale_report import sale_page


def log(*events: tuple[str, str]) -> list[LogLine]:
    """A conversation's events: kind and message."""
    return [
        LogLine(n=n, kind=kind, message_id=message)
        for n, (kind, message) in enumerate(events, 1)
    ]


def test_every_message_has_exactly_one_end() -> None:
    """Answered, with people, not taken, or without an end."""
    logs = {
        "a": log(("message", "a-0"), ("reply", "a-0"), ("message", "a-1")),
        "b": log(("message", "b-0"), ("notice", "")),
    }
    sent = {"a": ["a-0", "a-1"], "b": ["b-0"], "c": ["c-0"]}
    expected = Ends(
        answered=1, with_people=1, not_taken=1, unfinished=1, talks=3, whole=0
    )
    assert ends_of(sent, logs) == expected
    sent["a"].pop()
    assert ends_of(sent, logs).whole == 1


def test_what_became_of_turns_at_the_pools_is_summed_over_tiers() -> None:
    """Only ``run`` says that no limit was ever reached."""
    name = "tidegate_admissions_total"
    lines = [
        f'{name}{{tier="L2",verdict="run"}} 9.0',
        f'{name}{{tier="L3",verdict="run"}} 2.0',
        f'{name}{{tier="L3",verdict="cursor"}} 4.0',
    ]
    assert admissions("\n".join(lines)) == {"cursor": 4, "run": 11}
    assert admissions("") == {}


def test_with_a_scarce_model_the_limits_are_its_places() -> None:
    """And without limits nothing in the gateway is bounded."""
    runs = variants(Config(), Model(places=9, mean_s=1.0))
    slots = {
        name: (one.dispatch.l2_slots, one.dispatch.l3_slots)
        for name, one in runs.items()
    }
    assert slots["as configured"] == slots["L1 only"] == (6, 3)
    assert min(slots["no limits"]) == UNBOUNDED


def _call(http: httpx.Client, url: str, timeout_s: float) -> float | None:
    body = {"model": "m", "messages": [{"role": "user", "content": "?"}]}
    started = monotonic()
    try:
        http.post(f"{url}/chat/completions", json=body, timeout=timeout_s)
    except httpx.TimeoutException:
        return None
    return monotonic() - started


def test_a_model_with_a_line_serves_in_order_and_forgets_who_hung_up() -> None:
    """Nobody is refused; a place goes to the next one who still waits."""
    with running_stub() as stub, httpx.Client(trust_env=False) as http:
        stub.manners(Manners(mean_s=0.4, cv=0.0, most=1, has_line=True))
        with ThreadPoolExecutor(3) as threads:
            calls = []
            for patience_s in (5.0, 0.1, 5.0):
                calls.append(threads.submit(_call, http, stub.url, patience_s))
                sleep(0.05)
            first, gone, last = (call.result() for call in calls)
    assert gone is None
    assert first is not None
    assert last is not None
    assert last > first


def test_the_gateways_own_quantile_is_an_edge_of_its_buckets() -> None:
    """Summed over channels and workers."""
    name = "tidegate_ack_duration_seconds_bucket"
    lines = [
        f'{name}{{channel="app",le="0.01"}} 90.0',
        f'{name}{{channel="app",le="0.1"}} 100.0',
        f'{name}{{channel="app",le="+Inf"}} 100.0',
        f'{name}{{channel="web",le="0.01"}} 0.0',
        f'{name}{{channel="web",le="0.1"}} 2.0',
        f'{name}{{channel="web",le="+Inf"}} 2.0',
    ]
    assert own_quantiles("\n".join(lines)) == {"ack": 100.0}
    assert own_quantiles("\n".join(lines), 0.5) == {"ack": 10.0}


def report(*, lost: int, is_valid: bool) -> SaleReport:
    """A small run."""
    second = Second(offered=2, errors=0, p50_ms=1, p95_ms=2, max_ms=3)
    client = Result(
        mode="open", sent=4, errors=0, seconds=2, rps=2, p50_ms=1, p90_ms=2, p95_ms=2,
        p99_ms=3, max_ms=3, is_valid=is_valid, course=(second, second),
    )  # fmt: skip
    return SaleReport(
        sale=Sale(shape="steady", seconds=2, peak_per_s=2, talks=(("hi",),)),
        client=client,
        ends=Ends(answered=4, with_people=0, not_taken=0, unfinished=0),
        lost=lost,
        own_p95_ms={"ack": 5.0},
        hardware="<machine>",
    )


def test_the_page_shows_the_course_and_says_when_a_run_is_void() -> None:
    """Two plots; what came from outside is escaped."""
    page = sale_page(report(lost=0, is_valid=False))
    assert page.count("<svg") == 2
    assert "VOID" in page
    assert "&lt;machine&gt;" in page
    assert "VOID" not in sale_page(report(lost=0, is_valid=True))


def test_runs_are_compared_side_by_side() -> None:
    """Each run differs from the first in one thing alone; the page has all of them."""
    config = Config()
    runs = variants(config)
    assert runs["as configured"] is config
    for name, field in (("no limits", "dispatch"), ("L1 only", "router")):
        one = runs[name]
        back = {field: getattr(config, field)}
        assert one != config
        assert msgspec.structs.replace(one, **back) == config
    stage_named(runs["L1 only"].router.stage)
    reports = {name: report(lost=0, is_valid=name != "L1 only") for name in runs}
    head, *rows = table(reports)
    assert head == ("", *runs)
    assert {len(row) for row in rows} == {4}
    page = compared_page(reports)
    assert page.count("VOID") == 1
    assert page.count("<svg") == 1
    assert all(name in page for name in runs)


def test_a_lost_message_is_not_clean() -> None:
    """One is too many."""
    assert report(lost=0, is_valid=True).is_clean
    assert not report(lost=1, is_valid=True).is_clean


def test_the_shipped_talks_are_listed_by_their_share(tmp_path: Path) -> None:
    """And a wrong line is named."""
    talks = read_talks(None)
    assert len(talks) == 100
    file = tmp_path / "t.jsonl"
    file.write_text('{"messages": ["a"], "share": 2}\n{"messages": []}\n')
    with pytest.raises(ValueError, match=r"t\.jsonl:2"):
        read_talks(file)
