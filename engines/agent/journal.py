"""
What a model said in a turn, kept, so that a repeated turn never asks it again.
"""

from __future__ import annotations

from typing import Protocol


class Journal(Protocol):
    """Durable notes of turns; the first note of a turn stands."""

    async def read(self, shop: str, conversation_id: str, turn_id: str) -> bytes | None:
        """Return the note of a turn; None if there is none."""
        ...

    async def write(
        self, shop: str, conversation_id: str, turn_id: str, note: bytes
    ) -> bytes:
        """Keep *note* if the turn has none yet; return the note that stands."""
        ...
