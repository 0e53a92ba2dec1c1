"""Hard rules: what they must catch, what they must leave alone, how they load."""

from __future__ import annotations

import contextlib
from pathlib import Path

import msgspec
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from router_files import RULES

from router_models.errors import DataError
from router_models.hard_rules import HardRules, Raises, Rule, load_rules
from router_models.text import normalise


ASKS = """
转人工|轉人工|转 人 工|人工|人工客服|真人|转人工客服|我要转人工|帮我转人工|请转人工服务|能转人工吗|接人工|叫人工来
人工！！！|找人工|给我人工|我要人工|换人工|找真人客服|来个活人|有没有真人|不要机器人，换真人|别用机器人糊弄我，叫人来
叫你们经理来|让你们主管跟我说|找你们领导|我要找你们店长|我要见你们负责人|给我打电话|给我回个电话|打电话给我|让客服给我回电
你是人工吗？不是就转人工|我要跟人说话|转接客服|换个人跟我说|我不想跟机器人聊
agent please|human|Human!!|real person please|talk to a human|I want to speak to a real person|let me talk to someone
can I talk to a person|connect me to an agent|transfer me to customer service|put me through to your manager|get me a supervisor
I'd like to speak with your manager|speak to a representative|operator please|call me back|please call me|can someone call me
i don't want to talk to a bot|stop the bot, give me a human|representative|live agent please|I need a human being here
no, agent|let me speak with someone in charge|have someone call me
"""
LEAVES = """
是人工吗|你是真人吗|你是人工还是机器人|人工客服几点上班|人工客服的电话是多少|人工智能音箱多少钱|投诉电话是多少|快递员给我打电话了
不用转人工|人工草坪怎么卖|人工费多少|需要人工安装吗|真人试穿图有吗|骗子打电话给我说是客服
are you a human|am I talking to a real person|is this a bot or a person|what is your phone number|the courier called me twice
no need for a human|will the driver call me|human hair wig|don't call me|customer service hours
"""
DANGERS = """
law_threat|12315见|我要打12315投诉你们|再不退我找律师|法院见|我已经报警了|去黑猫投诉你们|I will sue you|my lawyer will contact you|see you in court|I'm filing a chargeback
media_threat|我要发小红书曝光你们|等着收差评吧|发抖音让大家看看|I'll post this on social media|expect a one star review from me
safety_incident|充电器冒烟了|插座着火了|孩子被电到了|吃了你家东西上吐下泻|用了以后脸肿了|the charger caught fire|it exploded in my hand|got food poisoning from it
account_stolen|我的号被盗了|有人盗刷我的卡|这单不是我下的单|my account was hacked|someone used my card
fraud|有人冒充客服让我转账|我被骗了钱|I got a scam call from your company|someone pretending to be your support
counterfeit|你们卖假货|专柜鉴定是假的，就是假货|this is fake, I want money back|you sent me a counterfeit
minor_purchase|孩子偷偷用我手机下单了|my 6 year old son ordered this|my kid bought it without asking
privacy_leak|你们泄露我的个人信息|you leaked my phone number
insult|你们就是骗子|垃圾客服|go to hell|fuck you
"""
SAFE = """
支持假一赔十吗|正品吗|会不会是假货|有假货吗|这个会漏电吗|会着火吗|防漏电的吗|优惠券过期了|积分过期了吗|需要报警器吗|有差评吗|为什么这么多差评
怕买到假货|信息会泄露吗|空气炸锅怎么用|送到医院可以吗|is it fake or real|fake fur coat|is this a fake plant|fire tv stick stock
saw it on tiktok, do you sell it|do you have a hospital bed|my son bought me this, does it fit|coupon already expired
"""


@pytest.fixture(scope="module")
def rules() -> HardRules:
    return load_rules(RULES)


def _hits(rules: HardRules, text: str) -> set[str]:
    return {rule.id for rule in rules.match(normalise(text))}


def _lines(block: str) -> list[str]:
    return [text for line in block.strip().splitlines() for text in line.split("|")]


@pytest.mark.parametrize("text", _lines(ASKS))
def test_a_wording_for_a_person_is_heard(rules: HardRules, text: str) -> None:
    """Every usual way to ask for a person raises asks_human."""
    assert any(rule.raises.asks_human for rule in rules.match(normalise(text)))


@pytest.mark.parametrize("text", _lines(LEAVES))
def test_what_only_sounds_like_it_is_left_alone(rules: HardRules, text: str) -> None:
    """Questions about people and phones do not ask for a person."""
    assert not any(rule.raises.asks_human for rule in rules.match(normalise(text)))


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        (line.split("|")[0], text)
        for line in DANGERS.strip().splitlines()
        for text in line.split("|")[1:]
    ],
)
def test_danger_is_found(rules: HardRules, rule: str, text: str) -> None:
    """Law, media, harm, theft, fakes, minors and insults hit their rule."""
    assert rule in _hits(rules, text)


@pytest.mark.parametrize("text", _lines(SAFE))
def test_a_question_about_danger_is_no_danger(rules: HardRules, text: str) -> None:
    """Product questions, denials and fears hit no rule that calls a person."""
    hits = rules.match(normalise(text))
    assert not [rule.id for rule in hits if rule.raises.needs_person]


def test_rules_are_precise_on_our_own_turns(rules: HardRules, dataset: object) -> None:
    """At least 95 of 100 turns that a rule calls high risk are labelled so."""
    hit = right = 0
    for example in dataset.examples:  # type: ignore[attr-defined]
        found = rules.match(normalise(example.turn.text))
        if any(rule.raises.risk == "high" for rule in found):
            hit += 1
            right += example.risk == "high"
    assert hit > 200
    assert right / hit >= 0.95


def test_what_is_ignored_is_cut_out_not_a_switch() -> None:
    """是人工吗 alone asks for nobody; followed by 转人工 it does."""
    rule = Rule("r", Raises(asks_human=True), zh=("人工",), ignore=("是人工吗",))
    rules = HardRules([rule])
    assert not rules.match(normalise("是人工吗"))
    assert rules.match(normalise("是人工吗 那转人工"))


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("- {id: a, raises: {risk: high}}", "looks for nothing"),
        ("- {id: a, raises: {}, zh: [投诉]}", "raises nothing"),
        ("- {id: a, raises: {risk: huge}, zh: [投诉]}", "Invalid enum"),
        ("- {id: a, raise: {risk: high}, zh: [投诉]}", "raise"),
        ("- {id: a, raises: {risk: high}, zh: ['。']}", "empty in normal form"),
        ("- {id: a, raises: {risk: high}, zh_patterns: ['(']}", "not RE2"),
        ("- {id: a, raises: {risk: high}, zh_patterns: ['x*']}", "empty text"),
        ("- {id: a, raises: {risk: high}, zh_patterns: ['(a)\\1']}", "not RE2"),
        (
            (
                "- {id: a, raises: {risk: high}, zh: [投诉]}\n"
                "- {id: a, raises: {risk: high}, zh: [律师]}"
            ),
            "taken",
        ),
        ("- a: [", "line 2"),
        ("- 3", "Expected `object`"),
    ],
)
def test_a_wrong_rule_names_file_rule_and_fix(
    tmp_path: Path, text: str, what: str
) -> None:
    """A bad rule is refused with its file, its place and what to do."""
    path = tmp_path / "rules.yaml"
    path.write_text(text, "utf-8")
    with pytest.raises(DataError) as caught:
        load_rules(path)
    assert what in str(caught.value)
    assert str(path) in str(caught.value)
    assert caught.value.fix


def test_a_file_nested_beyond_all_reason_is_a_data_error(tmp_path: Path) -> None:
    """The C library would end the process over it."""
    path = tmp_path / "rules.yaml"
    path.write_text("[" * 40_000, encoding="utf-8")
    with pytest.raises(DataError, match="nested too deeply"):
        load_rules(path)


def test_a_missing_file_is_a_data_error(tmp_path: Path) -> None:
    """A file that is not there is named."""
    with pytest.raises(DataError, match=r"nowhere\.yaml"):
        load_rules(tmp_path / "nowhere.yaml")


@settings(deadline=None, max_examples=150)
@given(st.binary(max_size=400))
def test_no_bytes_crash_the_loader(
    tmp_path_factory: pytest.TempPathFactory, data: bytes
) -> None:
    """Any file either loads or is refused as a DataError."""
    path = tmp_path_factory.mktemp("fuzz") / "rules.yaml"
    path.write_bytes(data)
    with contextlib.suppress(DataError):
        load_rules(path)


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["id", "raises", "zh", "en", "zh_patterns", "risk", "ignore"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@settings(deadline=None, max_examples=150)
@given(st.lists(_json, max_size=3))
def test_no_document_crashes_the_loader(
    tmp_path_factory: pytest.TempPathFactory, document: object
) -> None:
    """Valid YAML of any shape either loads or is refused as a DataError."""
    path = tmp_path_factory.mktemp("fuzz") / "rules.yaml"
    path.write_text(yaml.safe_dump(document, allow_unicode=True), "utf-8")
    with contextlib.suppress(DataError):
        load_rules(path)


def test_time_does_not_explode_on_hostile_text(rules: HardRules) -> None:
    """Long runs of what patterns look for stay linear."""
    for seed in ("叫你们", "不想跟机器人", "转", "孩子", " my son", " speak to the "):
        normal = normalise(seed * 20_000)
        assert len(normal.cjk) + len(normal.latin) < 200_000
        rules.match(normal)


def test_the_released_rules_are_all_reachable(rules: HardRules) -> None:
    """Each rule's first phrase or pattern is not swallowed by its own ignores."""
    for rule in rules.rules:
        texts = [*rule.zh[:1], *(text.rstrip("*") for text in rule.en[:1])]
        for text in texts:
            assert rule.id in _hits(rules, text), msgspec.json.encode(rule.id)
