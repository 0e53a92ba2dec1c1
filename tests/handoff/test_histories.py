"""
Random histories on a real store, and a planted fault that they must find.

``tidegate loadtest people`` plays as many as one wants.
"""

from __future__ import annotations

import pytest

from gateway.handoff.states import State
from gateway.store import connection, functions
from gateway.store.functions import of_source
from loadtest.people_histories import play


pytestmark = pytest.mark.anyio

#: Histories that must find the planted fault.
ENOUGH = 3


@pytest.mark.parametrize("seed", range(8))
async def test_nobody_is_lost_and_nobody_held_twice(store_url: str, seed: int) -> None:
    """
    In a random history there is no double assignment and no lost customer.
    """
    history = await play(store_url, seed, steps=120)
    assert history.seen[State.ACTIVE]


async def test_history_finds_a_planted_double_assignment(
    store_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    Without the version check in the store three histories soon find two owners.

    Which of them do depends on who is first at the store.
    """
    guard = "if version and version ~= expected then return"
    intact = functions.load_functions()
    source = intact["handoff_move"].source.decode()
    assert guard in source
    broken = source.replace(guard, "if false then return")
    planted = {**intact, "handoff_move": of_source("handoff_move", broken.encode())}
    monkeypatch.setattr(connection, "load_functions", lambda: planted)
    found = 0
    for seed in range(12):
        try:
            await play(store_url, seed, steps=90)
        except AssertionError:
            found += 1
        if found == ENOUGH:
            break
    assert found == ENOUGH
