"""
What customers and operators do on the pages, in one place.
"""

from __future__ import annotations

from conftest import PASSWORD
from playwright.sync_api import Locator, Page, expect


def say(chat: Page, text: str) -> None:
    """The customer types a message and presses Enter."""
    box = chat.locator("textarea")
    box.fill(text)
    box.press("Enter")


def lines(page: Page, kind: str) -> Locator:
    """Lines of a conversation: customer, machine, operator; or notices."""
    return page.locator(".notice" if kind == "notice" else f".line.{kind}")


def sign_in(desk: Page, name: str) -> None:
    """The operator signs in and is online."""
    desk.get_by_label("账号").fill(name)
    desk.get_by_label("密码").fill(PASSWORD)
    desk.get_by_role("button", name="登录").click()
    expect(desk.get_by_label("接待状态")).to_have_value("online")


def claim(desk: Page) -> None:
    """The operator accepts the first offer."""
    desk.locator(".offers .claim").first.click()
    expect(desk.locator(".talk .log")).to_be_visible()


def reply(desk: Page, text: str) -> None:
    """The operator answers with Enter."""
    box = desk.get_by_label("回复顾客")
    box.fill(text)
    box.press("Enter")
    expect(box).to_have_value("")


def finish(desk: Page) -> None:
    """The operator ends the talk, and is through with wrapping it up."""
    desk.locator("button.close").click()
    desk.locator("button.wrap-done").click()
    expect(desk.locator(".wrap-up")).to_have_count(0)


def sign_out(desk: Page) -> None:
    """The operator goes; their conversations go back."""
    desk.on("dialog", lambda dialog: dialog.accept())
    desk.get_by_role("button", name="退出").click()
    expect(desk.get_by_role("button", name="登录")).to_be_visible()
