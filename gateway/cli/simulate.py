"""
``tidegate simulate``: play a platform against a running gateway.

Signs with the account of the configuration, as the platform would: a valid message,
the same again, two out of order, forged ones and late ones. What the gateway sends
back goes to the platform's real address unless ``api_url`` says otherwise. For a bot
with a connection it is the server at ``url``, if that lies on this machine.
"""

from __future__ import annotations

import asyncio
import secrets
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import httpx
import msgspec
from rich.console import Console
from rich.table import Table

from gateway.channels.contract import RawRequest
from gateway.channels.registry import open_channel
from gateway.cli import options
from gateway.cli.operator import shop_of
from gateway.config import Config
from gateway.errors import ConfigError
from gateway.secrets import fill
from loadtest import connection_play
from loadtest.connection_play import Connecting
from loadtest.play import Player, Said
from loadtest.players import PLAYERS
from loadtest.tampering import forged


#: Forged requests of one run.
FORGED = 50


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """
    One request: what it was, what came back, and whether it should.

    Attributes:
        status: Of HTTP; over a connection the number of answers.
    """

    step: str
    status: int
    expected: int
    ms: float

    @property
    def is_fine(self) -> bool:
        """The gateway answered as it must."""
        return self.status == self.expected


@click.command()
@click.argument("channel")
@options.config_file
@options.data_dir
@options.as_json
@click.option("--shop", help="Shop of the channel; the only one if left out.")
@click.option("--url", help="Of the gateway; by the configuration if left out.")
@click.option("--user", default="1000200030", show_default=True, help="Digits.")
@click.option("--text", default="多久发货", show_default=True)
def simulate(
    channel: str,
    config_file: Path | None,
    data_dir: Path | None,
    as_json: bool,
    shop: str | None,
    url: str | None,
    user: str,
    text: str,
) -> None:
    """Play CHANNEL's platform: valid, duplicate, reordered, forged, late. Exit 1 if
    one request is not answered as it must be.
    """
    config = options.read_config(
        config_file, data_dir=str(data_dir) if data_dir else None
    )
    named = shop_of(config, shop)
    settings = _account(config, named, channel)
    if isinstance(settings, Connecting):
        steps = _play_connection(settings, user, text)
    else:
        steps = _play_webhooks(config, url, f"{channel}/{named}", settings, user, text)
    _tell(steps, as_json=as_json)
    sys.exit(0 if all(step.is_fine for step in steps) else 1)


def _play_webhooks(
    config: Config, url: str | None, hook: str, settings: Any, user: str, text: str
) -> list[Step]:
    player = PLAYERS[str(settings.__struct_config__.tag)]
    base = url or f"http://{config.server.host}:{config.server.port}"
    path = f"{base}/v1/hooks/{hook}"
    try:
        with httpx.Client(trust_env=False, timeout=30) as http:
            return list(_play(http, path, settings, player, user, text))
    except httpx.TransportError as exc:
        raise ConfigError(
            f"{base}: cannot be reached ({exc}); start it with tidegate serve, or"
            " name it with --url"
        ) from exc


def _play_connection(settings: Connecting, user: str, text: str) -> list[Step]:
    """Be the server that the gateway connects to."""
    name, url = connection_play.address_of(settings)
    if not connection_play.port_of(settings):
        scheme = "ws" if name == "url" else "http"
        raise ConfigError(
            f"the bot connects to {url}, which cannot be played here; set"
            f' platform.{name} = "{scheme}://127.0.0.1:8765" and start the gateway anew'
        )
    try:
        played = asyncio.run(connection_play.play(settings, user, text))
    except OSError as exc:
        raise ConfigError(f"{url}: cannot be listened on ({exc})") from exc
    return [
        Step(step=one.step, status=one.found, expected=one.expected, ms=one.ms)
        for one in played
    ]


def _account(config: Config, shop: str, channel: str) -> Any:
    """The settings of a channel's platform, secrets read."""
    filled, _ = fill(config, Path(config.data_dir))
    for one in filled.shops:
        for found in one.channels:
            if one.id == shop and found.name == channel and found.platform is not None:
                return found.platform
    known = [
        f"{one.id}/{found.name}"
        for one in filled.shops
        for found in one.channels
        if found.platform is not None
    ]
    raise ConfigError(
        f"{shop}/{channel} has no platform; those that have: {', '.join(known) or 'none'}"
    )


def _play(
    http: httpx.Client, path: str, settings: Any, player: Player, user: str, text: str
) -> Iterator[Step]:
    """Every step, while it happens."""
    if player.handshake is not None:
        shake = player.handshake(settings, time.time())
        yield _call(http, path, "handshake", shake.request, 200)
    first = player.hook(settings, _said(user, text))
    yield _call(http, path, "valid", first, 200)
    yield _call(http, path, "duplicate", first, 200)
    older = player.hook(settings, _said(user, f"{text}？", time.time() - 2))
    newer = player.hook(settings, _said(user, f"{text}?"))
    yield _call(http, path, "reordered, newer first", newer, 200)
    yield _call(http, path, "reordered, older second", older, 200)
    kind = str(settings.__struct_config__.tag)
    for number, (how, request) in enumerate(forged(kind, settings, time.time())):
        if number == FORGED:
            break
        yield _call(http, path, f"forged: {how}", request, 401)
    skew_s = open_channel(settings).caps.skew_s
    if skew_s:
        late = player.hook(settings, _said(user, text, time.time() - skew_s - 60))
        yield _call(http, path, "late", late, 401)


def _said(user: str, text: str, at_s: float | None = None) -> Said:
    return Said(secrets.token_hex(8), user, text, at_s or time.time())


def _call(
    http: httpx.Client, path: str, step: str, request: RawRequest, expected: int
) -> Step:
    headers = [
        (name.encode(), value.encode("utf-8", "replace"))
        for name, value in request.headers.items()
        if value.isprintable() and value == value.strip()
    ]
    started = time.perf_counter()
    answer = http.request(
        request.method,
        path,
        params=dict(request.query),
        headers=headers,
        content=request.body,
    )
    took_ms = (time.perf_counter() - started) * 1e3
    return Step(
        step=step, status=answer.status_code, expected=expected, ms=round(took_ms, 1)
    )


def _tell(steps: list[Step], *, as_json: bool) -> None:
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(steps)))
        return
    table = Table("step", "status", "expected", "ms")
    for step in steps:
        colour = "green" if step.is_fine else "red"
        table.add_row(
            step.step, f"[{colour}]{step.status}[/]", str(step.expected), f"{step.ms}"
        )
    Console().print(table)
