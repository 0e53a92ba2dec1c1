"""
What came of a seed.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from loadtest.history import Verdict


class History(msgspec.Struct, frozen=True, kw_only=True):
    """
    What came of a seed.

    Attributes:
        faults: By kind.

        digest: Of every event of every conversation: the same whenever the seed runs.
    """

    seed: int
    messages: int
    faults: Mapping[str, int]
    verdict: Verdict
    virtual_s: float
    digest: str
