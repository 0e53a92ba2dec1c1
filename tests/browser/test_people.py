"""
A customer asks for a person, on the real pages of the real gateway.
"""

from __future__ import annotations

from pathlib import Path

from conftest import OpenPage
from playwright.sync_api import expect
from steps import claim, finish, lines, reply, say, sign_in, sign_out


def test_customer_and_operator_talk(open_page: OpenPage, tmp_path: Path) -> None:
    """
    Asked, queued with a place, claimed, they talk, the machine is silent, closed.
    """
    desk = open_page("/desk")
    sign_in(desk, "lin")
    chat = open_page("/")
    say(chat, "你好")
    expect(lines(chat, "machine")).to_have_count(1)
    expect(chat.locator(".badge")).to_have_text("AI · L1")

    chat.get_by_role("button", name="转人工").click()
    expect(lines(chat, "notice").first).to_contain_text("第 1 位")
    expect(chat.locator(".banner")).to_contain_text("第 1 位")
    machine_lines = lines(chat, "machine").count()

    claim(desk)
    expect(chat.locator(".banner")).to_have_text("小林 正在为您服务")
    expect(lines(desk, "customer")).to_have_count(2)

    say(chat, "多久发货")
    expect(lines(desk, "customer").last).to_contain_text("多久发货")
    reply(desk, "您好，我是小林，今天就发。")
    expect(lines(chat, "operator").last).to_contain_text("今天就发")
    say(chat, "支持七天无理由吗")
    expect(lines(desk, "customer").last).to_contain_text("七天无理由")
    expect(lines(chat, "machine")).to_have_count(machine_lines)
    chat.screenshot(path=tmp_path / "chat.png")
    desk.screenshot(path=tmp_path / "desk.png")

    finish(desk)
    expect(chat.locator(".banner")).to_contain_text("人工服务已结束")
    expect(desk.locator(".mine li")).to_have_count(0)
    say(chat, "多久发货")
    expect(lines(chat, "machine")).to_have_count(machine_lines + 1)
    sign_out(desk)
