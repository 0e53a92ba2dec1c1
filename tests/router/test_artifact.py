"""An artifact is whole and unchanged, or it is refused with a clear error."""

from __future__ import annotations

import io
import shutil
import zipfile
from pathlib import Path

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from router_files import RELEASED

from router_models import artifact
from router_models.artifact import MANIFEST, WEIGHTS, Manifest, Origin
from router_models.errors import ArtifactError, ArtifactMismatch, ArtifactMissing
from router_models.golden import golden_turns
from router_models.measure import Fitted


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory, fitted: Fitted) -> Path:
    folder = tmp_path_factory.mktemp("model")
    _save(folder, fitted)
    return folder


@pytest.fixture
def copy(tmp_path: Path, saved: Path) -> Path:
    return Path(shutil.copytree(saved, tmp_path / "model"))


def _save(folder: Path, fitted: Fitted) -> Manifest:
    origin = Origin(data_sha256="d", seed=1, sklearn="1", metrics={"f1": 0.5})
    return artifact.save(folder, fitted.model, origin, golden_turns())


def _manifest(folder: Path) -> Manifest:
    return msgspec.json.decode((folder / MANIFEST).read_bytes(), type=Manifest)


def _reseal(folder: Path, **changes: object) -> None:
    """Write a manifest whose own hash is right although its contents are not."""
    changed = msgspec.structs.replace(_manifest(folder), **changes)
    data = artifact._encode(artifact._sealed(changed))
    (folder / MANIFEST).write_bytes(data)


def _repack(folder: Path, arrays: dict[str, np.ndarray]) -> None:
    """Replace the arrays and make the manifest name their hash."""
    packed = io.BytesIO()
    np.savez_compressed(packed, **arrays)  # type: ignore[arg-type]
    (folder / WEIGHTS).write_bytes(packed.getvalue())
    import hashlib

    _reseal(folder, weights_sha256=hashlib.sha256(packed.getvalue()).hexdigest())


def _arrays(folder: Path) -> dict[str, np.ndarray]:
    with np.load(folder / WEIGHTS, allow_pickle=False) as opened:
        return {name: opened[name] for name in opened.files}


def test_the_released_model_loads_and_is_small() -> None:
    """What is shipped verifies, replays its golden turns, and is under 6 MB."""
    model, manifest = artifact.load(RELEASED)
    assert manifest.version.startswith("router-")
    assert model.vocabulary.size == manifest.rows
    assert sum(path.stat().st_size for path in RELEASED.iterdir()) < 7_000_000


def test_saving_and_loading_keeps_every_number(saved: Path, fitted: Fitted) -> None:
    """Weights, bias, vocabulary and calibration come back bit for bit."""
    model, _ = artifact.load(saved)
    np.testing.assert_array_equal(model.weights, fitted.model.weights)
    np.testing.assert_array_equal(model.bias, fitted.model.bias)
    assert model.vocabulary == fitted.model.vocabulary
    assert model.scales == fitted.model.scales


def test_the_same_model_gives_the_same_bytes(
    saved: Path, tmp_path: Path, fitted: Fitted
) -> None:
    """No clock and no random name is in the files."""
    _save(tmp_path / "again", fitted)
    for name in (WEIGHTS, MANIFEST):
        assert (tmp_path / "again" / name).read_bytes() == (saved / name).read_bytes()


@pytest.mark.parametrize("name", [WEIGHTS, MANIFEST])
def test_a_missing_file_is_named(copy: Path, name: str) -> None:
    """The error says which file is not there and what to do."""
    (copy / name).unlink()
    with pytest.raises(ArtifactMissing, match="tidegate train") as caught:
        artifact.load(copy)
    assert caught.value.path.name == name


@settings(deadline=None, max_examples=120)
@given(data=st.data(), name=st.sampled_from([WEIGHTS, MANIFEST]))
def test_any_changed_byte_is_refused(
    saved: Path, data: st.DataObject, name: str
) -> None:
    """Flipping any bits of any byte of either file is noticed."""
    path = saved / name
    whole = path.read_bytes()
    at = data.draw(st.integers(0, len(whole) - 1))
    bits = data.draw(st.integers(1, 255))
    try:
        path.write_bytes(whole[:at] + bytes([whole[at] ^ bits]) + whole[at + 1 :])
        with pytest.raises(ArtifactMismatch) as caught:
            artifact.load(saved)
        assert str(path.parent) in str(caught.value)
    finally:
        path.write_bytes(whole)


@settings(deadline=None, max_examples=40)
@given(data=st.data(), name=st.sampled_from([WEIGHTS, MANIFEST]))
def test_a_cut_or_grown_file_is_refused(
    saved: Path, data: st.DataObject, name: str
) -> None:
    """A download that stopped, or something appended, is noticed."""
    path = saved / name
    whole = path.read_bytes()
    keep = data.draw(st.integers(0, len(whole)))
    tail = data.draw(st.binary(min_size=0 if keep < len(whole) else 1, max_size=9))
    try:
        if whole[:keep] + tail != whole:
            path.write_bytes(whole[:keep] + tail)
            with pytest.raises(ArtifactMismatch):
                artifact.load(saved)
    finally:
        path.write_bytes(whole)


@settings(deadline=None, max_examples=100)
@given(st.binary(max_size=300))
def test_no_bytes_crash_the_manifest_reader(saved: Path, junk: bytes) -> None:
    """Any manifest is refused as an ArtifactError, never as something else."""
    path = saved / MANIFEST
    whole = path.read_bytes()
    try:
        path.write_bytes(junk)
        with pytest.raises(ArtifactError):
            artifact.load(saved)
    finally:
        path.write_bytes(whole)


def test_two_models_mixed_are_refused(copy: Path) -> None:
    """A manifest of one model with the weights of another does not load."""
    shutil.copy(RELEASED / WEIGHTS, copy / WEIGHTS)
    with pytest.raises(ArtifactMismatch, match="sha256"):
        artifact.load(copy)


def test_objects_in_the_archive_are_refused(copy: Path) -> None:
    """An array that needs pickle is never unpickled, even under a right hash."""
    arrays = _arrays(copy)
    arrays["bias"] = np.array([{"a": 1}], dtype=object)
    _repack(copy, arrays)
    with pytest.raises(ArtifactMismatch, match="without objects"):
        artifact.load(copy)


def test_another_shape_is_refused(copy: Path) -> None:
    """Arrays that are not of the declared shape do not load."""
    arrays = _arrays(copy)
    arrays["weights"] = arrays["weights"][:-1]
    _repack(copy, arrays)
    with pytest.raises(ArtifactMismatch, match="shapes"):
        artifact.load(copy)


def test_another_type_is_refused(copy: Path) -> None:
    """Arrays that are not of the declared type do not load."""
    arrays = _arrays(copy)
    arrays["weights"] = arrays["weights"].astype(np.float64)
    _repack(copy, arrays)
    with pytest.raises(ArtifactMismatch, match="types"):
        artifact.load(copy)


def test_numbers_that_are_none_are_refused(copy: Path) -> None:
    """A weight that is not a finite number does not load."""
    arrays = _arrays(copy)
    arrays["weights"][5, 0] = np.nan
    _repack(copy, arrays)
    with pytest.raises(ArtifactMismatch, match="finite"):
        artifact.load(copy)


def test_a_bomb_is_refused(copy: Path) -> None:
    """An archive that would unpack beyond the cap is not unpacked."""
    packed = io.BytesIO()
    megabyte = bytes(1_000_000)
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(artifact.MAX_UNPACKED // len(megabyte) + 1):
            archive.writestr(f"a{number}.npy", megabyte)
    (copy / WEIGHTS).write_bytes(packed.getvalue())
    import hashlib

    _reseal(copy, weights_sha256=hashlib.sha256(packed.getvalue()).hexdigest())
    with pytest.raises(ArtifactMismatch, match="unpacked"):
        artifact.load(copy)


def test_an_oversized_file_is_not_read(
    copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file beyond the cap is refused by its size."""
    monkeypatch.setattr(artifact, "MAX_FILE", 1_000)
    with pytest.raises(ArtifactMismatch, match="at most 1000"):
        artifact.load(copy)


def test_code_that_reads_otherwise_is_refused(copy: Path) -> None:
    """A golden turn that comes out differently stops the load."""
    manifest = _manifest(copy)
    golden = list(manifest.golden)
    low, *rest = golden[1].chances["risk"]
    bent = golden[1].chances | {"risk": (low + 0.001, *rest)}
    golden[1] = msgspec.structs.replace(golden[1], chances=bent)
    _reseal(copy, golden=tuple(golden))
    with pytest.raises(ArtifactMismatch, match="golden turn"):
        artifact.load(copy)


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"schema": 99}, "schema"),
        ({"blocks": ("cjk",)}, "blocks"),
        ({"signals": ("is_zh",)}, "signals"),
        ({"rows": 3}, "weights"),
    ],
)
def test_another_definition_is_refused(
    copy: Path, change: dict[str, object], what: str
) -> None:
    """A model of other features, or of another format, does not load."""
    _reseal(copy, **change)
    with pytest.raises(ArtifactMismatch, match=what):
        artifact.load(copy)
