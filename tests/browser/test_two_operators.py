"""
Two operators and a customer at once: one talk through every task of the desk.

Pictures of each stage are left in ``$BROWSER_SHOTS``, or in the test's own folder.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import OpenPage
from playwright.sync_api import Page, expect
from steps import lines, reply, say, sign_in


Shoot = Callable[[Page, str], None]


@pytest.fixture
def shoot(tmp_path: Path, record_property: Callable[[str, object], None]) -> Shoot:
    """Takes a picture of a page; its place stands in the JUnit report."""
    folder = Path(os.environ.get("BROWSER_SHOTS") or tmp_path)
    folder.mkdir(parents=True, exist_ok=True)

    def take(page: Page, name: str) -> None:
        path = folder / f"{name}.png"
        page.screenshot(path=path)
        assert path.stat().st_size > 5_000
        record_property("screenshot", str(path))

    return take


def test_one_talk_through_all_hands(open_page: OpenPage, shoot: Shoot) -> None:
    """
    Offered, accepted, answered with help, noted, passed on, corrected, wrapped up.
    """
    lin, wang = open_page("/desk"), open_page("/desk", color_scheme="dark")
    sign_in(lin, "lin")
    chat = open_page("/")
    _is_offered(lin, chat, shoot)
    _is_accepted(lin, shoot)
    _is_answered(lin, chat, shoot)
    _is_passed_on(lin, wang, shoot)
    _is_corrected_and_answered(wang, chat, shoot)
    _is_wrapped_up(wang, chat, shoot)


def _is_offered(lin: Page, chat: Page, shoot: Shoot) -> None:
    """With a timer, and a badge in the tab's title."""
    say(chat, "七天无理由退货的运费谁承担")
    expect(lines(chat, "machine")).to_have_count(1)
    say(chat, "转人工")
    expect(lin.locator(".offers .timer")).to_contain_text("秒")
    expect(lin).to_have_title(re.compile(r"^\(1\) "))
    shoot(lin, "offer")


def _is_accepted(lin: Page, shoot: Shoot) -> None:
    """By a key; why it came and what the machine relied on is there."""
    lin.keyboard.press("Alt+a")
    expect(lin.locator(".talk .log")).to_be_visible()
    expect(lin).to_have_title(re.compile(r"^[^(]"))
    context = lin.locator(".context")
    expect(context).to_contain_text("转接信息")
    expect(context.locator(".summary")).to_contain_text("转人工")
    sources = lines(lin, "machine").first.locator(".sources")
    sources.locator("summary").click()
    expect(sources.locator("li").first).to_be_visible()
    # The marketplace's clock runs for the customer's words.
    expect(lin.locator(".mine .clock")).to_contain_text(re.compile("秒"))
    shoot(lin, "context")


def _is_answered(lin: Page, chat: Page, shoot: Shoot) -> None:
    """With a suggestion; the draft survives a reload, the clock is content."""
    say(chat, "多久发货")
    expect(lines(lin, "customer").last).to_contain_text("多久发货")
    lin.keyboard.press("Alt+r")
    expect(lin.get_by_label("回复顾客")).to_be_focused()
    lin.keyboard.press("Alt+s")
    expect(lin.get_by_label("回复顾客")).to_have_value(re.compile("小时"))
    lin.reload()
    expect(lin.locator(".mine .pick")).to_be_visible()
    lin.keyboard.press("Alt+1")
    expect(lin.get_by_label("回复顾客")).to_have_value(re.compile("小时"))
    shoot(lin, "draft")
    lin.get_by_label("回复顾客").press("Enter")
    expect(lines(chat, "operator").last).to_contain_text("小时")
    expect(lin.locator(".mine .clock")).to_have_text("")
    expect(lin.locator(".rate")).to_contain_text(re.compile("3 分钟|^$"))


def _is_passed_on(lin: Page, wang: Page, shoot: Shoot) -> None:
    """With a note, to a colleague."""
    lin.locator(".note-box summary").click()
    lin.get_by_label("备注内容").fill("顾客着急")
    lin.locator(".save-note").click()
    expect(lin.locator(".notes li")).to_contain_text("顾客着急")
    sign_in(wang, "wang")
    lin.locator("#colleague").select_option("wang")
    lin.locator("button.transfer").click()
    wang.locator(".offers .claim").click()
    expect(lines(wang, "operator")).to_have_count(1)
    shoot(wang, "dark")


def _is_corrected_and_answered(wang: Page, chat: Page, shoot: Shoot) -> None:
    """What the router should have said is kept."""
    box = wang.locator(".correct").first
    box.locator("summary").click()
    box.locator("select").nth(1).select_option("medium")
    box.locator(".correct-save").click()
    expect(box.locator("summary")).to_have_text("已纠正")
    reply(wang, "您好，我接手了")
    expect(chat.locator(".banner")).to_have_text("小王 正在为您服务")
    shoot(chat, "customer")


def _is_wrapped_up(wang: Page, chat: Page, shoot: Shoot) -> None:
    """On a narrow screen; the customer has the machine in the middle of it."""
    wang.set_viewport_size({"width": 360, "height": 720})
    assert wang.evaluate("document.documentElement.scrollWidth") <= 360
    shoot(wang, "narrow")
    wang.locator("button.close").click()
    expect(chat.locator(".banner")).to_contain_text("人工服务已结束")
    wang.get_by_label("备注内容").last.fill("已说明")
    shoot(wang, "wrap-up")
    # In the middle of it the machine has the customer again.
    machine = lines(chat, "machine").count()
    say(chat, "你好")
    expect(lines(chat, "machine")).to_have_count(machine + 1)
    wang.locator("button.wrap-done").click()
    expect(wang.locator(".mine li")).to_have_count(0)


def test_a_sound_tells_of_an_offer(open_page: OpenPage) -> None:
    """
    A tone for a new offer, none for who switched it off.
    """
    desk = open_page("/desk")
    desk.evaluate(
        "() => { window.tones = 0; const was = AudioContext.prototype.createOscillator;"
        " AudioContext.prototype.createOscillator = function () {"
        " window.tones += 1; return was.call(this); }; }"
    )
    sign_in(desk, "lin")
    say(open_page("/"), "转人工")
    expect(desk.locator(".offers li")).to_have_count(1)
    desk.wait_for_function("window.tones === 1")
    desk.get_by_label("提示音").uncheck()
    desk.locator(".offers .claim").click()
    say(open_page("/"), "转人工")
    expect(desk.locator(".offers li")).to_have_count(1)
    assert desk.evaluate("window.tones") == 1
