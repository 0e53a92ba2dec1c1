"""
Fixtures of the shop's tests: the real service on a free port, and its connectors.

What the port promises is tested through each of them: its own HTTP connector, the
service's OpenAPI document with a mapping, and an MCP server in a process of its own.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import httpx
import pytest
from demo_shop import KEY, ROOT, DemoShop

from engines.shops import mapping
from engines.shops.http import HttpShop
from engines.shops.mcp_tools import McpShop
from engines.shops.openapi import OpenApiShop, described
from engines.shops.port import ShopPort


MAPPINGS = ROOT / "configs" / "shops"


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[DemoShop]:
    """A fresh shop, served over HTTP."""
    shop = DemoShop(tmp_path).start()
    yield shop
    shop.stop()


@pytest.fixture(scope="session")
def upstream(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file that says which shop the MCP server stands before."""
    return tmp_path_factory.mktemp("mcp") / "shop"


@pytest.fixture(scope="session")
def mcp_url(upstream: Path) -> Iterator[str]:
    """An MCP server, in a process of its own."""
    words = [sys.executable, str(Path(__file__).with_name("mcp_shop.py"))]
    with subprocess.Popen(
        [*words, str(upstream)], stdout=subprocess.PIPE, cwd=ROOT, text=True
    ) as process:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
        process.kill()


@pytest.fixture(params=["http", "openapi", "mcp"])
async def shop(
    request: pytest.FixtureRequest, demo: DemoShop, tmp_path: Path
) -> AsyncIterator[ShopPort]:
    """Each connector to the fresh shop."""
    async with AsyncExitStack() as parts:
        if request.param == "http":
            http = HttpShop(demo.url, KEY, timeout_s=5.0)
            yield await parts.enter_async_context(http)
        elif request.param == "openapi":
            yield await parts.enter_async_context(by_document(demo, tmp_path))
        else:
            url = request.getfixturevalue("mcp_url")
            request.getfixturevalue("upstream").write_text(demo.url)
            tools = McpShop(*mapping.load(MAPPINGS / "mcp-example.yaml"), url, KEY, 5.0)
            yield await parts.enter_async_context(tools)


def by_document(demo: DemoShop, folder: Path) -> OpenApiShop:
    """The connector made of the service's own document, as a user would."""
    headers = {"Authorization": f"Bearer {KEY}"}
    document = httpx.get(f"{demo.url}/docs/openapi.json", headers=headers)
    (folder / "demo-shop.json").write_bytes(document.content)
    words, lines = mapping.load(MAPPINGS / "demo-openapi.yaml")
    return OpenApiShop(words, described(words, lines, folder), demo.url, KEY, 5.0)
