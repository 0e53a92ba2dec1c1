"""
``tidegate demo``: a whole shop to talk to, or one scripted day of it.
"""

from __future__ import annotations

import asyncio
import random
import secrets as tokens
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import click
import msgspec
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from engines import yamlfile
from gateway.cli import options
from gateway.cli.operator import put
from gateway.client import GatewayClient, Refused, Timed
from gateway.config import shipped
from gateway.handoff.accounts import Operator
from gateway.stack import Stack, running


#: Ends that count as kept: answered, with a person, or promised by ticket.
KEPT = frozenset({"answered", "queued", "ticketed"})
#: Mean seconds between two messages of the simulated shoppers.
PACE_S = 2.5


Words = Annotated[str, msgspec.Meta(min_length=1)]


class Scene(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """
    One conversation of the scripted day.

    Attributes:
        user: A customer of the demo shop.
    """

    id: Words
    user: Words
    turns: Annotated[tuple[Words, ...], msgspec.Meta(min_length=1)]


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one message of the day."""

    id: str
    conversation: str
    text: str
    tier: str
    complexity: str
    risk: str
    status: str
    ms: float
    reply: str = ""
    why: str = ""


@click.command()
@click.option("--once", is_flag=True, help="Run the scripted day, print it, and end.")
@options.as_json
@options.data_dir
@click.option("--port", type=int, help="Port to listen on; 0 takes a free one.")
@click.option("--workers", type=click.IntRange(1, 64), help="Gateway processes.")
@click.option("--seed", type=int, default=1, help="Seed of the simulated shoppers.")
def demo(
    once: bool,
    as_json: bool,
    data_dir: Path | None,
    port: int | None,
    workers: int | None,
    seed: int,
) -> None:
    """
    Start a demo shop with gateway, store and simulated shoppers.

    With --once: exit 0 only if every message ended answered, with a person or
    ticketed.
    """
    port = 0 if once and port is None else port
    with _folder(data_dir, once) as folder:
        config = options.read_config(
            None,
            data_dir=str(folder),
            demo=True,
            server__port=port,
            server__workers=workers,
            log__path=str(folder / "gateway.log"),
        )
        folder.mkdir(parents=True, exist_ok=True)
        with running(config, lambda line: click.echo(line, err=True)) as stack:
            if once:
                sys.exit(_once(stack, as_json))
            _live(stack, as_json, seed)


@contextmanager
def _folder(data_dir: Path | None, once: bool) -> Iterator[Path]:
    """The scripted day starts from nothing, unless told where."""
    if data_dir is not None or not once:
        yield data_dir or Path(".tidegate/demo")
        return
    with tempfile.TemporaryDirectory(prefix="tidegate-") as folder:
        yield Path(folder)


def load_day(path: Path) -> tuple[Scene, ...]:
    """
    Read a scripted day.

    Raises:
        BadFile: If the file is not one.
    """
    return yamlfile.convert(yamlfile.read(path), tuple[Scene, ...])


def _once(stack: Stack, as_json: bool) -> int:
    day = load_day(shipped("demo/day.yaml"))
    rows = asyncio.run(_play(stack, day))
    if as_json:
        out = {"messages": [msgspec.to_builtins(row) for row in rows]}
        click.echo(msgspec.json.format(msgspec.json.encode(out), indent=1))
    else:
        Console().print(_table(rows))
        click.echo(_sum(rows))
    return 0 if all(row.status in KEPT for row in rows) else 1


async def _play(stack: Stack, day: tuple[Scene, ...]) -> list[Row]:
    rows: list[Row] = []
    total = sum(len(scene.turns) for scene in day)
    console = Console(stderr=True)
    async with stack.client() as client:
        with Progress(console=console, disable=not console.is_terminal) as progress:
            task = progress.add_task("a day of messages", total=total)
            for scene in day:
                for number, text in enumerate(scene.turns, 1):
                    rows.append(await _say(client, scene, number, text))
                    progress.advance(task)
    return rows


async def _say(
    client: GatewayClient, scene: Scene, number: int, text: str, salt: str = ""
) -> Row:
    message_id = f"{scene.id}{salt}-{number}"
    conversation = f"{scene.id}{salt}"
    try:
        timed = await client.send(conversation, message_id, scene.user, text)
    except Refused as exc:
        return Row(
            id=message_id,
            conversation=conversation,
            text=text,
            tier="",
            complexity="",
            risk="",
            status=f"refused {exc.status}",
            ms=0.0,
        )
    return _row(message_id, conversation, text, timed)


def _row(message_id: str, conversation: str, text: str, timed: Timed) -> Row:
    result, decision = timed.result, timed.result.decision
    reply = result.reply
    return Row(
        id=message_id,
        conversation=conversation,
        text=text,
        tier=reply.tier if reply else "human",
        complexity=decision.complexity if decision else "",
        risk=decision.risk if decision else "",
        status=result.status,
        ms=round(timed.ms, 1),
        reply=reply.text if reply else "",
        why="; ".join(decision.reasons[:2]) if decision else "with a person",
    )


def _table(rows: list[Row]) -> Table:
    table = Table(show_lines=False, expand=False)
    for name in ("message", "complexity", "risk", "tier", "outcome", "ms"):
        table.add_column(name, overflow="ellipsis", no_wrap=name != "message")
    for row in rows:
        table.add_row(
            row.text, row.complexity, row.risk, row.tier, row.status, f"{row.ms:.1f}"
        )
    return table


def _sum(rows: list[Row]) -> str:
    kept = sum(row.status in KEPT for row in rows)
    tiers = ", ".join(
        f"{tier} {sum(row.tier == tier for row in rows)}"
        for tier in ("L1", "L2", "L3", "human")
    )
    return f"{kept} of {len(rows)} messages ended answered, with a person or ticketed ({tiers})"


def _live(stack: Stack, as_json: bool, seed: int) -> None:
    password = tokens.token_urlsafe(9)
    who = Operator(
        shop=stack.shop, name="demo", display="Demo", role="supervisor", capacity=5
    )
    asyncio.run(put(stack.supervisor.store_url, who, password, replace=True))
    if not as_json:
        _print_addresses(stack, password)
    try:
        asyncio.run(_shoppers(stack, as_json, seed))
    except KeyboardInterrupt:
        click.echo("\nstopping …", err=True)


def _print_addresses(stack: Stack, password: str) -> None:
    click.echo(f"""
Tidegate demo is up.
  chat as a customer   {stack.url}/
  operator desk        {stack.url}/desk      shop: {stack.shop}  name: demo  password: {password}
  try the router       {stack.url}/lab
  API page             {stack.url}/docs
  metrics              {stack.url}/metrics
  demo shop service    {stack.shop_url}
  API key ({stack.shop}/{stack.channel})    {stack.key}
Simulated shoppers write below; Ctrl-C ends everything in order.
""")


async def _shoppers(stack: Stack, as_json: bool, seed: int) -> None:
    """Simulated shoppers, one line for each message: what went where and why."""
    day = load_day(shipped("demo/day.yaml"))
    chance = random.Random(seed)  # noqa: S311 - a pace, not a secret
    console = Console()
    async with stack.client() as client:
        while True:
            scene = chance.choice(day)
            salt = f"-{tokens.token_hex(3)}"
            for number, text in enumerate(scene.turns, 1):
                row = await _say(client, scene, number, text, salt)
                if as_json:
                    click.echo(msgspec.json.encode(row))
                else:
                    _print_live(console, row)
                await asyncio.sleep(chance.expovariate(1 / PACE_S))


_COLOURS = {"L1": "green", "L2": "cyan", "L3": "magenta", "human": "yellow"}


def _print_live(console: Console, row: Row) -> None:
    colour = _COLOURS.get(row.tier, "red")
    console.print(
        f"[{colour}]{row.tier:>5}[/] {row.status:<8} {row.complexity:<8} {row.risk:<6}"
        f" {row.ms:6.1f} ms  ",
        end="",
    )
    console.print(row.text, markup=False, highlight=False)
    reply = row.reply.replace("\n", " ")
    console.print(
        f"        -> {reply[:110]}", style="dim", markup=False, highlight=False
    )
    if row.why:
        console.print(f"        why: {row.why[:120]}", style="dim", markup=False)
