"""
Our features on public intent sets: how far the pipeline itself carries.

The sets are read from a folder, never shipped. The same extractor and vocabulary as the
router's, one linear classifier, nothing tuned to a set. BANKING77 comes without its test
part: ten-fold cross-validation over its training part, dealt by class. CLINC150:
trained on its training part, in-scope accuracy and out-of-scope AUROC (largest logit) on
its validation parts.
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TextIO

import msgspec
import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata
from sklearn.svm import LinearSVC

from engines.contract import Complexity, Emotion, Risk
from router_models.dataset import Example
from router_models.errors import DataError
from router_models.features import Extractor
from router_models.heads import TurnVectoriser
from router_models.lexicon import Lexicon
from router_models.turns import turn_of


#: Inverse strength of the penalty, the classifier's usual one.
_C = 1.0
#: An n-gram of any block counts from its second row on.
_MIN_ROWS = 2
#: Parts of the cross-validation on BANKING77.
_PARTS = 10

_Rows = Sequence[tuple[str, str]]


class SetReport(msgspec.Struct, frozen=True, kw_only=True):
    """
    Figures on one public set.

    Attributes:
        accuracy: Of the intent on the dev part.

        auroc: Of telling out-of-scope from in-scope; None where there is none.

        ceiling: Published figures of linear models on the set.
    """

    name: str
    train: int
    dev: int
    accuracy: float
    auroc: float | None
    ceiling: str


def banking77(folder: Path) -> SetReport:
    """
    Intent accuracy, every row once in the part that is left out.

    Raises:
        DataError: If the set is not in *folder*.
    """
    path = folder / "banking77" / "train.csv"
    with _opened(path) as file:
        rows = [(row["text"], row["category"]) for row in csv.DictReader(file)]
    seen: Counter[str] = Counter()
    parts: list[list[tuple[str, str]]] = [[] for _ in range(_PARTS)]
    for text, label in rows:
        seen[label] += 1
        parts[seen[label] % _PARTS].append((text, label))
    right = 0.0
    for dev in parts:
        known = [row for part in parts if part is not dev for row in part]
        right += _accuracy(*_logits(known, dev), dev) * len(dev)
    return SetReport(
        name="BANKING77",
        train=len(rows) * (_PARTS - 1) // _PARTS,
        dev=len(rows),
        accuracy=round(right / len(rows), 4),
        auroc=None,
        ceiling="91.3 % word+char, trained on all 10,003 rows",
    )


def clinc150(folder: Path) -> SetReport:
    """
    Intent accuracy and out-of-scope AUROC on the validation parts.

    Raises:
        DataError: If the set is not in *folder*.
    """
    path = folder / "clinc150" / "data.json"
    with _opened(path) as file:
        parts = msgspec.json.decode(file.read(), type=dict[str, list[tuple[str, str]]])
    dev = parts["val"]
    logits, labels = _logits(parts["train"], [*dev, *parts["oos_val"]])
    inside = np.arange(len(logits)) < len(dev)
    return SetReport(
        name="CLINC150",
        train=len(parts["train"]),
        dev=len(dev),
        accuracy=round(_accuracy(logits[inside], labels, dev), 4),
        auroc=auroc(logits.max(axis=1), inside),
        ceiling="92.8 % in scope, AUROC .949, word+char",
    )


#: All sets by name.
SETS: dict[str, Callable[[Path], SetReport]] = {
    "banking77": banking77,
    "clinc150": clinc150,
}


def auroc(score: NDArray[np.float64], positive: NDArray[np.bool_]) -> float:
    """Chance that a positive scores above a negative, ties counted half."""
    ranks = rankdata(score)
    n = int(positive.sum())
    wins = ranks[positive].sum() - n * (n + 1) / 2
    return round(float(wins / (n * (len(score) - n))), 4)


def _opened(path: Path) -> TextIO:
    try:
        return path.open(encoding="utf-8", newline="")
    except OSError as exc:
        raise DataError(path, str(exc), "name the folder of the public sets") from exc


def _logits(known: _Rows, dev: _Rows) -> tuple[NDArray[np.float64], list[str]]:
    extractor = Extractor(Lexicon({}))
    vectoriser = TurnVectoriser(extractor, (_MIN_ROWS,) * 7)
    turns = [turn_of(text, "en") for text, _ in known]
    matrix = vectoriser.fit(turns, _examples(known)).transform(turns)
    model = LinearSVC(C=_C, random_state=0).fit(matrix, [label for _, label in known])
    asked = vectoriser.transform([turn_of(text, "en") for text, _ in dev])
    return np.asarray(model.decision_function(asked)), list(model.classes_)


def _examples(rows: _Rows) -> list[Example]:
    """Rows as examples, each a group of its own: only that is read of them."""
    return [
        Example(
            turn=turn_of(text, "en"),
            group=str(number),
            intent=label,
            complexity=Complexity.SIMPLE,
            risk=Risk.LOW,
            asks_human=False,
            emotion=Emotion.CALM,
            needs_person=False,
            continues=None,
        )
        for number, (text, label) in enumerate(rows)
    ]


def _accuracy(logits: NDArray[np.float64], labels: list[str], dev: _Rows) -> float:
    given = [labels[at] for at in logits.argmax(axis=1)]
    right = sum(a == label for a, (_, label) in zip(given, dev, strict=True))
    return float(right / len(dev))
