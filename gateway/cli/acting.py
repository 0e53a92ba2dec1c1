"""
Lines in the audit log about what commands do.
"""

from __future__ import annotations

import getpass
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from gateway.audit_log import AuditLog
from gateway.clock import wall_ms
from gateway.config import Config
from gateway.store.audit import AuditStore
from gateway.store.beside import run_beside
from gateway.store.connection import Scripts


def log_of(scripts: Scripts) -> AuditLog:
    """The audit log on a command's store."""
    return AuditLog(AuditStore(scripts), wall_ms)


@asynccontextmanager
async def by_command(
    scripts: Scripts, shop: str, act: str, about: Mapping[str, object]
) -> AsyncIterator[None]:
    """Around what a command does: a line before it, in the name of the system's user."""
    async with log_of(scripts).acting(shop, f"cli/{_user()}", act, about):
        yield


def write_down(
    config: Config, shop: str, act: str, about: Mapping[str, object]
) -> None:
    """Write a line before a command acts on files alone."""

    async def deed(scripts: Scripts) -> None:
        await log_of(scripts).write(shop, f"cli/{_user()}", act, about)

    run_beside(config.store.url, Path(config.data_dir), deed)


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "?"
