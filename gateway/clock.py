"""
The wall clock, for what people read and what outlives a process.
"""

from __future__ import annotations

import time


def wall_ms() -> int:
    """The wall clock in milliseconds."""
    return time.time_ns() // 1_000_000
