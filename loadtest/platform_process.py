"""
The platforms' stand-in as a process of its own, and its remote control.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import msgspec

from loadtest.platform_server import Arrived, Manners


_arrived = msgspec.json.Decoder(list[Arrived])


class PlatformControl:
    """Sets the manners of the running stand-in and reads what arrived."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._http = httpx.Client(base_url=url, trust_env=False, timeout=30)

    def manners(self, manners: Manners) -> None:
        """Behave so from now on."""
        self._post("manners", manners)

    def pull(self, messages: list[dict[str, Any]]) -> None:
        """Put *messages* behind what ``sync_msg`` has to give."""
        self._post("pull", messages)

    def forget(self) -> None:
        """Forget what arrived."""
        self._post("forget", {})

    def arrived(self) -> list[Arrived]:
        """Every send that counts, oldest first."""
        return _arrived.decode(self._http.get("/fake/arrived").content)

    def statuses(self) -> list[str]:
        """What Chatwoot's conversations were set to, oldest first."""
        found: list[str] = self._http.get("/fake/statuses").json()
        return found

    def until(self, count: int, limit_s: float = 15.0) -> list[Arrived]:
        """What arrived, once it is *count* or time is up."""
        give_up = time.monotonic() + limit_s
        while len(found := self.arrived()) < count and time.monotonic() < give_up:
            time.sleep(0.02)
        return found

    def close(self) -> None:
        """Close the connection."""
        self._http.close()

    def _post(self, what: str, body: object) -> None:
        answer = self._http.post(f"/fake/{what}", content=msgspec.json.encode(body))
        answer.raise_for_status()


@contextmanager
def running_platforms() -> Iterator[PlatformControl]:
    """A stand-in on a free port of 127.0.0.1; ends with the ``with``."""
    command = [sys.executable, "-m", "loadtest.platform_server"]
    with subprocess.Popen(  # noqa: S603 - our own interpreter and module
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None  # noqa: S101 - asked for above
        hello = msgspec.json.decode(process.stdout.readline(), type=dict[str, str])
        control = PlatformControl(hello["url"])
        try:
            yield control
        finally:
            control.close()
            process.terminate()
