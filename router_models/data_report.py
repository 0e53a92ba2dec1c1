"""
What the training set is made of, in figures: ``python -m router_models.data_report``.

Counts by label, follow-ups, near twins inside the set and across a split, and how its
vocabulary grows. A set written as one template times a word list shows itself: many
twins, and a vocabulary that stands still while turns are added.
"""

from __future__ import annotations

import argparse
import math
import random
import sys
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from statistics import median, quantiles

import msgspec

from engines.contract import Locale
from router_models.dataset import LOCALES, Example, load_dataset
from router_models.split import deal
from router_models.twins import tokens, twin_texts, twin_turns


#: Folds of the split whose leakage is told, as training deals them.
FOLDS = 5

#: Shares of the groups at which the vocabulary is counted.
STEPS = (0.25, 0.5, 0.75, 1.0)

#: Tokens from which a text says enough to be called a copy whatever stands before it.
_SAYING = 6


class Twins(msgspec.Struct, frozen=True, kw_only=True):
    """
    Near twins, as shares of turns (see ``twins.py``).

    Attributes:
        surplus: Turns that have a twin earlier in the set.

        across_groups: The same, where the twin is of another group.

        leaked: Held-out turns with a twin among the training turns of the split.

        leaked_text: Held-out turns of at least six tokens whose text alone has a
            twin there, whatever stands before it.
    """

    surplus: float
    across_groups: float
    leaked: float
    leaked_text: float


class Growth(msgspec.Struct, frozen=True, kw_only=True):
    """
    Distinct pairs of neighbouring tokens as groups are added.

    Attributes:
        pairs: At each of :data:`STEPS`, groups in random order.

        exponent: Of the growth from half of the tokens to all (Heaps); 1 if every
            token is new company, 0 if nothing new is said.
    """

    pairs: tuple[int, ...]
    exponent: float


class LanguageReport(msgspec.Struct, frozen=True, kw_only=True):
    """
    One language of the set.

    Attributes:
        follow_ups: Share of turns with lines before them.

        lines_before: Median number of those lines.

        length: Median, 90th percentile and largest number of tokens.

        labels: Turns by value of each label.
    """

    turns: int
    groups: int
    follow_ups: float
    lines_before: float
    length: tuple[int, int, int]
    labels: dict[str, dict[str, int]]
    twins: Twins
    growth: Growth


class DataReport(msgspec.Struct, frozen=True, kw_only=True):
    """All languages, and the hash of the files that were read."""

    sha256: str
    languages: dict[Locale, LanguageReport]


def report_data(data_dir: Path, seed: int) -> DataReport:
    """
    Measure the training set in *data_dir*; *seed* deals the split and the order.

    Raises:
        DataError: If there is nothing to read, or something in it is wrong.
    """
    dataset = load_dataset(data_dir)
    folds = deal(dataset.examples, FOLDS, seed)
    languages = {}
    for locale in LOCALES:
        mine = [one.turn.locale == locale for one in dataset.examples]
        examples = [
            one for one, keep in zip(dataset.examples, mine, strict=True) if keep
        ]
        if examples:
            held_out = (folds[mine] == 0).tolist()
            languages[locale] = report_language(examples, held_out, seed)
    return DataReport(sha256=dataset.sha256, languages=languages)


def report_language(
    examples: Sequence[Example], held_out: Sequence[bool], seed: int
) -> LanguageReport:
    """Measure the examples of one language; *held_out* tells the split."""
    before = [len(one.turn.history) for one in examples if one.turn.history]
    return LanguageReport(
        turns=len(examples),
        groups=len({one.group for one in examples}),
        follow_ups=len(before) / len(examples),
        lines_before=median(before) if before else 0,
        length=_lengths(examples),
        labels=_labels(examples),
        twins=_twins(examples, held_out),
        growth=_growth(examples, seed),
    )


def _lengths(examples: Sequence[Example]) -> tuple[int, int, int]:
    lengths = sorted(len(tokens(one.turn.text)) for one in examples)
    tenths = quantiles([*lengths, lengths[-1]], n=10)
    return round(median(lengths)), round(tenths[-1]), lengths[-1]


def _labels(examples: Sequence[Example]) -> dict[str, dict[str, int]]:
    names = ("complexity", "risk", "tier", "asks_human", "emotion", "intent")
    counted = {}
    for name in names:
        values = Counter(str(getattr(one, name)) for one in examples)
        counted[name] = dict(sorted(values.items()))
    return counted


def _twins(examples: Sequence[Example], held_out: Sequence[bool]) -> Twins:
    surplus, across, leaked, leaked_text = set(), set(), set(), set()
    for at, other in twin_turns([one.turn for one in examples]):
        surplus.add(other)
        if examples[at].group != examples[other].group:
            across.add(other)
        if held_out[at] != held_out[other]:
            leaked.add(at if held_out[at] else other)
    for at, other in twin_texts([one.turn.text for one in examples]):
        if held_out[at] != held_out[other]:
            leaked_text.add(at if held_out[at] else other)
    saying = [
        at
        for at, one in enumerate(examples)
        if held_out[at] and len(tokens(one.turn.text)) >= _SAYING
    ]
    return Twins(
        surplus=len(surplus) / len(examples),
        across_groups=len(across) / len(examples),
        leaked=len(leaked) / max(1, sum(held_out)),
        leaked_text=len(leaked_text.intersection(saying)) / max(1, len(saying)),
    )


def _growth(examples: Sequence[Example], seed: int) -> Growth:
    by_group: dict[str, list[list[str]]] = {}
    for one in examples:
        by_group.setdefault(one.group, []).append(tokens(one.turn.text))
    order = sorted(by_group)
    random.Random(seed).shuffle(order)  # noqa: S311 - reproducible, not secret
    seen: set[tuple[str, str]] = set()
    sizes: list[tuple[int, int]] = []
    read = 0
    for group in order:
        for words in by_group[group]:
            seen.update(pairwise(words))
            read += len(words)
        sizes.append((len(seen), read))
    return Growth(
        pairs=tuple(sizes[_step(share, sizes)][0] for share in STEPS),
        exponent=_slope(sizes[_step(0.5, sizes)], sizes[-1]),
    )


def _step(share: float, sizes: Sequence[tuple[int, int]]) -> int:
    return max(0, round(share * len(sizes)) - 1)


def _slope(half: tuple[int, int], whole: tuple[int, int]) -> float:
    if half[1] == whole[1] or not half[0]:
        return 0.0
    return math.log(whole[0] / half[0]) / math.log(whole[1] / half[1])


def render(report: DataReport) -> str:
    """The report as a Markdown table, one column a language."""
    columns = [_column(one) for one in report.languages.values()]
    rows = [["figure", *report.languages], ["---"] * (len(columns) + 1)]
    rows += [[name, *(one[name] for one in columns)] for name in columns[0]]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _column(one: LanguageReport) -> dict[str, str]:
    return {
        "turns, groups": f"{one.turns:,}, {one.groups:,}",
        "follow-ups; lines before them (median)": (
            f"{one.follow_ups:.1%}; {one.lines_before:g}"
        ),
        "complexity simple / moderate / complex": _shares(
            one, "complexity", ("simple", "moderate", "complex")
        ),
        "risk low / medium / high": _shares(one, "risk", ("low", "medium", "high")),
        "tier L1 / L2 / L3 / human": _shares(one, "tier", ("L1", "L2", "L3", "human")),
        "asks_human": _shares(one, "asks_human", ("True",)),
        "emotion calm / annoyed / angry": _shares(
            one, "emotion", ("calm", "annoyed", "angry")
        ),
        "tokens: median, 90th percentile, longest": ", ".join(map(str, one.length)),
        "near twins in the set (in another group)": (
            f"{one.twins.surplus:.2%} ({one.twins.across_groups:.2%})"
        ),
        "held-out turns with a near twin in training (text alone)": (
            f"{one.twins.leaked:.2%} ({one.twins.leaked_text:.2%})"
        ),
        "distinct pairs at 25 / 50 / 75 / 100 % of groups": " / ".join(
            f"{pairs:,}" for pairs in one.growth.pairs
        ),
        "growth exponent": f"{one.growth.exponent:.2f}",
    }


def _shares(one: LanguageReport, label: str, values: Sequence[str]) -> str:
    counts = one.labels[label]
    shares = (f"{counts.get(value, 0) / one.turns:.1%}" for value in values)
    return " / ".join(shares)


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the report of a data folder, as a table or as JSON."""
    parser = argparse.ArgumentParser(prog="python -m router_models.data_report")
    folder = Path(__file__).parent / "data"
    parser.add_argument("folder", type=Path, nargs="?", default=folder)
    parser.add_argument("--seed", type=int, default=7, help="of the split (7)")
    parser.add_argument("--json", action="store_true", help="all counts, as JSON")
    chosen = parser.parse_args(arguments)
    found = report_data(chosen.folder, chosen.seed)
    text = msgspec.json.encode(found).decode() if chosen.json else render(found)
    sys.stdout.write(text + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
