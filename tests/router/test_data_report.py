"""The report on the training set: its figures, and what they give away."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import yaml
from router_files import DATA

from engines.contract import Utterance
from router_models.data_report import DataReport, main, render, report_data
from router_models.turns import turn_of
from router_models.twins import grams, overlap, twin_turns


@pytest.fixture(scope="module")
def ours() -> DataReport:
    return report_data(DATA, 7)


def _folder(tmp_path: Path, groups: list[dict[str, object]]) -> Path:
    for name in ("INTENTS.md", "concepts.yaml", "wrappers.yaml"):
        shutil.copy(DATA / name, tmp_path / name)
    (tmp_path / "zh").mkdir()
    text = yaml.safe_dump(groups, allow_unicode=True)
    (tmp_path / "zh" / "t.yaml").write_text(text, "utf-8")
    return tmp_path


def _group(name: str, texts: list[str]) -> dict[str, object]:
    labels = {"intent": "product_fact", "complexity": "moderate", "risk": "low"}
    return {"group": name, **labels, "texts": texts}


def test_our_set_is_many_voices_in_context(ours: DataReport) -> None:
    """Half are follow-ups, hardly a twin, none to speak of across a split, new words."""
    for one in ours.languages.values():
        assert one.follow_ups >= 0.45
        assert one.twins.surplus <= 0.02
        assert one.twins.leaked <= 0.01
        assert one.twins.leaked_text <= 0.02
        assert one.growth.exponent >= 0.6


def test_every_turn_is_counted_once_a_label(ours: DataReport) -> None:
    """The values of a label add up to the turns of the language."""
    for one in ours.languages.values():
        assert {sum(values.values()) for values in one.labels.values()} == {one.turns}


def test_a_template_times_a_word_list_shows(tmp_path: Path) -> None:
    """Sentences filled from lists are twins of each other, and leak across a split."""
    nouns = "杯盘碗锅盆桶箱柜床灯"
    groups = [
        _group(
            f"g{at}",
            [f"请问{who}这一款{noun}子是用什么样的材料做出来的呢" for noun in nouns],
        )
        for at, who in enumerate("你我他她它咱谁某自人")
    ]
    one = report_data(_folder(tmp_path, groups), 7).languages["zh"]
    assert one.twins.surplus > 0.9
    assert one.twins.leaked > 0.9
    assert one.growth.exponent < 0.3


def test_the_same_word_to_another_question_is_no_twin() -> None:
    """A yes to one offer and a yes to another are two turns; to the same one, twins."""
    offers = ["确认退款 20 元吗？", "需要把地址改到公司吗？", "确认退款 35 元吗？"]
    turns = [
        turn_of("好的", "zh", [Utterance(role="assistant", text=offer)])
        for offer in offers
    ]
    assert list(twin_turns(turns)) == [(0, 2)]


def test_twins_are_alike_whatever_their_numbers_and_script() -> None:
    """Another number, traditional characters or a full stop make no new text."""
    one, other = grams("我買了3件，還沒發貨。"), grams("我买了5件 还没发货")
    assert overlap(one, other) == 1
    assert overlap(one, grams("你们几点下班")) < 0.2


def test_the_command_prints_a_table_or_json(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The same figures for people and for programs."""
    folder = _folder(tmp_path, [_group("a", ["多重", "几斤"]), _group("b", ["多高"])])
    assert main([str(folder), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["languages"]["zh"]["turns"] == 3
    assert main([str(folder)]) == 0
    assert capsys.readouterr().out.strip() == render(report_data(folder, 7))
