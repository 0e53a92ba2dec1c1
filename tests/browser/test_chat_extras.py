"""
Typing, rating, cards, network loss and the line of people, in a real Chromium.
"""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from conftest import OpenPage
from playwright.sync_api import Page, WebSocketRoute, expect
from steps import claim, lines, reply, say, sign_in, sign_out


def held_back(chat: Page, kind: str) -> Callable[[], None]:
    """Frames of one kind arrive only when the returned function is called."""
    held: list[Callable[[], None]] = []

    def route(way: WebSocketRoute) -> None:
        server = way.connect_to_server()
        way.on_message(server.send)

        def on(frame: str | bytes) -> None:
            if f'"kind":"{kind}"' in str(frame):
                held.append(lambda: way.send(frame))
            else:
                way.send(frame)

        server.on_message(on)

    chat.route_web_socket("**/ws", route)

    def let_go() -> None:
        for send in held:
            send()

    return let_go


def test_the_machine_is_said_to_be_at_it_while_it_takes_its_time(
    open_page: OpenPage,
) -> None:
    """A line under the log, read to a screen reader, gone with the answer."""
    chat = open_page("/lab")
    let_go = held_back(chat, "reply")
    chat.goto(chat.url.replace("/lab", "/"))
    say(chat, "多久发货")
    typing = chat.locator(".typing")
    expect(typing).to_have_text("智能客服正在回复…")
    expect(typing).to_have_role("status")
    let_go()
    expect(lines(chat, "machine")).to_have_count(1)
    expect(typing).to_be_empty()


def test_people_see_each_other_type_and_the_customer_rates(
    open_page: OpenPage,
) -> None:
    """Signs both ways; after the end stars by keyboard, kept over a reload."""
    desk = open_page("/desk")
    sign_in(desk, "lin")
    chat = open_page("/")
    say(chat, "转人工")
    claim(desk)
    expect(chat.locator(".banner")).to_have_text("小林 正在为您服务")
    desk.get_by_label("回复顾客").press_sequentially("您好")
    expect(chat.locator(".typing")).to_have_text("小林正在输入…")
    reply(desk, "您好，请讲")
    expect(lines(chat, "operator")).to_have_count(1)
    expect(chat.locator(".typing")).to_be_empty()
    chat.get_by_role("textbox").press_sequentially("我想")
    expect(desk.locator(".talk .typing")).to_have_text("顾客正在输入…")
    say(chat, "没事了")
    expect(lines(desk, "customer").last).to_contain_text("没事了")
    expect(desk.locator(".talk .typing")).to_be_empty()

    expect(chat.locator(".rating")).to_have_count(0)
    desk.locator("button.close").click()
    stars = chat.get_by_role("group", name="您对本次服务满意吗？")
    expect(stars.get_by_role("radio")).to_have_count(5)
    send = chat.get_by_role("button", name="提交评价")
    expect(send).to_be_disabled()
    stars.get_by_role("radio", name="3 星").focus()
    chat.keyboard.press("ArrowRight")
    expect(stars.get_by_role("radio", name="4 星")).to_be_checked()
    chat.get_by_label("还想说点什么").fill("很耐心")
    send.click()
    expect(chat.locator(".rating")).to_have_count(0)
    expect(lines(chat, "notice").last).to_have_text("您的评价：★★★★☆ 很耐心")
    chat.reload()
    expect(lines(chat, "notice").last).to_have_text("您的评价：★★★★☆ 很耐心")
    expect(chat.locator(".rating")).to_have_count(0)
    sign_out(desk)


def test_a_rating_can_be_given_at_any_time(open_page: OpenPage) -> None:
    """The star in the head opens and closes it, and says which."""
    chat = open_page("/", viewport={"width": 360, "height": 640})
    say(chat, "多久发货")
    expect(lines(chat, "machine")).to_have_count(1)
    star = chat.get_by_role("button", name="评价本次服务")
    star.click()
    expect(star).to_have_attribute("aria-expanded", "true")
    assert chat.evaluate("document.documentElement.scrollWidth") <= 360
    chat.get_by_role("radio", name="5 星").check(force=True)
    chat.get_by_role("button", name="提交评价").click()
    expect(lines(chat, "notice").last).to_have_text("您的评价：★★★★★")
    expect(star).to_have_attribute("aria-expanded", "false")


def test_nothing_is_lost_or_doubled_while_the_network_is_away(
    open_page: OpenPage,
) -> None:
    """Said offline, sent when it is back; what happened meanwhile comes in order."""
    chat = open_page("/", expects="net::ERR_INTERNET_DISCONNECTED")
    other = open_page("/")
    for page in (chat, other):
        page.get_by_label("演示顾客").select_option("c1003")
    say(chat, "多久发货")
    expect(lines(chat, "machine")).to_have_count(1)
    chat.context.set_offline(True)
    expect(chat.locator(".offline")).to_be_visible()
    say(chat, "怎么退货")
    expect(chat.locator("[data-state=sending]")).to_have_count(1)
    chat.wait_for_timeout(300)
    chat.context.set_offline(False)
    expect(lines(chat, "machine")).to_have_count(2)
    expect(chat.locator(".offline")).to_be_hidden()
    expect(chat.locator("[data-state=sending]")).to_have_count(0)
    texts = lines(chat, "customer").locator(".text").all_text_contents()
    assert texts == ["多久发货", "怎么退货"]


def test_the_place_in_the_line_moves_up_by_itself(open_page: OpenPage) -> None:
    """When who was before goes, the next one's banner says so."""
    desk = open_page("/desk")
    sign_in(desk, "sun")
    pages = [open_page("/") for _ in range(4)]
    last = pages[-1]
    last.clock.install()
    last.reload()
    for page in pages:
        say(page, "转人工")
        expect(page.locator(".banner")).to_contain_text("位")
    banner = last.locator(".banner")
    expect(banner).to_contain_text("第 2 位")
    expect(banner).to_contain_text("分钟")
    pages[2].get_by_role("button", name="不等了").click()
    expect(pages[2].locator(".banner")).to_be_hidden()
    last.clock.run_for(16_000)
    expect(banner).to_contain_text("第 1 位")
    expect(banner).to_have_role("status")
    sign_out(desk)


def test_an_order_goes_along_as_a_card(open_page: OpenPage) -> None:
    """The page offers an order; the customer sends it with a word of their own."""
    chat = open_page("/", locale="en-US")
    chat.get_by_label("Demo customer").select_option("c1001")
    card = {
        "kind": "order",
        "ref": "K3001",
        "title": "Thermos, blue",
        "amount_minor": 5900,
    }
    chat.evaluate(f"document.querySelector('tidegate-chat').attach({json.dumps(card)})")
    attached = chat.get_by_role("group", name="Order K3001")
    expect(attached).to_contain_text("Thermos, blue")
    say(chat, "Where is it?")
    sent = lines(chat, "customer")
    expect(sent).to_have_count(1)
    expect(sent.locator(".text")).to_have_text("About this order: K3001\nWhere is it?")
    expect(sent.locator(".card.order")).to_contain_text("59.00")
    expect(chat.locator(".attached")).to_be_hidden()
    answer = lines(chat, "machine").last
    expect(answer.locator(".card.order").first).to_contain_text("K3001")
    chat.reload()
    expect(lines(chat, "customer").locator(".card.order")).to_have_count(1)


@pytest.mark.parametrize(
    "answer", [{"url": "https://files.shop.example/1.pdf"}, {"detail": "太大了"}]
)
def test_a_file_goes_to_the_shops_own_place(
    open_page: OpenPage, answer: dict[str, str]
) -> None:
    """The shop keeps it, the talk shows its name and host; a refusal is told."""
    chat = open_page("/")
    chat.route("**/shop-files", lambda route: route.fulfill(json=answer))
    before = "document.querySelector('tidegate-chat')"
    expect(chat.get_by_role("button", name="发送文件或图片")).to_have_count(0)
    chat.evaluate(f"{before}.setAttribute('upload', '/shop-files')")
    chat.evaluate(f"{before}.restart()")
    button = chat.get_by_role("button", name="发送文件或图片")
    with chat.expect_file_chooser() as picker:
        button.click()
    file = {"name": "发票.pdf", "mimeType": "application/pdf", "buffer": b"%PDF"}
    picker.value.set_files(file)  # type: ignore[arg-type]  # its own form of a file
    if "url" not in answer:
        expect(chat.locator(".typing")).to_contain_text("没有传上去：太大了")
        expect(lines(chat, "customer")).to_have_count(0)
        return
    card = lines(chat, "customer").locator(".card.file")
    expect(card).to_contain_text("发票.pdf")
    link = card.get_by_role("link", name="files.shop.example")
    expect(link).to_have_attribute("rel", "noopener noreferrer nofollow")
    expect(link).to_have_attribute("href", "https://files.shop.example/1.pdf")
