"""
Log lines on their way out, written in blocks.
"""

from __future__ import annotations

import sys
from typing import BinaryIO


#: Bytes of log lines kept before they are written.
LOG_BUFFER_BYTES = 65_536


class LineBuffer:
    """
    A sink of log lines that writes in blocks; flushed by a timer and at exit.

    A kill -9 may lose the last lines, never a message: lines are not the truth.
    """

    def __init__(self, sink: BinaryIO) -> None:
        self._sink = sink
        self._lines: list[bytes] = []
        self._size = 0

    def write(self, line: bytes) -> None:
        """Keep *line*; writes when enough have come together."""
        self._lines.append(line)
        self._size += len(line)
        if self._size > LOG_BUFFER_BYTES:
            self.drain()

    def flush(self) -> None:
        """Called after every line by structlog: deliberately nothing."""

    def drain(self) -> None:
        """Write what was kept."""
        lines, self._lines, self._size = self._lines, [], 0
        if lines:
            self._sink.write(b"".join(lines))
            self._sink.flush()

    def close(self) -> None:
        """Write what was kept; a file is closed, standard error stays open."""
        self.drain()
        if self._sink is not sys.stderr.buffer:
            self._sink.close()
