"""
Whether the disk of the data folder has room: messages are refused before it is full.

A store on a full disk ends rather than answer what it could not write. What was
accepted can still be answered with what is left here.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import ClassVar


#: Once shut, so much more must be free to take messages again.
_AGAIN = 1.25


class DiskRoom:
    """
    Looks at the disk again and again; a keeper of rounds.

    Args:
        folder: Any folder on the disk.

        least_mb: Megabytes that must be free; 0 looks at nothing.
    """

    EVERY_S: ClassVar = 0.5

    def __init__(self, folder: Path, least_mb: float) -> None:
        self._folder = folder
        self._least = least_mb * 2**20
        self._why = ""

    def why_shut(self) -> str:
        """Why no message may be taken, with what to do; empty if they may."""
        return self._why

    async def look(self) -> None:
        """One round."""
        if not self._least:
            return
        found = os.statvfs(self._folder)
        free = found.f_bavail * found.f_frsize
        wanted = self._least * (_AGAIN if self._why else 1.0)
        self._why = ""
        if free < wanted:
            self._why = (
                f"the disk of {self._folder} has {free >> 20} MB free, less than"
                f" store.least_free_mb: free some, or move the folder"
            )
