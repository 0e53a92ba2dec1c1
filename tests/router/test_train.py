"""Training: the same model from the same data, honest figures, clear errors."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from conftest import QUICK
from router_files import RELEASED, RULES

from router_models import artifact
from router_models.calibration import calibrate, log_loss
from router_models.compiled import BINARY, HeadSpec, Scale
from router_models.dataset import Dataset
from router_models.errors import DataError
from router_models.heads import targets
from router_models.measure import Fitted
from router_models.thresholds import recall_line
from router_models.train import Progress, TrainReport, train


@pytest.fixture(scope="module")
def trained(
    small_data: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, TrainReport, list[Progress]]:
    folder = tmp_path_factory.mktemp("trained")
    steps: list[Progress] = []
    report = train(small_data, folder, 5, steps.append, rules_file=RULES, options=QUICK)
    return folder, report, steps


def test_training_writes_a_model_that_loads(
    trained: tuple[Path, TrainReport, list[Progress]],
) -> None:
    """What training writes verifies, with its figures in the manifest."""
    folder, report, _ = trained
    _, manifest = artifact.load(folder)
    assert manifest.version == report.version
    assert manifest.metrics["held_out_groups"]["n"] == report.held_out.n > 100
    assert report.held_out.overall.heads["tier"].macro_f1 > 0.5


def test_progress_counts_to_its_end(
    trained: tuple[Path, TrainReport, list[Progress]],
) -> None:
    """Every step is told once, the last one is the total."""
    steps = trained[2]
    assert [step.done for step in steps] == list(range(1, len(steps) + 1))
    assert steps[-1].done == steps[-1].total


def test_the_same_seed_gives_the_same_bytes(
    trained: tuple[Path, TrainReport, list[Progress]],
    small_data: Path,
    tmp_path: Path,
) -> None:
    """Training twice gives the same files; another seed gives others."""
    folder, report, _ = trained
    again = train(small_data, tmp_path / "a", 5, rules_file=RULES, options=QUICK)
    assert again == report
    for name in (artifact.WEIGHTS, artifact.MANIFEST):
        assert (tmp_path / "a" / name).read_bytes() == (folder / name).read_bytes()
    other = train(small_data, tmp_path / "b", 6, rules_file=RULES, options=QUICK)
    assert other.weights_sha256 != report.weights_sha256


def test_calibration_helps_on_unseen_groups(fitted: Fitted) -> None:
    """Where no fit saw the group, calibrated log-loss is never above raw."""
    for name, loss in fitted.calibration.items():
        assert loss.calibrated <= loss.raw, name
    assert (
        sum(loss.raw - loss.calibrated for loss in fitted.calibration.values()) > 0.01
    )


def test_calibration_helps_on_groups_left_out(fitted: Fitted, dataset: Dataset) -> None:
    """On three quarters of the data, never used in the fit, all heads together gain."""
    unseen = [one for one in dataset.examples if sum(one.group.encode()) % 4]
    logits = fitted.pipeline.decision_function([one.turn for one in unseen])
    locales = np.array([one.turn.locale for one in unseen])
    gain = 0.0
    for name, spec in fitted.model.heads.items():
        target = targets(spec, unseen)
        for locale, scale in fitted.model.scales[name].items():
            part = (target >= 0) & (locales == locale)
            of_head = spec, logits[part][:, spec.columns], target[part]
            gain += log_loss(*of_head, Scale()) - log_loss(*of_head, scale)
    assert gain > 0.1


def test_the_released_figures_say_the_same() -> None:
    """The shipped manifest holds calibrated losses that are not above the raw ones."""
    _, manifest = artifact.load(RELEASED)
    for name, loss in manifest.metrics["calibration"].items():
        assert loss["calibrated"] <= loss["raw"], name


def test_a_temperature_mends_overconfidence() -> None:
    """Logits that are five times too large come back to their size."""
    chance = np.random.default_rng(0)
    true = chance.normal(size=(4_000, 3))
    powers = np.exp(true)
    rows = powers / powers.sum(axis=1, keepdims=True)
    target = np.array([chance.choice(3, p=row) for row in rows])
    head = HeadSpec("risk", ("low", "medium", "high"), 0)
    locales = np.array(["zh"] * 4_000)
    scale = calibrate(head, true * 5, target, locales)["zh"]
    assert scale.slope == pytest.approx(0.2, rel=0.1)
    assert log_loss(head, true * 5, target, scale) < log_loss(
        head, true * 5, target, Scale()
    )


def test_platt_mends_a_shifted_head() -> None:
    """A yes-or-no head that is off by a constant comes back."""
    chance = np.random.default_rng(1)
    true = chance.normal(size=(4_000, 1)) * 2
    target = (chance.random(4_000) < 1 / (1 + np.exp(-true[:, 0]))).astype(np.int64)
    head = HeadSpec("asks_human", BINARY, 0)
    scale = calibrate(head, true + 3, target, np.array(["en"] * 4_000))["en"]
    assert scale.shift == pytest.approx(-3 * scale.slope, abs=0.3)


def test_turns_that_may_not_teach_are_left_out() -> None:
    """A target of -1 does not touch the calibration."""
    head = HeadSpec("risk", ("low", "medium", "high"), 0)
    logits = np.random.default_rng(2).normal(size=(600, 3))
    target = logits.argmax(axis=1)
    target[::3] = -1
    spoiled = logits.copy()
    spoiled[::3] = 99.0
    locales = np.array(["zh", "en"] * 300)
    assert calibrate(head, logits, target, locales) == calibrate(
        head, spoiled, target, locales
    )


def test_the_risk_line_keeps_its_promises() -> None:
    """The line reaches the recall if the allowed alarms suffice for it."""
    chance = np.random.default_rng(3)
    positive = np.arange(2_000) % 2 == 0
    apart = np.where(positive, chance.beta(8, 2, 2_000), chance.beta(2, 8, 2_000))
    line = recall_line(apart, positive)
    assert (apart[positive] >= line).mean() >= 0.94
    mixed = chance.random(2_000)
    line = recall_line(mixed, positive)
    assert (mixed[~positive] >= line).mean() >= 0.08


def test_wrong_data_stops_training_before_it_starts(
    small_data: Path, tmp_path: Path
) -> None:
    """A bad file is told with its name; nothing is written."""
    data = tmp_path / "data"
    shutil.copytree(small_data, data)
    (data / "zh" / "broken.yaml").write_text("- group: [", "utf-8")
    with pytest.raises(DataError, match=r"broken\.yaml"):
        train(data, tmp_path / "out", 1, rules_file=RULES, options=QUICK)
    assert not (tmp_path / "out").exists()
