"""Tools for people who write packs: check, test, coverage, suggest, import."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from rules_talk import FACTS, HEAD, INTENT, PACKS

from engines.rules.audit import audit
from engines.rules.bench import measure
from engines.rules.coverage import cover, draft, read_texts
from engines.rules.engine import RulesEngine
from engines.rules.faq import read_faq
from engines.rules.matcher import Match
from engines.yamlfile import BadFile
from gateway.cli.main import cli


def run(*arguments: object) -> Result:
    return CliRunner().invoke(cli, ["rules", *map(str, arguments)])


def test_the_shipped_pack_has_no_problems() -> None:
    """``rules check --json`` counts the intents and lists nothing."""
    result = run("check", "--json")
    found = json.loads(result.output)
    assert result.exit_code == 0
    assert found["intents"] >= 220
    assert found["problems"] == []


def test_a_shadowed_utterance_is_named_with_its_line(
    write_pack: Callable[..., Path],
) -> None:
    """An utterance that leads elsewhere is a warning, with file, line and fix."""
    rival = INTENT.replace("hours", "closing", 1).replace("几点开门", "几点打烊")
    rival = rival.replace("营业时间]", "营业时间呢]").replace(
        "when do you open", "x y z"
    )
    path = write_pack(
        HEAD + "intents:\n" + INTENT + rival.replace("opening hours]", "q]")
    )
    found = audit([path], path.with_name("facts.yaml"), datetime(2026, 1, 1))
    shadowed = [one for one in found.problems if one.code == "shadowed"]
    assert found.is_usable
    assert all(one.file == str(path) and one.line > 1 and one.fix for one in shadowed)
    assert {one.code for one in found.problems} >= {"few_utterances"}


def test_a_broken_pack_is_an_error_and_exit_1(write_pack: Callable[..., Path]) -> None:
    """What does not load is told by line, and the command says so."""
    path = write_pack(HEAD + "intents:\n" + INTENT.replace("title:", "titel:"))
    facts = path.with_name("facts.yaml")
    result = run("check", "--json", "--pack", path, "--facts", facts)
    (problem,) = json.loads(result.output)["problems"]
    assert result.exit_code == 1
    assert problem["level"] == "error"
    assert problem["line"] == 11
    assert "titel" in problem["text"]


def test_utterance_files_are_counted(tmp_path: Path) -> None:
    """Right, wrong and missed are told apart, and a bar can fail the command."""
    lines = [
        {"text": "多久发货", "intent": "shipping.time"},
        {"text": "怎么退货", "intent": "shipping.time"},
        {"text": "量子力学的哥本哈根诠释", "intent": None},
    ]
    path = tmp_path / "cases.jsonl"
    path.write_text("\n".join(json.dumps(line) for line in lines), encoding="utf-8")
    result = run("test", path, "--json", "--max-wrong", 0.1)
    (score,) = json.loads(result.output).values()
    assert result.exit_code == 1
    assert (score["right"], score["wrong"], score["missed"]) == (2, 1, 0)


def test_a_bad_line_of_cases_is_named(tmp_path: Path) -> None:
    """The complaint has the number of the line."""
    path = tmp_path / "cases.jsonl"
    path.write_text('{"text": "a", "intent": null}\n{"txt": 1}\n', encoding="utf-8")
    result = run("test", path)
    assert isinstance(result.exception, BadFile)
    assert result.exception.problems[0].line == 2


def test_coverage_clusters_what_is_missed(engine: RulesEngine) -> None:
    """Alike misses stand together, answered questions are counted by intent."""
    texts = ["多久发货", "想租一辆卡车", "我想租一辆卡车", "想租一辆卡车呢", "转人工"]
    found = cover(engine, texts, "zh")
    assert (found.answered, found.handed_on, found.missed) == (1, 1, 3)
    assert found.intents == {"shipping.time": 1}
    assert found.clusters[0].size == 3
    (intent,) = draft(found.clusters, least=2)
    assert intent["zh"] == {"examples": texts[1:4], "answer": ""}


def test_transcripts_are_lines_or_json_lines(tmp_path: Path) -> None:
    """Lines of the shop's side are left out."""
    path = tmp_path / "talk.txt"
    path.write_text(
        'plain line\n{"role": "customer", "text": "hi"}\n'
        '{"role": "operator", "text": "no"}\n\n',
        encoding="utf-8",
    )
    assert read_texts(path) == ["plain line", "hi"]


def test_an_imported_faq_answers(tmp_path: Path) -> None:
    """A list of questions becomes a pack that extends the shipped one."""
    faq = tmp_path / "faq.csv"
    rows = "问题,答案,相似问\n可以租卡车吗,可以 {{ 1 }} 租,卡车能租吗|租卡车怎么办理\n空的,,\n"
    faq.write_text(rows, encoding="utf-8")
    text, problems = read_faq(faq, "shop", "ecommerce")
    path = tmp_path / "shop.yaml"
    path.write_text(text, encoding="utf-8")
    engine = RulesEngine.load([PACKS / "ecommerce.yaml", path], FACTS)
    found = engine.match("卡车能租吗", "zh")
    assert isinstance(found, Match)
    assert found.intent.id == "faq.n2"
    assert [problem.line for problem in problems] == [3]


def test_a_list_without_columns_is_refused(tmp_path: Path) -> None:
    """The complaint says what the first row must hold."""
    path = tmp_path / "faq.csv"
    path.write_text("a b c\n1,2,3\n", encoding="utf-8")
    with pytest.raises(BadFile, match="question and answer"):
        read_faq(path, "shop", "ecommerce")


def test_the_bench_measures_both_languages() -> None:
    """A small pack gives a figure for each column."""
    row = measure(200, "plain")
    assert min(row.zh_us, row.en_us, row.loop_us) > 0


def test_the_bench_tells_growth_over_runs() -> None:
    """One row a size, and the largest beside the smallest, whatever their order."""
    result = run(
        "bench", "--sizes", "400,200", "--runs", 2, "--arithmetic", "plain", "--json"
    )
    found = json.loads(result.stdout)
    assert [row["patterns"] for row in found["rows"]] == [400, 200]
    assert found["runs"] == 2
    assert min(found["zh"], found["en"]) > 0
