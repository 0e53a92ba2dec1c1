"""Who gets a turn that a tier gave back."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from wire_calls import Caller, fresh

from engines.contract import (
    Complexity,
    ConversationId,
    Decision,
    Emotion,
    Escalation,
    MessageId,
    OpenTask,
    Reason,
    Risk,
    ShopId,
    Tier,
    Turn,
    UserId,
    Utterance,
)
from gateway.climbing import Climb, Verdict, is_doubtful, next_tier
from gateway.plain_answers import may_be_known


def turn(previous: Risk | None = None) -> Turn:
    """A turn of an episode that had this risk."""
    return Turn(
        turn_id="demo/c/1",
        shop=ShopId("demo"),
        channel="app",
        conversation_id=ConversationId("c"),
        message_id=MessageId("m"),
        user_id=UserId("u"),
        seq=1,
        text="-",
        locale="zh",
        previous_risk=previous,
    )


def verdict(tier: Tier, complexity: Complexity, risk: Risk, *before: Tier) -> Verdict:
    """A turn that *tier* has just given back, as others *before* it did."""
    decision = Decision(complexity=complexity, risk=risk, tier=tier, confidence=0.9)
    climbs = [Climb(one, Reason.NO_MATCH) for one in (*before, tier)]
    return Verdict(decision=decision, tier=tier, answer=None, climbs=climbs)


MODERATE, COMPLEX = Complexity.MODERATE, Complexity.COMPLEX


@pytest.mark.parametrize(
    ("given_back", "previous", "reason", "to"),
    [
        (verdict(Tier.L3, MODERATE, Risk.LOW), None, Reason.NO_MATCH, Tier.L2),
        (verdict(Tier.L3, MODERATE, Risk.HIGH), Risk.HIGH, Reason.NO_MATCH, Tier.L2),
        (verdict(Tier.L3, MODERATE, Risk.HIGH), None, Reason.NO_MATCH, Tier.L2),
        (verdict(Tier.L3, COMPLEX, Risk.LOW), None, Reason.NO_MATCH, Tier.L2),
        (verdict(Tier.L3, MODERATE, Risk.LOW), None, Reason.STUCK, Tier.HUMAN),
        (
            verdict(Tier.L3, MODERATE, Risk.LOW, Tier.L2),
            None,
            Reason.NO_MATCH,
            Tier.HUMAN,
        ),
        (
            verdict(Tier.L2, MODERATE, Risk.LOW, Tier.L3),
            None,
            Reason.NEEDS_ACTION,
            Tier.HUMAN,
        ),
        (verdict(Tier.L2, MODERATE, Risk.LOW), None, Reason.NEEDS_ACTION, Tier.L3),
        (verdict(Tier.L2, MODERATE, Risk.LOW), None, Reason.NO_MATCH, Tier.HUMAN),
        (verdict(Tier.L1, MODERATE, Risk.LOW), None, Reason.NO_MATCH, Tier.L2),
    ],
)
def test_what_is_no_task_is_read_as_a_question(
    given_back: Verdict, previous: Risk | None, reason: Reason, to: Tier
) -> None:
    """And a question that L2 cannot answer is no task."""
    assert next_tier(given_back, Escalation(reason=reason), turn(previous)) is to


@pytest.mark.parametrize(
    ("said", "to"),
    [
        ({"is_ruled": True}, Tier.HUMAN),
        ({"emotion": Emotion.ANGRY}, Tier.HUMAN),
        ({}, Tier.L2),
    ],
)
def test_what_a_rule_made_grave_stays_so(said: dict[str, Any], to: Tier) -> None:
    """The model alone may be wrong: L2 reads it, but only a sure answer counts."""
    grave = verdict(Tier.L3, MODERATE, Risk.HIGH)
    grave.decision = msgspec.structs.replace(grave.decision, **said)
    missed = Escalation(reason=Reason.NO_MATCH)
    assert next_tier(grave, missed, turn(None)) is to
    assert is_doubtful(grave, missed, turn(None))
    rules = Escalation(reason=Reason.NO_MATCH, to=Tier.L2)
    assert not is_doubtful(grave, rules, turn(None))


def test_a_question_on_rules_goes_down_however_grave_it_was_thought() -> None:
    """L3 says so by naming L2; who has had it already is not asked again."""
    rules = Escalation(reason=Reason.NO_MATCH, to=Tier.L2)
    grave = verdict(Tier.L3, Complexity.COMPLEX, Risk.HIGH)
    assert next_tier(grave, rules, turn(None)) is Tier.L2
    had = verdict(Tier.L3, Complexity.COMPLEX, Risk.HIGH, Tier.L2)
    assert next_tier(had, rules, turn(None)) is Tier.HUMAN


def test_what_l2_cannot_answer_amid_a_task_is_the_tasks() -> None:
    """A harmless question there may be one on the proposal."""
    missed = Escalation(reason=Reason.NO_MATCH)
    asked = verdict(Tier.L2, MODERATE, Risk.LOW)
    task = OpenTask(
        name="refund_item",
        tier=Tier.L3,
        waits_for="consent",
        complexity=Complexity.COMPLEX,
        risk=Risk.MEDIUM,
    )
    amid = msgspec.structs.replace(turn(None), open_task=task)
    assert next_tier(asked, missed, turn(None)) is Tier.HUMAN
    assert next_tier(asked, missed, amid) is Tier.L3


@given(data=st.data())
def test_no_tier_is_asked_twice(data: Any) -> None:
    """Whatever they say of a turn, the climb ends with a person."""
    at = verdict(
        data.draw(st.sampled_from([Tier.L1, Tier.L2, Tier.L3])),
        data.draw(st.sampled_from(Complexity)),
        data.draw(st.sampled_from(Risk)),
    )
    asked = [at.tier]
    reasons, wishes = st.sampled_from(Reason), st.none() | st.sampled_from(Tier)
    while at.tier is not Tier.HUMAN:
        says = Escalation(reason=data.draw(reasons), to=data.draw(wishes))
        at.tier = next_tier(
            at, says, turn(data.draw(st.none() | st.sampled_from(Risk)))
        )
        at.climbs.append(Climb(at.tier, says.reason))
        asked.append(at.tier)
    assert len(asked) == len(set(asked))


def test_rules_come_first_only_where_a_message_stands_alone() -> None:
    """Harmless, nothing open, nothing said before: and L2 would have been asked."""
    alone, decision = turn(None), verdict(Tier.L2, MODERATE, Risk.LOW).decision
    assert may_be_known(decision, alone)
    said = msgspec.structs.replace(alone, history=(Utterance("customer", "?"),))
    assert not may_be_known(decision, said)
    assert not may_be_known(verdict(Tier.L2, MODERATE, Risk.HIGH).decision, alone)
    assert not may_be_known(verdict(Tier.L3, MODERATE, Risk.LOW).decision, alone)


@pytest.mark.parametrize(("text", "heard"), [("确认", "好的"), ("ok yes", "All right")])
def test_a_yes_to_nothing_is_no_question_and_no_case_for_people(
    app: Caller, text: str, heard: str
) -> None:
    """However grave the talk was: where nothing is open there is nothing to agree to."""
    talk = fresh()
    app.say(talk, "我要退款，质量太差了" if text == "确认" else "this broke, refund me")
    app.say(talk, "不用了" if text == "确认" else "never mind")
    reply = app.say(talk, text)["reply"]
    assert reply["tier"] == "L1"
    assert reply["text"].startswith(heard)


@pytest.mark.parametrize(
    ("text", "named"),
    [("能不能便宜 老顾客了", "优惠"), ("any discount if I buy two", "price")],
)
def test_rules_answer_what_nobody_else_knows(
    app: Caller, text: str, named: str
) -> None:
    """Over the wire, instead of "I found no sure answer"."""
    reply = app.say(fresh(), text)["reply"]
    assert reply["tier"] == "L1"
    assert named in reply["text"]
