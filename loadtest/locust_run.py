"""
A day of Locust users against a fresh gateway, with every message accounted for.

Locust runs as a process of its own (it replaces the standard library's sockets); it is
an extra: ``pip install 'tidegate[locust]'``.
"""

from __future__ import annotations

import asyncio
import re
import secrets
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path

import httpx
import msgspec

from gateway.config import Config
from gateway.stack import Stack, running
from loadtest.generator import Plan, Result
from loadtest.sale import Sale, SaleReport, account, admissions, own_quantiles
from loadtest.schedule import pieces
from loadtest.servers import hardware


LOCUSTFILE = Path(__file__).parent / "locustfile.py"
#: Connections of all customers together.
CONNECTIONS = 128
#: Seconds beyond the shape in which Locust must have ended: last talks, last answers.
SPARE_S = 180.0
#: Exit code of a run whose generator was late: the report says so.
LATE = 3
_PEOPLE = re.compile(
    r'^tidegate_queue_depth\{[^}]*state="(\w+)"[^}]*\} (\S+)$', re.MULTILINE
)

Hire = Callable[[str, str, Mapping[str, str]], None]


class LocustFailed(Exception):
    """Locust is not installed, or it ended without a result."""


class LocustReport(msgspec.Struct, frozen=True, kw_only=True):
    """
    A run.

    Attributes:
        sale: As of ``loadtest sale``: what customers saw and what became of it.

        calls: Name -> how often Locust's users called, and how often that failed:
            refused, broken, or not by the wire contract.

        people: State -> handoffs of the shop at the end.
    """

    sale: SaleReport
    calls: dict[str, tuple[int, int]]
    people: dict[str, int]

    @property
    def is_clean(self) -> bool:
        """Nothing lost, and every answer by the contract."""
        return self.sale.is_clean and not any(bad for _, bad in self.calls.values())


class _Stat(msgspec.Struct):
    name: str
    num_requests: int
    num_failures: int


def run_locust(
    config: Config,
    sale: Sale,
    operators: int,
    hire: Hire,
    tell: Callable[[str], None],
) -> LocustReport:
    """
    Run *sale* by Locust's users, with *operators* at the desk.

    Args:
        hire: Makes accounts: store's address, shop, name -> password.

    Raises:
        LocustFailed: If Locust is not there, or gives no result.
    """
    if find_spec("locust") is None:
        raise LocustFailed("Locust is not installed: pip install 'tidegate[locust]'")
    with tempfile.TemporaryDirectory(prefix="tidegate-locust-") as folder:
        server = msgspec.structs.replace(config.server, port=0)
        log = msgspec.structs.replace(config.log, path=f"{folder}/gateway.log")
        ours = msgspec.structs.replace(config, data_dir=folder, server=server, log=log)
        with running(ours, tell) as stack:
            names = {f"op{n}": secrets.token_urlsafe(12) for n in range(operators)}
            hire(stack.supervisor.store_url, stack.shop, names)
            tell(f"{sale.shape}, up to {sale.peak_per_s:g}/s, {operators} operators")
            client, calls = _locust(stack, sale, names, Path(folder))
            tell(f"{client.sent} sent; reading every conversation back")
            ends = asyncio.run(account(stack, sale))
            metrics = httpx.get(
                f"{stack.url}/metrics", trust_env=False, timeout=30
            ).text
    report = SaleReport(
        sale=sale,
        client=client,
        ends=ends,
        lost=max(0, ends.not_taken - client.errors - client.unanswered),
        own_p95_ms=own_quantiles(metrics),
        hardware=hardware(),
        admissions=admissions(metrics),
    )
    people = {state: int(float(n)) for state, n in _PEOPLE.findall(metrics)}
    return LocustReport(sale=report, calls=calls, people=people)


def _locust(
    stack: Stack, sale: Sale, operators: Mapping[str, str], folder: Path
) -> tuple[Result, dict[str, tuple[int, int]]]:
    """One run of Locust; what customers saw, and its own counts."""
    url = httpx.URL(stack.url)
    customers = Plan(
        mode="open",
        host=url.host,
        port=url.port or 80,
        key=stack.key,
        count=0,
        connections=CONNECTIONS,
        texts=(),
        prefix=sale.prefix,
        seed=sale.seed,
        course=pieces(sale.shape, sale.seconds, sale.peak_per_s),
        talks=sale.talks,
    )
    crew = {"customers": customers, "shop": stack.shop, "operators": dict(operators)}
    plan, told, stats = (folder / name for name in ("plan", "told", "stats"))
    plan.touch(mode=0o600)
    plan.write_bytes(msgspec.json.encode(crew))
    limit_s = sale.seconds + SPARE_S
    command = [sys.executable, "-m", "locust", "-f", str(LOCUSTFILE), "--headless"]
    command += ["--host", stack.url, "--users", str(1 + len(operators))]
    command += ["--spawn-rate", "100", "--only-summary", "--loglevel", "ERROR"]
    command += ["--plan", str(plan), "--tell", str(told), "--json-file", str(stats)]
    command += ["--exit-code-on-error", "0", "--stop-timeout", "5"]
    try:
        done = subprocess.run(  # noqa: S603 - our own interpreter and module
            command, capture_output=True, text=True, check=False, timeout=limit_s
        )
    except subprocess.TimeoutExpired as exc:
        raise LocustFailed(f"Locust did not end within {limit_s:.0f} s") from exc
    if not told.exists() or done.returncode not in (0, LATE):
        raise LocustFailed(
            f"Locust ended with {done.returncode}: {done.stderr[-2000:]}"
        )
    counts = msgspec.json.decode(
        stats.with_suffix(".json").read_bytes(), type=list[_Stat]
    )
    calls = {one.name: (one.num_requests, one.num_failures) for one in counts}
    return msgspec.json.decode(told.read_bytes(), type=Result), calls
