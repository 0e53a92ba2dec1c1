"""
Addresses of a store: what a URL means.

    unix:///run/store.sock                        one server on a socket
    redis://[user:password@]host[:port][/db]      one server, or a node of a cluster
    rediss://…                                    the same over TLS
    redis+cluster://host:port                     a cluster
    redis+sentinel://host:port[,host:port]/name   whatever the sentinels call primary
    rediss+cluster://…, rediss+sentinel://…       the same over TLS

Options of the client may follow as a query, for example ``?ssl_ca_certs=…``.
"""

from __future__ import annotations

import ssl
from typing import Any, Literal
from urllib.parse import parse_qsl, unquote, urlsplit

import msgspec
from redis.asyncio.connection import SSLConnection, parse_url
from redis.exceptions import RedisError

from gateway.store.errors import StoreMisused
from gateway.store.link import Endpoint


Kind = Literal["single", "cluster", "sentinel"]

_KNOWN = "unix, redis, rediss, redis+cluster, redis+sentinel"


class Address(msgspec.Struct, frozen=True, kw_only=True):
    """
    A parsed store URL.

    Attributes:
        url: In the form the client library takes, for *single* and *cluster*.

        sentinels: Where the sentinels listen; *service* is what they watch.
    """

    kind: Kind
    url: str
    endpoint: Endpoint
    sentinels: tuple[tuple[str, int], ...] = ()
    service: str = ""


def parse(url: str) -> Address:
    """
    Read a store URL.

    Raises:
        StoreMisused: If the URL is none; the message says what was expected.
    """
    scheme, found, rest = url.partition("://")
    if not found:
        raise StoreMisused(f"not a store URL: no scheme; expected one of {_KNOWN}")
    try:
        return _parse(scheme, rest)
    except (ValueError, OSError) as exc:
        # The URL itself may hold a password: it is not repeated.
        raise StoreMisused(f"not a store URL ({scheme}://…): {exc}") from exc


def _parse(scheme: str, rest: str) -> Address:
    plain, _, kind = scheme.partition("+")
    if plain not in {"unix", "redis", "rediss"} or kind not in {
        "",
        "cluster",
        "sentinel",
    }:
        raise ValueError(f"expected one of {_KNOWN}")
    url = f"{plain}://{rest}"
    if kind == "sentinel":
        return _sentinel(plain, rest)
    endpoint = _endpoint(url)
    if plain == "unix" and not endpoint.path:
        raise ValueError("the path of the socket is missing")
    return Address(
        kind="cluster" if kind == "cluster" else "single", url=url, endpoint=endpoint
    )


def _sentinel(plain: str, rest: str) -> Address:
    parts = urlsplit(f"{plain}://{rest}")
    service = unquote(parts.path.strip("/"))
    hosts = parts.netloc.rpartition("@")[2]
    if not service or not hosts:
        raise ValueError("expected redis+sentinel://host:port[,host:port]/service")
    credentials = parts.netloc.rpartition("@")[0]
    sentinels = tuple(_host_port(item) for item in hosts.split(","))
    host, port = sentinels[0]
    at = f"{credentials}@" if credentials else ""
    url = f"{plain}://{at}{host}:{port}?{parts.query}"
    return Address(
        kind="sentinel",
        url=url,
        endpoint=_endpoint(url),
        sentinels=sentinels,
        service=service,
    )


def _host_port(item: str) -> tuple[str, int]:
    parts = urlsplit(f"//{item}")
    if not parts.hostname:
        raise ValueError(f"no host in {item!r}")
    return parts.hostname, parts.port or 26379


def _endpoint(url: str) -> Endpoint:
    # The path of a socket is not parsed as the number of a database.
    options: dict[str, Any] = dict(parse_url(url))
    path = urlsplit(url).path.strip("/")
    if not url.startswith("unix:") and path and not path.isdigit():
        raise ValueError(f"{path!r} is no database number")
    return Endpoint(
        host=options.get("host", "localhost"),
        port=options.get("port", 6379),
        path=options.get("path", ""),
        username=options.get("username", ""),
        password=options.get("password", ""),
        db=options.get("db", 0),
        tls=_tls(url) if url.startswith("rediss:") else None,
    )


def _tls(url: str) -> ssl.SSLContext:
    options = dict(parse_qsl(urlsplit(url).query))
    wanted: dict[str, Any] = {
        name: value for name, value in options.items() if name.startswith("ssl_")
    }
    if "ssl_check_hostname" in wanted:
        wanted["ssl_check_hostname"] = wanted["ssl_check_hostname"].lower() in {
            "1",
            "true",
            "yes",
        }
    try:
        return SSLConnection(**wanted).ssl_context.get()
    except (TypeError, RedisError) as exc:
        raise ValueError(f"wrong option: {exc}") from exc
