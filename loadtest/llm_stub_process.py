"""
The stand-in for a language model as a process of its own, and its remote control.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import httpx
import msgspec

from loadtest.llm_manners import Line, Manners


class StubControl:
    """Sets the manners and the script of a running stub."""

    def __init__(self, url: str) -> None:
        self._root = url
        #: What an endpoint's ``url`` is set to.
        self.url = f"{url}/v1"

    def manners(self, manners: Manners) -> None:
        """Behave so from now on."""
        self._post("manners", manners)

    def script(self, lines: Sequence[Line]) -> None:
        """Say so from now on."""
        self._post("script", lines)

    def calls(self) -> list[dict[str, Any]]:
        """The last requests, oldest first: ``{n, key, body}``; *n* counts all."""
        answer = httpx.get(f"{self._root}/stub/calls", trust_env=False)
        found: list[dict[str, Any]] = answer.json()
        return found

    def _post(self, what: str, body: object) -> None:
        content = msgspec.json.encode(body)
        answer = httpx.post(
            f"{self._root}/stub/{what}", content=content, trust_env=False
        )
        answer.raise_for_status()


@contextmanager
def running_stub() -> Iterator[StubControl]:
    """A stub on a free port of 127.0.0.1; ends with the ``with``."""
    command = [sys.executable, "-m", "loadtest.llm_stub"]
    with subprocess.Popen(  # noqa: S603 - our own interpreter and module
        command, stdout=subprocess.PIPE
    ) as process:
        try:
            assert process.stdout is not None  # noqa: S101 - asked for above
            hello = msgspec.json.decode(process.stdout.readline(), type=dict[str, str])
            yield StubControl(hello["url"])
        finally:
            process.terminate()
