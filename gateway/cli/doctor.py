"""
``tidegate doctor``: what would keep this machine from serving, and the fix.
"""

from __future__ import annotations

import asyncio
import os
import platform
import socket
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import AsyncExitStack
from email.utils import parsedate_to_datetime
from functools import partial
from pathlib import Path
from statistics import median
from time import perf_counter, time_ns
from typing import Literal

import click
import httpx
import msgspec
from rich.console import Console
from rich.table import Table

from engines.agent.policy import Policy
from gateway.channels.accounts import doubts, troubles
from gateway.channels.registry import open_channel
from gateway.cli import options
from gateway.clock import wall_ms
from gateway.config import ChannelConfig, Config, ShopConfig, resolve
from gateway.routers import load_router
from gateway.secrets import fill_platform
from gateway.services import open_services
from gateway.store.connection import Scripts
from gateway.store.durability import probe
from gateway.store.embedded import EmbeddedStore
from gateway.store.errors import StoreLocked


#: Writes timed to know what a sync costs here.
SYNCS = 50
#: A sync slower than this makes every acknowledgement slow.
SLOW_SYNC_MS = 10.0
#: Difference of clocks that signatures and tokens would feel.
MAX_SKEW_S = 5.0


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One check: what was looked at, how it stands, and what to do."""

    check: str
    state: Literal["ok", "warning", "error"]
    detail: str
    fix: str = ""


@click.command()
@options.config_file
@options.data_dir
@options.as_json
def doctor(config_file: Path | None, data_dir: Path | None, as_json: bool) -> None:
    """Check configuration, store, disk, port, clock, shops. Exit 1 on an error."""
    config = options.read_config(
        config_file, data_dir=str(data_dir) if data_dir else None
    )
    findings = [
        Finding(
            check="configuration", state="ok", detail=str(config_file or "shipped")
        ),
        *examine(config),
    ]
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(findings)))
    else:
        _print(findings)
    sys.exit(1 if any(one.state == "error" for one in findings) else 0)


def examine(config: Config) -> Iterator[Finding]:
    """Every check in order; a failing one does not stop the next."""
    checks: list[tuple[str, Callable[[], Finding]]] = [
        ("python", _python),
        ("port", lambda: _port(config)),
        ("disk", lambda: _disk(Path(config.data_dir))),
        ("store", lambda: asyncio.run(_store(config))),
        ("router", lambda: _router(config)),
    ]
    data_dir = Path(config.data_dir)
    checks += [
        (f"shop {shop.id}", partial(_shop_found, shop, data_dir))
        for shop in config.shops
    ]
    yield from _run(checks)
    yield from examine_channels(config)


def examine_channels(config: Config) -> Iterator[Finding]:
    """The checks of every channel with a platform."""
    return _run(
        (f"channel {shop.id}/{one.name}", partial(_channel, config, shop, one))
        for shop in config.shops
        for one in shop.channels
        if one.platform is not None
    )


def _run(checks: Iterable[tuple[str, Callable[[], Finding]]]) -> Iterator[Finding]:
    for name, check in checks:
        try:
            yield check()
        except Exception as exc:  # noqa: BLE001 - every trouble is a finding
            yield Finding(check=name, state="error", detail=str(exc))


def _python() -> Finding:
    found = f"{platform.python_version()} on {platform.system()} {platform.machine()}"
    return Finding(check="python", state="ok", detail=found)


def _port(config: Config) -> Finding:
    host, port = config.server.host, config.server.port
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as exc:
            return Finding(
                check="port",
                state="warning",
                detail=f"{host}:{port}: {exc.strerror}",
                fix="stop what listens there, or choose another with --port",
            )
    return Finding(check="port", state="ok", detail=f"{host}:{port} is free")


def _disk(folder: Path) -> Finding:
    """What a synced write costs in the data folder."""
    folder.mkdir(parents=True, exist_ok=True)
    took = []
    with tempfile.NamedTemporaryFile(dir=folder) as file:
        for _ in range(SYNCS):
            started = perf_counter()
            file.write(b"x" * 512)
            file.flush()
            os.fsync(file.fileno())
            took.append((perf_counter() - started) * 1e3)
    took.sort()
    detail = f"fsync p50 {median(took):.2f} ms, worst {took[-1]:.2f} ms in {folder}"
    if median(took) > SLOW_SYNC_MS:
        fix = "put the data folder on a local disk; network folders are not supported"
        return Finding(check="disk", state="warning", detail=detail, fix=fix)
    return Finding(check="disk", state="ok", detail=detail)


async def _store(config: Config) -> Finding:
    if config.store.url:
        return await _probe(config.store.url)
    store = EmbeddedStore(Path(config.data_dir))
    try:
        url = store.start()
    except StoreLocked:
        return await _probe(store.url)
    try:
        return await _probe(url)
    finally:
        store.stop()


async def _probe(url: str) -> Finding:
    scripts = await Scripts.connect(url)
    try:
        found = await probe(scripts)
        seconds, _ = await scripts.redis.time()
    finally:
        await scripts.close()
    skew_s = abs(seconds - time_ns() / 1e9)
    if skew_s > MAX_SKEW_S:
        return Finding(
            check="store",
            state="warning",
            detail=f"its clock differs by {skew_s:.0f} s",
            fix="synchronise the clocks (NTP)",
        )
    if found.level == "best-effort":
        return Finding(
            check="store",
            state="warning",
            detail=f"best-effort: {found.reason}",
            fix="set appendonly yes and appendfsync always, or leave store.url empty",
        )
    return Finding(check="store", state="ok", detail=f"{found.level}: {found.reason}")


def _router(config: Config) -> Finding:
    router = load_router(config.router)
    return Finding(check="router", state="ok", detail=f"model {router.version}")


def _shop_found(shop: ShopConfig, data_dir: Path) -> Finding:
    return asyncio.run(_shop(shop, data_dir))


async def _shop(shop: ShopConfig, data_dir: Path) -> Finding:
    """Load packs, knowledge, policy and voice as a start would."""
    async with AsyncExitStack() as resources:
        found = await open_services([shop], data_dir, None, wall_ms, resources, {})
        tiers = ", ".join(found[shop.id].engines)
    Policy.load(resolve(shop.policy))
    if not shop.business_url:
        return Finding(
            check=f"shop {shop.id}",
            state="warning",
            detail=f"answers on {tiers}; no business system",
            fix="set business_url for order look-ups and L3 (the demo starts one)",
        )
    return Finding(check=f"shop {shop.id}", state="ok", detail=f"answers on {tiers}")


def _channel(config: Config, shop: ShopConfig, channel: ChannelConfig) -> Finding:
    """Shape of the credentials, how long repeats are known, and the address to enter."""
    name = f"channel {shop.id}/{channel.name}"
    platform = fill_platform(channel.platform) if channel.platform else None
    assert platform is not None  # noqa: S101 - only such channels are looked at
    wrong = list(troubles(platform))
    if wrong:
        return Finding(check=name, state="error", detail=wrong[0], fix="see above")
    odd = next(doubts(platform), None)
    if odd is not None:
        fix = "copy it again from the platform's console"
        return Finding(check=name, state="warning", detail=odd, fix=fix)
    caps = open_channel(platform).caps
    if config.store.dedup_days * 86_400 < caps.retry_window_s:
        days = caps.retry_window_s / 86_400
        return Finding(
            check=name,
            state="error",
            detail=f"the platform repeats for {days:.1f} days, longer than we know ids",
            fix=f"set store.dedup_days to {days:.1f} or more",
        )
    if caps.keeps_connection:
        return Finding(check=name, state="ok", detail="connects to the platform")
    path = f"/v1/hooks/{channel.name}/{shop.id}"
    if not config.server.public_url:
        return Finding(
            check=name,
            state="warning",
            detail=f"the platform calls …{path}; whether it can is not known",
            fix="set server.public_url to the https:// address of this gateway",
        )
    return _reachable(name, config.server.public_url, path)


def _reachable(name: str, public_url: str, path: str) -> Finding:
    """Whether the public address leads to a gateway, with a clock like ours."""
    address = f"{public_url.rstrip('/')}{path}"
    if not public_url.startswith("https://"):
        fix = "platforms call https:// addresses only; put a TLS proxy in front"
        return Finding(check=name, state="warning", detail=address, fix=fix)
    try:
        answer = httpx.get(f"{public_url.rstrip('/')}/healthz", timeout=5)
    except httpx.HTTPError as exc:
        detail = f"{public_url}: {type(exc).__name__}"
        fix = "start the gateway, or mend the address or the proxy in front of it"
        return Finding(check=name, state="warning", detail=detail, fix=fix)
    skew_s = _skew_s(answer.headers.get("date", ""))
    if abs(skew_s) > MAX_SKEW_S:
        detail = f"{public_url}'s clock differs by {skew_s:.0f} s"
        fix = "synchronise the clocks (NTP): signatures carry the time"
        return Finding(check=name, state="warning", detail=detail, fix=fix)
    return Finding(check=name, state="ok", detail=f"enter {address} at the platform")


def _skew_s(date: str) -> float:
    """Seconds between an HTTP date and our clock; 0 if there is none."""
    try:
        return parsedate_to_datetime(date).timestamp() - time_ns() / 1e9
    except ValueError:
        return 0.0


def _print(findings: list[Finding]) -> None:
    table = Table("check", "state", "what was found", "what to do")
    colours = {"ok": "green", "warning": "yellow", "error": "red"}
    for one in findings:
        state = f"[{colours[one.state]}]{one.state}[/]"
        table.add_row(one.check, state, one.detail, one.fix)
    Console().print(table)
