"""
``tidegate loadtest tide-live``, small: a real gateway at four times its L3's capacity.
"""

from __future__ import annotations

from gateway.cli import options
from loadtest.tide_live import live


def test_every_accepted_message_has_an_end() -> None:
    """Answered, with a person, or a ticket; some of each end that there is room for."""
    told: list[str] = []
    (row,) = live(options.read_config(None), (4.0,), 4.0, told.append).rows
    assert told == ["4x for 4 s"]
    assert row.accepted > 60
    assert row.unaccounted == 0
    assert row.refused == 0
    assert row.answered > 20
    assert row.ticketed + row.with_people > 10
    assert row.answered + row.with_people + row.ticketed == row.accepted
