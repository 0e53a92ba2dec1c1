"""The registry of models: versions, roles, refusals, and what survives."""

from __future__ import annotations

import shutil
from pathlib import Path

import msgspec
import pytest
from router_files import RELEASED

from router_models import artifact
from router_models.compare import compare
from router_models.errors import ArtifactMismatch, ModelRefused, ModelUnknown
from router_models.evaluate import EvalReport
from router_models.metrics import SliceReport, head_report
from router_models.registry import SHIPPED, Comparison, Registry


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    return Registry(tmp_path / "models", RELEASED)


@pytest.fixture
def version(registry: Registry) -> str:
    """A copy of the released model under its own version."""
    return registry.add(RELEASED)


def test_without_a_folder_the_shipped_model_serves(registry: Registry) -> None:
    """Nothing has to be set up, and looking changes nothing."""
    assert registry.state().active == SHIPPED
    assert registry.stamp() == 0
    (entry,) = registry.entries()
    assert entry.roles == ("active",)
    assert registry.path(SHIPPED) == RELEASED


def test_promote_and_roll_back(registry: Registry, version: str) -> None:
    """The previous model is remembered; every move is in the history."""
    assert registry.promote(version, 1).active == version
    assert registry.state().previous == SHIPPED
    assert registry.rollback(2).active == SHIPPED
    assert [move.what for move in registry.state().history] == ["promote", "rollback"]
    assert registry.stamp() > 0


def test_there_may_be_nothing_to_go_back_to(registry: Registry) -> None:
    """A rollback before any promotion is refused."""
    with pytest.raises(ModelRefused):
        registry.rollback(1)


def test_a_model_found_worse_is_never_promoted(registry: Registry) -> None:
    """It is kept and shown with the reason; neither promoted nor a canary."""
    found = Comparison(against=SHIPPED, figures={}, reasons=("frozen: recall fell",))
    version = registry.add(RELEASED, found)
    for step in (
        lambda: registry.promote(version, 1),
        lambda: registry.canary(version, 0.1, 1),
    ):
        with pytest.raises(ModelRefused, match="recall fell"):
            step()
    assert registry.state().active == SHIPPED
    assert next(e for e in registry.entries() if e.version == version).is_worse


def test_an_unknown_version_is_named(registry: Registry) -> None:
    """The refusal says which there are; a path is no version."""
    for name in ("router-x", "../released", "."):
        with pytest.raises(ModelUnknown, match="released"):
            registry.promote(name, 1)


def test_a_damaged_model_changes_nothing(
    registry: Registry, version: str, tmp_path: Path
) -> None:
    """A flipped byte is found before the state is touched."""
    path = tmp_path / "models" / version / artifact.WEIGHTS
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    with pytest.raises(ArtifactMismatch):
        registry.promote(version, 1)
    assert registry.stamp() == 0


def test_a_damaged_state_is_told(registry: Registry, tmp_path: Path) -> None:
    """It is not silently taken for a fresh start."""
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "state.json").write_text('{"active": 3}', "utf-8")
    with pytest.raises(ArtifactMismatch, match="state"):
        registry.state()


def test_a_canary_is_ended_once(registry: Registry, version: str) -> None:
    """A worker that is late does not end another worker's newer canary."""
    registry.canary(version, 0.2, 1)
    assert registry.end_canary("another", 2).canary == version
    assert registry.end_canary(version, 3).canary == ""
    assert registry.state().history[-1].what == "canary rolled back"


def test_half_a_model_is_not_taken_in(registry: Registry, tmp_path: Path) -> None:
    """What cannot be loaded never becomes a version."""
    half = tmp_path / "half"
    half.mkdir()
    shutil.copy(RELEASED / artifact.MANIFEST, half)
    with pytest.raises(artifact.ArtifactMissing):
        registry.add(half)
    assert len(registry.entries()) == 1


def report(recall: float, severe: float, right: int) -> EvalReport:
    wanted = ["L1", "L2"] * 50
    given = [a if at < right else "L3" for at, a in enumerate(wanted)]
    part = SliceReport(
        n=100,
        heads={"tier": head_report(wanted, given)},
        tiers={},
        severe_under_routing=severe,
        left_at_l1=severe,
        high_risk_recall=recall,
        high_risk_false_alarms=0.05,
    )
    return EvalReport(model="m", n=100, overall=part, by_locale={})


def test_worse_is_what_loses_safety_or_quality() -> None:
    """Better or alike passes; each figure alone can condemn."""
    usual = report(0.95, 0.01, 90)
    assert not compare("m", {"s": (report(0.96, 0.01, 92), usual)}).is_worse
    assert compare("m", {"s": (report(0.94, 0.01, 92), usual)}).is_worse
    assert compare("m", {"s": (report(0.96, 0.02, 92), usual)}).is_worse
    assert compare("m", {"s": (report(0.96, 0.01, 80), usual)}).is_worse
    found = compare("m", {"s": (report(0.90, 0.01, 92), usual)})
    assert "high-risk recall 0.900 against 0.950" in found.reasons[0]
    msgspec.json.encode(found)
