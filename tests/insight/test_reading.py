"""
Transcripts as shops have them: any of three formats, any names of columns.
"""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

import made_up_shop as truth
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.insight.columns import read_time
from gateway.insight.reading import read
from gateway.insight.traffic import measure
from gateway.insight.transcripts import TranscriptError


def public(name: str) -> Path:
    """A file of the public sets beside the project."""
    path = Path(__file__).resolve().parents[3] / "shared" / "data" / name
    if not path.is_file():
        pytest.skip(f"{path} is not on this machine")
    return path


def test_a_table_is_understood_in_any_encoding(tmp_path: Path) -> None:
    """UTF-8 with and without mark, GB18030, UTF-16 give the same conversations."""
    rows = truth.make().rows[:300]
    readings = [
        read(truth.write_csv(tmp_path / f"{n}.csv", rows, encoding), {})
        for n, encoding in enumerate(("utf-8", "utf-8-sig", "gb18030", "utf-16"))
    ]
    assert len({one.transcripts for one in readings}) == 1
    assert readings[0].mapping.time == "发送时间"
    assert readings[0].mapping.speakers["客服"] == "operator"
    assert readings[0].mapping.speakers["机器人"] == "bot"


def test_a_workbook_is_read_from_its_largest_sheet(tmp_path: Path) -> None:
    """Cover sheets stand before the data in exports; times are numbers there."""
    data = [
        ["session_id", "sender", "content", "created_at"],
        ["a", "user", "hello", 46024.127777777776],
        ["a", "staff", "hi there", 46024.128472222222],
    ]
    file = truth.write_xlsx(tmp_path / "a.xlsx", [["export"]], data)
    (one,) = read(file, {}).transcripts
    assert [line.speaker for line in one.lines] == ["customer", "operator"]
    assert one.began is not None
    assert abs((one.began - datetime(2026, 1, 2, 3, 4)).total_seconds()) < 1


def test_nested_and_flat_json_are_the_same(tmp_path: Path) -> None:
    """A conversation a line, a message a line, or one array over all lines."""
    said = [{"role": "user", "text": "hi"}, {"role": "agent", "text": "hello you"}]
    nested, flat = tmp_path / "n.jsonl", tmp_path / "f.jsonl"
    nested.write_text(json.dumps({"id": "x", "messages": said}))
    flat.write_text(
        "\n".join(json.dumps({"conversation_id": "x"} | one) for one in said)
    )
    whole = tmp_path / "w.json"
    whole.write_text(json.dumps([{"id": "x", "messages": said}], indent=1))
    expected = read(flat, {}).transcripts
    assert read(nested, {}).transcripts == expected
    assert read(whole, {}).transcripts == expected


def test_without_conversations_a_long_silence_divides(tmp_path: Path) -> None:
    """Customer and time are enough."""
    rows = [
        {
            "buyer": "b",
            "message": f"question {hour}",
            "time": f"2026-01-01 {hour:02}:00:00",
        }
        for hour in (1, 2, 12)
    ]
    found = read(truth.write_csv(tmp_path / "t.csv", rows), {})
    assert [len(one.lines) for one in found.transcripts] == [2, 1]


def test_a_guess_can_be_corrected(tmp_path: Path) -> None:
    """Columns and the customer's value, said by the caller."""
    rows = [
        {"a": "x1", "b": "K", "c": "hello there"},
        {"a": "x1", "b": "S", "c": "yes dear"},
    ]
    file = truth.write_csv(tmp_path / "t.csv", rows)
    given = {"conversation": "a", "role": "b", "text": "c"}
    (one,) = read(file, given, ["K"]).transcripts
    assert [line.speaker for line in one.lines] == ["customer", "operator"]


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("t.csv", b"", "is empty"),
        ("t.csv", b"role,text\nx,hello\ny,what\n", "say --customer"),
        ("t.jsonl", b'{"text": "a"}\n{', "t.jsonl:2: not JSON"),
        ("t.jsonl", b"1", "not an object"),
        ("t.json", b"[1]", "not an object"),
        ("t.json", b"[{]", "not JSON"),
        ("t.xlsx", b"PK no", "damaged"),
        ("t.doc", b"x", "cannot tell what it is"),
    ],
)
def test_a_file_that_cannot_be_used_says_why(
    tmp_path: Path, name: str, content: bytes, told: str
) -> None:
    """File, place and what to do."""
    file = tmp_path / name
    file.write_bytes(content)
    with pytest.raises(TranscriptError, match=told):
        read(file, {})


def test_left_out_rows_are_counted(tmp_path: Path) -> None:
    """Empty texts and unreadable times do not disappear in silence."""
    rows = [{"text": text, "time": at} for text, at in
            (("hello", "2026-01-01"), ("", "2026-01-01"), ("what", "soon"))]  # fmt: skip
    found = read(truth.write_csv(tmp_path / "t.csv", rows), {})
    assert found.skips == {"no text": 1, "unreadable time": 1}
    assert [one.row for one in found.skipped] == [2, 3]


@pytest.mark.parametrize(
    "text",
    ["2026-01-02 03:04:05", "2026/01/02 03:04:05", "2026年01月02日 03:04:05",
     "2026-01-02T03:04:05Z", "1767323045", "1767323045000", "01/02/2026 03:04:05"],
)  # fmt: skip
def test_times_are_read_as_exports_write_them(text: str) -> None:
    """The wall clock of the file; epochs in UTC."""
    assert read_time(text) == datetime(2026, 1, 2, 3, 4, 5)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    content=st.binary(max_size=300) | st.text(max_size=300).map(str.encode),
    suffix=st.sampled_from([".csv", ".jsonl", ".xlsx"]),
)
def test_no_file_breaks_the_reader(tmp_path: Path, content: bytes, suffix: str) -> None:
    """Conversations, or an error of ours."""
    file = tmp_path / f"f{suffix}"
    file.write_bytes(content)
    try:
        found = read(file, {})
    except TranscriptError:
        return
    assert all(one.lines for one in found.transcripts)


def test_a_public_set_is_understood_without_help() -> None:
    """Questions with a category, one a row."""
    found = read(public("bitext/dev.csv"), {})
    assert found.mapping.text == "utterance"
    assert found.mapping.scene == "category"
    assert found.skips == {}
    assert len(found.transcripts) == found.rows
    assert measure(found.transcripts, 240.0).human_share is None
