"""
``tidegate replay FILE``: real conversations through a real gateway, reported honestly.
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO

import click
import msgspec
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from gateway.cli import options
from gateway.cli.demo import KEPT
from gateway.client import GatewayClient, Refused
from gateway.stack import running


#: Names other tools give to the list of lines, to who said one, and to its text.
LIST_KEYS = ("messages", "turns", "conversation", "dialogue", "dialog", "context")
ROLE_KEYS = ("role", "speaker", "from", "sender", "author")
TEXT_KEYS = ("text", "content", "utterance", "message", "value")
CUSTOMER = frozenset(
    {"customer", "user", "human", "client", "buyer", "买家", "顾客", "客户"}
)
#: Longest line read, in characters.
MAX_LINE = 4_000_000


class Conversation(msgspec.Struct, frozen=True, kw_only=True):
    """The customer's side of one conversation of the file."""

    id: str
    user_id: str
    texts: tuple[str, ...]
    locale: str | None = None


class BadLine(msgspec.Struct, frozen=True):
    """A line that is not a conversation, and why."""

    line: int
    reason: str


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one customer message."""

    conversation: str
    id: str
    text: str
    status: str
    tier: str = ""
    complexity: str = ""
    risk: str = ""
    ms: float = 0.0
    reply: str = ""


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """
    The sums of a replay.

    Attributes:
        refused: Messages the gateway did not accept, by HTTP status.

        skipped: Lines of the file that are no conversations.
    """

    conversations: int
    messages: int
    by_status: dict[str, int]
    by_tier: dict[str, int]
    by_complexity: dict[str, int]
    by_risk: dict[str, int]
    refused: dict[str, int]
    skipped: tuple[BadLine, ...]
    p50_ms: float
    p99_ms: float
    outcomes: tuple[Outcome, ...]


@click.command()
@click.argument(
    "file", type=click.File("r", encoding="utf-8", errors="surrogateescape")
)
@options.as_json
@options.config_file
@click.option(
    "--url", help="A running gateway; a fresh one with the demo shop if left out."
)
@click.option("--key", help="Bearer key for --url.")
@click.option(
    "--limit", type=click.IntRange(1), help="Conversations to replay at most."
)
@click.option(
    "--concurrency", type=click.IntRange(1, 256), default=8, show_default=True
)
def replay(
    file: TextIO,
    as_json: bool,
    config_file: Path | None,
    url: str | None,
    key: str | None,
    limit: int | None,
    concurrency: int,
) -> None:
    """
    Send the customer's messages of FILE (JSON lines, - for standard input).

    A line is one conversation: {"id"?, "user_id"?, "locale"?, "messages": [{"role",
    "text"}]} or the same under the names other tools use; {"text": …} is a
    conversation of one message. Exit 3 if lines had to be skipped, 1 if a
    message was not kept.
    """
    found, bad = read(file, limit)
    if not found:
        _tell_bad(bad)
        raise click.ClickException(f"{file.name}: no conversation in it")
    if url is not None:
        if key is None:
            raise click.UsageError("--url needs --key")
        outcomes = asyncio.run(_replay(url, key, found, concurrency))
    else:
        outcomes = _on_fresh_gateway(config_file, found, concurrency)
    report = sum_up(found, outcomes, bad)
    _print(report, as_json)
    sys.exit(_exit_code(report))


def read(lines: TextIO, limit: int | None) -> tuple[list[Conversation], list[BadLine]]:
    """Read conversations; a bad line is noted with its number and reason."""
    found: list[Conversation] = []
    bad: list[BadLine] = []
    for number, line in enumerate(lines, 1):
        if limit is not None and len(found) >= limit:
            break
        if not line.strip():
            continue
        try:
            found.append(conversation_of(line, number))
        except ValueError as exc:
            bad.append(BadLine(number, str(exc)))
    return found, bad


def conversation_of(line: str, number: int) -> Conversation:
    """
    The customer's side of one JSON line.

    Raises:
        ValueError: With what is wrong and what is expected.
    """
    if len(line) > MAX_LINE:
        raise ValueError(f"longer than {MAX_LINE} characters")
    try:
        tree = msgspec.json.decode(line.removeprefix("\ufeff").encode())
    except UnicodeError as exc:
        raise ValueError("not UTF-8; save the file as UTF-8") from exc
    except (msgspec.DecodeError, RecursionError) as exc:
        raise ValueError(f"not JSON: {exc}") from exc
    if not isinstance(tree, dict):
        raise ValueError('not a JSON object; expected {"messages": [...]}')  # noqa: TRY004 - one error for a bad line
    texts = tuple(_customer_texts(tree))
    if not texts:
        raise ValueError(
            f"no customer message; looked under {', '.join(LIST_KEYS)} and text"
        )
    name = str(tree.get("id") or tree.get("conversation_id") or f"line-{number}")
    locale = tree.get("locale")
    return Conversation(
        id=f"{number}-{_plain(name)}",
        user_id=_plain(str(tree.get("user_id") or f"replay-{number}")),
        texts=texts,
        locale=locale if locale in ("zh", "en") else None,
    )


def _customer_texts(tree: dict[str, Any]) -> Iterator[str]:
    for key in LIST_KEYS:
        lines = tree.get(key)
        if isinstance(lines, list):
            yield from _texts_of(lines)
            break
    text = tree.get("text")
    if isinstance(text, str) and text.strip():
        yield text


def _texts_of(lines: list[Any]) -> Iterator[str]:
    for line in lines:
        if isinstance(line, str) and line.strip():
            yield line
        elif isinstance(line, dict):
            role = _first(line, ROLE_KEYS) or "customer"
            text = _first(line, TEXT_KEYS)
            if role.lower() in CUSTOMER and text and text.strip():
                yield text


def _first(line: dict[str, Any], keys: tuple[str, ...]) -> str | None:
    for key in keys:
        value = line.get(key)
        if isinstance(value, str):
            return value
    return None


def _plain(name: str) -> str:
    """An id that the wire accepts, whatever the source called it."""
    kept = "".join(
        c if c.isascii() and (c.isalnum() or c in "-_.") else "-" for c in name
    )
    return kept[:80] or "-"


def _on_fresh_gateway(
    config_file: Path | None, found: list[Conversation], concurrency: int
) -> list[Outcome]:
    with tempfile.TemporaryDirectory(prefix="tidegate-") as folder:
        config = options.read_config(
            config_file,
            data_dir=folder,
            server__port=0,
            log__path=str(Path(folder) / "gateway.log"),
        )
        with running(config, lambda line: click.echo(line, err=True)) as stack:
            return asyncio.run(_replay(stack.url, stack.key, found, concurrency))


async def _replay(
    url: str, key: str, found: list[Conversation], concurrency: int
) -> list[Outcome]:
    """Conversations side by side, the messages of one in order."""
    slots = asyncio.Semaphore(concurrency)
    console = Console(stderr=True)
    async with GatewayClient(url, key) as client:
        with Progress(console=console, disable=not console.is_terminal) as progress:
            task = progress.add_task("replaying", total=len(found))

            async def one(conversation: Conversation) -> list[Outcome]:
                async with slots:
                    outcomes = [
                        await _send(client, conversation, n, text)
                        for n, text in enumerate(conversation.texts, 1)
                    ]
                    progress.advance(task)
                    return outcomes

            done = await asyncio.gather(*(one(item) for item in found))
    return [outcome for outcomes in done for outcome in outcomes]


async def _send(
    client: GatewayClient, conversation: Conversation, number: int, text: str
) -> Outcome:
    message_id = f"{conversation.id}-{number}"
    try:
        timed = await client.send(
            conversation.id, message_id, conversation.user_id, text, conversation.locale
        )
    except Refused as exc:
        return Outcome(
            conversation=conversation.id,
            id=message_id,
            text=text,
            status=f"refused {exc.status}",
        )
    result, decision = timed.result, timed.result.decision
    return Outcome(
        conversation=conversation.id,
        id=message_id,
        text=text,
        status=result.status,
        tier=result.reply.tier if result.reply else "human",
        complexity=decision.complexity if decision else "",
        risk=decision.risk if decision else "",
        ms=round(timed.ms, 1),
        reply=result.reply.text if result.reply else "",
    )


def sum_up(
    found: list[Conversation], outcomes: list[Outcome], bad: list[BadLine]
) -> Report:
    """Count, without leaving anything out."""
    kept = [one for one in outcomes if not one.status.startswith("refused")]
    times = sorted(one.ms for one in kept) or [0.0]
    return Report(
        conversations=len(found),
        messages=len(outcomes),
        by_status=dict(Counter(one.status for one in kept)),
        by_tier=dict(Counter(one.tier for one in kept)),
        by_complexity=dict(Counter(one.complexity or "-" for one in kept)),
        by_risk=dict(Counter(one.risk or "-" for one in kept)),
        refused=dict(
            Counter(
                one.status.removeprefix("refused ")
                for one in outcomes
                if one.status.startswith("refused")
            )
        ),
        skipped=tuple(bad),
        p50_ms=round(statistics.median(times), 1),
        p99_ms=times[min(len(times) - 1, int(len(times) * 0.99))],
        outcomes=tuple(outcomes),
    )


def _exit_code(report: Report) -> int:
    if report.refused or any(status not in KEPT for status in report.by_status):
        return 1
    return 3 if report.skipped else 0


def _print(report: Report, as_json: bool) -> None:
    if as_json:
        click.echo(msgspec.json.encode(report))
        return
    table = Table("what", "counts")
    table.add_row("conversations", str(report.conversations))
    table.add_row("customer messages", str(report.messages))
    for name in ("by_status", "by_tier", "by_complexity", "by_risk", "refused"):
        counts: dict[str, int] = getattr(report, name)
        table.add_row(
            name.replace("_", " "),
            ", ".join(f"{key} {count}" for key, count in sorted(counts.items()))
            or "none",
        )
    table.add_row("p50 / p99 ms", f"{report.p50_ms} / {report.p99_ms}")
    Console().print(table)
    _tell_bad(list(report.skipped))


def _tell_bad(bad: list[BadLine]) -> None:
    for one in bad[:20]:
        click.echo(f"line {one.line} skipped: {one.reason}", err=True)
    if len(bad) > 20:  # noqa: PLR2004 - enough to see the pattern
        click.echo(f"… and {len(bad) - 20} more lines skipped", err=True)
