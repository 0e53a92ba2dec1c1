"""
What a supervisor does at the desk, what helps every operator, and the customer's
ways out of the line, in a real Chromium.
"""

from __future__ import annotations

import re
from pathlib import Path

import httpx
import pytest
from axe_playwright_python.sync_playwright import Axe
from conftest import OpenPage
from playwright.sync_api import Page, expect
from steps import claim, lines, reply, say, sign_in

from gateway.stack import Stack
from router_models.corrections import CORRECTIONS, read


def asked(open_page: OpenPage, text: str = "转人工") -> Page:
    """A customer who asked for a person."""
    chat = open_page("/")
    say(chat, text)
    expect(lines(chat, "notice").first).to_be_visible()
    return chat


def test_suggestions_and_standing_lines_fill_the_reply(open_page: OpenPage) -> None:
    """
    What the machine or the voice library offers is edited, then sent by the operator.
    """
    desk = open_page("/desk")
    sign_in(desk, "lin")
    chat = asked(open_page)
    claim(desk)
    say(chat, "多久发货")
    expect(lines(desk, "customer").last).to_contain_text("多久发货")
    desk.keyboard.press("Alt+s")
    box = desk.get_by_label("回复顾客")
    expect(box).to_have_value(re.compile("48 小时"))
    assert lines(chat, "operator").count() == 0
    box.fill("")
    desk.locator(".canned").select_option(index=2)
    expect(box).to_have_value(re.compile("订单号"))
    box.press("Enter")
    expect(lines(chat, "operator").last).to_contain_text("订单号")


def test_a_decision_is_corrected(open_page: OpenPage, folder: Path) -> None:
    """
    The operator says what the router should have said; kept, and a row to learn from.
    """
    desk = open_page("/desk")
    sign_in(desk, "lin")
    asked(open_page)
    claim(desk)
    box = desk.locator(".correct").first
    box.locator("summary").click()
    box.locator("select").nth(0).select_option("L2")
    box.locator("select").nth(1).select_option("medium")
    box.locator(".correct-save").click()
    expect(box.locator("summary")).to_have_text("已纠正")
    kept = desk.evaluate("fetch('/v1/desk/corrections').then((r) => r.json())")
    assert kept[-1]["text"] == "转人工"
    assert (kept[-1]["tier"], kept[-1]["risk"]) == ("L2", "medium")
    assert kept[-1]["by"] == "lin"
    lesson = read(folder / CORRECTIONS)[-1]
    assert (lesson.text, lesson.risk, lesson.by) == ("转人工", "medium", "demo/lin")


def test_an_answer_is_corrected(open_page: OpenPage) -> None:
    """
    What should have been said is kept with the message; the customer is told nothing.
    """
    desk = open_page("/desk")
    sign_in(desk, "lin")
    chat = open_page("/")
    say(chat, "七天无理由退货的运费谁承担")
    expect(lines(chat, "machine")).to_have_count(1)
    say(chat, "转人工")
    claim(desk)
    box = desk.locator(".correct").first
    box.locator("summary").click()
    box.get_by_label("应有的回答（选填）").fill("质量问题由我们承担运费")
    box.get_by_role("button", name="保存纠正").click()
    expect(box.locator("summary")).to_have_text("已纠正")
    kept = desk.evaluate("fetch('/v1/desk/corrections').then((r) => r.json())")
    assert kept[-1]["text"] == "七天无理由退货的运费谁承担"
    assert kept[-1]["answer"] == "质量问题由我们承担运费"
    assert kept[-1]["by"] == "lin"
    assert lines(chat, "operator").count() == 0


def test_a_talk_is_handed_back_to_the_machine(open_page: OpenPage) -> None:
    """
    The button by its name: the customer is told so, and the machine answers again.
    """
    desk = open_page("/desk")
    sign_in(desk, "lin")
    chat = asked(open_page)
    claim(desk)
    say(chat, "多久发货")
    expect(lines(desk, "customer").last).to_contain_text("多久发货")
    assert lines(chat, "machine").count() == 0
    desk.get_by_role("button", name="结束会话").click()
    expect(chat.locator(".banner")).to_contain_text("人工服务已结束")
    say(chat, "你好")
    expect(lines(chat, "machine")).to_have_count(1)
    desk.get_by_role("button", name="完成收尾").click()
    expect(desk.locator(".mine li")).to_have_count(0)


def test_enter_of_an_ime_does_not_send_a_reply(open_page: OpenPage) -> None:
    """
    The Enter that ends a composed word is the IME's; the operator's next one sends.
    """
    desk = open_page("/desk")
    sign_in(desk, "lin")
    chat = asked(open_page)
    claim(desk)
    box = desk.get_by_label("回复顾客")
    box.focus()
    wire = desk.context.new_cdp_session(desk)
    composing = {"text": "nihao", "selectionStart": 5, "selectionEnd": 5}
    wire.send("Input.imeSetComposition", composing)
    desk.keyboard.press("Enter")
    wire.send("Input.insertText", {"text": "您好，我来处理"})
    # A key sent past a real IME leaves its line break in the box as well.
    expect(box).to_have_value(re.compile("您好，我来处理"))
    desk.wait_for_timeout(300)
    assert lines(chat, "operator").count() == 0
    desk.keyboard.press("Enter")
    expect(lines(chat, "operator")).to_have_count(1)
    expect(lines(chat, "operator").last).to_contain_text("您好，我来处理")


def test_a_supervisor_sees_and_moves_a_talk(open_page: OpenPage) -> None:
    """
    The talk of one colleague is passed on to another, who alone is asked.
    """
    lin, wang, boss = (open_page("/desk") for _ in range(3))
    sign_in(lin, "lin")
    chat = asked(open_page)
    claim(lin)
    reply(lin, "您好，我来处理")
    sign_in(wang, "wang")
    sign_in(boss, "zhao")
    held = boss.locator(".supervisor li")
    expect(held).to_contain_text("小林")
    held.locator("select").select_option("wang")
    held.locator(".move").click()
    expect(wang.locator(".offers li")).to_have_count(1)
    expect(boss.locator(".offers li")).to_have_count(0)
    claim(wang)
    expect(chat.locator(".banner")).to_have_text("小王 正在为您服务")
    assert lin.locator(".supervisor").count() == 0


def test_a_rung_is_held_and_a_sale_started(open_page: OpenPage) -> None:
    """
    A supervisor's orders hold at once, customers read an honest sentence, and it ends.
    """
    boss = open_page("/desk")
    sign_in(boss, "zhao")
    boss.get_by_label("固定档位").select_option("3")
    expect(boss.locator(".rung")).to_contain_text("3 检索与办理")
    # The page asks once when it opens, perhaps the other worker, which follows in 2 s.
    boss.wait_for_timeout(2_500)
    chat = open_page("/")
    expect(chat.locator(".load")).to_contain_text("咨询量很大")
    boss.get_by_label("固定档位").select_option("-1")
    expect(boss.locator(".rung")).to_contain_text("0 正常")
    boss.get_by_role("button", name="开始大促").click()
    expect(boss.locator(".rung")).to_contain_text("大促进行中")
    boss.get_by_role("button", name="结束大促").click()
    expect(boss.locator(".rung")).to_have_text("当前档位：0 正常")


def test_a_customer_leaves_the_line(open_page: OpenPage) -> None:
    """
    One goes back to the assistant, another one asks to be answered later.
    """
    desk = open_page("/desk")
    sign_in(desk, "lin")
    held = [asked(open_page) for _ in range(3)]
    for _ in held:
        claim(desk)
        desk.wait_for_timeout(200)
    quits, later = asked(open_page), asked(open_page)
    quits.get_by_role("button", name="不等了").click()
    expect(lines(quits, "notice").last).to_contain_text("回到智能助手")
    say(quits, "多久发货")
    expect(lines(quits, "machine").last).to_contain_text("发货")
    later.get_by_role("button", name="稍后回复").click()
    expect(later.locator(".banner")).to_contain_text("已登记")
    expect(later.locator(".ways")).to_be_hidden()


def test_an_action_is_approved_at_the_desk(open_page: OpenPage, stack: Stack) -> None:
    """
    What is above the ceiling waits for an operator; approved, it is carried out.
    """
    with httpx.Client(base_url=stack.url, timeout=30) as customer:
        customer.headers["authorization"] = f"Bearer {stack.key}"
        for number, text in enumerate(("refund the headphones of K3006", "yes")):
            body = {"message_id": f"a{number}", "user_id": "c1003", "text": text}
            said = customer.post("/v1/conversations/approval/messages", json=body)
            assert said.status_code == 200, said.text
    desk = open_page("/desk")
    sign_in(desk, "lin")
    waiting = desk.locator(".approvals li", has_text="K3006")
    expect(waiting).to_contain_text("c1003")
    waiting.locator(".approve").click()
    expect(waiting).to_have_count(0)
    states = desk.evaluate("fetch('/v1/actions?limit=5').then((r) => r.json())")
    assert [one["state"] for one in states if one["order_id"] == "K3006"] == ["done"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_supervisors_desk_is_accessible_and_narrow(
    open_page: OpenPage, scheme: str
) -> None:
    """
    With a colleague's talk, the load and the sale on screen, at 360 px, axe is content.
    """
    lin = open_page("/desk")
    sign_in(lin, "lin")
    asked(open_page)
    claim(lin)
    boss = open_page(
        "/desk",
        viewport={"width": 360, "height": 740},
        color_scheme=scheme,
        bypass_csp=True,
    )
    sign_in(boss, "zhao")
    expect(boss.locator(".supervisor li")).to_contain_text("小林")
    assert boss.evaluate("document.documentElement.scrollWidth") <= 360
    found = Axe().run(boss).response["violations"]
    assert [(one["id"], one["nodes"][0]["html"][:120]) for one in found] == []
