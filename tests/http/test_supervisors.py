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


@pytest.mark.parametrize("path", [OVERVIEW, OUTCOMES, STAGE])
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
