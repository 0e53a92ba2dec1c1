"""The shop's script library: strict when read, exact when said."""

from __future__ import annotations

from pathlib import Path

import pytest
from rules_talk import ROOT

from engines.voice import LOCALES, REQUIRED, UnknownSentence, Voice, WrongBlanks
from engines.yamlfile import BadFile


DEFAULT = ROOT / "configs" / "voice" / "default.yaml"


@pytest.fixture(scope="module")
def voice() -> Voice:
    """The voice that is shipped."""
    return Voice.load(DEFAULT)


def test_every_required_sentence_can_be_said(voice: Voice):
    """With the parameters its callers have, in both languages, without leftovers."""
    for key, blanks in REQUIRED.items():
        for locale in LOCALES:
            said = voice.say(key, locale, **dict.fromkeys(blanks, "〈x〉"))
            assert said.strip()
            assert "{" not in said


def test_blanks_are_filled(voice: Voice):
    """Numbers and texts stand where the blanks were."""
    said = voice.say("handoff.queued", "zh", position=3, minutes=5)
    assert "第 3 位" in said
    assert "5 分钟" in said


def test_a_parameter_too_few_or_too_many_is_refused(voice: Voice):
    """A hole in a sentence or a lost figure is a mistake of the caller."""
    with pytest.raises(WrongBlanks, match="minutes"):
        voice.say("handoff.queued", "zh", position=3)
    with pytest.raises(WrongBlanks, match="color"):
        voice.say("handoff.closed", "zh", color="red")


def test_a_key_nobody_wrote_is_refused_with_the_nearest(voice: Voice):
    """The message helps whoever mistyped it."""
    with pytest.raises(UnknownSentence, match=r"handoff\.queued"):
        voice.say("handoff.queud", "zh")


def write(tmp_path: Path, text: str, name: str = "extra.yaml") -> Path:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return path


def test_a_later_file_replaces_and_adds(tmp_path: Path):
    """A shop changes one sentence and a room brings its own."""
    extra = write(
        tmp_path,
        "voice: shop\nsentences:\n"
        "  handoff.closed: {zh: 再会, en: Cheers}\n"
        "  agent.done: {zh: '退款 {{ amount }} 元', en: '{{amount}} refunded'}\n",
    )
    voice = Voice.load(DEFAULT, extra)
    assert voice.say("handoff.closed", "zh") == "再会"
    assert voice.say("agent.done", "en", amount="8.00") == "8.00 refunded"
    voice.require({"agent.done": ["amount"]})
    with pytest.raises(WrongBlanks):
        voice.require({"agent.done": ["amount", "order"]})
    with pytest.raises(UnknownSentence):
        voice.require({"agent.gone": []})


def test_a_sentence_may_use_fewer_blanks_than_its_callers_fill(tmp_path: Path):
    """A shop need not say the position in the queue."""
    extra = write(
        tmp_path,
        "voice: shop\nsentences:\n  handoff.queued: {zh: 请稍候, en: Please wait}\n",
    )
    said = Voice.load(DEFAULT, extra).say("handoff.queued", "zh", position=1, minutes=2)
    assert said == "请稍候"


BROKEN = {
    "unknown key": ("sentence: {}", ["unknown key 'sentence'", "sentences"]),
    "one language missing": ("  a.b: {zh: 好}", ["extra.yaml:3:", "missing key `en`"]),
    "different blanks": (
        "  a.b: {zh: '{{ x }}', en: '{{ y }}'}",
        ["extra.yaml:3:", "only one language"],
    ),
    "blank nobody fills": (
        "  handoff.joined: {zh: '{{ operater }}', en: '{{ operater }}'}",
        ["nobody fills the blank 'operater'", "did you mean 'operator'?"],
    ),
    "logic in a sentence": ("  a.b: {zh: '{% if x %}', en: b}", ["unreadable braces"]),
    "single brace leftovers": ("  a.b: {zh: '{{ X }}', en: b}", ["unreadable braces"]),
    "empty text": ("  a.b: {zh: ' ', en: b}", ["says nothing"]),
    "bad key": ("  A b: {zh: a, en: b}", ["is not a key"]),
    "key twice": ("  a: {zh: a, en: b}\n  a: {zh: a, en: b}", ["stands here twice"]),
}


@pytest.mark.parametrize("name", BROKEN)
def test_problems_name_file_line_and_fix(tmp_path: Path, name: str):
    """Whoever edits a script is told where and what."""
    lines, expected = BROKEN[name]
    head = "" if name == "unknown key" else "sentences:\n"
    path = write(tmp_path, f"voice: shop\n{head}{lines}\n")
    with pytest.raises(BadFile) as caught:
        Voice.load(DEFAULT, path)
    assert [part for part in expected if part not in str(caught.value)] == []


def test_a_voice_without_a_required_sentence_is_refused(tmp_path: Path):
    """The gateway must never find out at run time."""
    path = write(tmp_path, "voice: shop\nsentences:\n  a: {zh: a, en: b}\n")
    with pytest.raises(BadFile, match=r"'ticket\.created' is missing"):
        Voice.load(path)
