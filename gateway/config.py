"""
The configuration: frozen Structs, and the loader that merges its sources.

Order: defaults < TOML file < environment (``TIDEGATE_SERVER__PORT=9000``) <
flags. Unknown keys are refused with file, line and nearest name. Nobody but
:mod:`gateway.app` and the command line sees the whole of it: each component
gets its own Struct.
"""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any

import msgspec

from gateway.errors import ConfigError


ENV_PREFIX = "TIDEGATE_"


class ServerConfig(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True
):
    """
    Where and how to listen.

    Attributes:
        workers: Processes on the one port.

        drain_s: How long a stopping worker may finish what it has.

        max_body_bytes: A larger request body is refused with 413.
    """

    host: str = "127.0.0.1"
    port: int = 8080
    workers: int = 1
    drain_s: float = 15.0
    max_body_bytes: int = 32_768


class StoreConfig(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True
):
    """
    Which store. An empty *url* starts the embedded one under the data folder.

    Attributes:
        lease_ms: How long a silent worker keeps a conversation.

        dedup_days: How long a repeated message id is recognised.

        log_keep: Events kept live per conversation.
    """

    url: str = ""
    lease_ms: int = 10_000
    dedup_days: float = 7.0
    log_keep: int = 500


class LimitsConfig(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True
):
    """
    What one request or one key may ask for.

    Attributes:
        rate_per_s: Messages a second per API key, per worker.

        burst: How many may come at once above the rate.

        visitor_rate_per_s: As *rate_per_s*, for one browser visitor.
    """

    text_chars: int = 4_000
    id_chars: int = 128
    rate_per_s: float = 20_000.0
    burst: int = 20_000
    visitor_rate_per_s: float = 2.0
    visitor_burst: int = 10


class DispatchConfig(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True
):
    """
    Deadlines and bounds of answering, in seconds from acceptance.

    Attributes:
        reply_wait_s: How long a POST waits for its reply before ``202``.

        min_confidence: An answer below it climbs one tier.

        max_tries: Take-overs of one message before it becomes a ticket.

        l2_slots / l3_slots: Turns at once on that tier, per worker.
    """

    l1_deadline_s: float = 1.0
    l2_deadline_s: float = 3.0
    l3_deadline_s: float = 10.0
    reply_wait_s: float = 15.0
    min_confidence: float = 0.3
    max_tries: int = 3
    history_lines: int = 12
    episode_idle_s: float = 6 * 3600.0
    l2_slots: int = 64
    l3_slots: int = 32


class RouterConfig(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True
):
    """Which router model, rules and stage; empty paths mean the shipped ones."""

    model_dir: str = ""
    rules: str = ""
    stage: str = "growth"


class PeopleConfig(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True
):
    """
    The human queue.

    Attributes:
        session_hours: How long an operator stays signed in.
    """

    max_queue: int = 200
    max_eta_s: float = 1_800.0
    offer_s: float = 20.0
    session_hours: float = 12.0


class ChannelConfig(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True
):
    """
    One channel of a shop.

    Attributes:
        key: Bearer key of the channel. Empty: one is made at the first start
            and kept in the data folder.

        key_file: File that holds the key instead.

        allows_visitors: Browsers may open anonymous conversations.

        origins: Web origins that may do so; empty means the gateway's own.
    """

    name: str
    key: str = ""
    key_file: str = ""
    allows_visitors: bool = False
    origins: tuple[str, ...] = ()


class ShopConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """
    One shop: what it knows, what it allows, where its business system is.

    Attributes:
        business_url: Base address of the shop's business system; empty means
            none, and L2/L3 do without.
    """

    id: str
    packs: tuple[str, ...] = ("packs/ecommerce.yaml",)
    facts: str = "knowledge/demo/facts.yaml"
    knowledge: str = "knowledge/demo"
    policy: str = "policies/default.yaml"
    voices: tuple[str, ...] = ("voice/default.yaml", "voice/agent.yaml")
    business_url: str = ""
    business_key: str = ""
    business_key_file: str = ""
    business_timeout_s: float = 3.0
    channels: tuple[ChannelConfig, ...] = ()


class LogConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """
    Attributes:
        path: File for the canonical lines; empty means standard error.

        level: ``debug``, ``info`` or ``warning``.
    """

    path: str = ""
    level: str = "info"


class Config(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything, as the composition root sees it."""

    data_dir: str = ".tidegate"
    demo: bool = False
    server: ServerConfig = ServerConfig()
    store: StoreConfig = StoreConfig()
    limits: LimitsConfig = LimitsConfig()
    dispatch: DispatchConfig = DispatchConfig()
    router: RouterConfig = RouterConfig()
    people: PeopleConfig = PeopleConfig()
    log: LogConfig = LogConfig()
    shops: tuple[ShopConfig, ...] = ()


def shipped(name: str) -> Path:
    """
    Path of a file under ``configs/``: the source tree's, else the package's.
    """
    source_tree = Path(__file__).resolve().parent.parent / "configs" / name
    if source_tree.exists():
        return source_tree
    return Path(str(resources.files("gateway") / "configs" / name))


def resolve(name: str, beside: Path | None = None) -> Path:
    """
    Find a file a setting names: absolute, beside the config file, or shipped.

    Raises:
        ConfigError: If it is nowhere.
    """
    candidates = [Path(name)] if Path(name).is_absolute() else []
    if beside is not None:
        candidates.append(beside / name)
    candidates.append(shipped(name))
    for candidate in candidates:
        if candidate.exists():
            return candidate
    raise ConfigError(
        f"{name}: no such file; looked at {', '.join(map(str, candidates))}"
    )


def load(
    path: Path | None,
    environ: Mapping[str, str],
    flags: Mapping[str, Any] | None = None,
) -> Config:
    """
    Merge file, environment and flags into one checked Config.

    Args:
        flags: Dotted keys, for example ``{"server.port": 9000}``; None values
            are left out.

    Raises:
        ConfigError: Names file, line and the nearest known key.
    """
    source = path or shipped("tidegate.toml")
    tree = _read_toml(source)
    _check_keys(tree, Config, source, ())
    for dotted, value in (*_from_environ(environ), *_given(flags)):
        _put(tree, dotted, value)
    try:
        config = msgspec.convert(tree, Config, strict=False)
    except msgspec.ValidationError as exc:
        raise ConfigError(f"{source}: {exc}{_line_hint(source, str(exc))}") from exc
    _check_shops(config, source)
    return config


def _read_toml(source: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(source.read_text(encoding="utf-8"))
    except FileNotFoundError as exc:
        raise ConfigError(
            f"{source}: no such file; write one or leave --config out"
        ) from exc
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as exc:
        raise ConfigError(f"{source}: not valid TOML: {exc}") from exc


def _from_environ(environ: Mapping[str, str]) -> list[tuple[str, Any]]:
    found = [
        (name.removeprefix(ENV_PREFIX).lower().replace("__", "."), value)
        for name, value in sorted(environ.items())
        if name.startswith(ENV_PREFIX)
    ]
    for dotted, _ in found:
        variable = ENV_PREFIX + dotted.replace(".", "__").upper()
        _check_dotted(dotted, f"environment variable {variable}")
    return found


def _given(flags: Mapping[str, Any] | None) -> list[tuple[str, Any]]:
    return [(key, value) for key, value in (flags or {}).items() if value is not None]


def _put(tree: dict[str, Any], dotted: str, value: Any) -> None:
    *parents, last = dotted.split(".")
    for parent in parents:
        tree = tree.setdefault(parent, {})
    tree[last] = value


def _check_dotted(dotted: str, where: str) -> None:
    kind: Any = Config
    for part in dotted.split("."):
        names = _field_types(kind)
        if part not in names:
            raise ConfigError(f"{where}: no setting {part!r}{_nearest(part, names)}")
        kind = names[part]


def _check_keys(
    tree: Mapping[str, Any], kind: Any, source: Path, parents: tuple[str, ...]
) -> None:
    names = _field_types(kind)
    for key, value in tree.items():
        if key not in names:
            where = f"{source}:{_line_of(source, key)}"
            table = ".".join(parents) or "top level"
            raise ConfigError(
                f"{where}: unknown key {key!r} in {table}{_nearest(key, names)}"
            )
        for item in value if isinstance(value, list) else [value]:
            if isinstance(item, dict):
                _check_keys(item, names[key], source, (*parents, key))


def _field_types(kind: Any) -> dict[str, Any]:
    """Names of a section's keys; a tuple of sections counts as the section."""
    if not (isinstance(kind, type) and issubclass(kind, msgspec.Struct)):
        args = [a for a in getattr(kind, "__args__", ()) if a is not Ellipsis]
        kind = args[0] if args else kind
    if not (isinstance(kind, type) and issubclass(kind, msgspec.Struct)):
        return {}
    return {field.name: field.type for field in msgspec.structs.fields(kind)}


def _nearest(name: str, known: Mapping[str, Any]) -> str:
    close = difflib.get_close_matches(name, known, n=1)
    return f"; did you mean {close[0]!r}?" if close else f"; known: {', '.join(known)}"


def _line_of(source: Path, key: str) -> int:
    pattern = re.compile(rf"^\s*\[*(?:.*\.)?\"?{re.escape(key)}\"?\s*(?:=|\])")
    lines = source.read_text(encoding="utf-8").splitlines()
    return next((n for n, line in enumerate(lines, 1) if pattern.match(line)), 1)


def _line_hint(source: Path, message: str) -> str:
    """The line of the key that msgspec names as ``$.server.port``."""
    found = re.search(r"`\$[^`]*\.(\w+)(?:\[[^`]*\])?`", message)
    return f" (line {_line_of(source, found.group(1))})" if found else ""


def _check_shops(config: Config, source: Path) -> None:
    seen: set[str] = set()
    for shop in config.shops:
        if not re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,31}", shop.id):
            raise ConfigError(
                f"{source}:{_line_of(source, 'id')}: shop id {shop.id!r} must be"
                " 1-32 of a-z 0-9 _ -, starting with a letter or digit"
            )
        if shop.id in seen:
            raise ConfigError(
                f"{source}: shop {shop.id!r} stands twice; give each one id"
            )
        seen.add(shop.id)
        names = [channel.name for channel in shop.channels]
        for name in names:
            if not re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,31}", name):
                raise ConfigError(
                    f"{source}:{_line_of(source, 'name')}: channel name {name!r}"
                    " must be 1-32 of a-z 0-9 _ -"
                )
        if len(set(names)) != len(names):
            raise ConfigError(f"{source}: shop {shop.id!r} names a channel twice")
