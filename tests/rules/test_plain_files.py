"""Files that the tools for packs are given: each bad one gets one clear error."""

from __future__ import annotations

import contextlib
import csv
import io
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engines import yamlfile
from engines.rules import coverage, faq, trial
from engines.yamlfile import BadFile
from gateway.cli.main import cli


BAD: dict[str, tuple[bytes, int]] = {
    "empty": (b"", 1),
    "blank": (b" \n\n\t", 1),
    "binary": (b"one\ntwo\n\x89PNG\r\n\x1a\n\0\0", 5),
    "GBK": ("first line\n多久发货\n".encode("gbk"), 2),
    "UTF-16": ("多久发货\n".encode("utf-16"), 1),
    "GBK behind a mark": (b"\xef\xbb\xbfa\n" + "多久".encode("gbk"), 2),
}
LOADERS: dict[str, Callable[[Path], object]] = {
    "faq": lambda path: faq.read_faq(path, "shop", "ecommerce"),
    "cases": lambda path: list(trial.read_cases(path)),
    "transcript": coverage.read_texts,
}
FUZZ = settings(
    max_examples=60, deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)  # fmt: skip


def run(*arguments: object) -> Result:
    return CliRunner().invoke(cli, ["rules", *map(str, arguments)])


def refused(loader: str, path: Path) -> yamlfile.Problem:
    with pytest.raises(BadFile) as caught:
        LOADERS[loader](path)
    (problem,) = caught.value.problems
    assert problem.path == str(path)
    return problem


@pytest.mark.parametrize("loader", LOADERS)
@pytest.mark.parametrize("name", BAD)
def test_what_is_no_text_is_refused(tmp_path: Path, loader: str, name: str) -> None:
    """One problem names the file and the line of the first byte that is no text."""
    data, line = BAD[name]
    path = tmp_path / "given.csv"
    path.write_bytes(data)
    assert refused(loader, path).line == line


@pytest.mark.parametrize("loader", LOADERS)
def test_missing_files_and_folders_are_named(tmp_path: Path, loader: str) -> None:
    """What cannot be opened is a problem, not a traceback."""
    for path in (tmp_path / "none.csv", tmp_path):
        assert "cannot be read" in refused(loader, path).text


@pytest.mark.parametrize("command", ["check", "coverage", "suggest", "test", "import"])
def test_every_command_refuses_what_is_no_text(tmp_path: Path, command: str) -> None:
    """GBK is no pack, no transcript, no cases and no list."""
    path = tmp_path / "given.yaml"
    path.write_bytes(BAD["GBK"][0])
    result = run(command, *(["--pack"] if command == "check" else []), path)
    told = f"{result.output}{result.exception}"
    assert result.exit_code == 1
    assert f"{path}:2: " in told
    assert "is not UTF-8 at byte 11" in told


@pytest.mark.parametrize("loader", LOADERS)
@FUZZ
@given(data=st.binary(max_size=200) | st.text(max_size=80).map(str.encode))
def test_any_bytes_are_read_or_refused(
    tmp_path: Path, loader: str, data: bytes
) -> None:
    """No other error than a problem leaves a loader."""
    path = tmp_path / "given.csv"
    path.write_bytes(data)
    with contextlib.suppress(BadFile):
        LOADERS[loader](path)


@pytest.mark.parametrize("name", ["list.xlsx", "list.xls", "list.ods"])
@FUZZ
@given(data=st.binary(max_size=200))
def test_a_broken_workbook_is_refused(tmp_path: Path, name: str, data: bytes) -> None:
    """Bytes that are no workbook give a problem that says what to save it as."""
    path = tmp_path / name
    path.write_bytes(data)
    assert "XLSX" in refused("faq", path).fix


CELL = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Cf", "Zl", "Zp"]),
    min_size=1, max_size=12,
).filter(str.strip)  # fmt: skip


@FUZZ
@given(answers=st.lists(st.lists(CELL, min_size=1, max_size=3), min_size=1, max_size=5))
def test_an_import_keeps_every_row_and_line_break(
    tmp_path: Path, answers: list[list[str]]
) -> None:
    """Answers of several lines come back as written, each named by its first line."""
    written = io.StringIO()
    sheet = csv.writer(written)
    sheet.writerow(["question", "answer"])
    wanted: dict[str, str] = {}
    line = 2
    for number, lines in enumerate(answers):
        sheet.writerow([f"question {number}", "\r\n".join(lines)])
        wanted[f"faq.n{line}"] = "\n".join(lines).strip()
        line += len(lines)
    path = tmp_path / "faq.csv"
    path.write_bytes(written.getvalue().encode())
    text, problems = faq.read_faq(path, "shop", "ecommerce")
    found = {one["id"]: one["en"]["answer"] for one in yaml.safe_load(text)["intents"]}
    assert problems == []
    assert found.keys() == wanted.keys()
    for name, answer in wanted.items():
        if "{" not in answer:
            assert found[name] == answer


def test_problems_of_a_list_have_the_line_their_row_begins_on(tmp_path: Path) -> None:
    """Cells of several lines before a bad row are counted."""
    path = tmp_path / "faq.csv"
    path.write_text(
        'question,answer\na b,"one\ntwo"\nc d,\ne f,g,h\n', encoding="utf-8"
    )
    _, problems = faq.read_faq(path, "shop", "ecommerce")
    assert [(one.line, one.text) for one in problems] == [
        (4, "question or answer is empty"),
        (5, "a cell has no column"),
    ]


@pytest.mark.parametrize(
    ("rows", "line", "text"),
    [
        ("question,answer\n" + "a b,c\n" * 20_001, 20_002, "more than 20000 rows"),
        ("question,answer\na,b\nc," + "x" * 140_000 + "\n", 3, "field larger"),
        ('question,answer\na,"b\nc,d\n', 2, "unexpected end"),
        ("question,answer,问题\na,b,c\n", 1, "two columns of question"),
    ],
    ids=["long list", "long cell", "open quote", "a header twice"],
)
def test_a_list_is_refused_whole(
    tmp_path: Path, rows: str, line: int, text: str
) -> None:
    """What cannot be taken as it is is refused by line, and nothing is cut off."""
    path = tmp_path / "faq.csv"
    path.write_text(rows, encoding="utf-8")
    problem = refused("faq", path)
    assert problem.line == line
    assert text in problem.text
    assert problem.fix


def test_an_import_writes_over_nothing_unasked(tmp_path: Path) -> None:
    """A file that is there stays until ``--force``; a missing folder is named."""
    path, out = tmp_path / "faq.csv", tmp_path / "shop.yaml"
    path.write_text("question,answer\na b,c\n", encoding="utf-8")
    out.write_text("mine", encoding="utf-8")
    result = run("import", path, "--out", out)
    assert isinstance(result.exception, BadFile)
    assert "--force" in str(result.exception)
    assert out.read_text(encoding="utf-8") == "mine"
    assert run("import", path, "--out", out, "--force").exit_code == 0
    assert "a b" in out.read_text(encoding="utf-8")
    result = run("import", path, "--out", tmp_path / "none" / "shop.yaml")
    assert isinstance(result.exception, BadFile)
    assert "No such file" in str(result.exception)


@pytest.mark.parametrize("sizes", ["abc", "-5", "0", "", "1000,,", "9999999"])
def test_sizes_of_the_bench_are_numbers_of_patterns(sizes: str) -> None:
    """Anything else is a slip of the call."""
    result = run("bench", "--sizes", sizes)
    assert result.exit_code == 2
    assert "whole numbers" in result.output


def test_a_transcript_with_a_broken_line_is_refused(tmp_path: Path) -> None:
    """A line that begins as JSON and is none is named, and not skipped."""
    path = tmp_path / "talk.jsonl"
    path.write_text('{"text": "a"}\n{"text": 1}\n', encoding="utf-8")
    assert refused("transcript", path).line == 2
