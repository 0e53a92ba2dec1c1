"""
``tidegate eval-kb``: how well a shop's knowledge answers written questions.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import click
import msgspec

from engines.contract import Answer, Locale
from engines.retrieval.engine import RetrievalEngine
from engines.retrieval.evaluate import (
    Report,
    Trial,
    load_questions,
    run_trials,
    summarise,
)
from gateway.cli import options
from gateway.cli.kb import knowledge_from, of_shop
from gateway.config import shipped
from gateway.services import today


#: Held-out questions on the demo shop's knowledge.
SHIPPED = (
    "knowledge/demo/questions/held-out.yaml",
    "knowledge/demo/questions/talks.yaml",
)
LOCALES: tuple[Locale, ...] = ("zh", "en")


@click.command(name="eval-kb")
@click.argument("files", nargs=-1, type=click.Path(path_type=Path))
@options.config_file
@options.data_dir
@of_shop
@options.as_json
@click.option("--misses", is_flag=True, help="Show each question that went wrong.")
@click.option("--words-only", is_flag=True, help="Without vectors, even if installed.")
def eval_kb(
    files: tuple[Path, ...],
    config_file: Path | None,
    data_dir: Path | None,
    shop: str | None,
    as_json: bool,
    misses: bool,
    words_only: bool,
) -> None:
    """
    Ask the questions of FILES and report what was found, said and left unsaid.

    Without FILES the demo shop's own held-out questions are asked.
    """
    knowledge = knowledge_from(config_file, data_dir, shop, with_vectors=not words_only)
    searcher = knowledge.searcher(today)
    engine = RetrievalEngine(knowledge.shop, searcher, None)
    trials: dict[Locale, list[Trial]] = {locale: [] for locale in LOCALES}
    for path in files or tuple(map(shipped, SHIPPED)):
        asked = load_questions(path)
        for locale in LOCALES:
            run = run_trials(engine, knowledge.shop, asked, locale)
            trials[locale] += asyncio.run(run)
    parts = {locale: summarise(found) for locale, found in trials.items() if found}
    parts["all"] = summarise([one for found in trials.values() for one in found])  # type: ignore[index]
    if as_json:
        click.echo(msgspec.json.encode(parts).decode())
        return
    how = "words and vectors" if searcher.questions is not None else "words alone"
    click.echo(f"shop {knowledge.shop}, {searcher.passages} passages, {how}")
    for name, report in parts.items():
        _print(name, report)
    if misses:
        _print_misses([one for found in trials.values() for one in found])
    sys.exit(0)


def _print(name: str, report: Report) -> None:
    recall = " ".join(f"@{k} {value:.3f}" for k, value in report.recall.items())
    click.echo(
        f"{name:4} {report.questions} questions ({report.composite} composite or"
        f" follow-up, {report.unanswerable} without answer): recall {recall},"
        f" nDCG@10 {report.ndcg:.3f}, no-answer AUROC {report.auroc:.3f};"
        f" answered {report.answered:.3f}, precision {report.precision:.3f},"
        f" false answers {report.false_answers:.3f}"
    )


def _print_misses(trials: list[Trial]) -> None:
    for one in trials:
        ranks = one.ranks() if one.has_answer else []
        is_given = isinstance(one.outcome, Answer)
        if ranks != [1] * len(ranks) or is_given != one.has_answer:
            best = [hit.passage.id for found in one.founds for hit in found.hits[:2]]
            click.echo(
                f"{one.question.q} | ranks {ranks}, confidence {one.confidence:.2f},"
                f" {'answered' if is_given else 'not answered'} | {', '.join(best)}"
            )
