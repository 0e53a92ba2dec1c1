"""Tier L1 as the gateway sees it: turns in, answers or escalations out."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from engines.contract import Answer, Engine, Escalation, Locale, Reason, Tier
from engines.rules.engine import RulesEngine
from engines.rules.matcher import Match


Ask = Callable[..., Answer | Escalation]


def test_it_is_an_engine_of_tier_l1(engine: RulesEngine):
    """It can stand wherever an engine is expected."""
    as_engine: Engine = engine
    assert as_engine.tier is Tier.L1


@pytest.mark.parametrize(
    ("text", "locale", "part"),
    [
        ("多久发货", "zh", "付款后 48 小时内发出"),
        ("退款多久到账", "zh", "1-3 个工作日"),
        ("满多少包邮", "zh", "满 99 元包邮"),
        ("how long is an unpaid order kept", "en", "within 30 minutes"),
        ("what is the warranty period", "en", "12 months of warranty"),
    ],
)
def test_answers_hold_the_shops_facts_and_cite_the_rule(
    ask: Ask, text: str, locale: Locale, part: str
):
    """The figure is the shop's, and the citation quotes the words relied on."""
    reply = ask(text, locale=locale)
    assert isinstance(reply, Answer)
    assert part in reply.text
    (source,) = reply.citations
    assert source.id == f"rule:{reply.intent}"
    assert source.title
    assert source.quote == reply.text
    assert reply.confidence > 0.9


def test_particles_that_no_example_has_let_another_intent_speak(engine: RulesEngine):
    """The words alone ("store credit", "prepaid card") would be those of gift cards."""
    found = engine.match("do you take a credit card", "en")
    assert isinstance(found, Match)
    assert (found.intent.id, found.how) == ("pay.methods", "likeness")


def test_the_same_turn_gets_the_same_answer(ask: Ask):
    """A redelivered turn is safe: the engine keeps nothing."""
    assert ask("怎么退货") == ask("怎么退货")


@pytest.mark.parametrize("text", ["是人工吗", "你是机器人吗", "你到底是不是真人"])
def test_it_says_truthfully_that_it_is_no_person(ask: Ask, text: str):
    """The question is answered with the truth and the offer of a person."""
    reply = ask(text)
    assert isinstance(reply, Answer)
    assert "智能助手，不是真人" in reply.text
    assert "转人工" in reply.text


def test_it_says_so_in_english_too(ask: Ask):
    """The offer names the word that works."""
    reply = ask("are you a bot", locale="en")
    assert isinstance(reply, Answer)
    assert "not a person" in reply.text
    assert '"agent"' in reply.text


@pytest.mark.parametrize(
    "text",
    [
        "转人工",
        "人工",
        "找个活人来",
        "叫你们经理来",
        "我不想跟机器人聊",
        "agent please",
        "let me talk to a real person",
        "call me back",
        "人工客服！！！",
    ],
)
def test_who_asks_for_a_person_gets_one(ask: Ask, text: str):
    """A request for a person is never answered with a text."""
    reply = ask(text)
    assert isinstance(reply, Escalation)
    assert reply.reason is Reason.ASKED_HUMAN
    assert reply.to is Tier.HUMAN


HANDED_ON = [
    ("我要退货", Reason.NEEDS_ACTION, Tier.L3),
    ("退款怎么还没到账", Reason.NEEDS_ACTION, Tier.L3),
    ("帮我改地址", Reason.NEEDS_ACTION, Tier.L3),
    ("cancel my order", Reason.NEEDS_ACTION, Tier.L3),
    ("我的快递到哪了", Reason.NO_MATCH, Tier.L2),
    ("这款和那款哪个好", Reason.NO_MATCH, Tier.L2),
    ("充电器冒烟了", Reason.HIGH_RISK, Tier.HUMAN),
    ("我要投诉你们12315", Reason.HIGH_RISK, Tier.HUMAN),
    ("my account was hacked", Reason.HIGH_RISK, Tier.HUMAN),
]


@pytest.mark.parametrize(("text", "reason", "to"), HANDED_ON)
def test_recognised_needs_are_handed_to_their_tier(
    ask: Ask, text: str, reason: Reason, to: Tier
):
    """What only another tier can finish goes there, with the rule in the note."""
    reply = ask(text)
    assert isinstance(reply, Escalation)
    assert (reply.reason, reply.to) == (reason, to)
    assert reply.note.startswith("rule:")


@pytest.mark.parametrize("text", ["量子力学的哥本哈根诠释", "zebra umbrella concerto"])
def test_what_is_unknown_is_a_plain_miss(ask: Ask, text: str):
    """Nothing is guessed; the next tier decides."""
    reply = ask(text)
    assert isinstance(reply, Escalation)
    assert reply.reason in (Reason.NO_MATCH, Reason.LOW_CONFIDENCE)
    assert reply.to is None


def test_a_very_long_message_is_a_miss(ask: Ask):
    """Nobody who writes a page wants one fixed text, whatever words are in it."""
    reply = ask("多久发货" * 80)
    assert isinstance(reply, Escalation)
    assert reply.note == "too_long"


@pytest.mark.parametrize(
    ("text", "locale", "is_english"),
    [
        ("how long does shipping take", "zh", True),
        ("多久发货", "en", False),
        ("vip", "zh", False),
        ("ok", "zh", False),
        ("ok", "en", True),
    ],
)
def test_it_answers_in_the_customers_language(
    ask: Ask, text: str, locale: Locale, is_english: bool
):
    """A sentence decides; a single word does not overrule the channel."""
    reply = ask(text, locale=locale)
    if isinstance(reply, Answer):
        assert reply.text.isascii() is is_english


def test_thanks_close_the_matter(ask: Ask):
    """A closing word is marked, so that the gateway can end the episode."""
    reply = ask("好的谢谢")
    assert isinstance(reply, Answer)
    assert reply.is_closing


def test_an_answer_offers_related_questions(ask: Ask):
    """The titles of related intents stand on a line of their own."""
    reply = ask("多久发货")
    assert isinstance(reply, Answer)
    assert reply.text.splitlines()[-1] == "您可能还想问：配送时效、运费标准"
