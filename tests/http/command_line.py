"""
The command line as a person runs it: a process with arguments, streams, a code.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import httpx
from click.testing import CliRunner

from gateway.cli import main


COMMAND = [sys.executable, "-c", "from gateway.cli.main import main; main()"]
#: Seconds a command may take on a busy machine.
LIMIT_S = 90


class Ran(NamedTuple):
    """What a command left behind."""

    code: int
    out: str
    err: str

    def tree(self) -> Any:
        """Its output as JSON."""
        return json.loads(self.out)


def environ(**more: str) -> dict[str, str]:
    """This environment without settings of a gateway, but for one: compiling takes long."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("TIDEGATE_")}
    plain = {"TIDEGATE_ROUTER__ARITHMETIC": "plain"}
    return {**kept, **plain, "COLUMNS": "200", **more}


def run(*arguments: str | Path, cwd: Path, stdin: str = "", **env: str) -> Ran:
    """Run ``tidegate`` to its end."""
    done = subprocess.run(
        [*COMMAND, *map(str, arguments)],
        cwd=cwd,
        input=stdin.encode("utf-8", "surrogateescape"),
        capture_output=True,
        timeout=LIMIT_S,
        env=environ(PYTHONPATH=_root(), **env),
        check=False,
    )
    return Ran(done.returncode, done.stdout.decode(), done.stderr.decode())


def here(*arguments: str | Path, stdin: str = "", **env: str) -> Ran:
    """The same inside this process: faster, for commands that start nothing."""
    runner = CliRunner(env=env, catch_exceptions=True)
    done = runner.invoke(main.cli, [str(one) for one in arguments], input=stdin)
    if isinstance(done.exception, main.PLAIN):
        return Ran(2, done.stdout, f"tidegate: {done.exception}")
    assert done.exception is None or isinstance(done.exception, SystemExit), done
    return Ran(done.exit_code, done.stdout, done.stderr)


def _root() -> str:
    return str(Path(__file__).resolve().parents[2])


class Served:
    """A ``tidegate serve`` that takes messages."""

    def __init__(self, process: subprocess.Popen[str], url: str, data: Path) -> None:
        self.process = process
        self.url = url
        self.data = data

    def key(self, name: str = "demo/app") -> str:
        """Bearer key of a channel, from where the command says it is."""
        kept = json.loads((self.data / "secrets.json").read_text())
        key: str = kept["channel_keys"][name]
        return key

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Ask it to end, and wait; its exit code."""
        self.process.send_signal(number)
        return self.process.wait(timeout=LIMIT_S)


@contextmanager
def serving(data: Path, *arguments: str | Path) -> Iterator[Served]:
    """Run ``tidegate serve`` on a free port until the block ends."""
    words = ["serve", "--data-dir", str(data), "--port", "0", *map(str, arguments)]
    log = (data.parent / f"{data.name}.err").open("ab")
    process = subprocess.Popen(
        [*COMMAND, *words],
        cwd=data.parent,
        stdout=subprocess.PIPE,
        stderr=log,
        text=True,
        env=environ(PYTHONPATH=_root()),
    )
    assert process.stdout is not None
    try:
        line = process.stdout.readline()
        assert line.startswith("tidegate listens on "), line
        served = Served(process, line.split()[-1], data)
        _wait_until_ready(served)
        yield served
    finally:
        log.close()
        if process.poll() is None:
            process.terminate()
        process.wait(timeout=LIMIT_S)
        process.stdout.close()


def _wait_until_ready(served: Served) -> None:
    give_up = time.monotonic() + LIMIT_S
    while time.monotonic() < give_up:
        try:
            if httpx.get(f"{served.url}/readyz", timeout=5).status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.05)
    raise TimeoutError(served.url)
