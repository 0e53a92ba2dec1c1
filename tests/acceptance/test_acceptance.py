"""
Acceptance suites: what the schema promises is read, what happened is judged, nothing slips.
"""

from __future__ import annotations

import copy
import datetime as dt
import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import jsonschema_rs
import msgspec
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from engines import yamlfile
from engines.agent.reading.task_cues import RECIPES
from engines.shops.demo.bench import Tables
from gateway.acceptance import judging
from gateway.acceptance.fixture import shop_of
from gateway.acceptance.levels import MEASURES, level_of, measure
from gateway.acceptance.running import Line, Outcome, Result
from gateway.acceptance.suite import Case, Expected, json_schema, load
from gateway.cli.accept import accept


ROOT = Path(__file__).parents[2]
SUITES = ROOT / "configs/suites"
SHIPPED = ("zh", "en")


def test_schema_is_the_one_the_structs_give() -> None:
    """Editors see what the loader reads."""
    encoded = msgspec.json.encode(json_schema(), order="sorted")
    committed = ROOT / "configs/schemas/suite.schema.json"
    assert committed.read_bytes() == msgspec.json.format(encoded, indent=2) + b"\n"


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_suites_fit_schema_and_fixture(name: str) -> None:
    """At least 40 cases, 12 of several requests; every name in them is there."""
    path = SUITES / f"{name}.yaml"
    assert jsonschema_rs.is_valid(json_schema(), yamlfile.read(path).data)
    suite = load(path)
    assert len(suite.cases) >= 40
    assert sum("multi" in case.tags for case in suite.cases) >= 12
    for tag in ("injection", "foreign", "refusal"):
        assert sum(tag in case.tags for case in suite.cases) >= 3
    fresh = shop_of(suite, path)
    assert {case.customer for case in suite.cases} <= {
        one.id for one in fresh.seed.customers
    }


@pytest.mark.parametrize("name", ["outdoor-zh", "outdoor-en"])
def test_the_suites_of_another_shop_try_every_recipe(name: str) -> None:
    """With another policy, and what must not happen beside what must."""
    path = SUITES / f"{name}.yaml"
    assert jsonschema_rs.is_valid(json_schema(), yamlfile.read(path).data)
    suite = load(path)
    ledger = (one for case in suite.cases for one in case.expect.ledger or ())
    assert {one.recipe for one in ledger} == set(RECIPES)
    for tag in ("injection", "foreign", "refusal"):
        assert sum(tag in case.tags for case in suite.cases) >= 3
    fresh = shop_of(suite, path)
    known = {one.id for one in fresh.seed.customers}
    assert {case.customer for case in suite.cases} <= known


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("suite: x\ncases: []\n", "length >= 1"),
        ("suite: x\ncases:\n  - {id: a, customer: c1001, turns: [{sya: hi}]}\n", "sya"),
        (
            (
                "suite: x\ncases:\n"
                "  - {id: a, customer: c1001, turns: [{say: hi}]}\n"
                "  - {id: a, customer: c1001, turns: [{say: hi}]}\n"
            ),
            "two cases",
        ),
        (
            (
                "suite: x\nfixture: gone.yaml\ncases:\n"
                "  - {id: a, customer: c1001, turns: [{say: hi}]}\n"
            ),
            "gone.yaml",
        ),
    ],
)
def test_a_broken_suite_names_file_line_and_fix(
    tmp_path: Path, text: str, problem: str
) -> None:
    """What is wrong is said where it is wrong."""
    path = tmp_path / "s.yaml"
    path.write_text(text, "utf-8")
    with pytest.raises(yamlfile.BadFile) as caught:
        load(path)
    assert problem in str(caught.value)
    assert f"{path}:" in str(caught.value)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"customer": "nobody"}, "nobody"),
        ({"coupon": "none"}, "none"),
        ({"lines": [{"sku": "NO-1"}]}, "NO-1"),
    ],
)
def test_a_fixture_that_names_what_is_not_there_is_refused(
    tmp_path: Path, change: dict[str, Any], problem: str
) -> None:
    """Customers, coupons and products of an order must be in the fixture."""
    order = {
        "id": "X1",
        "customer": "c1001",
        "status": "paid",
        "lines": [{"sku": "KT-01"}],
    }
    suite = {
        "suite": "x",
        "fixture": {"orders": [order | change]},
        "cases": [{"id": "a", "customer": "c1001", "turns": [{"say": "hi"}]}],
    }
    path = tmp_path / "s.yaml"
    path.write_text(json.dumps(suite), "utf-8")
    with pytest.raises(yamlfile.BadFile) as caught:
        shop_of(load(path), path)
    assert problem in str(caught.value)


BEFORE: Tables = {
    "orders": {"K1": {"id": "K1", "status": "paid", "refunded_minor": 0, "version": 1}},
    "refunds": {},
    "notifications": {},
    "effects": {},
}


def state(**orders: object) -> Tables:
    after = copy.deepcopy(BEFORE)
    after["orders"]["K1"].update(orders)  # type: ignore[arg-type]
    return after


def problems(expect: Expected, after: Tables, *, person: bool = False) -> list[str]:
    case = Case(id="a", customer="c", turns=(), expect=expect)
    return list(judging.check_case(case, BEFORE, after, (), needed_person=person))


def test_nothing_else_may_change() -> None:
    """A change nobody named, one that is missing and one that differs are all found."""
    wanted = Expected(changes={"orders/K1": {"refunded_minor": 100}})
    assert problems(wanted, state(refunded_minor=100, version=2)) == []
    assert (
        "nobody wanted"
        in problems(wanted, state(refunded_minor=100, status="shipped"))[0]
    )
    assert "did not change" in problems(wanted, state())[0]
    assert "wanted 100, got 99" in problems(wanted, state(refunded_minor=99))[0]


def test_every_new_row_must_be_named() -> None:
    """A second refund of the same amount is one too many."""
    row = {"order_id": "K1", "amount_minor": 5}
    after = state()
    after["refunds"] = {"1": {"id": 1, **row}, "2": {"id": 2, **row}}
    assert "nobody wanted" in problems(Expected(created={"refunds": (row,)}), after)[0]
    assert problems(Expected(created={"refunds": (row, row)}), after) == []


def test_unwanted_notifications_and_people_are_found() -> None:
    """Who was told and whether a person was needed are part of the end state."""
    after = state()
    after["notifications"] = {
        "1": {"id": 1, "user_id": "c", "template": "refund_item", "text": "¥5.00"}
    }
    assert "1 sent" in problems(Expected(), after)[0]
    assert problems(Expected(), BEFORE, person=True) == [
        "person: wanted False, got True"
    ]


@pytest.mark.parametrize(
    ("text", "amounts"),
    [
        ("应退 ¥48.82。", {4882}),
        ("CNY 1,299.00 and 7 days", {129900}),
        ("补 20 元，第2件", {2000}),
        ("￥５．００", {500}),
        ("order 3002", set()),
    ],
)
def test_amounts_are_read_exactly(text: str, amounts: set[int]) -> None:
    """An amount is what has a sign, a unit or cents; a number alone is none."""
    assert judging.amounts_in(text) == amounts


@settings(max_examples=200)
@given(st.text(max_size=200))
def test_no_text_breaks_the_reader_of_amounts(text: str) -> None:
    """Whatever a reply says, it is read."""
    assert all(minor >= 0 for minor in judging.amounts_in(text))


def test_days_are_counted_from_today() -> None:
    """{{ today+3 }} is a date wherever it stands."""
    today = dt.date(2026, 12, 30)
    assert judging.dated("{{ today }} {{ today+3 }} {{today-1}}", today) == (
        "2026-12-30 2027-01-02 2026-12-29"
    )


LEVELS = """
suite: small
cases:
  - {id: l1, customer: c1, tags: [L1], turns: [{say: 多久发货}]}
  - {id: l2, customer: c1, tags: [L2], turns: [{say: 运费, reply: {intent: shipping_fee}}]}
  - {id: follow, customer: c1, tags: [L2, context], turns: [{say: 运费}, {say: 那边呢}]}
  - {id: loop, customer: c1, turns: [{say: 退款}], expect: {changes: {orders/A: {a: 1}}}}
  - {id: refusal, customer: c1, turns: [{say: 退款}]}
"""


def test_levels_are_counted_by_case_with_their_intervals(tmp_path: Path) -> None:
    """One failure in two runs fails its case; what must change nothing is no loop."""
    path = tmp_path / "small.yaml"
    path.write_text(LEVELS, "utf-8")
    suite = load(path)
    line = Line("运费", "8 元", "L2", "answered", "price_question")
    results = [
        Result(
            case=case.id,
            run=run,
            problems=("no",) if (case.id, run) in {("loop", 2), ("l2", 1)} else (),
            talk=(line,),
            ms=1.0,
        )
        for case in suite.cases
        for run in (1, 2)
    ]
    found = measure([(suite, Outcome(suite="small", runs=2, results=tuple(results)))])
    shares = {one.name: one.found and (one.found.share, one.found.n) for one in found}
    assert shares == {
        "L1 self-resolution": (1.0, 1),
        "L2 intent": (0.0, 1),
        "L2 answers": (0.0, 1),
        "L2 context": (1.0, 1),
        "L3 closed loops": (0.0, 1),
    }
    assert found[0].found is not None
    assert found[0].found.low < 0.5 < found[0].found.high == 1.0
    assert found[1].missed == ("运费: price_question for shipping_fee",)
    assert measure([])[0].found is None


@pytest.mark.parametrize("name", ["levels-zh", "levels-en"])
def test_the_suites_of_the_levels_test_all_of_l1_and_l2(name: str) -> None:
    """Each measure below L3 has cases, and every intent is one of the closed list."""
    suite = load(SUITES / f"{name}.yaml")
    levels = Counter(level_of(case) for case in suite.cases)
    assert (
        min(levels[one] for one in MEASURES if one[:2] != "L3" and one != MEASURES[1])
        > 4
    )
    listed = (ROOT / "router_models/data/INTENTS.md").read_text("utf-8")
    known = set(re.findall(r"^\| `(\w+)`", listed, re.MULTILINE))
    asked = {step.reply.intent for case in suite.cases for step in case.turns}
    assert len(asked) > 3
    assert asked - {None} <= known


def test_pass_power_counts_luck_out() -> None:
    """A case that passes three times of four passes twice in a row half the time."""
    results = [
        Result(case="a", run=n, problems=() if n else ("x",), talk=(), ms=1.0)
        for n in range(4)
    ]
    outcome = Outcome(suite="s", runs=4, results=tuple(results))
    assert outcome.pass_power(1) == 0.75
    assert outcome.pass_power(2) == 0.5
    assert outcome.pass_power(4) == 0.0


PLAYED = """
suite: small
locale: zh
fixture:
  customers:
    - {id: me, name: 某, address: {name: 某, phone: "13700000000", region: 浙江, city: 杭州市, street: 文三路 1 号}}
  coupons: [{id: c5, discount: 500, threshold: 5000}]
  orders:
    - {id: S1, customer: me, status: paid, coupon: c5, lines: [{sku: TS-13}, {sku: CB-08, quantity: 2}]}
cases:
  - id: second
    customer: me
    turns:
      - say: 我想把订单里第2件商品退掉，其他保留
        reply: {tier: L3, amounts: [5588], asks_consent: true}
      - say: 确认
    expect:
      changes:
        orders/S1: {refunded_minor: 5588}
        order_lines/S1/2: {refunded_quantity: 2}
        products/CB-08: {stock: 1202}
      created:
        refunds: [{order_id: S1, line: 2, amount_minor: 5588}]
      ledger: [{recipe: refund_item, state: done, order: S1, amount: 5588}]
  - id: planted
    customer: me
    turns: [{say: 取消订单S1}, {say: 确认}]
    expect: {ledger: []}
"""


def test_a_suite_is_played_and_a_planted_failure_is_found(tmp_path: Path) -> None:
    """One case passes twice; the one that expects nothing to happen fails, and exits 1."""
    path = tmp_path / "small.yaml"
    path.write_text(PLAYED, "utf-8")
    words = [str(path), "--runs", "2", "--json", "--data-dir", str(tmp_path / "d")]
    result = CliRunner().invoke(accept, words)
    assert result.exit_code == 1, result.output
    (played,) = json.loads(result.stdout)["suites"]
    ends = {(one["case"], one["passed"]) for one in played["results"]}
    assert ends == {("second", True), ("planted", False)}
    assert played["pass"] == {"1": 0.5, "2": 0.5}
    failed = next(one for one in played["results"] if not one["passed"])
    assert any("orders/S1.status changed" in text for text in failed["problems"])
    assert 'failures="2"' in (tmp_path / "d/report/small.xml").read_text("utf-8")
    assert "planted" in (tmp_path / "d/report/small.html").read_text("utf-8")


def test_several_requests_of_one_message_are_carried_out_whole(tmp_path: Path) -> None:
    """The Chinese suite's cases of several requests pass, on a real gateway and shop."""
    words = ["suites/zh.yaml", "--tag", "multi", "--json"]
    result = CliRunner().invoke(accept, [*words, "--data-dir", str(tmp_path / "d")])
    (played,) = json.loads(result.stdout)["suites"]
    failed = {one["case"]: one["problems"] for one in played["results"]}
    assert {case: why for case, why in failed.items() if why} == {}
    assert len(failed) >= 12
