"""
``tidegate chat``: talk to a running gateway from the terminal.
"""

from __future__ import annotations

import asyncio
import secrets

import click
import httpx
from rich.console import Console

from gateway.client import GatewayClient, Refused


@click.command()
@click.option("--url", default="http://127.0.0.1:8080", show_default=True)
@click.option(
    "--key", required=True, envvar="TIDEGATE_KEY", help="Bearer key of a channel."
)
@click.option(
    "--user", default="c1001", show_default=True, help="Customer to speak as."
)
def chat(url: str, key: str, user: str) -> None:
    """Type messages, read replies with tier and reasons; an empty line ends."""
    asyncio.run(_talk(url, key, user))


async def _talk(url: str, key: str, user: str) -> None:
    console = Console()
    conversation = f"chat-{secrets.token_hex(4)}"
    async with GatewayClient(url, key) as client:
        while text := await asyncio.to_thread(_ask):
            try:
                timed = await client.send(
                    conversation, secrets.token_hex(8), user, text
                )
            except (Refused, httpx.TransportError) as exc:
                console.print(f"not sent: {exc}", style="red", markup=False)
                continue
            result, decision = timed.result, timed.result.decision
            tier = result.reply.tier if result.reply else "human"
            console.print(f"[{tier}] {result.status}", style="bold", markup=False)
            if result.reply:
                console.print(result.reply.text, markup=False)
            if decision:
                console.print(
                    f"{decision.complexity}, {decision.risk} risk;"
                    f" {'; '.join(decision.reasons[:2])}; {timed.ms:.0f} ms",
                    style="dim",
                    markup=False,
                )


def _ask() -> str:
    try:
        return input("> ").strip()
    except EOFError:
        return ""
