"""
The model on disk: ``weights.npz`` and ``manifest.json``, nothing executable.

The manifest says what is in the arrays, how the model was made and measured, and what
it answers to a few golden turns. It holds the hash of the arrays and of itself,
so no byte of either file can change unseen. Loading checks size, hash, type
and shape before anything is used, then replays the golden turns: code that reads
a turn otherwise than the code that trained is refused as well.
"""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from engines.contract import Locale, OpenTask, Utterance
from router_models.certificates import Certificate
from router_models.compiled import CompiledModel, HeadSpec, Scale, Thresholds
from router_models.drift import Reference
from router_models.errors import ArtifactMismatch, ArtifactMissing
from router_models.features import BLOCKS, Extractor
from router_models.lexicon import Concept, Lexicon
from router_models.signals import SIGNALS
from router_models.turns import turn_of
from router_models.vectorise import Vocabulary


SCHEMA = 3
WEIGHTS, MANIFEST = "weights.npz", "manifest.json"

#: Bytes a file may have, and bytes its arrays may unpack to.
MAX_FILE, MAX_UNPACKED = 64_000_000, 256_000_000
#: How far a replayed probability may be from the recorded one.
TOLERANCE = 1e-5


class ArraySpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Type and shape of one array in ``weights.npz``."""

    dtype: str
    shape: tuple[int, ...]


class Golden(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A turn and the probabilities the model gave it when it was written."""

    text: str
    locale: Locale
    chances: dict[str, tuple[float, ...]]
    history: tuple[Utterance, ...] = ()
    open_task: OpenTask | None = None


class Manifest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """
    Everything about a model but its numbers.

    Attributes:
        weights_sha256: Of the bytes of ``weights.npz``.

        data_sha256: Of the files the model was trained on.

        sklearn: Version that fitted it.

        metrics: Figures on turns of groups that the measured model never saw.

        certificates: What was proven of this model. Sealed with its numbers: they
            cannot be taken to another one.

        references: What its calibration turns looked like, for drift.

        sha256: Of this manifest with this field empty.
    """

    schema: int
    version: str
    weights_sha256: str
    data_sha256: str
    sklearn: str
    seed: int
    rows: int
    blocks: tuple[str, ...]
    signals: tuple[str, ...]
    heads: tuple[HeadSpec, ...]
    scales: dict[str, dict[Locale, Scale]]
    thresholds: Thresholds
    arrays: dict[str, ArraySpec]
    metrics: dict[str, Any]
    golden: tuple[Golden, ...]
    certificates: tuple[Certificate, ...] = ()
    references: dict[Locale, Reference] = {}
    sha256: str = ""


class Origin(msgspec.Struct, frozen=True, kw_only=True):
    """Where a model comes from: data, seed, the fitter's version, what was measured."""

    data_sha256: str
    seed: int
    sklearn: str
    metrics: dict[str, Any]
    certificates: tuple[Certificate, ...] = ()
    references: dict[Locale, Reference] = {}


def save(
    folder: Path, model: CompiledModel, origin: Origin, golden: Sequence[Golden]
) -> Manifest:
    """
    Write *model* into *folder*, replacing what is there.

    The same model gives the same bytes. The arrays are written first: a crash in between
    leaves a manifest that does not match, which loading refuses.

    Args:
        golden: Turns to record; their probabilities are filled in here.
    """
    arrays = _arrays(model)
    packed = io.BytesIO()
    np.savez_compressed(packed, **arrays)  # type: ignore[arg-type]
    weights = packed.getvalue()
    digest = hashlib.sha256(weights).hexdigest()
    manifest = _sealed(
        Manifest(
            schema=SCHEMA,
            version="",
            weights_sha256=digest,
            data_sha256=origin.data_sha256,
            sklearn=origin.sklearn,
            seed=origin.seed,
            rows=model.vocabulary.size,
            blocks=BLOCKS,
            signals=SIGNALS,
            heads=tuple(model.heads.values()),
            scales=model.scales,
            thresholds=model.thresholds,
            arrays={
                name: ArraySpec(array.dtype.str, array.shape)
                for name, array in arrays.items()
            },
            metrics=origin.metrics,
            golden=tuple(_recorded(model, one) for one in golden),
            certificates=origin.certificates,
            references=origin.references,
        )
    )
    folder.mkdir(parents=True, exist_ok=True)
    (folder / WEIGHTS).write_bytes(weights)
    (folder / MANIFEST).write_bytes(_encode(manifest))
    return manifest


def load(folder: Path) -> tuple[CompiledModel, Manifest]:
    """
    Read, verify and replay the model in *folder*.

    Raises:
        ArtifactMissing: If a file is not there.
        ArtifactMismatch: If anything is not what the manifest says.
    """
    manifest = _read_manifest(folder / MANIFEST)
    path = folder / WEIGHTS
    data = read_bytes(path)
    digest = hashlib.sha256(data).hexdigest()
    if digest != manifest.weights_sha256:
        raise ArtifactMismatch(path, "sha256", manifest.weights_sha256, digest)
    arrays = unpack(path, data, manifest.arrays)
    model = _model(path, manifest, arrays)
    _replay(folder / MANIFEST, model, manifest.golden)
    return model, manifest


def data_of(folder: Path) -> str:
    """
    Hash of the data that the model in *folder* was trained on.

    Raises:
        ArtifactError: As :func:`load`; the arrays are not looked at.
    """
    return _read_manifest(folder / MANIFEST).data_sha256


def references(folder: Path) -> dict[Locale, Reference]:
    """
    What the calibration turns of a model looked like.

    Raises:
        ArtifactError: As :func:`load`; the arrays are not looked at.
    """
    return _read_manifest(folder / MANIFEST).references


def _arrays(model: CompiledModel) -> dict[str, NDArray[Any]]:
    arrays: dict[str, NDArray[Any]] = {
        "weights": model.weights.astype("<f2"),
        "bias": model.bias.astype("<f4"),
        "lexicon": _bytes(msgspec.json.encode(model.extractor.lexicon.concepts)),
    }
    for block, rows in zip(BLOCKS, model.vocabulary.rows, strict=True):
        arrays[f"grams_{block}"] = _bytes("\n".join(rows).encode())
    return arrays


def _bytes(data: bytes) -> NDArray[np.uint8]:
    return np.frombuffer(data, dtype=np.uint8)


def _sealed(manifest: Manifest) -> Manifest:
    blank = msgspec.structs.replace(manifest, version="", sha256="")
    version = "router-" + hashlib.sha256(_encode(blank)).hexdigest()[:12]
    named = msgspec.structs.replace(blank, version=version)
    digest = hashlib.sha256(_encode(named)).hexdigest()
    return msgspec.structs.replace(named, sha256=digest)


def _encode(manifest: Manifest) -> bytes:
    return msgspec.json.format(msgspec.json.encode(manifest), indent=1) + b"\n"


def _recorded(model: CompiledModel, golden: Golden) -> Golden:
    chances = {name: tuple(found) for name, found in _chances(model, golden).items()}
    return msgspec.structs.replace(golden, chances=chances)


def _chances(model: CompiledModel, golden: Golden) -> dict[str, list[float]]:
    turn = turn_of(golden.text, golden.locale, golden.history, golden.open_task)
    return model.score(turn).chances


def read_bytes(path: Path) -> bytes:
    """
    The contents of a file of a model, if it is no larger than a model is.

    Raises:
        ArtifactMissing, ArtifactMismatch: If there is none, or it cannot be read.
    """
    try:
        size = path.stat().st_size
        if size > MAX_FILE:
            raise ArtifactMismatch(path, "size", f"at most {MAX_FILE}", size)
        return path.read_bytes()
    except FileNotFoundError as exc:
        raise ArtifactMissing(path) from exc
    except OSError as exc:
        raise ArtifactMismatch(path, "file", "a readable file", exc) from exc


def _read_manifest(path: Path) -> Manifest:
    data = read_bytes(path)
    try:
        manifest = msgspec.json.decode(data, type=Manifest)
        same = _encode(_sealed(manifest)) == data
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as exc:
        raise ArtifactMismatch(path, "manifest", "a manifest", exc) from exc
    if not same:
        found = "other contents"
        raise ArtifactMismatch(path, "own sha256", manifest.sha256, found)
    for what, expected, found_here in (
        ("schema", SCHEMA, manifest.schema),
        ("feature blocks", BLOCKS, manifest.blocks),
        ("signals", SIGNALS, manifest.signals),
    ):
        if found_here != expected:
            raise ArtifactMismatch(path, what, expected, found_here)
    return manifest


def unpack(
    path: Path, data: bytes, specs: dict[str, ArraySpec]
) -> dict[str, NDArray[Any]]:
    """
    The arrays packed in *data*, if their types and shapes are those of *specs*.

    Raises:
        ArtifactMismatch: If they are not; nothing is unpacked that is too large.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as packed:
            size = sum(entry.file_size for entry in packed.infolist())
        if size > MAX_UNPACKED:
            raise ArtifactMismatch(path, "unpacked", f"at most {MAX_UNPACKED}", size)
        with np.load(io.BytesIO(data), allow_pickle=False) as opened:
            arrays = {name: opened[name] for name in opened.files}
    except (ValueError, OSError, KeyError, zipfile.BadZipFile) as exc:
        raise ArtifactMismatch(path, "archive", "arrays without objects", exc) from exc
    found = {
        name: ArraySpec(array.dtype.str, array.shape) for name, array in arrays.items()
    }
    if found != specs:
        raise ArtifactMismatch(path, "types and shapes", specs, found)
    return arrays


def _model(
    path: Path, manifest: Manifest, arrays: dict[str, NDArray[Any]]
) -> CompiledModel:
    try:
        lexicon = msgspec.json.decode(
            arrays["lexicon"].tobytes(), type=dict[str, Concept]
        )
        grams = [arrays[f"grams_{block}"].tobytes().decode() for block in BLOCKS]
        model = CompiledModel(
            extractor=Extractor(Lexicon(lexicon)),
            vocabulary=Vocabulary.of(
                [text.split("\n") if text else [] for text in grams]
            ),
            heads=manifest.heads,
            weights=arrays["weights"],
            bias=arrays["bias"],
            scales=manifest.scales,
            thresholds=manifest.thresholds,
        )
    except (KeyError, ValueError, msgspec.MsgspecError) as exc:
        raise ArtifactMismatch(path, "contents", "a whole model", exc) from exc
    columns = sum(head.width for head in manifest.heads)
    shape = (manifest.rows, columns)
    if model.weights.shape != shape or model.vocabulary.size != manifest.rows:
        raise ArtifactMismatch(path, "weights", shape, model.weights.shape)
    if model.bias.shape != (columns,) or not np.isfinite(model.weights).all():
        raise ArtifactMismatch(path, "bias and weights", "finite numbers", "others")
    return model


def _replay(path: Path, model: CompiledModel, golden: Sequence[Golden]) -> None:
    for one in golden:
        found = _chances(model, one)
        for name, expected in one.chances.items():
            gaps = [abs(a - b) for a, b in zip(expected, found[name], strict=True)]
            if max(gaps) > TOLERANCE:
                what = f"golden turn {one.text!r}, head {name}"
                raise ArtifactMismatch(path, what, expected, found[name])
