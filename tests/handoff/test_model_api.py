"""
Router models and corrections over HTTP: who may do what, and what is refused.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from desk_server import RELEASED, DeskServer

from router_models import corrections
from router_models.registry import SHIPPED, Comparison, Registry


pytestmark = pytest.mark.anyio

WRONG = {
    "text": "不是说好今天退我的吗，打 13812345678",
    "complexity": "complex",
    "risk": "high",
    "asks_human": False,
    "needs_person": True,
    "context": [{"role": "assistant", "text": "今天会处理的"}],
}


async def test_only_administrators_see_and_change_models(server: DeskServer) -> None:
    """An operator is refused, and so is who is not signed in."""
    await server.hire("lin")
    async with server.signed_in("lin") as lin:
        assert (await lin.get("/v1/models")).status_code == 403
        assert (await lin.post("/v1/models/rollback")).status_code == 403
        lin.cookies.clear()
        assert (await lin.get("/v1/models")).status_code == 401


async def test_a_model_is_promoted_and_rolled_back(
    server: DeskServer, tmp_path: Path
) -> None:
    """The list shows the roles; unknown and worse models are refused by code."""
    registry = Registry(tmp_path / "models", RELEASED)
    version = registry.add(RELEASED)
    await server.hire("ada", role="admin")
    async with server.signed_in("ada") as ada:
        done = await ada.post(f"/v1/models/{version}/promote")
        assert done.json()["active"] == version
        shown = (await ada.get("/v1/models")).json()
        assert {m["version"]: m["roles"] for m in shown["models"]} == {
            SHIPPED: ["previous"],
            version: ["active"],
        }
        back = await ada.post("/v1/models/rollback")
        assert back.json()["active"] == SHIPPED
        gone = await ada.post("/v1/models/router-none/promote")
        assert (gone.status_code, gone.json()["code"]) == (404, "model_not_found")
        registry.add(RELEASED, Comparison(against="x", figures={}, reasons=("worse",)))
        refused = await ada.post(f"/v1/models/{version}/promote")
        assert (refused.status_code, refused.json()["code"]) == (409, "model_refused")


async def test_shadow_and_canary_are_set_and_ended(
    server: DeskServer, tmp_path: Path
) -> None:
    """An empty version ends either."""
    version = Registry(tmp_path / "models", RELEASED).add(RELEASED)
    await server.hire("ada", role="admin")
    async with server.signed_in("ada") as ada:
        put = await ada.put("/v1/models/shadow", json={"version": version})
        assert put.json()["shadow"] == version
        put = await ada.put(
            "/v1/models/canary", json={"version": version, "share": 0.2}
        )
        assert put.json()["canary_share"] == 0.2
        put = await ada.put("/v1/models/canary", json={})
        assert (put.json()["canary"], put.json()["canary_share"]) == ("", 0.0)
        assert (await ada.put("/v1/models/shadow", json={})).json()["shadow"] == ""


async def test_a_correction_is_kept_masked(server: DeskServer, tmp_path: Path) -> None:
    """Who said it and what the labels should be; the phone number is gone."""
    await server.hire("lin")
    async with server.signed_in("lin") as lin:
        sent = await lin.post("/v1/lab/corrections", json=WRONG)
        assert sent.status_code == 204, sent.text
    (one,) = corrections.read(tmp_path / "corrections.jsonl")
    assert (one.by, one.model, one.at_ms) == ("demo/lin", "router-x", 7)
    assert "13812345678" not in one.text
    assert one.needs_person
    (example,) = corrections.examples([one])
    assert example.tier == "human"


async def test_a_correction_needs_a_session(server: DeskServer) -> None:
    """Customers cannot teach the router."""
    await server.hire("lin")
    async with server.signed_in("lin") as lin:
        lin.cookies.clear()
        sent = await lin.post("/v1/lab/corrections", json=WRONG)
    assert sent.status_code == 401
