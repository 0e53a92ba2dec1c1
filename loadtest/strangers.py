"""
Other shops' knowledge, ingested into a running gateway and asked as customers ask.

A folder holds ``files/``, in any form that is ingested, and ``questions.yaml``: of
each case what the customer says in one conversation, and of the last answer what it
must and must not say. Nothing here was tuned for: the shops are invented, their
questions are in words of their own, and a case without ``must`` has no answer in the
files, so that anything said with a source is wrong.
"""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from time import sleep
from typing import Final, Literal

import msgspec

from engines import yamlfile
from engines.contract import Locale
from gateway.client import GatewayClient
from gateway.config import ChannelConfig, Config, ShopConfig
from gateway.outcome import ReplyOut
from gateway.stack import until_ready
from gateway.supervisor import Supervisor


#: The invented shops that ship.
HERE: Final = Path(__file__).parent / "strangers"
SHIPPED: Final = ("outdoor", "coffee", "cosmetics")
#: Whose knowledge the files become: a shop's own, or the demo shop's beside its own.
Place = Literal["own", "demo"]

#: Seconds until a running gateway must have taken up what was ingested.
_SERVED_S: Final = 30.0


class Case(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """
    One conversation.

    Attributes:
        kind: Sort of question, for the sums.

        must: Groups of wordings; the answer holds one of each group.

        never: Wordings that it must not hold.
    """

    id: str
    kind: str
    say: tuple[str, ...]
    must: tuple[tuple[str, ...], ...] = ()
    never: tuple[str, ...] = msgspec.field(default=(), name="not")


class Invented(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The shop that a folder is about."""

    id: str
    locale: Locale


class Sheet(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What ``questions.yaml`` holds."""

    shop: Invented
    cases: tuple[Case, ...]


class Judged(msgspec.Struct, frozen=True, kw_only=True):
    """One conversation as it went; *fault* is empty if it was answered rightly."""

    shop: str
    case: str
    kind: str
    say: tuple[str, ...]
    tier: str
    reply: str
    sources: tuple[str, ...]
    fault: str


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """
    All conversations, and how many of each kind were right.

    Attributes:
        by_kind: Kind to (right, asked).
    """

    right: int
    asked: int
    by_kind: dict[str, tuple[int, int]]
    judged: tuple[Judged, ...]


def load_sheet(folder: Path) -> Sheet:
    """
    Read the questions of *folder*.

    Raises:
        BadFile: With the line of what is wrong.
    """
    return yamlfile.convert(yamlfile.read(folder / "questions.yaml"), Sheet)


def run_strangers(
    folders: Sequence[Path], config: Config, place: Place, tell: Callable[[str], None]
) -> Report:
    """
    A fresh gateway for each folder: ingest into it while it runs, then ask.

    Raises:
        BadFile: If a sheet of questions is wrong.
        CalledProcessError: If a file could not be ingested.
    """
    judged: list[Judged] = []
    for folder in folders:
        sheet = load_sheet(folder)
        with (
            tempfile.TemporaryDirectory(prefix="tidegate-") as data_dir,
            _running(_config_for(config, sheet, place, data_dir), tell) as gateway,
        ):
            shop = gateway.config.shops[0]
            _ingest(folder / "files", shop.id, config_file=_written(gateway.config))
            _until_served(Path(gateway.config.log.path))
            judged += asyncio.run(_ask_all(gateway, sheet))
            tell(f"{sheet.shop.id}: {len(sheet.cases)} conversations")
    return _sum_up(judged)


def judge(case: Case, reply: ReplyOut | None) -> str:
    """What is wrong with the last answer of *case*; empty if nothing is."""
    sources = reply.citations if reply is not None else ()
    if not case.must:
        return "answered what nothing answers" if sources else ""
    if reply is None:
        return "not answered"
    missing = [group for group in case.must if not holds(reply.text, group)]
    if missing:
        return f"does not say {' | '.join(missing[0])}"
    wrong = next((word for word in case.never if holds(reply.text, (word,))), "")
    return f"says {wrong}" if wrong else ""


def holds(text: str, wordings: Sequence[str]) -> bool:
    """True if one of *wordings* stands there; a figure only as a figure of its own."""
    low = " ".join(text.lower().split())
    return any(
        re.search(rf"(?<![\d.]){re.escape(word)}(?![\d]|\.\d)", low)
        if word[:1].isdigit()
        else word in low
        for word in map(str.lower, wordings)
    )


def _config_for(config: Config, sheet: Sheet, place: Place, data_dir: str) -> Config:
    replace = msgspec.structs.replace
    shop = config.shops[0]
    if place == "own":
        shop = ShopConfig(id=sheet.shop.id, channels=(ChannelConfig(name="app"),))
    return replace(
        config,
        data_dir=data_dir,
        server=replace(config.server, port=0),
        router=replace(config.router, arithmetic="plain"),
        log=replace(config.log, path=str(Path(data_dir) / "gateway.log")),
        shops=(shop,),
    )


@contextmanager
def _running(config: Config, tell: Callable[[str], None]) -> Iterator[Supervisor]:
    """A gateway without a business system: only its knowledge answers."""
    supervisor = Supervisor(config, tell)
    supervisor.start()
    try:
        asyncio.run(until_ready(supervisor))
        yield supervisor
    finally:
        supervisor.stop()


def _written(config: Config) -> Path:
    """A configuration file that names the same shop and folder."""
    shop = config.shops[0]
    path = Path(config.data_dir) / "ingest.toml"
    path.write_text(
        f'data_dir = "{config.data_dir}"\n[[shops]]\nid = "{shop.id}"\n'
        f'knowledge = "{shop.knowledge}"\n',
        encoding="utf-8",
    )
    return path


def _ingest(files: Path, shop: str, config_file: Path) -> None:
    command = [sys.executable, "-c", "from gateway.cli.main import main; main()"]
    command += [
        "kb",
        "ingest",
        str(files),
        "--shop",
        shop,
        "--config",
        str(config_file),
    ]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)  # noqa: S603 - our own


async def _ask_all(gateway: Supervisor, sheet: Sheet) -> list[Judged]:
    shop = gateway.config.shops[0]
    async with GatewayClient(gateway.url, shop.channels[-1].key) as client:
        return [await _ask(client, sheet, case) for case in sheet.cases]


def _until_served(log: Path) -> None:
    for _ in range(int(_SERVED_S / 0.2)):
        if "knowledge_loaded" in log.read_text(encoding="utf-8"):
            return
        sleep(0.2)
    raise TimeoutError(f"not served after {_SERVED_S:.0f} s, see {log}")


async def _ask(client: GatewayClient, sheet: Sheet, case: Case) -> Judged:
    reply = None
    for number, text in enumerate(case.say):
        sent = await client.send(
            case.id, f"{case.id}-{number}", f"user-{case.id}", text, sheet.shop.locale
        )
        reply = sent.result.reply
    return Judged(
        shop=sheet.shop.id,
        case=case.id,
        kind=case.kind,
        say=case.say,
        tier=reply.tier if reply is not None else "human",
        reply=reply.text if reply is not None else "",
        sources=tuple(c.id for c in reply.citations) if reply is not None else (),
        fault=judge(case, reply),
    )


def _sum_up(judged: Sequence[Judged]) -> Report:
    asked = Counter(one.kind for one in judged)
    right = Counter(one.kind for one in judged if not one.fault)
    return Report(
        right=sum(right.values()),
        asked=len(judged),
        by_kind={kind: (right[kind], number) for kind, number in asked.items()},
        judged=tuple(judged),
    )
