"""
Who did what: one line for every act of an operator, a supervisor or a command.

A line is on disk before its act is begun: no act without a line. What came of an act
that failed stands in a line after it. Every line holds the hash of the one before it
and its own place, so that a line changed, taken out, moved, put in between or brought
from another shop breaks the chain. The chain has no key: whoever may write to the
store may write a whole new one. Each line's hash therefore goes to the gateway's log
as well; keep that, or the archive, where the store's keeper cannot write.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from typing import ClassVar, Literal, Protocol

import msgspec

from engines.guard import mask_personal_data
from gateway.store.audit import HOUSE, AuditStore
from gateway.store.errors import StoreRefusing


#: What the first line follows.
START = "0" * 64
#: Others that write at the same moment, at most, before a writer gives up.
_TRIES = 50
#: Lines read in one round trip.
AT_ONCE = 500
#: Longest value of what a line is about; the rest is cut.
_VALUE_CHARS = 200

Result = Literal["begun", "done", "failed"]


class AuditLine(msgspec.Struct, frozen=True, kw_only=True):
    """
    One line.

    Attributes:
        n: Its place, from 1.

        who: Operator, command line or system that acted; of a channel, its name.

        act: What was done, one word of :data:`ACTS`.

        about: What it was done to or with; personal data masked.

        result: ``begun`` is written before an act, ``failed`` after one that did not
            succeed, ``done`` of what cannot fail any more.

        previous / hash: Of the line before, and of this one with it, in hex.
    """

    n: int
    at_ms: int
    shop: str
    who: str
    act: str
    about: dict[str, str] = {}
    result: Result = "begun"
    previous: str
    hash: str = ""


#: Every act that is written down.
ACTS = frozenset(
    {
        "account",
        "approve",
        "correct",
        "key_refused",
        "knowledge_put",
        "knowledge_remove",
        "link",
        "model_canary",
        "model_promote",
        "model_rollback",
        "model_shadow",
        "reject",
        "sign_in",
        "sign_out",
        "stage",
        "tide",
        "unlink",
    }
)

_decoder = msgspec.json.Decoder(AuditLine)


class Teller(Protocol):
    """Where each line's hash goes besides the store."""

    def event(self, name: str, **facts: object) -> None:
        """Tell of something, in the past tense."""
        ...


class AuditLog:
    """
    Writes and reads the lines of all shops.

    Args:
        wall_ms: Wall clock.

        teller: Told of every line; None tells nobody.
    """

    def __init__(
        self,
        store: AuditStore,
        wall_ms: Callable[[], int],
        teller: Teller | None = None,
    ) -> None:
        self._store = store
        self._wall_ms = wall_ms
        self._teller = teller

    async def write(
        self,
        shop: str,
        who: str,
        act: str,
        about: Mapping[str, object] | None = None,
        result: Result = "begun",
    ) -> AuditLine:
        """
        Add a line; it is on disk at return.

        Raises:
            StoreUnavailable: If that could not be made sure: do not act.
        """
        kept = {name: _shown(value) for name, value in (about or {}).items()}
        for _ in range(_TRIES):
            head = await self._store.head(shop)
            line = sealed(
                AuditLine(
                    n=head.n + 1,
                    at_ms=self._wall_ms(),
                    shop=shop,
                    who=who[:_VALUE_CHARS],
                    act=act,
                    about=kept,
                    result=result,
                    previous=START if head.line is None else hash_of(head.line),
                )
            )
            if await self._store.add(shop, line.n, msgspec.json.encode(line)):
                self._tell(line)
                return line
        raise StoreRefusing("too many write to the audit log at once; try again")

    def _tell(self, line: AuditLine) -> None:
        if self._teller is not None:
            facts = {"shop": line.shop, "act": line.act, "result": line.result}
            self._teller.event("audited", n=line.n, hash=line.hash, **facts)

    @asynccontextmanager
    async def acting(
        self, shop: str, who: str, act: str, about: Mapping[str, object] | None = None
    ) -> AsyncIterator[None]:
        """
        Around an act: its line before it, another one if it fails.

        Raises:
            StoreUnavailable: If the line could not be written; the act is not begun.
        """
        await self.write(shop, who, act, about)
        try:
            yield
        except Exception as exc:
            why = {**(about or {}), "why": type(exc).__name__}
            await self.write(shop, who, act, why, "failed")
            raise

    async def latest(self, shop: str, before: int, most: int) -> list[AuditLine]:
        """Lines with numbers under *before*, newest first; unreadable ones as such."""
        rows = await self._store.latest(shop, before, most)
        return [read(n, raw, shop) for n, raw in rows]

    async def all_lines(self, shop: str) -> list[tuple[int, bytes]]:
        """Every entry that the store has, oldest first, as it is kept."""
        rows: list[tuple[int, bytes]] = []
        while part := await self._store.read(
            shop, rows[-1][0] + 1 if rows else 0, AT_ONCE
        ):
            rows += part
        return rows

    async def given(self, shop: str) -> int:
        """The highest number that was ever given."""
        return (await self._store.head(shop)).n


class RefusedKeys:
    """
    One line a minute for all calls with no key or a wrong one: a flood fills nothing.

    Args:
        refused: Refusals by code; what is written down is taken out.
    """

    EVERY_S: ClassVar = 60.0
    CODE = "unauthorized"

    def __init__(self, log: AuditLog, refused: Counter[str]) -> None:
        self._log = log
        self._refused = refused

    async def look(self) -> None:
        """One round; what could not be written waits for the next."""
        count = self._refused[self.CODE]
        if count:
            about = {"calls": count}
            await self._log.write(HOUSE, "unknown", "key_refused", about, "failed")
            self._refused[self.CODE] -= count


def _shown(value: object) -> str:
    return mask_personal_data(str(value))[:_VALUE_CHARS]


def sealed(line: AuditLine) -> AuditLine:
    """*line* with its hash."""
    body = msgspec.structs.replace(line, hash="")
    raw = msgspec.json.encode(body, order="sorted")
    return msgspec.structs.replace(line, hash=hashlib.sha256(raw).hexdigest())


def hash_of(raw: bytes) -> str:
    """The hash that the next line holds; of one that cannot be read, of its bytes."""
    try:
        return _decoder.decode(raw).hash
    except msgspec.MsgspecError:
        return hashlib.sha256(raw).hexdigest()


def read(n: int, raw: bytes, shop: str) -> AuditLine:
    """The line in an entry; one that says it cannot be read if it cannot."""
    try:
        return _decoder.decode(raw)
    except msgspec.MsgspecError:
        return AuditLine(
            n=n,
            at_ms=0,
            shop=shop,
            who="?",
            act="unreadable",
            previous="",
            result="failed",
        )


def broken(shop: str, rows: Iterable[tuple[int, bytes]], given: int) -> list[str]:
    """
    What does not hold in the lines of *shop*, oldest first; empty if all does.

    Args:
        given: The highest number ever given: what was cut off at the end is missed.
    """
    problems: list[str] = []
    before, previous = None, START
    for n, raw in rows:
        line = read(n, raw, shop)
        problems += _wrong(shop, n, line)
        if before is not None and n != before + 1:
            problems.append(f"lines {before + 1} to {n - 1} are gone")
        elif before is None and n > 1:
            problems.append(f"lines 1 to {n - 1} are gone: name their archive")
        elif line.previous != previous:
            problems.append(f"line {n} does not follow the line before it")
        before, previous = n, line.hash or hash_of(raw)
    if given > (before or 0):
        problems.append(f"lines {(before or 0) + 1} to {given} are gone")
    return problems


def _wrong(shop: str, n: int, line: AuditLine) -> list[str]:
    """What is wrong with a line by itself."""
    if line.act == "unreadable":
        return [f"line {n} cannot be read"]
    if line.n != n or line.shop != shop:
        return [f"line {n} was brought from {line.shop or 'the house'} line {line.n}"]
    if sealed(line).hash != line.hash:
        return [f"line {n} was changed"]
    return []
