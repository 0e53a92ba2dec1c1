"""
``/v1/audit``: what people do at the desk leaves lines, for supervisors of the shop.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import CliRunner
from conftest import PASSWORD
from litestar.handlers import HTTPRouteHandler
from test_supervisors import Desks, _signed_in

from gateway.cli.audit import audit
from gateway.config import Config
from gateway.http.actions import action_routes
from gateway.http.corrections import correction_routes
from gateway.http.desk import desk_routes
from gateway.http.desk_help import desk_help_routes
from gateway.http.knowledge import knowledge_routes
from gateway.http.models import model_routes
from gateway.http.packs import pack_routes
from gateway.http.stages import stage_routes
from gateway.http.tide import tide_routes
from gateway.stack import Stack


AUDIT, STAGE = "/v1/audit", "/v1/stage"
OTHERS = (
    stage_routes, tide_routes, pack_routes, action_routes, knowledge_routes,
    model_routes, correction_routes,
)  # fmt: skip
#: Work on talks, and a look that changes nothing.
TALKS = {
    "claim", "close", "decline", "note", "reply", "set_presence", "take", "transfer",
    "tried", "wrap_up",
}  # fmt: skip


@pytest.fixture(scope="module")
def desks(stack: Stack) -> Iterator[Desks]:
    """Supervisors of two shops and an administrator."""
    found = Desks(
        boss=_signed_in(stack, "demo", "boss2", "supervisor"),
        admin=_signed_in(stack, "demo", "root2", "admin"),
        rival=_signed_in(stack, "rival", "chief2", "supervisor"),
    )
    yield found
    for client in (found.boss, found.admin, found.rival):
        client.close()


def _lines(client: httpx.Client, **query: Any) -> list[dict[str, Any]]:
    answer = client.get(AUDIT, params=query)
    assert answer.status_code == 200, answer.text
    lines: list[dict[str, Any]] = answer.json()["lines"]
    return lines


def test_an_order_leaves_a_line(desks: Desks) -> None:
    """With who gave it, and only in the own shop."""
    desks.boss.put(STAGE, json={"stage": "growth"}).raise_for_status()
    last = _lines(desks.boss)[0]
    assert (last["who"], last["act"], last["result"]) == ("boss2", "stage", "begun")
    assert last["about"] == {"stage": "growth"}
    assert all(line["shop"] == "rival" for line in _lines(desks.rival))


def test_a_refused_order_is_told_as_one(desks: Desks, desk: httpx.Client) -> None:
    """An operator's try too, and one with a wrong value."""
    assert desk.put(STAGE, json={"stage": "growth"}).status_code == 403
    failed = _lines(desks.boss)[0]
    assert (failed["who"], failed["result"]) == ("lin", "failed")
    assert failed["about"]["why"] == "Forbidden"
    wrong = desks.boss.post("/v1/models/nothing/promote")
    assert wrong.status_code == 403
    assert _lines(desks.boss)[0]["about"] == {"version": "nothing", "why": "Forbidden"}


def test_sign_ins_leave_lines(desks: Desks, stack: Stack) -> None:
    """Those that failed too; of a shop that is not there, none."""
    for shop in ("demo", "nowhere"):
        body = {"shop": shop, "name": "boss2", "password": "wrong-" + PASSWORD}
        with httpx.Client(base_url=stack.url, trust_env=False) as client:
            assert client.post("/v1/desk/session", json=body).status_code == 401
    last = _lines(desks.boss)[0]
    assert (last["who"], last["act"], last["result"]) == ("boss2", "sign_in", "failed")
    known = {line["act"] for line in _lines(desks.boss, limit=500)}
    assert {"sign_in", "account"} <= known


def test_only_supervisors_read(desks: Desks, desk: httpx.Client) -> None:
    """And only administrators what is of no shop."""
    assert desk.get(AUDIT).status_code == 403
    assert desks.boss.get(AUDIT, params={"house": True}).status_code == 403
    assert desks.admin.get(AUDIT, params={"house": True}).status_code == 200


def test_pages_follow_each_other(desks: Desks) -> None:
    """From the newest to the oldest, each line once."""
    seen, before = [], 2**53
    while before:
        page = desks.boss.get(AUDIT, params={"limit": 2, "before": before}).json()
        seen += [line["n"] for line in page["lines"]]
        before = page["next"]
    assert seen == sorted(seen, reverse=True)
    assert seen[-1] == 1


def test_the_command_verifies(config: Config, desks: Desks, folder: Path) -> None:
    """Beside the running gateway; a hash that nobody wrote is missed."""
    del desks
    where = ["--config", str(folder / "tidegate.toml"), "--data-dir", config.data_dir]
    run = CliRunner()
    found = run.invoke(audit, ["verify", *where, "--shop", "demo"])
    assert found.exit_code == 0, found.output
    listed = run.invoke(audit, ["list", *where, "--shop", "demo", "--act", "stage"])
    assert "boss2" in listed.output
    other = run.invoke(audit, ["verify", *where, "--shop", "demo", "--hash", "0" * 64])
    assert other.exit_code == 1


def test_no_changing_route_is_forgotten() -> None:
    """What changes something leaves a line; work on talks stands in their own logs."""
    found = {
        handler.fn.__name__
        for routes in (desk_routes, desk_help_routes, *OTHERS)
        for controller in routes()
        if isinstance(controller, type)
        for handler in vars(controller).values()
        if isinstance(handler, HTTPRouteHandler)
        and not handler.http_methods & {"GET", "HEAD"}
        and "audit" not in (handler.opt or {})
    }
    assert found == {"sign_in"} | TALKS
