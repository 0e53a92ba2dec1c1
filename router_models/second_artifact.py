"""
The second stage on disk: ``second.npz`` and ``second.json`` beside the first stage's files.

Checked like them: sizes, hashes of both files, types, shapes, and which first stage it
belongs to. A folder without them is a model of one stage.
"""

from __future__ import annotations

import hashlib
import io
from pathlib import Path

import msgspec
import numpy as np

from router_models.artifact import ArraySpec, read_bytes, unpack
from router_models.errors import ArtifactMismatch
from router_models.second_stage import HEADS, Layer, Lines


SCHEMA = 1
WEIGHTS, MANIFEST = "second.npz", "second.json"


class SecondManifest(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True
):
    """
    Everything about a second stage but its numbers.

    Attributes:
        encoder: Which encoder's vectors it reads.

        lines: Among them the version of the first stage it belongs to.

        sha256: Of this manifest with this field empty.
    """

    schema: int
    encoder: str
    weights_sha256: str
    arrays: dict[str, ArraySpec]
    lines: Lines
    sha256: str = ""


def save(folder: Path, layer: Layer, lines: Lines, encoder: str) -> None:
    """Write both files into *folder*; the same stage gives the same bytes."""
    arrays = {
        name: values.astype("<f2")
        for name, values in zip(layer._fields, layer, strict=True)
    }
    packed = io.BytesIO()
    np.savez_compressed(packed, **arrays)  # type: ignore[arg-type]
    weights = packed.getvalue()
    manifest = SecondManifest(
        schema=SCHEMA,
        encoder=encoder,
        weights_sha256=hashlib.sha256(weights).hexdigest(),
        arrays={
            name: ArraySpec(array.dtype.str, array.shape)
            for name, array in arrays.items()
        },
        lines=lines,
    )
    (folder / WEIGHTS).write_bytes(weights)
    (folder / MANIFEST).write_bytes(_encoded(_sealed(manifest)))


def load(folder: Path, version: str, encoder: str) -> tuple[Layer, Lines] | None:
    """
    The second stage in *folder*, or None if there is none for *version* and *encoder*.

    Raises:
        ArtifactMismatch: If a file is not what the manifest says.
    """
    path = folder / MANIFEST
    if not path.is_file():
        return None
    manifest = _manifest(path)
    if manifest.lines.of != version or manifest.encoder != encoder:
        return None
    return _layer(folder / WEIGHTS, manifest), manifest.lines


def _manifest(path: Path) -> SecondManifest:
    data = read_bytes(path)
    try:
        manifest = msgspec.json.decode(data, type=SecondManifest)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as exc:
        raise ArtifactMismatch(path, "manifest", "a manifest", exc) from exc
    if _encoded(_sealed(manifest)) != data:
        raise ArtifactMismatch(path, "own sha256", manifest.sha256, "other contents")
    if manifest.schema != SCHEMA:
        raise ArtifactMismatch(path, "schema", SCHEMA, manifest.schema)
    return manifest


def _layer(path: Path, manifest: SecondManifest) -> Layer:
    data = read_bytes(path)
    digest = hashlib.sha256(data).hexdigest()
    if digest != manifest.weights_sha256:
        raise ArtifactMismatch(path, "sha256", manifest.weights_sha256, digest)
    arrays = unpack(path, data, manifest.arrays)
    if tuple(arrays) != Layer._fields:
        raise ArtifactMismatch(path, "arrays", Layer._fields, tuple(arrays))
    layer = Layer(*(arrays[name].astype(np.float32) for name in Layer._fields))
    columns = sum(width for _, width in HEADS)
    if layer.out_bias.shape != (columns,) or not all(
        np.isfinite(values).all() for values in layer
    ):
        raise ArtifactMismatch(path, "layer", f"{columns} finite columns", "others")
    return layer


def _sealed(manifest: SecondManifest) -> SecondManifest:
    blank = msgspec.structs.replace(manifest, sha256="")
    digest = hashlib.sha256(_encoded(blank)).hexdigest()
    return msgspec.structs.replace(blank, sha256=digest)


def _encoded(manifest: SecondManifest) -> bytes:
    return msgspec.json.format(msgspec.json.encode(manifest), indent=1) + b"\n"
