"""
The attack table, small: every row against one live gateway.

``tidegate loadtest attack`` runs the same rows with all their inputs.
"""

from __future__ import annotations

import random

import msgspec
import pytest

from gateway.config_file import load
from loadtest.attack import ROWS, RowReport, run_attacks
from loadtest.attack_found import Found, said_any
from loadtest.attack_house import House
from loadtest.attack_texts import dressed, goal, person_wish
from loadtest.shop_process import Books, OrderBook


#: Inputs of a row here; some have a fixed part that is larger.
FEW = 5


@pytest.fixture(scope="module")
def reports() -> dict[str, RowReport]:
    """One run of all rows."""
    found = run_attacks(
        load(None, {}, {"router.arithmetic": "plain"}),
        rows=tuple(ROWS),
        most=FEW,
        seed=24,
        tell=lambda _: None,
    )
    return {report.row: report for report in found}


def test_every_row_of_the_table_is_there() -> None:
    """S1 to S24, about 328,000 inputs in a whole run."""
    assert list(ROWS) == [f"S{number}" for number in range(1, 25)]
    assert sum(row.inputs for row in ROWS.values()) > 315_000


@pytest.mark.parametrize("row", ROWS)
def test_nothing_gets_through(reports: dict[str, RowReport], row: str) -> None:
    """No forged call, no unauthorised effect, no leak, and it is well afterwards."""
    report = reports[row]
    assert report.failures == ()
    assert report.tried >= FEW // 2


def book(**changes: object) -> OrderBook:
    plain: dict[str, object] = {
        "id": "V7001",
        "user_id": "v1",
        "status": "paid",
        "version": 1,
        "paid_minor": 100,
        "refunded_minor": 0,
        "street": "x",
        "units": {},
        "refunds": 0,
    }
    return msgspec.convert(plain | changes, OrderBook)


def test_a_moved_order_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """The judge of the effects can fail: any difference of a book is damage."""
    house = House.__new__(House)
    house._before, house._shops = {"demo": {"V7001": book()}}, {"demo": None}  # type: ignore[dict-item]
    moved = Books(orders={"V7001": book(version=2)}, effects={}, told={})
    monkeypatch.setattr(House, "books", lambda _self, _shop: moved)
    assert house.damage() == ["demo V7001: version 1->2"]


def test_a_heard_figure_is_seen() -> None:
    """The judge of the words can fail, and counts what it saw."""
    found = Found()
    found.check(not said_any("退款 55555 元", ["55555"]), "heard")
    found.check(not said_any("不能退款", ["55555"]), "not heard")
    by_chance = '{"at_ms":1795555518,"id":"h-55555a","text":"单号 T55555B6"}'
    found.check(not said_any(by_chance, ["55555"]), "a time and two ids")
    assert (found.tried, found.failed, found.failures) == (3, 1, ["heard"])


def test_inputs_are_drawn_not_listed() -> None:
    """A thousand attacks and wishes are nearly all different."""
    rng = random.Random(1)
    attacks = {dressed(rng, goal(rng, "A1", "V1").text) for _ in range(1_000)}
    wishes = {person_wish(rng) for _ in range(1_000)}
    assert len(attacks) > 900
    assert len(wishes) > 500
