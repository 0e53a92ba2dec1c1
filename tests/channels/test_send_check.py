"""
The judge of a day's sends finds what it must find.
"""

from __future__ import annotations

import pytest

from gateway.channels.contract import Caps
from loadtest.send_check import Heard, findings


CAPS = Caps(checked_on="", max_text=2048, sends=2, window_s=100, pause_s=1.0)
GOOD = [Heard(10.5, "#0001#"), Heard(12.0, "#0002#"), Heard(31.0, "#0003#")]


def test_a_clean_day_has_no_findings() -> None:
    """Two sends for the first word, one for the second."""
    assert list(findings([10.0, 30.0], GOOD, CAPS)) == []


@pytest.mark.parametrize(
    ("words", "heard", "found"),
    [
        ([10.0], GOOD, "3 sends for one word"),
        ([11.0, 30.0], GOOD, "before the customer's first word"),
        ([10.0], [Heard(111.0, "#0001#")], "after the window"),
        ([10.0], [Heard(10.5, "#0001#"), Heard(11.0, "#0002#")], "after the send"),
        ([10.0, 30.0], [*GOOD[:2], Heard(31.0, "#0002#")], "twice"),
        ([10.0, 30.0], [GOOD[0], GOOD[2]], "lost"),
        ([10.0, 30.0], [GOOD[1], Heard(31.0, "#0001#")], "out of order"),
    ],
)
def test_planted_faults_are_found(
    words: list[float], heard: list[Heard], found: str
) -> None:
    """Too many, too early, too late, too close, twice, lost, out of order."""
    assert any(found in words for words in findings(words, heard, CAPS))
