"""Answers that switch on and off by date, hour and channel."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rules_talk import HEAD, make_turn

from engines.contract import Answer, Escalation
from engines.rules.audit import audit
from engines.rules.conditions import BadCondition, When, parse
from engines.rules.engine import RulesEngine
from engines.yamlfile import BadFile


SALE = """\
intents:
  - id: sale
    title: {zh: 活动, en: Sale}
    when: {channels: [web]}
    variants:
      - when: {since: "2026-11-10T20:00", until: "2026-11-11"}
        answer: {zh: "大促进行中", en: big sale}
      - when: {hours: "22:00-06:00"}
        answer: {zh: "夜间优惠", en: night offer}
    zh: {examples: [有活动吗, 打折吗], answer: "没有活动"}
    en: {examples: [is there a sale, any discount], answer: no sale}
"""


def ask(path: Path, at: str, channel: str = "web") -> Answer | Escalation:
    facts = path.with_name("facts.yaml")
    engine = RulesEngine.load([path], facts, lambda: datetime.fromisoformat(at))
    turn = msgspec.structs.replace(make_turn("有活动吗"), channel=channel)
    return asyncio.run(engine.answer(turn))


@pytest.mark.parametrize(
    ("at", "text"),
    [
        ("2026-11-10T19:59", "没有活动"),
        ("2026-11-10T20:00", "大促进行中"),
        ("2026-11-11T23:59", "大促进行中"),
        ("2026-11-12T12:00", "没有活动"),
        ("2026-11-12T23:00", "夜间优惠"),
        ("2026-11-13T05:59", "夜间优惠"),
        ("2026-11-13T06:00", "没有活动"),
    ],
)
def test_answers_follow_the_clock(
    write_pack: Callable[..., Path], at: str, text: str
) -> None:
    """A sale begins and ends by itself, and its last day counts."""
    answer = ask(write_pack(HEAD + SALE), at)
    assert isinstance(answer, Answer)
    assert answer.text == text
    assert answer.citations[0].quote == text


def test_an_intent_of_another_channel_is_a_miss(
    write_pack: Callable[..., Path],
) -> None:
    """What is not in force is handed on, never said."""
    assert isinstance(ask(write_pack(HEAD + SALE), "2026-11-11", "app"), Escalation)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"2026-11-11"', '"11.11."'),
        ('"2026-11-11"', '"2026-11-01"'),
        ('"22:00-06:00"', '"10pm"'),
    ],
)
def test_a_bad_condition_is_named_by_line(
    write_pack: Callable[..., Path], old: str, new: str
) -> None:
    """A date or hours that nobody can read keep the pack from loading."""
    with pytest.raises(BadFile) as refused:
        ask(write_pack(HEAD + SALE.replace(old, new)), "2026-01-01")
    assert refused.value.problems[0].line > 10


def test_an_answer_whose_time_is_over_is_told(write_pack: Callable[..., Path]) -> None:
    """The check names what nobody will ever see again."""
    path = write_pack(HEAD + SALE)
    found = audit([path], path.with_name("facts.yaml"), datetime(2027, 1, 1))
    assert [one.line for one in found.problems if one.code == "expired"] == [14]


KNOWN = """\
intents:
  - id: sale
    title: {zh: 活动, en: Sale}
    variants:
      - when: {stages: [startup]}
        answer: {zh: "刚开张", en: just opened}
      - when: {repeat_contact: true}
        answer: {zh: "又见面了", en: welcome back}
    zh: {examples: [有活动吗, 打折吗], answer: "没有活动"}
    en: {examples: [is there a sale, any discount], answer: no sale}
"""


@pytest.mark.parametrize(
    ("stage", "is_repeat", "text"),
    [
        ("startup", True, "刚开张"),
        ("growth", True, "又见面了"),
        ("growth", False, "没有活动"),
        ("", False, "没有活动"),
    ],
)
def test_answers_follow_the_stage_and_the_customer(
    write_pack: Callable[..., Path], stage: str, is_repeat: bool, text: str
) -> None:
    """What the gateway knows of a turn decides between answers; unknown holds never."""
    path = write_pack(HEAD + KNOWN)
    engine = RulesEngine.load([path], path.with_name("facts.yaml"))
    engine.read_stage(lambda _: stage)
    turn = msgspec.structs.replace(make_turn("有活动吗"), is_repeat_contact=is_repeat)
    answer = asyncio.run(engine.answer(turn))
    assert isinstance(answer, Answer)
    assert answer.text == text


def test_a_stage_that_is_none_is_refused(write_pack: Callable[..., Path]) -> None:
    """A mistyped stage would never hold, so the pack does not load."""
    path = write_pack(HEAD + KNOWN.replace("[startup]", "[startups]"))
    with pytest.raises(BadFile, match="startups"):
        RulesEngine.load([path], path.with_name("facts.yaml"))


@given(st.builds(When, since=st.text(), until=st.text(), hours=st.text()))
def test_any_condition_is_parsed_or_refused(when: When) -> None:
    """Whatever is written, the reason is in words."""
    reason = "fine"
    try:
        parse(when)
    except BadCondition as bad:
        reason = str(bad)
    assert reason
