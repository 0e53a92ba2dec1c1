"""
What an acknowledgement of this store is worth, found out by asking it.

    durable             the write is on the primary's disk
    durable-replicated  and on the disks of so many replicas
    best-effort         an acknowledged write may be lost; the reason says how
"""

from __future__ import annotations

from typing import Literal

import msgspec

from gateway.store.connection import Scripts
from gateway.store.errors import ScriptError


Level = Literal["durable", "durable-replicated", "best-effort"]

_ASKED = (
    "appendonly",
    "appendfsync",
    "no-appendfsync-on-rewrite",
    "maxmemory-policy",
    "min-replicas-to-write",
)


class Durability(msgspec.Struct, frozen=True):
    """What survives a kill, a power loss and, if replicated, the primary's disk."""

    level: Level
    reason: str


class Profile(msgspec.Struct, frozen=True):
    """One primary as it describes itself; *settings* is empty if it won't."""

    settings: dict[str, str]
    replicas: int


async def probe(scripts: Scripts) -> Durability:
    """
    Ask every primary; the weakest decides.

    Raises:
        StoreUnavailable: If one does not answer.
    """
    profiles = await _profiles(scripts)
    found = [judge(profile, scripts.replicas) for profile in profiles]
    weak = [one for one in found if one.level == "best-effort"]
    return weak[0] if weak else found[0]


def judge(profile: Profile, confirmed_by: int) -> Durability:
    """
    Judge one primary.

    Args:
        profile: What it says of itself.

        confirmed_by: Replicas each call waits for (``WAITAOF``); 0 for none.
    """
    if why := _weakness(profile, confirmed_by):
        return Durability("best-effort", why)
    if confirmed_by:
        return Durability(
            "durable-replicated",
            f"each write is confirmed by the disks of {confirmed_by + 1} servers",
        )
    return Durability("durable", "each write is on disk before it is acknowledged")


def _weakness(profile: Profile, confirmed_by: int) -> str:
    """Why an acknowledged write could be lost; empty if it could not."""
    said = profile.settings
    if not said:
        return "the server does not show its settings: nothing is known"
    checks = (
        (said.get("appendonly") == "yes", "appendonly is off: a restart loses writes"),
        (
            said.get("maxmemory-policy") == "noeviction",
            f"maxmemory-policy {said.get('maxmemory-policy')} may evict unanswered mail",
        ),
        (
            bool(confirmed_by) or said.get("appendfsync") == "always",
            f"appendfsync {said.get('appendfsync')}: a crash loses the last writes",
        ),
        (
            bool(confirmed_by) or said.get("no-appendfsync-on-rewrite") == "no",
            "no-appendfsync-on-rewrite: a crash during a rewrite loses writes",
        ),
        (
            profile.replicas >= confirmed_by,
            f"{profile.replicas} replicas are connected, {confirmed_by} must confirm",
        ),
        (
            bool(confirmed_by) or not profile.replicas,
            "a failover loses what the replica has not seen: let calls wait for it",
        ),
        (
            not confirmed_by or said.get("min-replicas-to-write", "0") != "0",
            "min-replicas-to-write is 0: a cut-off primary goes on alone",
        ),
    )
    return "; ".join(why for is_fine, why in checks if not is_fine)


async def _profiles(scripts: Scripts) -> list[Profile]:
    facts = await scripts.on_each_primary("INFO", "replication")
    replicas = [_connected_replicas(fact) for fact in facts]
    try:
        replies = await scripts.on_each_primary("CONFIG", "GET", *_ASKED)
    except ScriptError:
        # Hosted servers often hide their settings.
        return [Profile({}, count) for count in replicas]
    settings = [_pairs(reply) for reply in replies]
    return [Profile(*both) for both in zip(settings, replicas, strict=True)]


def _connected_replicas(info: bytes) -> int:
    for line in info.splitlines():
        name, _, value = line.partition(b":")
        if name == b"connected_slaves":
            return int(value)
    return 0


def _pairs(flat: list[bytes]) -> dict[str, str]:
    words = [word.decode() for word in flat]
    return dict(zip(words[::2], words[1::2], strict=True))
