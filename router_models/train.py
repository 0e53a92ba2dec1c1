"""
From our training set to a released model. Imported by the command line alone.

Two models are fitted. The first sees four fifths of the groups and is measured on the last
fifth: its figures go into the manifest. The second sees all groups and is
released. Calibration and thresholds of both come from out-of-fold logits, where no turn is
judged by a model that saw its group. The same data and seed give the same bytes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import sklearn
from numpy.typing import NDArray
from sklearn.pipeline import Pipeline
from threadpoolctl import threadpool_limits

from engines.contract import Locale
from router_models import artifact
from router_models.augment import move
from router_models.certificates import name_of
from router_models.compiled import CompiledModel, HeadSpec, Scale, Thresholds
from router_models.dataset import Dataset, Example, load_dataset, load_intents
from router_models.evaluate import EvalReport, report
from router_models.features import Extract, Extractor
from router_models.golden import golden_turns
from router_models.hard_rules import HardRules, load_rules
from router_models.heads import Heads, Options, head_specs, make_pipeline
from router_models.lexicon import load_lexicon
from router_models.measure import (
    CalibrationReport,
    Fitted,
    OutOfFold,
    calibrate_all,
    judge_example,
)
from router_models.policy import Prices, load_prices
from router_models.proving import (
    calibrate_needed,
    choose_beyond,
    describe,
    prove,
    unseen_scores,
)
from router_models.router import TierRouter
from router_models.split import assert_apart, deal
from router_models.thresholds import choose_thresholds
from router_models.wording import Wrappers, load_wrappers, reword


#: One group in so many is held out; calibration has as many folds.
FOLDS = 5

#: Prices at which a model is measured: those of the stage in the middle.
NEUTRAL = Prices(
    l1=1, l2=8, l3=40, human=300, lost_at_l1=5, lost_at_l2=24, lost_at_l3=260
)


class Progress(msgspec.Struct, frozen=True):
    """A step of training: *done* of *total*, and what it was."""

    done: int
    total: int
    what: str


class TrainReport(msgspec.Struct, frozen=True, kw_only=True):
    """
    What training did.

    Attributes:
        turns: Training turns by language.

        groups: Groups by language.

        held_out: Figures of the measured model on groups it never saw.

        calibration: By head, on groups that neither weights nor calibration saw.

        version: Of the released model.
    """

    turns: dict[str, int]
    groups: dict[str, int]
    held_out: EvalReport
    calibration: dict[str, CalibrationReport]
    thresholds: Thresholds
    version: str
    weights_sha256: str
    bytes: int


class Fitting(msgspec.Struct, frozen=True, kw_only=True):
    """Everything a fit needs but its examples."""

    extractor: Extractor
    specs: tuple[HeadSpec, ...]
    options: Options
    wrappers: Wrappers
    rules: HardRules
    prices: tuple[Prices, ...]
    seed: int
    tick: Callable[[str], None]


def train(
    data_dir: Path,
    out_dir: Path,
    seed: int,
    progress: Callable[[Progress], object] = id,
    *,
    rules_file: Path,
    stage_files: Sequence[Path] = (),
    extra: Sequence[Example] = (),
    options: Options | None = None,
) -> TrainReport:
    """
    Read the data, fit, calibrate, measure, and write a model into *out_dir*.

    Args:
        rules_file: Hard rules; the figures are of the router as a whole.

        extra: Examples from elsewhere; they teach, and nothing is measured on them.

        stage_files: Stages whose prices get certificates, besides the middle ones.

    Raises:
        DataError: If the data or the rules are wrong; names file, group and fix.
    """
    options = options or Options()
    total, done = 2 * FOLDS + 5, 0

    def tick(what: str) -> None:
        nonlocal done
        done += 1
        progress(Progress(done, total, what))

    dataset = load_dataset(data_dir)
    extractor = Extractor(load_lexicon(data_dir / "concepts.yaml"))
    specs = head_specs(load_intents(data_dir / "INTENTS.md"))
    tick("read")
    fitting = Fitting(
        extractor=extractor,
        specs=specs,
        options=options,
        wrappers=load_wrappers(data_dir / "wrappers.yaml"),
        rules=load_rules(rules_file),
        prices=_tables(stage_files),
        seed=seed,
        tick=tick,
    )
    held_out = _measure(dataset.examples, extra, fitting)
    tick("measured")
    fitted = fit([*dataset.examples, *extra], fitting)
    manifest = artifact.save(
        out_dir,
        fitted.model,
        _origin(dataset, seed, held_out, fitted),
        golden_turns(),
    )
    artifact.load(out_dir)
    tick("written")
    return TrainReport(
        turns=_turns(dataset.examples),
        groups=_groups(dataset.examples),
        held_out=held_out,
        calibration=fitted.calibration,
        thresholds=fitted.model.thresholds,
        version=manifest.version,
        weights_sha256=manifest.weights_sha256,
        bytes=sum(
            (out_dir / n).stat().st_size for n in (artifact.WEIGHTS, artifact.MANIFEST)
        ),
    )


def fit(examples: Sequence[Example], fitting: Fitting) -> Fitted:
    """
    Fit and calibrate on *examples*, and compile.

    One thread: the matrices are too small for more, and sums taken in one order
    are what makes a model reproducible.
    """
    with threadpool_limits(limits=1):
        return _fit(examples, fitting)


def _fit(examples: Sequence[Example], fitting: Fitting) -> Fitted:
    extracts = [fitting.extractor.extract(example.turn) for example in examples]
    unseen = _out_of_fold(examples, extracts, fitting)
    scales, calibration = calibrate_all(fitting.specs, unseen)
    pipeline = _fit_pipeline(examples, extracts, fitting)
    model = settle(pipeline, scales, unseen, fitting)
    scores = unseen_scores(model, unseen)
    certificates = prove(model, fitting.rules, fitting.prices, scores)
    references = describe(TierRouter(model, fitting.rules, NEUTRAL, "unseen"), scores)
    fitting.tick("fitted")
    return Fitted(pipeline, model, calibration, certificates, references, unseen)


def settle(
    pipeline: Pipeline,
    scales: dict[str, dict[Locale, Scale]],
    unseen: OutOfFold,
    fitting: Fitting,
) -> CompiledModel:
    """Compile *pipeline* with the lines chosen on *unseen*, which *scales* calibrate."""
    thresholds = choose_thresholds(
        fitting.specs, scales, unseen.logits, unseen.examples
    )
    model = compile_model(pipeline, scales, thresholds)
    scores = unseen_scores(model, unseen)
    router = TierRouter(model, fitting.rules, NEUTRAL, "unseen")
    scales["needed"] = calibrate_needed(router, scores)
    model = compile_model(pipeline, scales, thresholds)
    router = TierRouter(model, fitting.rules, NEUTRAL, "unseen")
    thresholds = msgspec.structs.replace(
        thresholds, beyond_l1=choose_beyond(router, scores)
    )
    return compile_model(pipeline, scales, thresholds)


def _tables(stage_files: Sequence[Path]) -> tuple[Prices, ...]:
    """The price tables of all stages, each once."""
    tables = [NEUTRAL, *(load_prices(path) for path in stage_files)]
    return tuple({name_of(table): table for table in tables}.values())


def compile_model(
    pipeline: Pipeline,
    scales: dict[str, dict[Locale, Scale]],
    thresholds: Thresholds,
) -> CompiledModel:
    """The flat arrays of a fitted pipeline."""
    heads: Heads = pipeline["heads"]
    return CompiledModel(
        extractor=pipeline["features"].extractor,
        vocabulary=pipeline["features"].vocabulary_,
        heads=heads.specs,
        weights=heads.coef_.T,
        bias=heads.intercept_,
        scales=scales,
        thresholds=thresholds,
    )


def _out_of_fold(
    examples: Sequence[Example], extracts: Sequence[Extract], fitting: Fitting
) -> OutOfFold:
    folds = deal(examples, FOLDS, fitting.seed + 1)
    width = sum(spec.width for spec in fitting.specs)
    logits = np.zeros((len(examples), width))
    for fold in range(FOLDS):
        inside, outside = folds != fold, folds == fold
        known = _pick(examples, inside)
        assert_apart(known, _pick(examples, outside))
        pipeline = _fit_pipeline(known, _pick(extracts, inside), fitting)
        logits[outside] = pipeline.decision_function(_pick(extracts, outside))
        fitting.tick("fold")
    return OutOfFold(tuple(examples), logits, folds)


def _fit_pipeline(
    examples: Sequence[Example], extracts: Sequence[Extract], fitting: Fitting
) -> Pipeline:
    pipeline = make_pipeline(
        fitting.extractor, fitting.specs, fitting.options, fitting.seed
    )
    options, seed = fitting.options, fitting.seed
    copies = move(examples, options.moved_share, seed)
    copies += reword(examples, fitting.wrappers, options.reworded_share, seed)
    extract = fitting.extractor.extract
    return pipeline.fit(
        [*extracts, *(extract(example.turn) for example in copies)],
        [*examples, *copies],
    )


def _measure(
    examples: Sequence[Example], extra: Sequence[Example], fitting: Fitting
) -> EvalReport:
    folds = deal(examples, FOLDS, fitting.seed)
    known, unseen = _pick(examples, folds != 0), _pick(examples, folds == 0)
    assert_apart(known, unseen)
    fitted = fit([*known, *extra], fitting)
    router = TierRouter(
        fitted.model, fitting.rules, NEUTRAL, "held-out", fitted.certificates
    )
    return report([judge_example(router, one) for one in unseen], router.version)


def _origin(
    dataset: Dataset,
    seed: int,
    held_out: EvalReport,
    fitted: Fitted,
) -> artifact.Origin:
    metrics: dict[str, Any] = msgspec.to_builtins(
        {"held_out_groups": held_out, "calibration": fitted.calibration}
    )
    return artifact.Origin(
        data_sha256=dataset.sha256,
        seed=seed,
        sklearn=sklearn.__version__,
        metrics=metrics,
        certificates=fitted.certificates,
        references=fitted.references,
    )


def _pick(items: Sequence[Any], chosen: NDArray[np.bool_]) -> list[Any]:
    return [item for item, keep in zip(items, chosen, strict=True) if keep]


def _turns(examples: Sequence[Example]) -> dict[str, int]:
    return dict(Counter(example.turn.locale for example in examples))


def _groups(examples: Sequence[Example]) -> dict[str, int]:
    groups = {(example.turn.locale, example.group) for example in examples}
    return dict(Counter(locale for locale, _ in sorted(groups)))
