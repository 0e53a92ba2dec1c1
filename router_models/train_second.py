"""
From a released first stage to a second one beside it. Imported by the command line alone.

The first stage is fitted once more, since its out-of-fold logits are kept nowhere; the
same data and seed give the same model, and another one is refused. The second stage is
measured like the first, on groups that neither saw, for several widths of its band.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec
import numpy as np
from threadpoolctl import threadpool_limits

from engines.contract import Locale
from router_models import artifact, second_artifact
from router_models.compiled import Scale
from router_models.dataset import Dataset, Example, load_dataset, load_intents
from router_models.errors import ArtifactMismatch
from router_models.evaluate import EvalReport, report
from router_models.features import Extractor
from router_models.hard_rules import load_rules
from router_models.heads import Options, head_specs
from router_models.lexicon import load_lexicon
from router_models.measure import Fitted, OutOfFold, judge_example, met
from router_models.router import TierRouter
from router_models.second_fit import BAND, Vectors, encode_all, fit_second
from router_models.second_stage import (
    HEADS,
    Encode,
    Floats,
    Layer,
    Lines,
    SecondStage,
    TwoStageRouter,
)
from router_models.split import deal
from router_models.train import FOLDS, NEUTRAL, Fitting, Progress, fit, settle
from router_models.wording import load_wrappers


#: Widths of the band that are measured; above 1 every turn is looked at again.
BANDS = (0.0, 0.5, BAND, 0.7, 0.8, 0.9, 1.01)


class BandReport(msgspec.Struct, frozen=True):
    """Figures with a *band*, and the share of turns that were looked at again."""

    band: float
    asked: float
    figures: EvalReport


class SecondReport(msgspec.Struct, frozen=True):
    """What a second stage brings on unseen groups, by band; the first has none."""

    of: str
    bands: tuple[BandReport, ...]


def train_second(
    data_dir: Path,
    model_dir: Path,
    seed: int,
    encode: Encode,
    progress: Callable[[Progress], object] = id,
    *,
    encoder: str,
    rules_file: Path,
    options: Options | None = None,
) -> SecondReport:
    """
    Fit a second stage for the model in *model_dir*, measure it, and write it there.

    Args:
        seed, options: As the first stage was trained with.

        encoder: Name of what *encode* uses; no other can read the artifact.

    Raises:
        DataError: If the data or the rules are wrong; names file, group and fix.
        ArtifactError: If *model_dir* holds no model, or one of other data or seed.
    """
    _, manifest = artifact.load(model_dir)
    dataset = load_dataset(data_dir)
    _same(model_dir, "data", manifest.data_sha256, dataset.sha256)
    _same(model_dir, "seed", manifest.seed, seed)
    fitting = _fitting(data_dir, rules_file, options or Options(), seed, progress)
    vectors = encode_all(
        dataset.examples,
        encode,
        lambda done, total: progress(Progress(done, total, "texts encoded")),
    )
    bands = _measure(dataset, vectors, fitting, encode)
    fitted = fit(dataset.examples, fitting)
    ours = fitted.model.weights, artifact.load(model_dir)[0].weights
    _same(model_dir, "weights", True, np.array_equal(*ours))
    layer, lines = _second(fitted, vectors, fitting)
    lines = msgspec.structs.replace(lines, of=manifest.version)
    second_artifact.save(model_dir, layer, lines, encoder)
    return SecondReport(manifest.version, bands)


def _same(folder: Path, what: str, expected: object, found: object) -> None:
    if expected != found:
        raise ArtifactMismatch(folder, f"{what} of the first stage", expected, found)


def _fitting(
    data_dir: Path,
    rules_file: Path,
    options: Options,
    seed: int,
    progress: Callable[[Progress], object],
) -> Fitting:
    total, done = 2 * (FOLDS + 1), 0

    def tick(what: str) -> None:
        nonlocal done
        done += 1
        progress(Progress(done, total, what))

    return Fitting(
        extractor=Extractor(load_lexicon(data_dir / "concepts.yaml")),
        specs=head_specs(load_intents(data_dir / "INTENTS.md")),
        options=options,
        wrappers=load_wrappers(data_dir / "wrappers.yaml"),
        rules=load_rules(rules_file),
        prices=(NEUTRAL,),
        seed=seed,
        tick=tick,
    )


def _second(fitted: Fitted, vectors: Vectors, fitting: Fitting) -> tuple[Layer, Lines]:
    def lines(scales: dict[str, dict[Locale, Scale]], unseen: OutOfFold) -> Lines:
        model = settle(fitted.pipeline, scales, unseen, fitting)
        kept = [*(name for name, _ in HEADS), "needed"]
        return Lines(
            of="",
            band=BAND,
            scales={name: model.scales[name] for name in kept},
            thresholds=model.thresholds,
        )

    with threadpool_limits(limits=1):
        return fit_second(fitted, vectors, fitting.specs, lines, fitting.seed)


def _measure(
    dataset: Dataset, vectors: Vectors, fitting: Fitting, encode: Encode
) -> tuple[BandReport, ...]:
    known = deal(dataset.examples, FOLDS, fitting.seed) != 0
    pairs = list(zip(dataset.examples, known, strict=True))
    fitted = fit([one for one, keep in pairs if keep], fitting)
    unseen = [one for one, keep in pairs if not keep]
    layer, lines = _second(fitted, vectors.pick(known), fitting)
    first = TierRouter(
        fitted.model, fitting.rules, NEUTRAL, "held-out", fitted.certificates
    )
    seen: dict[str, Floats] = {}

    def remembered(texts: Sequence[str]) -> Floats:
        fresh = [text for text in texts if text not in seen]
        if fresh:
            seen.update(zip(fresh, encode(fresh), strict=True))
        return np.stack([seen[text] for text in texts])

    return tuple(
        _with_band(band, first, SecondStage(layer, lines, remembered), unseen)
        for band in BANDS
    )


def _with_band(
    band: float, first: TierRouter, second: SecondStage, unseen: Sequence[Example]
) -> BandReport:
    lines = msgspec.structs.replace(second.lines, band=band)
    router = TwoStageRouter(first, SecondStage(second.layer, lines, second.encode))
    asked = sum(router.is_unsure(met(first, one.turn)) for one in unseen)
    figures = report([judge_example(router, one) for one in unseen], router.version)
    return BandReport(band, round(asked / len(unseen), 4), figures)
