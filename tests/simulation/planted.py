"""
Bugs planted into the core, each of which the simulation must find.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from gateway.outcome import MessageOut
from gateway.people import People
from gateway.store import functions
from gateway.store.errors import StoreUnavailable
from gateway.store.mailbox import NewMessage
from gateway.sweeper import Sweeper
from loadtest.simulation.faults import Faults


Plant = Callable[[pytest.MonkeyPatch], None]

#: Function, what it says, what it says with the bug.
LUA: dict[str, list[tuple[str, str, str]]] = {
    "no epoch check": [
        ("commit", "local is_mine = epoch == tonumber(c[3])", "local is_mine = true"),
        (
            "commit",
            "if c[6] == commit or (is_mine and seq <= done) then",
            "if false then",
        ),
        ("commit", "if k == 0 or oldest ~= seq then", "if false then"),
    ],
    "a message id is not remembered": [
        ("accept", "'NX', 'GET', 'PX', ARGV[6])", "'PX', ARGV[6]) seen = false"),
    ],
    "mail has no deadline": [
        ("accept", "redis.call('ZADD', KEYS[4], expires, ARGV[10])", ""),
    ],
    "a lease outlives a clock that was set back": [
        ("sweep", "'(' .. latest, '+inf'", "'+inf', '+inf'"),
        ("sweep", "and until_ms <= latest", ""),
        ("accept", " and until_ms <= now + 2 * ARGV[5]", ""),
    ],
    "a leased conversation is leased again": [
        (
            "accept",
            "if until_ms > now and until_ms <= now + 2 * ARGV[5] then",
            "if false then",
        ),
        ("accept", "oldest, tries = tonumber(c[7]), tonumber(c[8]) + 1", ""),
        ("commit", "if k == 0 or oldest ~= seq then", "if false then"),
    ],
    "the machine answers what a person reads": [
        (
            "accept",
            "if owner ~= '' then\n  redis.call('XADD'",
            "if false then\n  redis.call('XADD'",
        ),
    ],
    "a handoff owns nothing": [
        ("commit", "redis.call('HSET', KEYS[1], 'o', ARGV[6], 'p', 0)", ""),
    ],
}


def _forgetful_store(patch: pytest.MonkeyPatch) -> None:
    """What was not synced when the store died is gone: replies came before the sync."""
    away, back = Faults._store_away, Faults._store_back

    def dies(faults: Any) -> None:
        away(faults)
        keyspace = faults.store.keyspace
        faults._kept = copy.deepcopy((keyspace.values, keyspace.ends_us))

    def returns(faults: Any) -> None:
        back(faults)
        faults._loop.call_later(1.0, faults._forget)

    def forgets(faults: Any) -> None:
        keyspace = faults.store.keyspace
        keyspace.values, keyspace.ends_us = faults._kept

    patch.setattr(Faults, "_store_away", dies)
    patch.setattr(Faults, "_store_back", returns)
    patch.setattr(Faults, "_forget", forgets, raising=False)


def _early_word(patch: pytest.MonkeyPatch) -> None:
    """Acknowledged although nothing is known to be on disk."""
    from gateway.dispatch import Dispatcher

    real = Dispatcher.submit

    async def submit(
        self: Dispatcher, shop: str, conversation: str, message: NewMessage
    ) -> MessageOut | bytes:
        try:
            return await real(self, shop, conversation, message)
        except StoreUnavailable:
            return MessageOut(message_id=message.message_id, seq=1, status="pending")

    patch.setattr(Dispatcher, "submit", submit)


async def _nothing(*_: object) -> int:
    return 0


PYTHON: dict[str, Plant] = {
    "the store answers before it syncs": _forgetful_store,
    "acknowledged before written": _early_word,
    "nobody sweeps": lambda patch: patch.setattr(Sweeper, "sweep_round", _nothing),
    "nobody drains the outbox": lambda patch: patch.setattr(People, "drain", _nothing),
}


def with_bug(name: str) -> dict[str, functions.Function]:
    """All functions of the store, one of them wrong."""
    found = dict(functions.load_functions())
    for function, right, wrong in LUA.get(name, ()):
        source = found[function].source.decode()
        assert right in source, right
        found[function] = functions.of_source(
            function, source.replace(right, wrong).encode()
        )
    return found
