"""
The pages: chat, desk, routing lab, operations. Plain files; nothing loads from elsewhere.

What pages load is read and compressed once, at the start.
"""

from __future__ import annotations

import gzip
import hashlib
import mimetypes
from pathlib import Path
from typing import Annotated, Any, NamedTuple

from litestar import Request, Response, get
from litestar.handlers import HTTPRouteHandler
from litestar.params import PathParameter
from litestar.types import ControllerRouterHandler

from gateway.errors import NotFound


#: Name of the page -> file under ``gateway/web``.
PAGES = {
    "/": "index.html",
    "/desk": "desk.html",
    "/lab": "lab.html",
    "/ops": "ops.html",
}
ASSETS = "/web"

_AssetPath = Annotated[str, PathParameter()]

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
    return [*pages, _assets(folder)]


class _Asset(NamedTuple):
    """A file as it is sent."""

    plain: bytes
    zipped: bytes
    kind: str
    tag: str


def _assets(folder: Path) -> HTTPRouteHandler:
    """One route for all files; a browser that has one asks whether it is still so."""
    files = {
        f"/{path.relative_to(folder).as_posix()}": _asset(path)
        for path in folder.rglob("*")
        if path.is_file()
    }

    @get(f"{ASSETS}/{{name:path}}", include_in_schema=False, sync_to_thread=False)
    def asset(request: Request[Any, Any, Any], name: _AssetPath) -> Response[bytes]:
        found = files.get(name)
        if found is None:
            raise NotFound(f"there is no file {name}")
        headers = {
            "cache-control": "no-cache",
            "etag": found.tag,
            "vary": "accept-encoding",
        }
        if request.headers.get("if-none-match") == found.tag:
            return Response(b"", status_code=304, headers=headers)
        if "gzip" in request.headers.get("accept-encoding", ""):
            headers["content-encoding"] = "gzip"
            return Response(found.zipped, media_type=found.kind, headers=headers)
        return Response(found.plain, media_type=found.kind, headers=headers)

    return asset


def _asset(path: Path) -> _Asset:
    plain = path.read_bytes()
    kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    if kind.startswith("text/"):
        kind += "; charset=utf-8"
    tag = f'"{hashlib.blake2b(plain, digest_size=12).hexdigest()}"'
    return _Asset(plain, gzip.compress(plain, mtime=0), kind, tag)


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
