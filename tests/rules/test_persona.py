"""How a shop sounds: lines by mood, words that never leave, limits by channel."""

from __future__ import annotations

from pathlib import Path

import pytest
from rules_talk import ROOT

from engines.contract import (
    Answer,
    Complexity,
    ConversationId,
    Emotion,
    MessageId,
    OpenTask,
    Risk,
    ShopId,
    Tier,
    Turn,
    UserId,
    Utterance,
)
from engines.voice import Voice
from engines.yamlfile import BadFile


DEFAULT = ROOT / "configs" / "voice" / "default.yaml"
PERSONA = """voice: ours
persona:
  tones:
    annoyed:
      opening: {zh: 抱歉让您久等。, en: Sorry for the wait.}
      closing: {zh: 还有问题请说。, en: Anything else?}
  forbidden:
    zh: {全网最低价: 优惠价, 保证治愈: ""}
    en: {cheapest ever: good value, cures: ""}
  limits: {sms: 40}
"""


def load(folder: Path, text: str = PERSONA) -> Voice:
    (folder / "ours.yaml").write_text(text, "utf-8")
    return Voice.load(DEFAULT, folder / "ours.yaml")


@pytest.fixture
def voice(tmp_path: Path) -> Voice:
    """The shipped sentences with a persona of a shop's own."""
    return load(tmp_path)


def turn(channel: str = "web", *history: Utterance) -> Turn:
    return Turn(
        turn_id="t",
        shop=ShopId("demo"),
        channel=channel,
        conversation_id=ConversationId("c"),
        message_id=MessageId("m"),
        user_id=UserId("u"),
        seq=1,
        text="?",
        locale="zh",
        history=history,
    )


def said(
    voice: Voice, text: str, mood: Emotion = Emotion.CALM, asked: Turn | None = None
) -> str:
    answer = voice.dress(Answer(text=text), asked or turn(), mood)
    assert answer is not None
    return answer.text


def test_a_calm_customer_gets_the_answer_itself(voice: Voice) -> None:
    """Nothing is put around what nobody is upset about; not even a copy is made."""
    answer = Answer(text="48 小时内发货。")
    assert voice.dress(answer, turn(), Emotion.CALM) is answer


def test_lines_follow_mood_and_the_language_of_the_answer(voice: Voice) -> None:
    """The answer's own language decides, not the channel's."""
    upset = Emotion.ANNOYED
    assert said(voice, "明天到。", upset) == "抱歉让您久等。明天到。还有问题请说。"
    assert (
        said(voice, "By noon.", upset) == "Sorry for the wait. By noon. Anything else?"
    )


def test_nobody_hears_the_same_line_twice_in_a_row(voice: Voice) -> None:
    """A repeated apology sounds like a machine."""
    before = Utterance("assistant", "抱歉让您久等。明天到。还有问题请说。")
    asked = turn("web", before, Utterance("customer", "几点"))
    assert said(voice, "上午。", Emotion.ANNOYED, asked) == "上午。"


def test_a_forbidden_word_is_replaced_or_holds_the_answer_back(voice: Voice) -> None:
    """With nothing in its place the turn has to go on; whole words only in English."""
    assert said(voice, "这是全网最低价。") == "这是优惠价。"
    assert said(voice, "Our Cheapest Ever.") == "Our good value."
    assert said(voice, "Secures well.") == "Secures well."
    assert said(voice, "价格cheapest ever，明天到。") == "价格good value，明天到。"
    assert said(voice, "It cureſ nobody.") == "It cureſ nobody."
    for text in ("本品保证治愈。", "It CURES colds.", "这款cures感冒。"):
        assert voice.dress(Answer(text=text), turn(), Emotion.CALM) is None


def test_a_long_answer_ends_at_a_sentence_where_the_channel_is_short(
    voice: Voice,
) -> None:
    """Lines around it go first; figures are not cut in two."""
    body = "一" * 30 + "。价格 12.50 元。" + "二" * 30 + "。"
    assert said(voice, body, asked=turn("sms")) == "一" * 30 + "。"
    assert (
        said(voice, "三" * 38 + "。", Emotion.ANNOYED, turn("sms")) == "三" * 38 + "。"
    )
    assert said(voice, body, asked=turn("web")) == body


def test_a_question_of_a_task_stays_whole(voice: Voice) -> None:
    """What is to be confirmed must be read in full."""
    task = OpenTask(
        tier=Tier.L3,
        name="refund",
        waits_for="yes",
        complexity=Complexity.COMPLEX,
        risk=Risk.HIGH,
    )
    answer = Answer(text="请核对。" * 20, open_task=task)
    assert voice.dress(answer, turn("sms"), Emotion.CALM) == answer


@pytest.mark.parametrize(
    ("part", "line", "says"),
    [
        ("  limits: {sms: 40}", "  limits: {sms: 5}", "no room for a sentence"),
        ("抱歉让您久等。", "全网最低价。", "is forbidden"),
        ("    annoyed:", "    anoyed:", "anoyed"),
        ("      opening:", "      openning:", "openning"),
    ],
)
def test_a_mistake_is_named_with_its_line(
    tmp_path: Path, part: str, line: str, says: str
) -> None:
    """A persona is read as strictly as everything else."""
    with pytest.raises(BadFile) as bad:
        load(tmp_path, PERSONA.replace(part, line))
    [problem] = bad.value.problems
    assert says in str(problem)
    assert problem.line > 1


def test_the_shipped_persona_is_sorry_when_the_customer_is_upset() -> None:
    """Each mood but calm has an opening in both languages."""
    shipped = Voice.load(DEFAULT)
    for mood in (Emotion.ANNOYED, Emotion.ANGRY):
        assert said(shipped, "明天到。", mood) != "明天到。"
        assert said(shipped, "Tomorrow.", mood) != "Tomorrow."
