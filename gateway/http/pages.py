"""
The pages: chat, desk, routing lab. Plain files; nothing loads from elsewhere.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from litestar import Response, get
from litestar.datastructures import CacheControlHeader
from litestar.handlers import HTTPRouteHandler
from litestar.static_files import create_static_files_router
from litestar.types import ControllerRouterHandler


#: Name of the page -> file under ``gateway/web``.
PAGES = {"/": "index.html", "/desk": "desk.html", "/lab": "lab.html"}
ASSETS = "/web"

_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:;"
    " connect-src 'self'; font-src 'self'; base-uri 'none'; form-action 'self';"
    " frame-ancestors 'none'"
)


def page_routes(folder: Path) -> list[ControllerRouterHandler]:
    """Routes of every page in *folder* and of the files they load."""
    pages = [
        _page(path, folder / name)
        for path, name in PAGES.items()
        if (folder / name).exists()
    ]
    assets = create_static_files_router(
        path=ASSETS,
        directories=[folder],
        include_in_schema=False,
        cache_control=CacheControlHeader(no_cache=True),
    )
    return [*pages, assets]


def _page(path: str, file: Path) -> HTTPRouteHandler:
    html = file.read_bytes()

    @get(path, include_in_schema=False, sync_to_thread=False, name=f"page {path}")
    def page() -> Response[Any]:
        return Response(
            html,
            media_type="text/html; charset=utf-8",
            headers={"content-security-policy": _POLICY, "cache-control": "no-cache"},
        )

    return page
