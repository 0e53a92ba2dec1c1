"""
Print how well retrieval does: quality, calibration and cost.

    python tests/retrieval/report.py              held-out questions
    python tests/retrieval/report.py --set tuning  another question file
    python tests/retrieval/report.py --misses     with every question that failed
    python tests/retrieval/report.py --fit        weights of confidence, fitted anew
    python tests/retrieval/report.py --cost       microseconds a question
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
from desk import KNOWLEDGE, ROOT, SHELF, SilentShop, engine_of, make_engine, make_turn
from sklearn.linear_model import LogisticRegression

from engines.contract import Answer, Locale, Turn, Utterance
from engines.retrieval import confidence, evaluate
from engines.retrieval.engine import RetrievalEngine
from engines.retrieval.index import Hit
from loadtest.strangers import holds, load_sheet


HERE = Path(__file__).parent
#: The held-out questions ship with the demo shop's knowledge.
HELD_OUT = KNOWLEDGE / "questions" / "held-out.yaml"
TALKS = KNOWLEDGE / "questions" / "talks.yaml"
#: Every question file but the held-out one.
FITTED_ON = ("tuning", "calibration", "hard")
#: Invented shops that only serve to fit; those in loadtest/ never take part.
SHOPS = ("instruments", "bees")
OF_SHOPS = 3.0
LOCALES: tuple[Locale, ...] = ("zh", "en")


async def trials(
    engine: RetrievalEngine, path: Path
) -> dict[Locale, list[evaluate.Trial]]:
    """Ask every question of a file."""
    found = evaluate.load_questions(path)
    shop = SHELF.shop
    return {loc: await evaluate.run_trials(engine, shop, found, loc) for loc in LOCALES}


def show(name: str, found: list[evaluate.Trial], *, misses: bool) -> None:
    """Print one report."""
    report = evaluate.summarise(found)
    recall = " ".join(f"@{k} {value:.3f}" for k, value in report.recall.items())
    say(
        f"{name}: {report.questions} questions, {report.unanswerable} without answer;"
        f" recall {recall}; nDCG@10 {report.ndcg:.3f}; answered {report.answered:.3f};"
        f" precision {report.precision:.3f}; false answers {report.false_answers:.3f};"
        f" AUROC {report.auroc:.3f}"
    )
    for trial in found if misses else ():
        is_given = isinstance(trial.outcome, Answer)
        if (is_given and not trial.is_right) or (trial.has_answer and not is_given):
            best = [
                (h.passage.id, round(h.coverage, 2))
                for found in trial.founds
                for h in found.hits[:3]
            ]
            sure = f"{trial.confidence:.2f}"
            say(
                f"  {trial.question.q} | {trial.ranks()} {sure} {best} | {trial.question.gold}"
            )


def fit(engine: RetrievalEngine) -> None:
    """
    Print weights of a logistic fit of 'the best passage answers'.

    Other shops' questions count more: there are fewer, and shops differ more than
    questions do.
    """
    own = [
        (trial.founds[0].hits, trial.ranks() == [1])
        for name in FITTED_ON
        for of_locale in asyncio.run(trials(engine, HERE / f"{name}.yaml")).values()
        for trial in of_locale
    ]
    others = [found for name in SHOPS for found in _of_shop(HERE / "shops" / name)]
    weighed = [(*one, 1.0) for one in own] + [(*one, OF_SHOPS) for one in others]
    found = [one for one in weighed if one[0]]
    rows = np.array([confidence.features(hits) for hits, _, _ in found])
    right = np.array([is_right for _, is_right, _ in found])
    weights = np.array([weight for _, _, weight in found])
    model = LogisticRegression(C=3.0).fit(rows, right, sample_weight=weights)
    say(f"weights {[round(float(w), 2) for w in model.coef_[0]]}")
    say(f"bias {float(model.intercept_[0]):.2f} over {len(rows)} questions")


def _of_shop(folder: Path) -> Iterator[tuple[tuple[Hit, ...], bool]]:
    """What is found for each question of another shop, and if the best answers."""
    sheet = load_sheet(folder)
    shop, locale = sheet.shop.id, sheet.shop.locale
    with tempfile.TemporaryDirectory() as place:
        engine = engine_of(shop, folder / "files", Path(place))
        for case in (one for one in sheet.cases if one.kind != "composite"):
            before = [Utterance("customer", text) for text in case.say[:-1]]
            hits = engine.find_parts(case.say[-1], locale, before)[0].hits
            best = f"{hits[0].passage.heading} {hits[0].passage.text}" if hits else ""
            yield hits, bool(case.must) and all(holds(best, g) for g in case.must)


def cost(engine: RetrievalEngine) -> None:
    """Print microseconds of searching and of answering, median and worst 1 %."""
    questions = evaluate.load_questions(HELD_OUT)
    for locale in LOCALES:
        texts = [question.q for question in getattr(questions, locale)]
        turns = [make_turn(text, locale=locale) for text in texts]
        find = [_timed(partial(engine.find, text, locale)) for text in texts * 5]
        with asyncio.Runner() as runner:
            said = [_timed(partial(_answered, runner, engine, turn)) for turn in turns]
        for name, values in (("find", find), ("answer", said)):
            p99 = statistics.quantiles(values, n=100)[98]
            say(
                f"{locale} {name}: p50 {statistics.median(values):.0f} us, p99 {p99:.0f} us"
            )


def _answered(runner: asyncio.Runner, engine: RetrievalEngine, turn: Turn) -> object:
    return runner.run(engine.answer(turn))


def _timed(call: Callable[[], object]) -> float:
    started = time.perf_counter()
    call()
    return (time.perf_counter() - started) * 1e6


def say(line: str) -> None:
    """Print a line."""
    sys.stdout.write(line + "\n")


def main() -> None:
    """Read the command line and print."""
    parser = argparse.ArgumentParser()
    for flag in ("--misses", "--fit", "--cost"):
        parser.add_argument(flag, action="store_true")
    parser.add_argument("--set", default="held-out")
    given = parser.parse_args()
    engine = make_engine(SilentShop())
    if given.cost:
        return cost(engine)
    if given.fit:
        return fit(engine)
    shipped = {"held-out": HELD_OUT, "talks": TALKS}
    path = shipped.get(given.set, HERE / f"{given.set}.yaml")
    found = asyncio.run(trials(engine, path))
    for locale in LOCALES:
        show(f"{given.set} {locale}", found[locale], misses=given.misses)
    return None


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    main()
