"""
What supervisors see and order: overview, outcomes, stage. Roles, and shops apart.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import httpx
import msgspec
import pytest
from conftest import PASSWORD
from wire_calls import Caller, fresh

from gateway.cli.operator import put
from gateway.config import Config
from gateway.handoff.accounts import Operator
from gateway.stack import Stack


OVERVIEW, OUTCOMES, STAGE = "/v1/desk/overview", "/v1/desk/outcomes", "/v1/stage"
PACKS, HISTORY = "/v1/packs", "/v1/desk/history"


class Desks(msgspec.Struct, frozen=True):
    """Signed-in people of two shops."""

    boss: httpx.Client
    admin: httpx.Client
    rival: httpx.Client


def _signed_in(stack: Stack, shop: str, name: str, role: str) -> httpx.Client:
    facts = {"shop": shop, "name": name, "display": name, "role": role, "capacity": 1}
    who = msgspec.convert(facts, Operator)
    asyncio.run(put(stack.supervisor.store_url, who, PASSWORD, replace=True))
    client = httpx.Client(base_url=stack.url, timeout=30, trust_env=False)
    body = {"shop": shop, "name": name, "password": PASSWORD}
    session = client.post("/v1/desk/session", json=body)
    assert session.status_code == 201, session.text
    client.headers["x-csrf-token"] = session.json()["csrf"]
    return client


@pytest.fixture(scope="module")
def desks(stack: Stack, config: Config) -> Iterator[Desks]:
    """A supervisor and an admin of the demo shop, a supervisor of the other."""
    del config
    found = Desks(
        boss=_signed_in(stack, "demo", "boss", "supervisor"),
        admin=_signed_in(stack, "demo", "root", "admin"),
        rival=_signed_in(stack, "rival", "chief", "supervisor"),
    )
    yield found
    for client in (found.boss, found.admin, found.rival):
        client.close()


@pytest.mark.parametrize("path", [OVERVIEW, OUTCOMES, STAGE, PACKS, HISTORY])
def test_nothing_is_told_without_a_session(app: Caller, path: str) -> None:
    """A channel's key is none."""
    answer = app.http.get(path)
    assert (answer.status_code, answer.json()["code"]) == (401, "unknown_session")


def test_the_overview_is_for_supervisors(desk: httpx.Client, desks: Desks) -> None:
    """An operator is refused, an admin counts as a supervisor."""
    assert desk.get(OVERVIEW).json()["code"] == "forbidden"
    assert desks.admin.get(OVERVIEW).status_code == 200


def _messages(desk: httpx.Client) -> float:
    counted = desk.get(OVERVIEW).json()["overview"]["messages"]
    return float(sum(n for by in counted.values() for n in by.values()))


def test_a_message_counts_for_its_shop_alone(app: Caller, desks: Desks) -> None:
    """The shop's figures move, the other shop's do not, the machine's do for both."""
    # Figures are kept for a second.
    before, theirs = _messages(desks.boss), _messages(desks.rival)
    app.say(fresh("seen"), "多久发货")
    for _ in range(40):
        if _messages(desks.boss) > before:
            break
        asyncio.run(asyncio.sleep(0.1))
    assert _messages(desks.boss) == before + 1
    found: dict[str, Any] = desks.rival.get(OVERVIEW).json()
    assert _messages(desks.rival) == theirs
    assert found["overview"]["shop"] == "rival"
    assert sum(found["overview"]["house"]["ack"]["counts"]) >= 1
    assert "demo" not in httpx.Response(200, json=found).text


def test_the_history_is_for_supervisors_and_says_what_it_takes(
    desk: httpx.Client, desks: Desks
) -> None:
    """An operator is refused; more hours than are kept, or none, are a problem."""
    assert desk.get(HISTORY).json()["code"] == "forbidden"
    found = desks.rival.get(HISTORY, params={"hours": 48}).json()
    assert (found["shop"], found["step_s"]) == ("rival", 1800)
    for hours in ("49", "0", "-1", "x", "nan"):
        refused = desks.boss.get(HISTORY, params={"hours": hours})
        assert refused.status_code == 400, hours


@pytest.fixture
def as_it_was(desks: Desks) -> Iterator[None]:
    """The demo shop's stage is put back."""
    yield
    body = {"stage": "growth", "shadow": ""}
    assert desks.boss.put(STAGE, json=body).status_code == 200


@pytest.mark.usefixtures("as_it_was")
def test_a_stage_is_ordered_by_supervisors_for_their_shop(
    desk: httpx.Client, desks: Desks
) -> None:
    """Operators look; the other shop's stage and history stay as they were."""
    refused = desk.put(STAGE, json={"stage": "startup"})
    assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")
    theirs = desks.rival.get(STAGE).json()
    done = desks.admin.put(STAGE, json={"stage": "startup"}).json()
    assert (done["stage"], done["history"][-1]["by"]) == ("startup", "demo/root")
    assert _ordered_stage(desk, "startup")["tiers"] == ["L1"]
    assert desks.rival.get(STAGE).json()["orders"] == theirs["orders"]


def _ordered_stage(desk: httpx.Client, wanted: str) -> dict[str, Any]:
    """The stage as the worker has it, once it followed."""
    for _ in range(60):
        found: dict[str, Any] = desk.get(STAGE).json()
        if found["stage"] == wanted:
            return found
        asyncio.run(asyncio.sleep(0.1))
    pytest.fail(f"the worker did not follow to {wanted}: {found}")


@pytest.mark.usefixtures("as_it_was")
def test_a_stale_order_changes_nothing(desks: Desks) -> None:
    """Who saw an older version is told; who saw the newest, or names none, is obeyed."""
    seen = desks.boss.put(STAGE, json={"shadow": "mature"}).json()["version"]
    first = desks.admin.put(STAGE, json={"stage": "startup", "version": seen})
    assert first.json()["version"] == seen + 1
    stale = desks.boss.put(STAGE, json={"stage": "mature", "version": seen})
    assert (stale.status_code, stale.json()["code"]) == (409, "orders_changed")
    last = desks.boss.put(STAGE, json={"shadow": ""}).json()
    assert (last["stage"], last["version"]) == ("startup", seen + 2)


@pytest.mark.parametrize(
    "body",
    [
        {"stage": "no-such-stage"},
        {"stage": "../../secrets"},
        {"stage": "startup", "share": 0},
        {"stage": "startup", "share": 1.5},
        {"stage": "startup", "version": -1},
        {"stage": 7},
        {"stag": "startup"},
        [],
    ],
    ids=str,
)
def test_a_wrong_order_is_refused_and_changes_nothing(
    desks: Desks, body: object
) -> None:
    """With the field at fault, and without a word to the log of orders."""
    before = desks.boss.put(STAGE, json={}).json()
    answer = desks.boss.put(STAGE, json=body)
    assert answer.status_code == 400, answer.text
    assert answer.json()["code"] in {"bad_field", "bad_json"}
    assert desks.boss.put(STAGE, json={}).json() == before


def test_an_order_needs_the_page_it_comes_from(stack: Stack, desks: Desks) -> None:
    """Without the CSRF token, or from another site's page, nothing is ordered."""
    cookies = dict(desks.boss.cookies)
    csrf = desks.boss.headers["x-csrf-token"]
    foreign = {"x-csrf-token": csrf, "origin": "https://evil.example"}
    for headers, code in (({}, "bad_csrf"), (foreign, "bad_origin")):
        with httpx.Client(base_url=stack.url, cookies=cookies) as client:
            answer = client.put(STAGE, json={"stage": "startup"}, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (403, code)


@pytest.mark.parametrize("days", ["0", "-1", "367", "nan", "many", ""])
def test_outcomes_of_a_wrong_stretch_are_refused(desks: Desks, days: str) -> None:
    """The parameter is named."""
    answer = desks.boss.get(OUTCOMES, params={"days": days})
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_field")
    assert "days" in answer.json()["field"]


def test_outcomes_are_of_the_shop_alone(
    app: Caller, desk: httpx.Client, desks: Desks
) -> None:
    """An operator may read them; a talk of one shop is none of the other's."""
    before = desks.rival.get(OUTCOMES, params={"days": 1}).json()["contacts"]
    mine = desk.get(OUTCOMES, params={"days": 1}).json()["contacts"]
    app.say(fresh("outcome"), "多久发货")
    assert desk.get(OUTCOMES, params={"days": 1}).json()["contacts"] == mine + 1
    assert desks.rival.get(OUTCOMES, params={"days": 1}).json()["contacts"] == before


def test_the_pack_is_shown_and_tried(desk: httpx.Client, desks: Desks) -> None:
    """Supervisors see intents and what a sentence finds; operators are refused."""
    shown = desks.boss.get(PACKS).json()
    assert shown["problems"] == []
    assert any(one["id"] == "shipping.time" for one in shown["intents"])
    for text, outcome, intent in (
        ("多久发货", "answered", "shipping.time"),
        ("我要退货", "handed_on", "act.return"),
        ("量子纠缠", "missed", None),
    ):
        found = desks.boss.post(f"{PACKS}/try", json={"text": text}).json()
        assert found["outcome"] == outcome
        assert intent is None or found["intent"]["id"] == intent
    refused = desk.post(f"{PACKS}/try", json={"text": "多久发货"})
    assert refused.json()["code"] == "forbidden"
