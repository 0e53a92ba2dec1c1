"""Which language a customer is answered in."""

from __future__ import annotations

import pytest

from engines.contract import Locale
from gateway.language import is_telling, language_of
from router_models.text import locale_of


@pytest.mark.parametrize(
    ("text", "declared", "expected"),
    [
        ("K3022", None, "zh"),
        ("K3022", "en", "en"),
        ("13800010001", "en", "en"),
        ("👍", "en", "en"),
        ("refund", None, "en"),
        ("refund", "zh", "zh"),
        ("退款", "en", "zh"),
        ("where is my order", "zh", "en"),
        ("V8吸尘器 K3005", "en", "zh"),
        ("税号 91110105MA01ABCD2E", None, "zh"),
        ("", "en", "en"),
    ],
)
def test_a_text_has_its_own_language_or_that_of_the_page(
    text: str, declared: Locale | None, expected: Locale
) -> None:
    """Ids, numbers and pictures have none; a word or two give way to the page."""
    assert language_of(text, declared, locale_of) == expected


@pytest.mark.parametrize("text", ["K3022", "ok", "yes please", "1", "?", "👍", ""])
def test_what_is_said_in_either_language_tells_none(text: str) -> None:
    """A talk goes on in its own language after it."""
    assert not is_telling(text)
