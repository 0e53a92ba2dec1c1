"""
Ingested knowledge is what the running gateway answers from, per shop, at once.
"""

from __future__ import annotations

import asyncio
from base64 import b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from demo_shop import DemoShop
from inside_gateway import Inside, config_of, open_inside

from engines.contract import ShopId
from engines.retrieval.ingest.run import ingest
from engines.retrieval.ingest.shelf import Shelf
from gateway.handoff.accounts import Accounts, Operator, OperatorRole
from gateway.store.connection import Scripts
from gateway.store.operators import OperatorStore


pytestmark = pytest.mark.anyio
QUESTION = "云杉餐桌的承重和材质是什么"
FACT = "云杉餐桌承重 180 公斤，桌面是北欧云杉实木。"
PASSWORD = "correct horse battery"


@asynccontextmanager
async def gateway(
    store_url: str, demo_shop: DemoShop, folder: Path
) -> AsyncIterator[Inside]:
    """A whole gateway in this process; its shops are demo and rival."""
    config = config_of(store_url, demo_shop.url, folder)
    async with open_inside(config, "a") as inside:
        yield inside


async def answered(inside: Inside, conversation: str, shop: str = "demo") -> str:
    """What the shop's customer is told."""
    await inside.post(conversation, QUESTION, shop=shop)
    await inside.rest()
    return str(await inside.events(conversation, shop))


async def test_what_is_ingested_beside_a_running_gateway_is_served(
    store_url: str, demo_shop: DemoShop, tmp_path: Path
) -> None:
    """Within seconds and without a restart; another shop never sees it."""
    async with gateway(store_url, demo_shop, tmp_path) as inside:
        assert FACT not in await answered(inside, "before")
        document = tmp_path / "table.md"
        document.write_text(f"# 云杉餐桌\n\n## 承重和材质\n{FACT}\n", "utf-8")
        shelf = Shelf(tmp_path / "knowledge" / "demo", ShopId("demo"))
        await asyncio.to_thread(
            ingest, [document], shelf, lambda: "now", lambda *_: None
        )
        for attempt in range(40):
            await asyncio.sleep(0.25)
            if FACT in await answered(inside, f"after{attempt}"):
                break
        else:
            pytest.fail("never served")
        assert FACT not in await answered(inside, "rival", "rival")


async def test_the_knowledge_api_is_for_the_shops_own_supervisors(
    store_url: str, demo_shop: DemoShop, tmp_path: Path
) -> None:
    """Upload, list, search and remove; operators only look, strangers do not."""
    async with gateway(store_url, demo_shop, tmp_path) as inside:
        assert (await inside.http.get("/v1/knowledge")).status_code == 401
        boss = await signed_in(inside, store_url, "boss", "supervisor")
        body = upload("table.md", f"# 云杉餐桌\n\n{FACT}\n")
        done = (await boss.post("/v1/knowledge", json=body)).json()
        assert (done["status"], done["passages"]) == ("added", 1)
        listed = (await boss.get("/v1/knowledge")).json()
        assert [one["name"] for one in listed["documents"]] == ["table.md"]
        found = await boss.get("/v1/knowledge/search", params={"q": "餐桌承重"})
        assert found.json()["passages"][0]["text"] == FACT
        assert FACT in await answered(inside, "asked")
        bad = await boss.post("/v1/knowledge", json=upload("x.pdf", "no pdf"))
        assert bad.json()["status"] == "refused"
        for name in ("../x.md", "a/b.md", ".md", ""):
            sent = await boss.post("/v1/knowledge", json=upload(name, "x"))
            assert sent.status_code == 400
        again = upload(
            "again.md", "# 旧活动\n\n有效期：2020年1月1日至2020年2月1日\n\n全场八折。"
        )
        await boss.post("/v1/knowledge", json=again)
        doubts = (await boss.get("/v1/knowledge/check")).json()
        old = [one["kind"] for one in doubts if one["where"].startswith("again.md")]
        assert old == ["expired"]
        assert not [one for one in doubts if one["where"].startswith("/")]
        await boss.delete("/v1/knowledge", params={"name": "again.md"})
        clerk = await signed_in(inside, store_url, "clerk", "operator")
        assert (await clerk.get("/v1/knowledge")).status_code == 200
        assert (await clerk.post("/v1/knowledge", json=body)).status_code == 403
        gone = await boss.delete("/v1/knowledge", params={"name": "table.md"})
        assert gone.json()["status"] == "removed"
        again = await boss.delete("/v1/knowledge", params={"name": "table.md"})
        assert again.status_code == 404
        assert FACT not in await answered(inside, "gone")


def upload(name: str, text: str) -> dict[str, Any]:
    """A body that uploads *text* as a file."""
    return {"name": name, "content": b64encode(text.encode()).decode()}


async def signed_in(
    inside: Inside, store_url: str, name: str, role: OperatorRole
) -> httpx.AsyncClient:
    """A client with the session of a new account."""
    scripts = await Scripts.connect(store_url)
    who = Operator(shop="demo", name=name, display=name, role=role, capacity=3)
    await Accounts(OperatorStore(scripts)).add_operator(who, PASSWORD)
    await scripts.close()
    transport = httpx.ASGITransport(app=inside.gateway.asgi)
    client = httpx.AsyncClient(transport=transport, base_url="http://inside")
    body = {"shop": "demo", "name": name, "password": PASSWORD}
    answer = await client.post("/v1/desk/session", json=body)
    assert answer.status_code == 201, answer.text
    client.headers["x-csrf-token"] = answer.json()["csrf"]
    return client
