"""The normal form of texts and the language of a text."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router_models.features import locale_of
from router_models.text import MASK_NAMES, MAX_CHARS, normalise, phrase_of


@pytest.mark.parametrize(
    "text",
    [
        "转人工",
        "轉人工",
        "转 人 工",
        "转\u200b人\u2060工",
        "转-人-工。",
        "\u202e转人工",
    ],
)
def test_spellings_of_one_request_have_one_normal_form(text: str) -> None:
    """Traditional characters, spaces and invisible characters change nothing."""
    assert normalise(text).cjk == "转人工"


def test_full_width_latin_is_latin() -> None:
    """Full-width letters and digits read as plain ones."""
    assert normalise("Ｃａｎｃｅｌ １２３１５").latin == " cancel 12315 "


@pytest.mark.parametrize(
    ("text", "mask"),
    [
        ("订单 88231123907", "<order>"),
        ("订单TG20260101-0001到哪了", "<order>"),
        ("打我电话 138 1234 5678", "<phone>"),
        ("付了128.5元", "<money>"),
        ("I paid $49.99", "<money>"),
        ("see https://a.example/x?y=1", "<url>"),
        ("write to a.b@c.example", "<email>"),
        ("第2件", "<n>"),
    ],
)
def test_entities_are_masked(text: str, mask: str) -> None:
    """What identifies one customer or order is no feature."""
    normal = normalise(text)
    names = {MASK_NAMES.get(char) for char in normal.cjk + normal.latin}
    assert mask in names


def test_hotlines_are_kept() -> None:
    """12315 is a word, not a number."""
    assert "12315" in normalise("我要打12315投诉").cjk


def test_a_customer_cannot_type_a_mask() -> None:
    """Private-use characters are dropped before masks are put in."""
    assert normalise("".join(MASK_NAMES) + "你好").cjk == "你好"


@given(st.text(max_size=300))
def test_any_text_has_a_clean_normal_form(text: str) -> None:
    """No control character and no line break survives; words stand between spaces."""
    cjk, latin = normalise(text)
    assert " " not in cjk
    assert "\n" not in cjk + latin
    assert not latin or (latin[0] == latin[-1] == " ")


@given(st.text(max_size=200))
def test_a_normal_form_does_not_depend_on_invisible_characters(text: str) -> None:
    """Zero-width characters between any two characters change nothing."""
    assert normalise("\u200b".join(text)) == normalise(text.replace("\u200b", ""))


@pytest.mark.parametrize(
    "text",
    [
        "a" * 1_000_000,
        "退" * 1_000_000,
        "\ufdfa" * 1_000_000,
        "1@" * 500_000,
        "9 " * 9**6,
    ],
    ids=["latin", "cjk", "expanding", "addresses", "numbers"],
)
def test_a_megabyte_is_bounded(text: str) -> None:
    """The cost of a hostile text is that of the longest text that is read."""
    started = time.process_time()
    cjk, latin = normalise(text)
    assert time.process_time() - started < 0.5
    assert len(cjk) + len(latin) <= 8 * MAX_CHARS


@pytest.mark.parametrize(
    ("text", "locale"),
    [
        ("我的快递到哪了", "zh"),
        ("where is my parcel", "en"),
        ("iPhone 15 Pro Max 有货吗", "zh"),
        ("我要 refund", "zh"),
        ("can I get 发票 for my order please", "en"),
        ("看下 https://shop.example/a/b/c/d 这个", "zh"),
        ("轉人工", "zh"),
        ("MERCI, où est mon colis", "en"),
    ],
)
def test_locale_follows_the_scripts(text: str, locale: str) -> None:
    """A model name or a link does not make a Chinese sentence English."""
    assert locale_of(text) == locale


@pytest.mark.parametrize("text", ["", "12345", "???", "😀"])
def test_a_text_without_script_takes_the_default(text: str) -> None:
    """What has no language keeps that of the conversation."""
    assert locale_of(text, "en") == "en"
    assert locale_of(text) == "zh"


def test_a_latin_phrase_matches_whole_words_only() -> None:
    """`ill` is not found in `will`; a star lets the word go on."""
    assert phrase_of("ill") not in normalise("i will pay").latin
    assert phrase_of("refund*") in normalise("refunded").latin


@given(
    st.text(alphabet="我要退款多久到转人工坏了藉著乾後，。？！!?~、；： ", max_size=40)
)
def test_plain_chinese_takes_a_short_way_to_the_same_form(text: str) -> None:
    """An invisible character makes a text take all steps, and changes nothing."""
    assert normalise(text) == normalise("\u200b" + text)
