"""
Two shops of public evaluations behind our policy: their rules are data, not branches.

The task files are read from ``../shared/data``; any file of the same make does.
"""

from __future__ import annotations

import copy
import datetime as dt
import json
from pathlib import Path
from typing import Any

import pytest
from bench.ecom_bench import EcomShop
from bench.orders import difference, expected
from bench.tau_retail import TauShop

from engines.agent.policy import Policy


HERE = Path(__file__).parent / "bench"
NOW = dt.datetime(2026, 11, 23, tzinfo=dt.UTC)
#: Share of tasks that must leave the database as the reference leaves it.
FEWEST_ALIKE = 0.98
#: Share of lawful calls that may be refused.
MOST_REFUSED = 0.01
_TOLERANCE = 0.005


def data(name: str) -> Path:
    """A folder of evaluation data, or a skip that says what is missing."""
    path = Path(__file__).resolve().parents[3] / "shared" / "data" / name
    if not path.is_dir():
        pytest.skip(f"no evaluation data in {path}")
    return path


def database(folder: Path) -> dict[str, Any]:
    """The files of a database by name."""
    return {
        path.stem: json.loads(path.read_text("utf-8"))
        for path in (folder / "db").glob("*.json")
    }


def rows(path: Path) -> list[dict[str, Any]]:
    """The lines of a file of tasks or calls."""
    return [json.loads(line) for line in path.read_text("utf-8").splitlines() if line]


def alike(one: Any, other: Any) -> bool:
    """Equal, amounts to half a cent."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(alike(one[k], other[k]) for k in one)
    if isinstance(one, list) and isinstance(other, list):
        pairs = zip(one, other, strict=False)
        return len(one) == len(other) and all(alike(a, b) for a, b in pairs)
    if isinstance(one, float) or isinstance(other, float):
        return abs(float(one) - float(other)) < _TOLERANCE
    return bool(one == other)


def tau_call(shop: TauShop, policy: Policy, tool: str, args: dict[str, Any]) -> bool:
    """Make a call if policy allows it."""
    verdict = policy.judge(shop.case(tool, args, NOW))
    if verdict.outcome != "allowed":
        return False
    shop.apply(tool, args)
    return True


@pytest.mark.parametrize("name", ["tasks_dev.jsonl", "tasks_train.jsonl"])
def test_retail_tasks_leave_what_the_reference_leaves(name: str) -> None:
    """Replayed actions: the same difference of all that a task touches, task by task."""
    folder = data("tau_retail")
    db, policy = database(folder), Policy.load(HERE / "tau_retail.yaml")
    tasks = rows(folder / name)
    same = 0
    for task in tasks:
        shop = TauShop(part(db, task))
        before = part(db, task)
        for action in task["actions"]:
            tau_call(shop, policy, action["name"], action["args"])
        same += alike(difference(before, shop.db), expected(task["expected_diff"]))
    assert same >= FEWEST_ALIKE * len(tasks), f"{same} of {len(tasks)}"


def part(db: dict[str, Any], task: dict[str, Any]) -> dict[str, Any]:
    """The orders and customers that a task's actions touch; a copy of all is slow."""
    calls = task.get("actions", [task])
    orders = {
        call["args"]["order_id"]: db["orders"][call["args"]["order_id"]]
        for call in calls
        if call["args"].get("order_id") in db["orders"]
    }
    users = {one["user_id"]: db["users"][one["user_id"]] for one in orders.values()}
    wanted = {item["product_id"] for one in orders.values() for item in one["items"]}
    products = {id_: db["products"][id_] for id_ in wanted}
    return copy.deepcopy({"orders": orders, "users": users, "products": products})


def test_retail_calls_are_judged_by_the_policy_file() -> None:
    """No illegal call is taken, hardly a legal one refused; a refusal changes nothing."""
    folder = data("tau_retail")
    db, policy = database(folder), Policy.load(HERE / "tau_retail.yaml")
    taken_illegal, refused_legal, legal = [], [], 0
    for call in rows(folder / "calls_labelled.jsonl"):
        before = part(db, call)
        shop = TauShop(before)
        is_taken = tau_call(shop, policy, call["tool"], call["args"])
        changed = difference(before, shop.db)
        legal += call["allowed"]
        if is_taken and not call["allowed"]:
            taken_illegal.append(call)
        if call["allowed"] and not is_taken:
            refused_legal.append(call)
        assert is_taken or not changed
        if is_taken and call["allowed"]:
            assert alike(changed, expected(call["expected_diff"])), call
    assert not taken_illegal
    assert len(refused_legal) <= MOST_REFUSED * legal, refused_legal


def test_appliance_operations_are_judged_by_the_policy_file() -> None:
    """By state of the order, and what was paid by card goes back to the card."""
    folder = data("ecom_bench")
    shop = EcomShop(database(folder))
    policy = Policy.load(HERE / "ecom_bench.yaml")
    names = {
        "取消": "cancel_order",
        "修改地址": "change_address",
        "退货": "refund_item",
        "换货": "exchange_item",
    }
    gives_money_back = {"取消", "退货"}
    for row in rows(folder / "policy_oracle.jsonl"):
        args = {"order_id": row["order_id"], "user_id": row["user_id"]}
        verdict = policy.judge(shop.case(names[row["op"]], args, NOW))
        is_allowed = verdict.outcome == "allowed"
        assert is_allowed is row["allowed"], row
        owes = is_allowed and row["op"] in gives_money_back
        owes = owes and shop.owes_card(row["order_id"], row["user_id"])
        assert owes is row["must_refund_ecard"], row


def test_appliance_tasks_leave_what_the_reference_leaves() -> None:
    """All operations but the cashback register, which no recipe of ours keeps."""
    folder = data("ecom_bench")
    db, policy = database(folder), Policy.load(HERE / "ecom_bench.yaml")
    tasks = rows(folder / "tasks.jsonl")
    for task in tasks:
        shop = EcomShop(db)
        for action in task["actions"]:
            # Who it is for is the conversation's, whatever the arguments say.
            args = {**action["args"], "user_id": task["user_id"]}
            recipe = shop.recipe(action["name"], args)
            if recipe is None:
                assert action["name"] == "register_cashback_by_review"
                continue
            verdict = policy.judge(shop.case(recipe, args, NOW))
            assert verdict.outcome == "allowed", (action, verdict)
            shop.apply(recipe, args)
        wanted = {
            path: after
            for path, after in expected(task["expected_diff"]).items()
            if not path.startswith("/register_cashback")
        }
        assert alike(difference(db, shop.db), wanted), task["id"]
