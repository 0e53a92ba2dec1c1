"""
The models a shop has, and which of them serves: a folder, versions, one state file.

    <folder>/<version>/weights.npz, manifest.json, comparison.json?
    <folder>/state.json

A version is named by its own hash and never changes. The state is replaced whole, by a
rename, so that a reader sees the old one or the new one; workers look at its time stamp
and follow. The shipped model is version ``released`` and needs no folder. A model that a
comparison found worse is kept and shown, but never promoted.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import msgspec

from router_models import artifact, second_artifact
from router_models.artifact import MANIFEST, WEIGHTS, Manifest
from router_models.errors import (
    ArtifactMismatch,
    ModelRefused,
    ModelUnknown,
)


#: Name of the model that comes with the software.
SHIPPED = "released"
#: Files of a second stage, which a model may be without.
SECOND = (second_artifact.WEIGHTS, second_artifact.MANIFEST)
_STATE, _COMPARISON = "state.json", "comparison.json"
#: Moves that are remembered.
_HISTORY = 50


class ModelMove(msgspec.Struct, frozen=True):
    """One change of what serves: when, what was done, and to which version."""

    at_ms: int
    what: str
    version: str


class ModelState(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """
    What serves.

    Attributes:
        previous: What served before; ``rollback`` goes back to it.

        shadow: Judges beside the active one and decides nothing; may be empty.

        canary, canary_share: Decides for that share of the conversations.
    """

    active: str = SHIPPED
    previous: str = ""
    shadow: str = ""
    canary: str = ""
    canary_share: float = 0.0
    history: tuple[ModelMove, ...] = ()


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """
    A candidate beside the model it would replace.

    Attributes:
        figures: By suite and figure: of the candidate, of the other.

        reasons: Why it is worse; empty if it is not.
    """

    against: str
    figures: dict[str, dict[str, tuple[float | None, float | None]]]
    reasons: tuple[str, ...]

    @property
    def is_worse(self) -> bool:
        """True if it must not be promoted."""
        return bool(self.reasons)


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One model of the registry, for lists."""

    version: str
    roles: tuple[str, ...]
    size: int
    data_sha256: str
    is_worse: bool | None
    metrics: dict[str, Any]


class Registry:
    """
    Reads and changes a folder of models. Every process may have its own.

    Args:
        folder: Made when something is first written.
        shipped: Folder of the model that comes with the software.
    """

    def __init__(self, folder: Path, shipped: Path) -> None:
        self._folder = folder
        self._shipped = shipped

    def path(self, version: str) -> Path:
        """
        Folder of a version.

        Raises:
            ModelUnknown: If there is none of that name.
        """
        if version == SHIPPED:
            return self._shipped
        names = {path.name for path in self._versions()}
        if version not in names:
            raise ModelUnknown(version, sorted(names))
        return self._folder / version

    def _versions(self) -> list[Path]:
        if not self._folder.is_dir():
            return []
        return sorted(p for p in self._folder.iterdir() if (p / MANIFEST).is_file())

    def names(self) -> list[str]:
        """Every model, the shipped one first."""
        return [SHIPPED, *(path.name for path in self._versions())]

    def stamp(self) -> int:
        """Changes whenever the state does; 0 while there is none."""
        try:
            return (self._folder / _STATE).stat().st_mtime_ns
        except FileNotFoundError:
            return 0

    def state(self) -> ModelState:
        """
        What serves; the shipped model if nothing was ever changed.

        Raises:
            ArtifactMismatch: If the state file is not one.
        """
        path = self._folder / _STATE
        try:
            return msgspec.json.decode(path.read_bytes(), type=ModelState)
        except FileNotFoundError:
            return ModelState()
        except (msgspec.MsgspecError, OSError) as exc:
            raise ArtifactMismatch(path, "state", "a registry state", exc) from exc

    def entries(self) -> list[Entry]:
        """Every model with its roles; files are not verified here."""
        state = self.state()
        folders = [(SHIPPED, self._shipped), *((p.name, p) for p in self._versions())]
        return [_entry(name, folder, state) for name, folder in folders]

    def verify(self, version: str) -> Manifest:
        """
        Check every byte of a version and replay its golden turns.

        Raises:
            ModelUnknown, ArtifactError: If it cannot be used.
        """
        return artifact.load(self.path(version))[1]

    def add(self, folder: Path, comparison: Comparison | None = None) -> str:
        """
        Take a trained model in; returns its version.

        Raises:
            ArtifactError: If the files in *folder* are not a whole model.
        """
        manifest = artifact.load(folder)[1]
        target = self._folder / manifest.version
        if not target.is_dir():
            fresh = self._folder / f".{manifest.version}.{os.getpid()}"
            fresh.mkdir(parents=True)
            for name in (WEIGHTS, MANIFEST, *SECOND):
                if name not in SECOND or (folder / name).is_file():
                    shutil.copyfile(folder / name, fresh / name)
            fresh.rename(target)
        if comparison is not None:
            (target / _COMPARISON).write_bytes(msgspec.json.encode(comparison))
        return manifest.version

    def promote(self, version: str, at_ms: int) -> ModelState:
        """
        Let *version* serve; what served becomes the previous one.

        Raises:
            ModelRefused: If a comparison found it worse.
            ModelUnknown, ArtifactError: If it cannot be used.
        """
        self._check(version)
        state = self.state()
        if version == state.active:
            return state
        return self._write(
            "promote",
            version,
            at_ms,
            active=version,
            previous=state.active,
            canary="",
            canary_share=0.0,
        )

    def rollback(self, at_ms: int) -> ModelState:
        """
        Go back to what served before.

        Raises:
            ModelRefused: If nothing did.
            ModelUnknown, ArtifactError: If that cannot be used any more.
        """
        state = self.state()
        if not state.previous:
            raise ModelRefused(state.active, "nothing served before it")
        self.verify(state.previous)
        return self._write(
            "rollback",
            state.previous,
            at_ms,
            active=state.previous,
            previous=state.active,
            canary="",
            canary_share=0.0,
        )

    def shadow(self, version: str, at_ms: int) -> ModelState:
        """Let *version* judge beside the active one; an empty name ends it."""
        if version:
            self.verify(version)
        return self._write("shadow", version, at_ms, shadow=version)

    def canary(self, version: str, share: float, at_ms: int) -> ModelState:
        """Let *version* decide for a *share* of conversations; empty ends it."""
        if version:
            self._check(version)
        share = share if version else 0.0
        return self._write("canary", version, at_ms, canary=version, canary_share=share)

    def end_canary(self, version: str, at_ms: int) -> ModelState:
        """Roll a canary back by itself; nothing if it is another one by now."""
        state = self.state()
        if state.canary != version:
            return state
        return self._write(
            "canary rolled back", version, at_ms, canary="", canary_share=0.0
        )

    def comparison(self, version: str) -> Comparison | None:
        """What a comparison found; None if none was made."""
        try:
            data = (self.path(version) / _COMPARISON).read_bytes()
        except FileNotFoundError:
            return None
        return msgspec.json.decode(data, type=Comparison)

    def _check(self, version: str) -> None:
        self.verify(version)
        found = self.comparison(version)
        if found is not None and found.is_worse:
            raise ModelRefused(version, "; ".join(found.reasons))

    def _write(self, what: str, version: str, at_ms: int, **changes: Any) -> ModelState:
        before = self.state()
        history = (*before.history, ModelMove(at_ms, what, version))[-_HISTORY:]
        state = msgspec.structs.replace(before, history=history, **changes)
        self._folder.mkdir(parents=True, exist_ok=True)
        fresh = self._folder / f".{_STATE}.{os.getpid()}"
        fresh.write_bytes(msgspec.json.encode(state))
        fresh.replace(self._folder / _STATE)
        return state


def _entry(name: str, folder: Path, state: ModelState) -> Entry:
    try:
        manifest = msgspec.json.decode((folder / MANIFEST).read_bytes(), type=Manifest)
        size = (folder / WEIGHTS).stat().st_size
    except (OSError, msgspec.MsgspecError) as exc:
        raise ArtifactMismatch(
            folder / MANIFEST, "manifest", "a manifest", exc
        ) from exc
    worse = folder / _COMPARISON
    found = (
        msgspec.json.decode(worse.read_bytes(), type=Comparison)
        if worse.is_file()
        else None
    )
    roles = ("active", "previous", "shadow", "canary")
    return Entry(
        version=name,
        roles=tuple(role for role in roles if getattr(state, role) == name),
        size=size,
        data_sha256=manifest.data_sha256,
        is_worse=None if found is None else found.is_worse,
        metrics=manifest.metrics,
    )
