"""
What a row of the fault matrix is given, and what it says.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import msgspec

from gateway.config import Config


class Matrix(msgspec.Struct, frozen=True, kw_only=True):
    """
    What every row runs with.

    Attributes:
        messages / strikes: Of one run under load.
    """

    config: Config
    messages: int
    strikes: int
    seed: int
    tell: Callable[[str], None]

    @property
    def shop(self) -> str:
        """Id of the shop that clients write to."""
        return self.config.shops[0].id


class Outcome(NamedTuple):
    """
    How a row ended.

    Attributes:
        found: Figures, in words.

        kills: Strikes that hit something.
    """

    is_fine: bool
    found: str
    kills: int
