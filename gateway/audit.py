"""
Exports of the ledger that tell if anything was rewritten since.

Each line holds one action and the hash of the line before it, so that a line
changed, removed or moved breaks the chain. Each record carries a chain of its own,
too: a hash for every version that was written, on the hash before. Against the ledger an export tells
more: histories only grow, so what was exported must be the beginning of what
is there now. An export proves nothing of what happened before it was made;
keep it, or its last hash, where whoever runs the store cannot write.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping

import msgspec

from engines.agent.ledger import EDGES, ActionRecord, ActionState, is_linked


#: What the first line follows.
START = "0" * 64


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """
    One line of an export.

    Attributes:
        previous: Hash of the line before; :data:`START` in the first.

        hash: SHA-256 over *previous* and the record as JSON, in hex.
    """

    previous: str
    hash: str
    record: ActionRecord


def chained(records: Iterable[ActionRecord]) -> Iterator[Entry]:
    """Chain *records* in the order given."""
    previous = START
    for record in records:
        made = _hash(previous, record)
        yield Entry(previous=previous, hash=made, record=record)
        previous = made


def broken(entries: Iterable[Entry]) -> list[str]:
    """What does not hold in an export by itself; empty if all does."""
    problems, previous = [], START
    for number, entry in enumerate(entries, start=1):
        if entry.previous != previous:
            problems.append(f"line {number}: does not follow the line before it")
        if entry.hash != _hash(entry.previous, entry.record):
            problems.append(f"line {number}: action {entry.record.id} was changed")
        problems += [f"line {number}: {text}" for text in unlawful(entry.record)]
        previous = entry.hash
    return problems


def rewritten(
    entries: Iterable[Entry], now: Mapping[tuple[str, str], ActionRecord]
) -> list[str]:
    """
    Exported actions whose past is another one in the ledger by now.

    Args:
        entries: An earlier export.

        now: The ledger's records by conversation and id.
    """
    problems = []
    for entry in entries:
        then = entry.record
        record = now.get((then.conversation_id, then.id))
        if record is None:
            problems.append(f"action {then.id}: is gone from the ledger")
        elif not _grew_from(record, then):
            problems.append(f"action {then.id}: its past was rewritten")
    return problems


def unlawful(record: ActionRecord) -> list[str]:
    """Moves of a record that no edge allows, or that its version does not count."""
    problems = []
    if record.chain and not is_linked(record):
        problems.append(f"action {record.id}: is not what its last hash was made of")
    if len(record.chain) > record.version:
        problems.append(f"action {record.id}: has more hashes than versions")
    if record.version != len(record.history) + 1:
        problems.append(f"action {record.id}: version and history disagree")
    state = ActionState.PROPOSED
    for _, to, _ in record.history:
        if to not in EDGES[state]:
            problems.append(f"action {record.id}: no way from {state} to {to}")
            return problems
        state = ActionState(to)
    if state is not record.state:
        problems.append(
            f"action {record.id}: stands in {record.state}, moved to {state}"
        )
    return problems


def _grew_from(record: ActionRecord, then: ActionRecord) -> bool:
    """Check that a record is an earlier one with at most more moves."""
    kept = record.history[: len(then.history)] == then.history
    kept &= record.chain[: len(then.chain)] == then.chain
    return kept and _fixed(record) == _fixed(then)


def _fixed(record: ActionRecord) -> ActionRecord:
    """The part of a record that no move changes."""
    return msgspec.structs.replace(
        record,
        state=ActionState.PROPOSED,
        version=1,
        steps=(),
        after={},
        history=(),
        chain=(),
    )


def _hash(previous: str, record: ActionRecord) -> str:
    body = msgspec.json.encode(record, order="sorted")
    return hashlib.sha256(previous.encode() + b"\n" + body).hexdigest()
