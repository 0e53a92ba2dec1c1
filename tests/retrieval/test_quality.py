"""
How well questions are answered that nothing was tuned on.

``report.py`` prints the figures behind these bars.
"""

from __future__ import annotations

import asyncio

import pytest
from desk import SilentShop, make_engine, make_turn
from report import HELD_OUT, HERE, TALKS, trials

from engines.contract import Answer, Locale
from engines.guard import check
from engines.retrieval import evaluate
from engines.retrieval.documents import Passage
from engines.retrieval.evaluate import Trial, load_questions, summarise
from engines.retrieval.searching import Found
from engines.yamlfile import BadFile


Trials = dict[Locale, list[Trial]]


@pytest.fixture(scope="module")
def held_out() -> Trials:
    """All held-out questions, asked once."""
    return asyncio.run(trials(make_engine(SilentShop()), HELD_OUT))


def test_the_held_out_questions_are_many_and_fresh() -> None:
    """At least 120 Chinese and 60 English ones, none of them tuned on."""
    held = load_questions(HELD_OUT)
    assert sum(bool(q.gold) for q in held.zh) >= 120
    assert sum(bool(q.gold) for q in held.en) >= 60
    asked = {q.q for q in held.zh + held.en}
    for name in ("tuning", "calibration", "hard"):
        others = load_questions(HERE / f"{name}.yaml")
        assert asked.isdisjoint(q.q for q in others.zh + others.en)


def test_what_ships_is_what_is_claimed_of_it(passages: tuple[Passage, ...]) -> None:
    """Over 600 questions, nearly a third in talks, a fifth without answer."""
    files = [load_questions(HELD_OUT), load_questions(TALKS)]
    asked = [q for one in files for q in (*one.zh, *one.en)]
    in_talks = sum(bool(q.also or q.after) for q in asked)
    assert len(asked) >= 650
    assert in_talks >= 0.3 * len(asked)
    assert sum(not q.gold for q in asked) >= 0.2 * len(asked)
    known = {passage.id for passage in passages}
    for one in files:
        for locale, questions in (("zh", one.zh), ("en", one.en)):
            for question in questions:
                for group in (question.gold, *question.also):
                    assert {f"{locale}/{gold}" for gold in group} <= known, question.q


def test_talks_find_their_passages() -> None:
    """Composites and follow-ups: words alone find 0.95 of the passages in five."""
    found = asyncio.run(trials(make_engine(SilentShop()), TALKS))
    report = summarise([*found["zh"], *found["en"]])
    assert report.recall[5] >= 0.95
    assert report.ndcg >= 0.85


def test_no_held_out_question_is_copied_from_a_passage(
    passages: tuple[Passage, ...],
) -> None:
    """They are phrased unlike what is searched."""
    held = load_questions(HELD_OUT)
    searched = {text for p in passages for text in (p.heading, *p.asked)}
    asked = {q.q.strip("?？") for q in held.zh + held.en}
    assert asked.isdisjoint(searched)


def test_every_gold_passage_exists_and_says_what_it_must(
    passages: tuple[Passage, ...],
) -> None:
    """A question file that points nowhere would measure nothing."""
    texts = {passage.id: passage.text.lower() for passage in passages}
    held = load_questions(HELD_OUT)
    for locale, questions in (("zh", held.zh), ("en", held.en)):
        for question in questions:
            gold = [texts[f"{locale}/{gold}"] for gold in question.gold]
            assert all(any(m.lower() in text for text in gold) for m in question.must)


@pytest.mark.parametrize("locale", ["zh", "en"])
def test_the_right_passage_is_among_the_first_three(
    held_out: Trials, locale: Locale
) -> None:
    """Recall at 3 of at least 0.85, and most of them first."""
    report = summarise(held_out[locale])
    assert report.recall[3] >= 0.85
    assert report.recall[1] >= 0.65
    assert report.ndcg >= 0.8


@pytest.mark.parametrize("locale", ["zh", "en"])
def test_what_is_said_is_mostly_right(held_out: Trials, locale: Locale) -> None:
    """Four of five answers say what they must; two of three questions get one."""
    report = summarise(held_out[locale])
    assert report.precision >= 0.8
    assert report.answered >= 0.65
    assert report.false_answers <= 0.2
    assert report.auroc >= 0.85


@pytest.mark.parametrize("locale", ["zh", "en"])
def test_confidence_means_what_it_says(held_out: Trials, locale: Locale) -> None:
    """The mean confidence of given answers is near the share that is right."""
    asked = held_out[locale]
    sure = [t.outcome.confidence for t in asked if isinstance(t.outcome, Answer)]
    mean = sum(sure) / len(sure)
    right = sum(t.is_right for t in asked) / len(sure)
    assert abs(mean - right) <= 0.12


def test_every_answer_is_cited_and_every_quote_is_real(
    held_out: Trials, passages: tuple[Passage, ...]
) -> None:
    """No answer without a source, no quote that is not in its passage."""
    texts = {passage.id: passage for passage in passages}
    given = 0
    for trial in held_out["zh"] + held_out["en"]:
        if not isinstance(trial.outcome, Answer):
            continue
        if trial.outcome.citations:
            given += 1
        for citation in trial.outcome.citations:
            source = texts[citation.id]
            assert citation.quote
            assert citation.quote in source.text
            assert citation.title == source.title
        turn = make_turn(trial.question.q, locale=trial.locale)
        assert check(trial.outcome, turn) is trial.outcome
    assert given >= 200


def test_a_question_file_is_read_strictly(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """A misspelt key is refused with its line."""
    path = tmp_path_factory.mktemp("q") / "q.yaml"
    path.write_text("zh:\n  - {q: a, gould: []}\n", "utf-8")
    with pytest.raises(BadFile, match=r"q\.yaml:2"):
        load_questions(path)


def test_figures_of_the_report_are_right() -> None:
    """Recall, gain, precision and AUROC of a case done by hand."""
    question = evaluate.Question(q="q", gold=("a#a",), must=("7",))
    no_answer = evaluate.Question(q="n", gold=())
    nothing = Found((), 0.9)
    right = Trial(
        locale="zh", question=question, founds=(nothing,), outcome=Answer(text="7 天")
    )
    wrong = Trial(
        locale="zh",
        question=no_answer,
        founds=(Found((), 0.1),),
        outcome=Answer(text="8 天"),
    )
    report = summarise([right, wrong])
    assert (report.precision, report.answered, report.false_answers) == (0.5, 1.0, 1.0)
    assert (report.auroc, report.recall[3], report.ndcg) == (1.0, 0.0, 0.0)
