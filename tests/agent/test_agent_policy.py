"""
Policy is data: strictly read, judged on the case alone, each refusal with its clause.
"""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import jsonschema_rs
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_agent_money import an_order

from engines import yamlfile
from engines.agent.policy import Case, Policy, json_schema, limit_of
from engines.shops.port import Order


ROOT = Path(__file__).parents[2]
DEFAULT = ROOT / "configs/policies/default.yaml"
NOW = dt.datetime(2026, 3, 10, 12, tzinfo=dt.UTC)


@pytest.fixture(scope="module")
def policy() -> Policy:
    return Policy.load(DEFAULT)


def an_order_in(status: str, days_ago: float | None = None) -> Order:
    """An order delivered some days before NOW."""
    delivered = NOW - dt.timedelta(days=days_ago) if days_ago is not None else None
    return msgspec.structs.replace(
        an_order([(1000, 1)], status=status),
        delivered_at=delivered.isoformat() if delivered else None,
    )


def case(recipe: str, order: Order, **more: object) -> Case:
    return Case(recipe=recipe, order=order, now=NOW, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("recipe", "status", "outcome", "clause"),
    [
        ("change_address", "unpaid", "allowed", ""),
        ("change_address", "paid", "allowed", ""),
        ("change_address", "shipped", "refuse", "change_address.unshipped"),
        ("change_address", "delivered", "refuse", "change_address.unshipped"),
        ("change_address", "cancelled", "refuse", "change_address.unshipped"),
        ("cancel_order", "paid", "allowed", ""),
        ("cancel_order", "unpaid", "allowed", ""),
        ("cancel_order", "shipped", "refuse", "cancel_order.unshipped"),
        ("cancel_order", "cancelled", "refuse", "cancel_order.unshipped"),
        ("refund_item", "paid", "allowed", ""),
        ("refund_item", "unpaid", "refuse", "refund_item.states"),
        ("refund_item", "shipped", "refuse", "refund_item.states"),
        ("refund_item", "cancelled", "refuse", "refund_item.states"),
        ("compensate", "paid", "person", "compensate.never_automatic"),
    ],
)
def test_states_decide(
    policy: Policy, recipe: str, status: str, outcome: str, clause: str
) -> None:
    """Each recipe works in its states only; what is not listed is never automatic."""
    verdict = policy.judge(case(recipe, an_order_in(status)))
    assert verdict.outcome == outcome
    if clause:
        assert verdict.clauses[-1] == clause


@pytest.mark.parametrize(
    ("days", "outcome"),
    [(0.0, "allowed"), (7.0, "allowed"), (7.00001, "refuse"), (400.0, "refuse")],
)
def test_window_ends_to_the_second(policy: Policy, days: float, outcome: str) -> None:
    """Seven days after delivery is inside, a second more is not."""
    verdict = policy.judge(case("refund_item", an_order_in("delivered", days)))
    assert verdict.outcome == outcome


def test_time_without_zone_counts_as_utc(policy: Policy) -> None:
    """A shop that leaves the offset out is read as UTC instead of failing."""
    order = msgspec.structs.replace(
        an_order_in("delivered"), delivered_at="2026-03-09T12:00:00"
    )
    assert policy.judge(case("refund_item", order)).outcome == "allowed"


@pytest.mark.parametrize(
    ("recipe", "field", "limit", "otherwise"),
    [
        ("refund_item", "to_customer_minor", 50_000, "approve"),
        ("cancel_order", "to_customer_minor", 100_000, "approve"),
        ("change_address", "from_customer_minor", 10_000, "person"),
    ],
)
def test_ceilings_go_to_a_person(
    policy: Policy, recipe: str, field: str, limit: int, otherwise: str
) -> None:
    """Up to the ceiling the machine may; one cent more needs a person."""
    order = an_order_in("paid")
    assert policy.judge(case(recipe, order, **{field: limit})).outcome == "allowed"
    above = policy.judge(case(recipe, order, **{field: limit + 1}))
    assert above.outcome == otherwise
    assert above.clause is not None
    assert limit_of(above.clause) == f"{limit // 100}.00"


@pytest.mark.parametrize(
    ("recipe", "mark", "outcome"),
    [
        ("refund_item", "gift", "refuse"),
        ("refund_item", "nothing_left", "refuse"),
        ("refund_item", "loss", "person"),
        ("change_address", "unknown_region", "person"),
        ("change_address", "same_address", "refuse"),
    ],
)
def test_marks_decide(policy: Policy, recipe: str, mark: str, outcome: str) -> None:
    """What a recipe found out about a case is judged by the clause of that mark."""
    marked = case(recipe, an_order_in("paid"), marks=frozenset({mark}))
    assert policy.judge(marked).outcome == outcome


def test_every_refusal_names_its_rule_and_what_is_allowed_instead() -> None:
    """Each clause that refuses says the rule and a way out, in both languages."""
    content = yamlfile.read(DEFAULT).data
    for recipe in content["recipes"]:
        for clause in recipe["clauses"]:
            assert clause["rule"]["zh"]
            assert clause["rule"]["en"]
            if clause.get("otherwise", "refuse") == "refuse":
                assert clause["instead"]["zh"], clause["id"]
                assert clause["instead"]["en"], clause["id"]


def test_limit_in_words_is_the_limit_in_force(policy: Policy) -> None:
    """The figure a customer is told is taken from the clause, not written twice."""
    verdict = policy.judge(case("refund_item", an_order_in("delivered", 30)))
    assert verdict.clause is not None
    said = verdict.clause.rule.said("zh", limit_of(verdict.clause))
    assert "7 天" in said


@given(
    st.sampled_from(["change_address", "refund_item", "cancel_order"]),
    st.sampled_from(
        ["unpaid", "paid", "shipped", "delivered", "completed", "cancelled"]
    ),
    st.integers(0, 10**7),
    st.integers(0, 10**7),
    st.floats(0, 60),
)
def test_nothing_is_allowed_against_any_clause(
    recipe: str, status: str, to: int, of: int, days: float
) -> None:
    """Allowed means: the state, the window and both amounts are inside, at once."""
    policy = Policy.load(DEFAULT)
    order = an_order_in(status, days if status in {"delivered", "completed"} else None)
    verdict = policy.judge(
        case(recipe, order, to_customer_minor=to, from_customer_minor=of)
    )
    if verdict.outcome == "allowed":
        assert status in {"unpaid", "paid", "delivered", "completed"}
        assert to <= 100_000 or recipe == "change_address"
        assert (
            recipe != "refund_item" or (to <= 50_000 and days <= 7) or status == "paid"
        )


@pytest.mark.parametrize(
    ("old", "new", "hint"),
    [
        ("kind: window", "kind: windw", "windw"),
        ("days: 7", "day: 7", "unknown key 'day'"),
        ("days: 7", "days: -1", "int"),
        ("minor: 50000", "minor: lots", "int"),
        ("otherwise: person", "otherwise: maybe", "person"),
        ("allowed: [unpaid, paid]", "allowed: [paied]", "paid"),
        ("- recipe: refund_item", "- recipe: change_address", "twice"),
        ("id: window", "id: states", "same id"),
        ("proposal_minutes: 30", "", "proposal_minutes"),
        ("policy: default", "policy: [", "YAML"),
    ],
)
def test_wrong_policy_names_line_and_fix(
    tmp_path: Path, old: str, new: str, hint: str
) -> None:
    """A mistake in a policy is refused with file and line, and names the fix."""
    path = tmp_path / "policy.yaml"
    path.write_text(DEFAULT.read_text("utf-8").replace(old, new, 1), "utf-8")
    with pytest.raises(yamlfile.BadFile) as caught:
        Policy.load(path)
    assert hint in str(caught.value)
    assert str(caught.value).startswith(f"{path}:")


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_damaged_policy_loads_or_is_a_bad_file(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    """Any damage to the file is a BadFile or still a policy; nothing else is raised."""
    text = DEFAULT.read_text("utf-8")
    at = data.draw(st.integers(0, len(text)))
    cut = data.draw(st.integers(0, 60))
    junk = data.draw(st.text(max_size=12) | st.binary(max_size=6).map(repr))
    path = tmp_path_factory.mktemp("policy") / "policy.yaml"
    path.write_bytes((text[:at] + junk + text[at + cut :]).encode("utf-8", "replace"))
    problems: tuple[yamlfile.Problem, ...] = ()
    try:
        Policy.load(path)
    except yamlfile.BadFile as exc:
        problems = exc.problems
    assert all(problem.line >= 1 for problem in problems)


def test_schema_for_editors_is_the_one_the_structs_give() -> None:
    """The committed schema is generated, and the shipped policy names and fits it."""
    schema = json_schema()
    encoded = msgspec.json.encode(schema, order="sorted")
    committed = ROOT / "configs/schemas/policy.schema.json"
    assert committed.read_bytes() == msgspec.json.format(encoded, indent=2) + b"\n"
    assert DEFAULT.read_text("utf-8").startswith(
        "# yaml-language-server: $schema=../schemas/policy.schema.json\n"
    )
    shipped = yamlfile.read(DEFAULT).data
    assert jsonschema_rs.is_valid(schema, shipped)
    shipped["recipes"][0]["clauses"][0]["kind"] = "state"
    assert not jsonschema_rs.is_valid(schema, shipped)
