"""
The chat page: what customers see and do, in a real Chromium.
"""

from __future__ import annotations

import pytest
from conftest import OpenPage
from playwright.sync_api import WebSocketRoute, expect
from steps import lines, say


def test_enter_of_an_ime_does_not_send(open_page: OpenPage) -> None:
    """
    The Enter that ends a composed word belongs to the IME; the next one sends.
    """
    chat = open_page("/")
    box = chat.get_by_role("textbox")
    box.focus()
    wire = chat.context.new_cdp_session(chat)
    composing = {"text": "duojiu", "selectionStart": 6, "selectionEnd": 6}
    wire.send("Input.imeSetComposition", composing)
    chat.keyboard.press("Enter")
    expect(lines(chat, "customer")).to_have_count(0)
    wire.send("Input.insertText", {"text": "多久发货"})
    expect(lines(chat, "customer")).to_have_count(0)
    chat.keyboard.press("Enter")
    expect(lines(chat, "customer")).to_have_count(1)
    expect(lines(chat, "machine")).to_have_count(1)


def test_shift_enter_starts_a_line(open_page: OpenPage) -> None:
    """
    Shift+Enter makes a second line; the message keeps it.
    """
    chat = open_page("/")
    box = chat.get_by_role("textbox")
    box.type("你好")
    box.press("Shift+Enter")
    box.type("多久发货")
    expect(lines(chat, "customer")).to_have_count(0)
    box.press("Enter")
    expect(lines(chat, "customer").locator(".text")).to_have_text("你好\n多久发货")


def test_reload_resumes_the_conversation(open_page: OpenPage) -> None:
    """
    After a reload the same lines are there, once each.
    """
    chat = open_page("/")
    say(chat, "你好")
    expect(lines(chat, "machine")).to_have_count(1)
    chat.reload()
    expect(lines(chat, "machine")).to_have_count(1)
    expect(lines(chat, "customer")).to_have_count(1)
    say(chat, "多久发货")
    expect(lines(chat, "machine")).to_have_count(2)


def test_lost_acknowledgement_is_not_a_second_message(open_page: OpenPage) -> None:
    """
    The line breaks after the gateway took a message: it is sent again with the
    same id, and appears and is answered once.
    """
    chat = open_page("/lab")
    sent: list[str] = []

    def broken(route: WebSocketRoute) -> None:
        server = route.connect_to_server()

        def from_page(frame: str | bytes) -> None:
            server.send(frame)
            if '"type":"message"' in str(frame):
                sent.append(str(frame))

        def from_server(frame: str | bytes) -> None:
            if len(sent) == 1:
                route.close(code=4000)
            else:
                route.send(frame)

        route.on_message(from_page)
        server.on_message(from_server)

    chat.route_web_socket("**/ws", broken)
    chat.goto(chat.url.replace("/lab", "/"))
    say(chat, "你好")
    expect(lines(chat, "machine")).to_have_count(1)
    expect(lines(chat, "customer")).to_have_count(1)
    assert len(set(sent)) == 1
    chat.reload()
    expect(lines(chat, "machine")).to_have_count(1)
    expect(lines(chat, "customer")).to_have_count(1)


def test_without_websockets_the_chat_works(open_page: OpenPage) -> None:
    """
    Behind a proxy that kills WebSockets, events come by SSE and messages by POST.
    """
    chat = open_page("/lab")
    chat.route_web_socket("**/ws", lambda route: route.close(code=4000))
    chat.goto(chat.url.replace("/lab", "/"))
    say(chat, "你好")
    expect(lines(chat, "machine")).to_have_count(1)
    expect(chat.locator(".offline")).to_be_hidden()
    say(chat, "多久发货")
    expect(lines(chat, "machine")).to_have_count(2)


def test_haste_is_slowed_not_lost(open_page: OpenPage) -> None:
    """
    Messages over the visitor's rate are sent again by the page: all are taken.
    """
    chat = open_page("/")
    for _ in range(13):
        say(chat, "多久发货")
    expect(lines(chat, "machine")).to_have_count(13, timeout=30_000)
    expect(chat.locator(".failed")).to_have_count(0)


def test_last_line_stays_in_view_when_a_notice_takes_room(open_page: OpenPage) -> None:
    """
    The place in the line is shown above the log, which gets lower; its end stays there.
    """
    chat = open_page("/")
    for number in range(1, 5):
        say(chat, "多久发货")
        expect(lines(chat, "machine")).to_have_count(number)
    say(chat, "转人工")
    expect(chat.locator(".banner")).to_be_visible()
    expect(lines(chat, "notice").last).to_be_in_viewport(ratio=0.99)


def test_sources_can_be_opened(open_page: OpenPage) -> None:
    """
    A machine answer carries its tier and, folded, what it relies on.
    """
    chat = open_page("/")
    say(chat, "定制商品支持七天无理由退货吗，运费谁承担")
    line = lines(chat, "machine").first
    expect(line.locator(".badge")).to_contain_text("AI · L")
    sources = line.locator(".sources")
    expect(sources.locator("li").first).to_be_hidden()
    sources.locator("summary").click()
    expect(sources.locator("li").first).to_be_visible()


def test_consent_by_button_executes_the_action(open_page: OpenPage) -> None:
    """
    A proposal is a card with two buttons; consent is said once and carried out.
    """
    chat = open_page("/", locale="en-US")
    chat.get_by_label("Demo customer").select_option("c1007")
    say(chat, "Please cancel order K3016")
    proposed = chat.locator(".action[data-state=proposed]")
    expect(proposed).to_have_count(1)
    proposed.get_by_role("button", name="Confirm").click()
    expect(chat.locator(".action[data-state=done]")).to_have_count(1)
    expect(chat.locator(".consent")).to_have_count(0)
    chat.reload()
    expect(chat.locator(".action[data-state=done]")).to_have_count(1)
    expect(chat.locator(".consent")).to_have_count(0)


def test_order_number_goes_into_the_message_box(open_page: OpenPage) -> None:
    """
    The demo shows a customer's orders; a click writes the number for them.
    """
    chat = open_page("/")
    chat.get_by_label("演示顾客").select_option("c1001")
    order = chat.locator("#orders button").first
    number = order.text_content() or "?"
    order.click()
    expect(chat.get_by_role("textbox")).to_have_value(f"{number} ")


def test_other_demo_customer_is_another_conversation(open_page: OpenPage) -> None:
    """
    Changing the customer shows nothing of the first one's conversation.
    """
    chat = open_page("/")
    say(chat, "你好")
    expect(lines(chat, "machine")).to_have_count(1)
    chat.get_by_label("演示顾客").select_option("c1002")
    expect(lines(chat, "machine")).to_have_count(0)
    chat.get_by_label("演示顾客").select_option("")
    expect(lines(chat, "machine")).to_have_count(1)


def test_language_and_theme_are_one_click(open_page: OpenPage) -> None:
    """
    The page speaks English without a Han character, and keeps the choice.
    """
    chat = open_page("/")
    box = chat.get_by_role("textbox")
    box.fill("draft")
    chat.get_by_role("button", name="Switch to English").click()
    expect(chat.get_by_role("button", name="Talk to a person")).to_be_visible()
    expect(box).to_have_value("draft")
    # Parts of the page change one after the other; the links are the last.
    chat.wait_for_function(
        "() => [...document.querySelectorAll('main a')]"
        ".every((link) => !/[\\u4e00-\\u9fff]/.test(link.innerText))"
    )
    text = chat.locator("main").inner_text() + chat.title()
    names = chat.locator("#customer option").all_text_contents()
    for name in names:
        text = text.replace(name, "")
    assert not [letter for letter in text if "\u4e00" <= letter <= "\u9fff"]
    ground = "getComputedStyle(document.body).backgroundColor"
    light = chat.evaluate(ground)
    chat.get_by_role("button", name="Switch between dark and light").click()
    assert chat.evaluate(ground) != light
    chat.reload()
    expect(chat.get_by_role("button", name="Talk to a person")).to_be_visible()
    assert chat.evaluate(ground) != light


def test_lab_tells_tier_and_reasons(open_page: OpenPage) -> None:
    """
    The routing lab judges a text, also with lines before it.
    """
    lab = open_page("/lab")
    lab.get_by_label("顾客的话").fill("我要投诉你们12315")
    lab.get_by_role("button", name="判定").click()
    expect(lab.locator("dd.tier")).to_have_text("human")
    lab.get_by_label("之前的对话").fill("顾客: 你好\n助手：您好")
    lab.get_by_label("顾客的话").fill("多久发货")
    lab.get_by_label("顾客的话").press("Enter")
    expect(lab.locator("dd.tier")).to_have_text("L1")


@pytest.mark.parametrize("path", ["/", "/desk", "/lab"])
def test_narrow_screen_needs_no_sideways_scroll(open_page: OpenPage, path: str) -> None:
    """
    Every page fits a screen of 360 px.
    """
    page = open_page(path, viewport={"width": 360, "height": 640})
    page.get_by_role("textbox").first.wait_for()
    if path == "/":
        say(page, "退货政策是什么，" + "长" * 200)
        expect(lines(page, "machine")).to_have_count(1)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
