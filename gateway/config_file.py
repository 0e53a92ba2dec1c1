"""
Reading the configuration: file, environment and flags become one Config.

Order: defaults < TOML file < environment (``TIDEGATE_SERVER__PORT=9000``) <
flags. Unknown keys are refused with file, line and nearest name; a wrong value
is blamed on the place it came from.
"""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import UnionType
from typing import Any, NamedTuple, get_args, get_origin

import msgspec

from gateway.config import Config, shipped
from gateway.config_lines import Place, line_of, place_of
from gateway.errors import ConfigError


ENV_PREFIX = "TIDEGATE_"
#: Read by commands that act as a client; no settings of the gateway.
CLIENT_VARIABLES = frozenset({"TIDEGATE_KEY"})

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,31}").fullmatch


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
        ConfigError: Names file and line, or the variable, and the nearest
            known key.
    """
    source = path or shipped("tidegate.toml")
    text = _read_text(source)
    tree = _parse(source, text)
    _check_keys(tree, Config, _Where(source, text), ())
    config = _converted(tree, _Where(source, text))
    for override in (*_from_environ(environ), *_given(flags)):
        _put(tree, override)
        config = _converted(tree, override, is_strict=False)
    _check_shops(config, _Where(source, text))
    _check_store(config, _Where(source, text))
    return config


class _Where(NamedTuple):
    """A config file; says at which line a setting of it stands."""

    source: Path
    text: str

    def at(self, place: Place) -> str:
        return f"{self.source}:{line_of(self.text, place)}"


class _Override(NamedTuple):
    """One setting from elsewhere, and what to call that place."""

    name: str
    parts: tuple[str, ...]
    value: Any

    def at(self, _: Place) -> str:
        return self.name


def _read_text(source: Path) -> str:
    try:
        data = source.read_bytes()
    except OSError as exc:
        raise ConfigError(
            f"{source}: cannot be read: {exc.strerror}; name a TOML file, or leave"
            " --config out"
        ) from exc
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as exc:
        line = data.count(b"\n", 0, exc.start) + 1
        raise ConfigError(
            f"{source}:{line}: byte {exc.start} is not UTF-8; save the file as UTF-8"
        ) from exc


def _parse(source: Path, text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as exc:
        found = re.search(r"at line (\d+)", str(exc))
        line = int(found[1]) if found else text.count("\n") + 1
        raise ConfigError(f"{source}:{line}: not valid TOML: {exc}") from exc
    except RecursionError as exc:
        raise ConfigError(f"{source}:1: nested too deeply; no setting is") from exc


def _converted(
    tree: dict[str, Any], where: _Where | _Override, *, is_strict: bool = True
) -> Config:
    """Variables are text, so they may be read as numbers; a file says what it means."""
    try:
        return msgspec.convert(tree, Config, strict=is_strict)
    except msgspec.ValidationError as exc:
        message, _, path = str(exc).partition(" - at `$")
        place = place_of(path)
        named = f" for {_dotted(place)}" if place else ""
        raise ConfigError(f"{where.at(place)}: {message}{named}") from exc


def _dotted(place: Place) -> str:
    return ".".join(str(part) for part in place)


def _from_environ(environ: Mapping[str, str]) -> Iterator[_Override]:
    for variable, value in sorted(environ.items()):
        if variable.startswith(ENV_PREFIX) and variable not in CLIENT_VARIABLES:
            parts = variable.removeprefix(ENV_PREFIX).lower().split("__")
            name = f"environment variable {variable}"
            _check_parts(parts, name)
            yield _Override(name, tuple(parts), value)


def _given(flags: Mapping[str, Any] | None) -> Iterator[_Override]:
    for key, value in (flags or {}).items():
        if value is not None:
            yield _Override(f"flag for {key}", tuple(key.split(".")), value)


def _put(tree: dict[str, Any], override: _Override) -> None:
    *parents, last = override.parts
    for parent in parents:
        tree = tree.setdefault(parent, {})
    tree[last] = override.value


def _check_parts(parts: Sequence[str], where: str) -> None:
    """Each part but the last must name a section, the last a setting."""
    kind: Any = Config
    for part in parts:
        names = _field_types(kind)
        if part not in names:
            raise ConfigError(f"{where}: no setting {part!r}{_nearest(part, names)}")
        kind = names[part]
        if get_origin(kind) is tuple:
            raise ConfigError(f"{where}: {part} is a list; set it in the file")


def _check_keys(
    tree: Mapping[str, Any], kind: Any, where: _Where, place: Place
) -> None:
    names = _field_types(kind)
    for key, value in tree.items():
        here = (*place, key)
        if key == _tag_field(kind):
            continue
        if key not in names:
            table = _dotted(place) or "top level"
            raise ConfigError(
                f"{where.at(here)}: unknown key {key!r} in"
                f" {table}{_nearest(key, names)}"
            )
        _check_inside(value, names[key], where, here)


def _check_inside(value: Any, kind: Any, where: _Where, place: Place) -> None:
    """Only sections and lists of sections have keys to check."""
    kind = _chosen(kind, value)
    if not _field_types(kind):
        return
    if isinstance(value, dict):
        _check_keys(value, kind, where, place)
    elif isinstance(value, list):
        for position, item in enumerate(value):
            _check_inside(item, kind, where, (*place, position))


def _tag_field(kind: Any) -> str | None:
    """The key that tells sections of one place apart."""
    config = getattr(kind, "__struct_config__", None)
    return config.tag_field if config is not None else None


def _chosen(kind: Any, value: Any) -> Any:
    """Of several sections that may stand here, the one that *value* says it is."""
    if not isinstance(kind, UnionType) or not isinstance(value, dict):
        return kind
    for one in get_args(kind):
        config = getattr(one, "__struct_config__", None)
        if config is not None and value.get(config.tag_field) == config.tag:
            return one
    return kind


def _field_types(kind: Any) -> dict[str, Any]:
    """Names of a section's keys; a tuple of sections counts as the section."""
    if get_origin(kind) is tuple:
        kind = get_args(kind)[0]
    if not (isinstance(kind, type) and issubclass(kind, msgspec.Struct)):
        return {}
    return {field.name: field.type for field in msgspec.structs.fields(kind)}


def _nearest(name: str, known: Mapping[str, Any]) -> str:
    if not known:
        return "; it has no settings of its own"
    close = difflib.get_close_matches(name, known, n=1)
    return f"; did you mean {close[0]!r}?" if close else f"; known: {', '.join(known)}"


def _check_store(config: Config, where: _Where) -> None:
    if config.store.replicas and not config.store.url:
        raise ConfigError(
            f"{where.at(('store', 'replicas'))}: the embedded store has no replicas;"
            " give store.url, or leave replicas out"
        )


def _check_shops(config: Config, where: _Where) -> None:
    if not config.shops:
        raise ConfigError(
            f"{where.source}:1: no shop; add a [[shops]] table with an id"
        )
    _check_names([shop.id for shop in config.shops], where, ("shops",), "id")
    endpoints = [endpoint.name for endpoint in config.llm.endpoints]
    _check_names(endpoints, where, ("llm", "endpoints"), "name")
    for number, shop in enumerate(config.shops):
        names = [channel.name for channel in shop.channels]
        _check_names(names, where, ("shops", number, "channels"), "name")


def _check_names(names: Sequence[str], where: _Where, at: Place, field: str) -> None:
    """Shops, channels and endpoints have short plain names, each one once."""
    for number, name in enumerate(names):
        here = where.at((*at, number, field))
        if not _NAME(name):
            raise ConfigError(
                f"{here}: {field} {name!r} must be 1-32 of a-z 0-9 _ -, starting with"
                " a letter or digit"
            )
        if name in names[:number]:
            raise ConfigError(
                f"{here}: {field} {name!r} stands twice; give each its own"
            )
