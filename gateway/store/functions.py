"""The store functions: every ``lua/*.lua`` file, by name, with its SHA-1."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from importlib import resources

import msgspec


class Function(msgspec.Struct, frozen=True):
    """One Lua file; the server knows it by *sha*."""

    name: str
    source: bytes
    sha: bytes


def load_functions() -> Mapping[str, Function]:
    """Read all functions that ship with this package."""
    folder = resources.files(__package__).joinpath("lua")
    return {
        function.name: function
        for entry in folder.iterdir()
        if entry.name.endswith(".lua")
        for function in (
            of_source(entry.name.removesuffix(".lua"), entry.read_bytes()),
        )
    }


def of_source(name: str, source: bytes) -> Function:
    """Wrap Lua text as a function."""
    sha = hashlib.sha1(source, usedforsecurity=False).hexdigest()
    return Function(name, source, sha.encode())
