"""
The matcher on public intent sets: every class an intent, every row an utterance.

The sets are read from a folder, never shipped, and only the words of the base pack
are known of them. BANKING77 comes without its test part: cross-validation over its
training part, dealt by class. CLINC150: the validation parts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from engines.rules.forms import Texts
from engines.rules.matcher import Match, Matcher
from engines.rules.pack import Intent, Lexicon, Wording
from engines.rules.plain_files import csv_rows, read_text, refuse
from engines.rules.reading import build_readers


#: Parts of the cross-validation on BANKING77.
PARTS: Final = 10

_FIX: Final = "put the set there as its makers publish it"


class Row(NamedTuple):
    """One utterance of a public set and its class."""

    text: str
    label: str


class SetFigures(msgspec.Struct, frozen=True, kw_only=True):
    """
    Shares of a set's dev rows.

    Attributes:
        likeliest: The likeliest intent is the right one, sure or not.

        right, wrong: Answered, rightly or with another class.

        out_of_scope: Rows of no class that were answered; None where there are none.

        baseline: Published accuracy of a linear model on words and characters,
            which always answers: to be compared with ``likeliest``.
    """

    name: str
    train: int
    dev: int
    likeliest: float
    right: float
    wrong: float
    out_of_scope: float | None
    baseline: float


def banking77(folder: Path, lexicon: Lexicon) -> SetFigures:
    """
    Every row once in the part that is left out.

    Raises:
        BadFile: If the set is not in *folder*.
    """
    path = folder / "banking77" / "train.csv"
    (_, names), *lines = csv_rows(path)
    if not {"text", "category"}.issubset(names) or not lines:
        raise refuse(path, 1, "has no rows of text and category", _FIX)
    text, label = names.index("text"), names.index("category")
    short = [line for line, cells in lines if len(cells) <= max(text, label)]
    if short:
        raise refuse(path, short[0], "a cell is missing", _FIX)
    rows = [Row(cells[text], cells[label]) for _, cells in lines]
    found: Counter[str] = Counter()
    for dev, train in _parts(rows):
        found += count(matcher(train, lexicon), dev)
    return _figures("BANKING77", len(rows) * (PARTS - 1) // PARTS, found, None, 0.913)


def clinc150(folder: Path, lexicon: Lexicon) -> SetFigures:
    """
    Trained on its training part, tried on both validation parts.

    Raises:
        BadFile: If the set is not in *folder*.
    """
    path = folder / "clinc150" / "data.json"
    try:
        parts = msgspec.json.decode(read_text(path), type=dict[str, list[Row]])
    except msgspec.MsgspecError as exc:
        raise refuse(path, 1, str(exc), _FIX) from exc
    if not all(parts.get(name) for name in ("train", "val", "oos_val")):
        raise refuse(path, 1, "has no parts train, val and oos_val", _FIX)
    tried = matcher(parts["train"], lexicon)
    outside = count(tried, parts["oos_val"])
    share = (outside["right"] + outside["wrong"]) / outside.total()
    found = count(tried, parts["val"])
    return _figures("CLINC150", len(parts["train"]), found, share, 0.928)


#: All sets by name.
SETS: Final[dict[str, Callable[[Path, Lexicon], SetFigures]]] = {
    "banking77": banking77,
    "clinc150": clinc150,
}


def matcher(rows: Iterable[Row], lexicon: Lexicon) -> Matcher:
    """Compile *rows* to a matcher; the ids of its intents are their labels."""
    texts: dict[str, list[str]] = {}
    for row in rows:
        texts.setdefault(row.label, []).append(row.text)
    intents = [
        Intent(
            id=label,
            title=Texts(zh=label, en=label),
            en=Wording(examples=tuple(examples), answer=label),
        )
        for label, examples in texts.items()
    ]
    return Matcher(intents, build_readers(lexicon, intents))


def count(tried: Matcher, rows: Iterable[Row]) -> Counter[str]:
    """How many of *rows* are right, wrong, missed, and have the likeliest right."""
    found: Counter[str] = Counter()
    for row in rows:
        result = tried.match(row.text, "en")
        nearest = result.intent if isinstance(result, Match) else result.nearest
        is_right = nearest is not None and nearest.id == row.label
        found["likeliest"] += is_right
        if isinstance(result, Match):
            found["right" if is_right else "wrong"] += 1
        else:
            found["missed"] += 1
    return found


def _figures(
    name: str, train: int, found: Counter[str], outside: float | None, baseline: float
) -> SetFigures:
    dev = found["right"] + found["wrong"] + found["missed"]
    return SetFigures(
        name=name,
        train=train,
        dev=dev,
        likeliest=found["likeliest"] / dev,
        right=found["right"] / dev,
        wrong=found["wrong"] / dev,
        out_of_scope=outside,
        baseline=baseline,
    )


def _parts(rows: Sequence[Row]) -> Iterator[tuple[list[Row], list[Row]]]:
    """Left-out part and the rest, in turn; classes are dealt evenly."""
    seen: Counter[str] = Counter()
    dealt: list[int] = []
    for row in rows:
        seen[row.label] += 1
        dealt.append(seen[row.label] % PARTS)
    for part in range(PARTS):
        dev = [row for row, at in zip(rows, dealt, strict=True) if at == part]
        yield dev, [row for row, at in zip(rows, dealt, strict=True) if at != part]
