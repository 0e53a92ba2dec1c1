"""
From rows and a mapping to conversations; what is left out is counted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from itertools import islice
from pathlib import Path

import msgspec

from gateway.insight.columns import guess, read_time, speaker_of
from gateway.insight.tables import Row, read_rows
from gateway.insight.transcripts import (
    Line,
    Mapping,
    Skipped,
    Transcript,
    TranscriptError,
)


#: Rows looked at to guess the mapping.
SAMPLE = 2_000
#: A customer who is silent this long begins a new conversation, if the file
#: names customers only.
IDLE = timedelta(hours=6)
#: Skipped rows kept with their reason; all are counted.
KEPT_SKIPS = 50


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """
    What a file held.

    Attributes:
        skipped: The first rows that were left out, with the reason.

        skips: How many were left out, by reason.
    """

    mapping: Mapping
    rows: int
    transcripts: tuple[Transcript, ...]
    skipped: tuple[Skipped, ...]
    skips: dict[str, int]


def read(path: Path, given: dict[str, str], customers: Sequence[str] = ()) -> Reading:
    """
    Read the conversations of *path*.

    Raises:
        TranscriptError: If the file cannot be read, or no conversation is in it.
    """
    rows = read_rows(path)
    head = list(islice(rows, SAMPLE))
    if not head:
        raise TranscriptError(f"{path}: has no rows")
    try:
        mapping = guess(head, given, customers)
    except TranscriptError as exc:
        raise TranscriptError(f"{path}: {exc}") from exc
    sorter = _Sorter(mapping, customers)
    for row in _chain(head, rows):
        sorter.add(row)
    transcripts = tuple(sorter.transcripts())
    if not transcripts:
        raise TranscriptError(
            f"{path}: no message of a customer in {sorter.rows} rows; mapping was"
            f" {msgspec.to_builtins(mapping)}; correct it with --map and --customer"
        )
    return Reading(
        mapping=mapping,
        rows=sorter.rows,
        transcripts=transcripts,
        skipped=tuple(sorter.skipped),
        skips=dict(sorter.skips),
    )


def _chain(head: list[Row], rest: Iterable[Row]) -> Iterator[Row]:
    yield from head
    yield from rest


class _Sorter:
    """Puts messages into their conversations."""

    def __init__(self, mapping: Mapping, customers: Sequence[str]) -> None:
        self._mapping = mapping
        self._customers = customers
        self._lines: dict[str, list[Line]] = {}
        self._scenes: dict[str, str] = {}
        self._handled: dict[str, float] = {}
        self.rows = 0
        self.skipped: list[Skipped] = []
        self.skips: Counter[str] = Counter()

    def add(self, row: Row) -> None:
        """Take one row in."""
        self.rows += 1
        mapping = self._mapping
        text = row.get(mapping.text, "").strip()
        if not text:
            self._skip("no text")
            return
        stamp = row.get(mapping.time, "") if mapping.time else ""
        at = read_time(stamp) if stamp.strip() else None
        if stamp.strip() and at is None:
            self._skip("unreadable time")
            return
        key = self._key(row)
        lines = self._lines.setdefault(key, [])
        role = row.get(mapping.role, "").strip() if mapping.role else ""
        speaker = speaker_of(role, self._customers) if role else "customer"
        lines.append(Line(speaker, text, at))
        if mapping.reply and (reply := row.get(mapping.reply, "").strip()):
            lines.append(Line("operator", reply, at))
        self._note(key, row)

    def _key(self, row: Row) -> str:
        mapping = self._mapping
        for name in (mapping.conversation, mapping.customer):
            if name and (value := row.get(name, "").strip()):
                return value
        # Without a name every row is a conversation of its own.
        return f"row-{self.rows}"

    def _note(self, key: str, row: Row) -> None:
        mapping = self._mapping
        if mapping.scene and (scene := row.get(mapping.scene, "").strip()):
            self._scenes.setdefault(key, scene[:80])
        if mapping.handled_s:
            try:
                self._handled.setdefault(key, float(row.get(mapping.handled_s, "")))
            except ValueError:
                return

    def _skip(self, reason: str) -> None:
        self.skips[reason] += 1
        if len(self.skipped) < KEPT_SKIPS:
            self.skipped.append(Skipped(self.rows, reason))

    def transcripts(self) -> Iterator[Transcript]:
        """Every conversation in which a customer says something."""
        by_idle = not self._mapping.conversation
        for key, lines in self._lines.items():
            parts = _split(_ordered(lines)) if by_idle else [_ordered(lines)]
            for number, part in enumerate(parts):
                if all(line.speaker != "customer" for line in part):
                    self._skip("no customer in the conversation")
                    continue
                yield Transcript(
                    id=f"{key}#{number}" if number else key,
                    lines=tuple(part),
                    scene=self._scenes.get(key, ""),
                    handled_s=self._handled.get(key),
                )


def _ordered(lines: list[Line]) -> list[Line]:
    """By time where all have one; the sort keeps the file's order else."""
    if any(line.at is None for line in lines):
        return lines
    return sorted(lines, key=lambda line: line.at or datetime.min)  # noqa: DTZ901 - never reached


def _split(lines: list[Line]) -> list[list[Line]]:
    """Cut where the customer was silent for long."""
    parts: list[list[Line]] = [[]]
    for line in lines:
        before = parts[-1][-1].at if parts[-1] else None
        is_gap = before is not None and line.at is not None and line.at - before > IDLE
        if is_gap and line.speaker == "customer":
            parts.append([])
        parts[-1].append(line)
    return parts
