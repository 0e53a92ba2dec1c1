"""
``tidegate config schema | show | check``: the configuration as files and people see it.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click
import msgspec

from gateway.cli import options
from gateway.config import Config, ShopConfig, resolve
from gateway.config_file import load
from gateway.errors import ConfigError


#: What stands in place of a key that is set.
HIDDEN = "(set)"
#: Settings whose value nobody may read over a shoulder.
SECRET = frozenset(
    {
        "key", "business_key", "identity_secret", "secret", "token", "secret_token", "signing_secret",
        "bot_token", "channel_secret", "access_token", "app_secret", "verify_token",
        "encrypt_key", "verification_token", "aes_key",
    }
)  # fmt: skip
#: Address of a store: its password is hidden, the rest is shown.
_PASSWORD = re.compile(r"(?<=:)[^:@/]+(?=@)")


@click.group()
def config() -> None:
    """The configuration: its schema, its values, and what is wrong with a file."""


@config.command()
def schema() -> None:
    """Print the JSON Schema that lets editors complete a config file."""
    click.echo(schema_of_config(), nl=False)


@config.command()
@options.config_file
@click.option(
    "--redacted/--with-secrets", default=True, help="Whether keys are hidden."
)
def show(config_file: Path | None, redacted: bool) -> None:
    """Print what file, environment and defaults come to, as JSON."""
    tree = msgspec.to_builtins(options.read_config(config_file))
    shown = hide(tree) if redacted else tree
    click.echo(msgspec.json.format(msgspec.json.encode(shown), indent=2))


@config.command()
@click.argument("file", type=click.Path(path_type=Path))
def check(file: Path) -> None:
    """Check FILE and that what it names is there; says file, line and fix."""
    found = load(file, {})
    for shop in found.shops:
        _check_shop(shop)
    resolve(f"stages/{found.router.stage}.toml")
    click.echo(f"{file}: fine, {len(found.shops)} shop(s)")


def _check_shop(shop: ShopConfig) -> None:
    """Every file that a shop's settings name must be there."""
    given = filter(None, (shop.facts, shop.knowledge))
    for name in (*shop.packs, *given, shop.policy, *shop.voices):
        resolve(name)
    keys = (shop.business_key_file, *(channel.key_file for channel in shop.channels))
    for path in filter(None, keys):
        if not Path(path).is_file():
            raise ConfigError(f"{path}: no such key file; write the key into one")


def hide(tree: Any) -> Any:
    """The same tree with every secret value replaced."""
    if isinstance(tree, Mapping):
        return {
            key: HIDDEN if key in SECRET and value else hide(value)
            for key, value in tree.items()
        }
    if isinstance(tree, list | tuple):
        return [hide(item) for item in tree]
    return _PASSWORD.sub("***", tree) if isinstance(tree, str) else tree


def schema_of_config() -> bytes:
    """JSON Schema (2020-12) of a config file, with the words of our docstrings."""
    tree = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Tidegate configuration",
        **msgspec.json.schema(Config),
    }
    for struct in _sections(Config):
        _describe(tree["$defs"][struct.__name__], struct)
    return msgspec.json.format(msgspec.json.encode(tree), indent=2) + b"\n"


def _sections(struct: type[msgspec.Struct]) -> Iterator[type[msgspec.Struct]]:
    yield struct
    for field in msgspec.structs.fields(struct):
        for kind in (field.type, *getattr(field.type, "__args__", ())):
            if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
                yield from _sections(kind)


def _describe(node: dict[str, Any], struct: type[msgspec.Struct]) -> None:
    """First sentence for the section, each attribute's words for its property."""
    text = inspect.cleandoc(struct.__doc__ or "")
    lead, _, attributes = text.partition("Attributes:")
    node["description"] = " ".join(lead.split())
    if not node["description"]:
        del node["description"]
    for names, words in re.findall(
        r"^    ([\w/ ]+): (.+?)(?=^    \S|\Z)", attributes, re.MULTILINE | re.DOTALL
    ):
        for name in names.split(" / "):
            node["properties"][name]["description"] = " ".join(words.split())
