"""
A whole Tidegate on this machine: demo shop, store, workers.

For the commands that need one of their own: demo, replay, load tests.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from time import monotonic

import msgspec

from gateway.client import GatewayClient
from gateway.config import Config, ShopConfig
from gateway.errors import GatewayError
from gateway.secrets import fill
from gateway.supervisor import Supervisor


#: Seconds until a fresh stack must take messages.
READY_S = 120.0


MakeSupervisor = Callable[[Config, Callable[[str], None]], Supervisor]


class StackFailed(GatewayError):
    """A part of the stack did not start."""


class Stack(msgspec.Struct, frozen=True, kw_only=True):
    """
    A running stack.

    Attributes:
        shop_url: Of the demo shop; empty if there is none.

        shop_key: Bearer key of the demo shop.

        key: Bearer key of the first shop's *channel*.
    """

    supervisor: Supervisor
    shop_url: str
    shop_key: str
    url: str
    shop: str
    channel: str
    key: str

    def client(self) -> GatewayClient:
        """A client of the stack's gateway."""
        return GatewayClient(self.url, self.key)


@contextmanager
def running(
    config: Config,
    tell: Callable[[str], None],
    *,
    channel: str = "app",
    make_supervisor: MakeSupervisor = Supervisor,
    has_switches: bool = False,
) -> Iterator[Stack]:
    """
    Start the demo shop and a gateway in front of it; stop both at the end.

    There is no demo shop if every shop has a business system of its own. With
    *has_switches* it can be broken, reset and read from outside.

    Raises:
        StackFailed: If it is not ready in time.
    """
    data_dir = Path(config.data_dir)
    data_dir.mkdir(parents=True, exist_ok=True)
    _, secrets = fill(config, data_dir)
    with ExitStack() as parts:
        shop_url = ""
        if not all(shop.business_url for shop in config.shops):
            demo = _demo_shop(
                data_dir / "shop", secrets.business_key, has_switches=has_switches
            )
            shop_url = parts.enter_context(demo)
        with_shop = _with_business(config, shop_url, secrets.business_key)
        supervisor = make_supervisor(with_shop, tell)
        supervisor.start()
        parts.callback(supervisor.stop)
        stack = _stack(supervisor, shop_url, secrets.business_key, channel)
        asyncio.run(until_ready(supervisor))
        yield stack


@contextmanager
def _demo_shop(folder: Path, key: str, *, has_switches: bool) -> Iterator[str]:
    process, url = _start_shop(folder, key, has_switches=has_switches)
    with process:
        try:
            yield url
        finally:
            process.terminate()


def _with_business(config: Config, url: str, key: str) -> Config:
    """Every shop without a business system of its own talks to the demo shop."""

    def fitted(shop: ShopConfig) -> ShopConfig:
        if shop.business_url:
            return shop
        return msgspec.structs.replace(shop, business_url=url, business_key=key)

    return msgspec.structs.replace(
        config, shops=tuple(fitted(shop) for shop in config.shops)
    )


def _stack(supervisor: Supervisor, shop_url: str, shop_key: str, channel: str) -> Stack:
    shop = supervisor.config.shops[0]
    keys = {one.name: one.key for one in shop.channels}
    if channel not in keys:
        raise StackFailed(f"shop {shop.id!r} has no channel {channel!r}")
    return Stack(
        supervisor=supervisor,
        shop_url=shop_url,
        shop_key=shop_key,
        url=supervisor.url,
        shop=shop.id,
        channel=channel,
        key=keys[channel],
    )


def _start_shop(
    folder: Path, key: str, *, has_switches: bool
) -> tuple[subprocess.Popen[bytes], str]:
    """The demo shop as a process of its own, on a free port."""
    folder.mkdir(parents=True, exist_ok=True)
    key_file = folder / "key"
    key_file.touch(mode=0o600)
    key_file.write_text(key, encoding="utf-8")
    command = [sys.executable, "-m", "engines.shops.demo"]
    command += ["--data-dir", str(folder), "--key-file", str(key_file), "--until-eof"]
    command += ["--faults"] if has_switches else []
    process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    assert process.stdout is not None  # noqa: S101 - asked for above
    line = process.stdout.readline()
    if not line:
        raise StackFailed("the demo shop did not start; see above")
    return process, msgspec.json.decode(line, type=dict[str, str])["url"]


async def until_ready(supervisor: Supervisor) -> None:
    """
    Wait until a gateway that was just started takes messages.

    Raises:
        StackFailed: If it cannot, or not in time.
    """
    give_up = monotonic() + READY_S
    async with GatewayClient(supervisor.url, "") as client:
        while monotonic() < give_up:
            if supervisor.failure:
                raise StackFailed(supervisor.failure)
            if await client.is_ready():
                return
            await asyncio.sleep(0.05)
    raise StackFailed(f"the gateway was not ready within {READY_S:.0f} s")
