"""
The desk page: two operators, tickets, drafts, sessions, in a real Chromium.
"""

from __future__ import annotations

from conftest import OpenPage
from playwright.sync_api import Page, expect
from steps import claim, lines, reply, say, sign_in, sign_out


def ask(open_page: OpenPage, text: str) -> Page:
    """A customer whose last words before the handoff are *text*."""
    chat = open_page("/")
    say(chat, text)
    expect(lines(chat, "notice").first).to_be_visible()
    return chat


def test_wrong_password_is_told_without_detail(open_page: OpenPage) -> None:
    """
    The page says that signing in failed, not what was wrong.
    """
    desk = open_page("/desk")
    desk.get_by_label("账号").fill("nobody-here")
    desk.get_by_label("密码").fill("wrong password")
    desk.get_by_role("button", name="登录").click()
    expect(desk.get_by_role("alert")).to_contain_text("shop, name or password is wrong")


def test_offer_declined_by_one_goes_to_the_other(open_page: OpenPage) -> None:
    """
    Of two operators one is asked; declined, the other is; only they see it.
    """
    desks = {name: open_page("/desk") for name in ("lin", "wang")}
    for name, desk in desks.items():
        sign_in(desk, name)
    ask(open_page, "转人工")
    offers = {name: desk.locator(".offers li") for name, desk in desks.items()}
    desks["lin"].wait_for_timeout(500)
    first = "lin" if offers["lin"].count() else "wang"
    expect(offers[first]).to_have_count(1)
    second = "wang" if first == "lin" else "lin"
    expect(offers[second]).to_have_count(0)
    expect(offers[first].locator(".timer")).to_contain_text("秒")
    offers[first].locator(".decline").click()
    expect(offers[second]).to_have_count(1)
    expect(offers[first]).to_have_count(0)
    claim(desks[second])


def test_transfer_with_note_to_a_colleague(open_page: OpenPage) -> None:
    """
    A talk goes back to the line and to a colleague, who sees note and transcript.
    """
    lin = open_page("/desk")
    sign_in(lin, "lin")
    chat = ask(open_page, "我要转人工")
    claim(lin)
    reply(lin, "我帮您转给同事")
    lin.locator(".note-box summary").click()
    lin.get_by_label("备注内容").fill("顾客要核对发票")
    lin.locator(".save-note").click()
    expect(lin.locator(".notes li")).to_contain_text("顾客要核对发票")
    wang = open_page("/desk")
    sign_in(wang, "wang")
    lin.locator("button.transfer").click()
    expect(lines(chat, "notice").last).to_contain_text("重新排队")
    claim(wang)
    expect(lines(wang, "operator")).to_contain_text("我帮您转给同事")
    wang.locator(".note-box summary").click()
    expect(wang.locator(".notes li")).to_contain_text("顾客要核对发票")
    reply(wang, "您好，我接手了")
    expect(lines(chat, "operator").last).to_contain_text("我接手了")
    expect(chat.locator(".banner")).to_have_text("小王 正在为您服务")


def test_ticket_is_promised_taken_up_and_answered(open_page: OpenPage) -> None:
    """
    With nobody online the customer gets a time; later an operator answers there.
    """
    chat = ask(open_page, "转人工 工单测试")
    expect(chat.locator(".banner")).to_contain_text("已登记")
    machine = lines(chat, "machine").count()
    say(chat, "多久发货")
    expect(lines(chat, "machine")).to_have_count(machine + 1)
    desk = open_page("/desk")
    sign_in(desk, "lin")
    ticket = desk.locator(".tickets li", has_text="工单测试")
    ticket.locator(".take").click()
    expect(chat.locator(".banner")).to_have_text("小林 正在为您服务")
    reply(desk, "您的问题已处理")
    expect(lines(chat, "operator").last).to_contain_text("已处理")
    desk.locator("button.close").click()
    expect(chat.locator(".banner")).to_contain_text("人工服务已结束")
    expect(ticket).to_have_count(0)


def test_reload_keeps_session_and_draft(open_page: OpenPage) -> None:
    """
    After a reload the operator is signed in, and the half-written reply is there.
    """
    desk = open_page("/desk")
    sign_in(desk, "lin")
    ask(open_page, "转人工")
    claim(desk)
    desk.get_by_label("回复顾客").fill("写到一半")
    desk.reload()
    desk.locator(".mine .pick").click()
    expect(desk.get_by_label("回复顾客")).to_have_value("写到一半")
    expect(lines(desk, "customer").first).to_be_visible()
    expect(desk.get_by_label("接待状态")).to_have_value("online")


def test_desk_speaks_english_in_the_middle_of_a_talk(open_page: OpenPage) -> None:
    """
    Switching the language keeps the talk on screen.
    """
    desk = open_page("/desk")
    sign_in(desk, "lin")
    chat = ask(open_page, "转人工")
    claim(desk)
    desk.get_by_role("button", name="Switch to English").click()
    expect(desk.get_by_label("Reply to the customer")).to_be_visible()
    expect(lines(desk, "customer").first).to_be_visible()
    desk.get_by_label("Reply to the customer").fill("Hello")
    desk.get_by_label("Reply to the customer").press("Enter")
    expect(lines(chat, "operator")).to_contain_text("Hello")
    desk.get_by_role("button", name="Close").click()
    desk.get_by_label("Note for colleagues").last.fill("Asked about delivery")
    desk.get_by_role("button", name="Done").click()
    expect(desk.locator(".mine li")).to_have_count(0)


def test_away_operator_gets_no_offers(open_page: OpenPage) -> None:
    """
    Away keeps the seat and gets no offers; online again, the offer comes.
    """
    desk = open_page("/desk")
    sign_in(desk, "lin")
    desk.get_by_label("接待状态").select_option("away")
    expect(desk.locator(".team li")).to_contain_text("小休")
    chat = ask(open_page, "转人工")
    expect(chat.locator(".banner")).to_contain_text("已登记")
    expect(desk.locator(".offers li")).to_have_count(0)
    desk.get_by_label("接待状态").select_option("online")
    ask(open_page, "转人工")
    expect(desk.locator(".offers li")).to_have_count(1)


def test_signing_out_gives_the_talk_back(open_page: OpenPage) -> None:
    """
    A signed-out operator leaves nobody behind: the customer is told at once.
    """
    desk = open_page("/desk")
    sign_in(desk, "lin")
    chat = ask(open_page, "转人工")
    claim(desk)
    expect(chat.locator(".banner")).to_have_text("小林 正在为您服务")
    sign_out(desk)
    expect(chat.locator(".banner")).to_contain_text("已登记")


def test_desk_works_on_a_narrow_screen(open_page: OpenPage) -> None:
    """
    At 360 px the list and the talk take turns.
    """
    desk = open_page("/desk", viewport={"width": 360, "height": 640})
    sign_in(desk, "lin")
    ask(open_page, "转人工")
    claim(desk)
    expect(desk.locator(".lists")).to_be_hidden()
    assert desk.evaluate("document.documentElement.scrollWidth") <= 360
    reply(desk, "您好")
    desk.get_by_role("button", name="返回列表").click()
    expect(desk.locator(".lists")).to_be_visible()
    expect(desk.locator(".mine li")).to_have_count(1)
