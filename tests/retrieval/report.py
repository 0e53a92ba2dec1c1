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
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
from desk import ROOT, SilentShop, make_engine, make_turn
from sklearn.linear_model import LogisticRegression

from engines.contract import Answer, Locale, Turn
from engines.retrieval import confidence, evaluate
from engines.retrieval.engine import RetrievalEngine


HERE = Path(__file__).parent
#: Every question file but the held-out one.
FITTED_ON = ("tuning", "calibration", "hard")
LOCALES: tuple[Locale, ...] = ("zh", "en")


async def trials(
    engine: RetrievalEngine, path: Path
) -> dict[Locale, list[evaluate.Trial]]:
    """Ask every question of a file."""
    questions = evaluate.load_questions(path)
    result: dict[Locale, list[evaluate.Trial]] = {"zh": [], "en": []}
    for locale in LOCALES:
        for question in getattr(questions, locale):
            turn = make_turn(question.q, locale=locale, history=question.history)
            result[locale].append(
                evaluate.Trial(
                    locale=locale,
                    question=question,
                    found=engine.find(
                        question.q, locale, question.history, evaluate.DEPTH
                    ),
                    outcome=await engine.answer(turn),
                )
            )
    return result


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
            best = [(h.passage.id, round(h.coverage, 2)) for h in trial.found.hits[:3]]
            sure = f"{trial.found.confidence:.2f}"
            say(
                f"  {trial.question.q} | {trial.rank()} {sure} {best} | {trial.question.gold}"
            )


def fit(engine: RetrievalEngine) -> None:
    """Print weights of a logistic fit of 'the best passage answers'."""
    found = [
        trial
        for name in FITTED_ON
        for of_locale in asyncio.run(trials(engine, HERE / f"{name}.yaml")).values()
        for trial in of_locale
        if trial.found.hits
    ]
    rows = np.array([confidence.features(trial.found.hits) for trial in found])
    right = np.array([trial.rank() == 1 for trial in found])
    model = LogisticRegression(C=3.0).fit(rows, right)
    say(f"weights {[round(float(w), 2) for w in model.coef_[0]]}")
    say(f"bias {float(model.intercept_[0]):.2f} over {len(rows)} questions")


def cost(engine: RetrievalEngine) -> None:
    """Print microseconds of searching and of answering, median and worst 1 %."""
    questions = evaluate.load_questions(HERE / "questions.yaml")
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
    parser.add_argument("--set", default="questions")
    given = parser.parse_args()
    engine = make_engine(SilentShop())
    if given.cost:
        return cost(engine)
    if given.fit:
        return fit(engine)
    found = asyncio.run(trials(engine, HERE / f"{given.set}.yaml"))
    for locale in LOCALES:
        show(f"{given.set} {locale}", found[locale], misses=given.misses)
    return None


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    main()
