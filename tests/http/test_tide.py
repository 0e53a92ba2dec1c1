"""
Load over HTTP: the state, the customers' sentence, the ways out of the line.
"""

from __future__ import annotations

import httpx
import pytest
from wire_calls import Caller, check_problem, fresh


def test_load_names_no_shop_and_no_customer(app: Caller) -> None:
    """Anybody may look: rung and pools only."""
    app.say(fresh(), "多久发货", user_id="c1001")
    state = httpx.get(f"{app.stack.url}/v1/load").json()
    assert state["name"] == "normal"
    assert state["pools"].keys() == {"L2", "L3"}
    assert state["pools"]["L3"]["limit"] == state["pools"]["L3"]["most"]
    assert "c1001" not in str(state)
    assert "demo" not in str(state)


def test_notice_of_an_unknown_shop(app: Caller) -> None:
    """Nothing is said of shops that are not here."""
    answer = httpx.get(f"{app.stack.url}/v1/load/nowhere/notice")
    check_problem(answer, 404, "not_found")
    known = httpx.get(f"{app.stack.url}/v1/load/demo/notice").json()
    assert known == {"rung": 0, "notice": {}}


def test_orders_of_the_load_are_for_supervisors(desk: httpx.Client) -> None:
    """An operator may look, not hold a rung."""
    assert desk.get("/v1/desk/tide").json()["rung"] == 0
    refused = desk.put("/v1/desk/tide", json={"pin": 4})
    check_problem(refused, 403, "forbidden")


def test_a_customer_asks_for_the_place_and_leaves(
    app: Caller, operator: httpx.Client
) -> None:
    """Position by pull; cancelled, the machine has the conversation again."""
    conversation = fresh()
    app.say(conversation, "转人工")
    path = f"/v1/conversations/{conversation}/handoff"
    place = app.http.get(path).json()
    assert place["position"] == 1
    assert place["eta_s"][0] <= place["eta_s"][1]
    gone = app.http.delete(path).json()
    assert gone["state"] == "abandoned"
    assert app.say(conversation, "多久发货")["status"] == "answered"
    check_problem(app.http.get(path), 404, "not_found")


def test_a_customer_would_rather_be_answered_later(
    app: Caller, operator: httpx.Client
) -> None:
    """A place in the line becomes a ticket with a time, once somebody else is offered."""
    held = [fresh() for _ in range(21)]
    for conversation in held:
        app.say(conversation, "转人工")
    path = f"/v1/conversations/{held[-1]}/handoff"
    assert app.http.get(path).json()["state"] == "queued"
    later = app.http.post(f"{path}/callback").json()
    assert later["state"] == "ticketed"
    assert later["promised_at"]
    for conversation in held[:-1]:
        app.http.delete(f"/v1/conversations/{conversation}/handoff")


@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_another_channels_key_sees_no_place(
    app: Caller, rival: Caller, operator: httpx.Client, method: str
) -> None:
    """I8: the line of one shop is no business of another."""
    conversation = fresh()
    app.say(conversation, "转人工")
    path = f"/v1/conversations/{conversation}/handoff"
    check_problem(rival.http.request(method, path), 404, "not_found")
    assert app.http.get(path).json()["position"] == 1
