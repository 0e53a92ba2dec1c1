"""
Keys that nobody configured: made once, kept in the data folder, mode 600.

A channel without a key gets one, so that the first start needs no editing; the
secret that signs visitors' tokens is kept the same way, so that tokens outlive
a restart. Files named in the configuration win.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import msgspec

from engines.llm import EndpointConfig
from gateway.channels.registry import Platform
from gateway.config import ChannelConfig, Config, PeopleConfig, ShopConfig
from gateway.errors import ConfigError


FILE_NAME = "secrets.json"
#: Shortest secret that signs who a visitor is.
MIN_SECRET = 32
#: Shorter ones can be guessed.
Key = Annotated[str, msgspec.Meta(min_length=16)]


class Secrets(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """
    What the data folder keeps.

    Attributes:
        channel_keys: ``shop/channel`` -> bearer key.
    """

    visitor_secret: Key
    business_key: Key
    channel_keys: dict[str, Key] = msgspec.field(default_factory=dict)


def fill(config: Config, data_dir: Path) -> tuple[Config, Secrets]:
    """
    Give every channel a key, from the configuration, a file or the folder.

    Raises:
        ConfigError: If a named key file cannot be read, the kept file is
            damaged, the folder cannot be written, or two channels share a key.
    """
    kept = _read(data_dir / FILE_NAME)
    shops = tuple(_fill_shop(shop, kept) for shop in config.shops)
    endpoints = tuple(_fill_endpoint(one) for one in config.llm.endpoints)
    llm = msgspec.structs.replace(config.llm, endpoints=endpoints)
    _check_keys_differ(shops)
    try:
        _write(data_dir / FILE_NAME, kept)
    except OSError as exc:
        raise ConfigError(
            f"{data_dir}: cannot be written: {exc.strerror}; choose another folder"
            " with --data-dir"
        ) from exc
    people = _fill_people(config.people)
    filled = msgspec.structs.replace(config, shops=shops, llm=llm, people=people)
    return filled, _with_visitor_secret(kept, config.server.visitor_secret_file)


def _fill_people(people: PeopleConfig) -> PeopleConfig:
    sign_on = people.sign_on
    if not sign_on.client_secret_file:
        return people
    secret = _read_key(sign_on.client_secret_file)
    filled = msgspec.structs.replace(sign_on, client_secret=secret)
    return msgspec.structs.replace(people, sign_on=filled)


def _with_visitor_secret(kept: Secrets, path: str) -> Secrets:
    """The secret of the named file in place of the folder's own."""
    if not path:
        return kept
    secret = _read_key(path)
    if len(secret) < MIN_SECRET:
        raise ConfigError(
            f"{path}: the visitor secret must have at least {MIN_SECRET} characters;"
            " configs/deploy/make-secrets writes a good one"
        )
    return msgspec.structs.replace(kept, visitor_secret=secret)


def _check_keys_differ(shops: Iterable[ShopConfig]) -> None:
    """The key alone says which shop a caller belongs to."""
    owners: dict[str, str] = {}
    for shop in shops:
        for channel in shop.channels:
            name = f"{shop.id}/{channel.name}"
            owner = owners.setdefault(channel.key, name)
            if owner != name:
                raise ConfigError(f"{owner} and {name} have the same key; change one")


def _fill_shop(shop: ShopConfig, kept: Secrets) -> ShopConfig:
    channels = tuple(_fill_channel(shop.id, channel, kept) for channel in shop.channels)
    key = shop.business_key
    if shop.business_key_file:
        key = _read_key(shop.business_key_file)
    return msgspec.structs.replace(shop, channels=channels, business_key=key)


def _fill_channel(shop: str, channel: ChannelConfig, kept: Secrets) -> ChannelConfig:
    if channel.key_file:
        key = _read_key(channel.key_file)
    elif channel.key:
        key = channel.key
    else:
        key = kept.channel_keys.setdefault(
            f"{shop}/{channel.name}", f"tg_{secrets.token_urlsafe(24)}"
        )
    platform = channel.platform and fill_platform(channel.platform)
    secret = channel.identity_secret
    if channel.identity_secret_file:
        secret = _read_key(channel.identity_secret_file)
    if secret and len(secret) < MIN_SECRET:
        raise ConfigError(
            f"channel {shop}/{channel.name}: identity_secret must have at least"
            f" {MIN_SECRET} characters"
        )
    return msgspec.structs.replace(
        channel, key=key, platform=platform, identity_secret=secret
    )


def fill_platform(platform: Platform) -> Platform:
    """
    Read every secret of a platform that stands in a file.

    Raises:
        ConfigError: If a named file cannot be read.
    """
    values: dict[str, str] = msgspec.structs.asdict(platform)
    read = {
        name.removesuffix("_file"): _read_key(path)
        for name, path in values.items()
        if name.endswith("_file") and path
    }
    return msgspec.structs.replace(platform, **read)


def _fill_endpoint(endpoint: EndpointConfig) -> EndpointConfig:
    if not endpoint.key_file:
        return endpoint
    return msgspec.structs.replace(endpoint, key=_read_key(endpoint.key_file))


def _read_key(path: str) -> str:
    try:
        key = Path(path).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as exc:
        raise ConfigError(f"{path}: cannot read the key file: {exc}") from exc
    if not key:
        raise ConfigError(f"{path}: the key file is empty; write the key into it")
    return key


def _read(path: Path) -> Secrets:
    try:
        return msgspec.json.decode(path.read_bytes(), type=Secrets)
    except (FileNotFoundError, NotADirectoryError):
        return Secrets(
            visitor_secret=secrets.token_urlsafe(48),
            business_key=secrets.token_urlsafe(24),
        )
    except OSError as exc:
        raise ConfigError(f"{path}: cannot be read: {exc.strerror}") from exc
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as exc:
        raise ConfigError(
            f"{path}: damaged ({exc}); restore it, or remove it to make new keys"
            " (clients then need the new ones)"
        ) from exc


def _write(path: Path, kept: Secrets) -> None:
    """Replace the file atomically; it is never readable by others."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(msgspec.json.format(msgspec.json.encode(kept), indent=2))
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
