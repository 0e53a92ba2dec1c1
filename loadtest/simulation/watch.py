"""
What must hold at every instant, seen from beside the store's functions.

The history checker judges what came of it all; here each single step is judged, so that
a finding names the moment.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from loadtest.history import Finding
from loadtest.simulation.keyspace import Keyspace


#: Functions in which the machine speaks.
_MACHINE = "commit"


class Watch:
    """Looks at the conversation that a function is about to change, and again after."""

    def __init__(self, keyspace: Keyspace) -> None:
        self._keyspace = keyspace
        self.findings: list[Finding] = []

    def __call__(self, name: str, keys: Sequence[str]) -> Callable[[], None]:
        """What is to be looked at afterwards."""
        if name != _MACHINE:
            return lambda: None
        key, log = keys[0].encode(), keys[1].encode()
        owner = self._keyspace.run("HGET", key, "o")
        before = self._replies(log)
        done = self._done(key)

        def after() -> None:
            said = self._replies(log) - before
            if owner and said:
                self._found("spoke", keys[0], f"while {owner.decode()} had it")
            if self._done(key) < done:
                self._found("disorder", keys[0], "an older message was disposed of")

        return after

    def _done(self, key: bytes) -> int:
        return int(self._keyspace.run("HGET", key, "d") or 0)

    def _replies(self, log: bytes) -> int:
        entries = self._keyspace.run("XRANGE", log, "-", "+")
        return sum(fields[1] == b"r" for _, fields in entries)

    def _found(self, kind: str, conversation: str, detail: str) -> None:
        self.findings.append(
            Finding(kind=kind, conversation=conversation, message_id="", detail=detail)
        )
