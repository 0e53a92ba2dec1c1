"""
The page /ops in a real Chromium: live figures, tabs, who may see it, both languages.
"""

from __future__ import annotations

import asyncio
import re
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from conftest import PASSWORD, OpenPage
from playwright.sync_api import Page, expect
from steps import lines, say
from talk_events import put, reply, word

from gateway.clock import wall_ms
from gateway.stack import Stack
from gateway.store.connection import Scripts


TABS = ("now", "history", "outcomes", "packs", "documents")


OLD = "# 旧活动\n\n有效期：2020年1月1日至2020年2月1日\n\n全场八折。\n"


def enter(page: Page, name: str) -> None:
    """Sign in at the page's door."""
    page.locator("#name").fill(name)
    page.locator("#password").fill(PASSWORD)
    page.locator("form button.primary").click()
    expect(page.locator("header.top")).to_be_visible()


def violations(page: Page) -> list[Any]:
    """What axe finds, shortened: rule and first places."""
    found = Axe().run(page).response["violations"]
    return [(one["id"], [n["html"][:160] for n in one["nodes"][:3]]) for one in found]


def fact(page: Page, name: str) -> str:
    """What stands in a headline."""
    return page.locator(f"[data-fact={name}] dd").inner_text()


def test_the_day_is_seen_as_it_happens(open_page: OpenPage, stack: Stack) -> None:
    """
    A message that a customer writes while the page is open moves its plots.
    """
    ops = open_page("/ops")
    enter(ops, "zhao")
    expect(ops.locator("[data-plot]")).to_have_count(8)
    assert fact(ops, "messages") == "–"
    chat = open_page("/")
    say(chat, "多久发货")
    expect(lines(chat, "machine")).to_have_count(1)
    traffic = ops.locator("[data-plot=traffic] .legend li").first
    expect(traffic).to_have_text(re.compile(r"^L1 0\.[1-9]"), timeout=20_000)
    expect(ops.locator("[data-plot=traffic] svg")).to_have_attribute(
        "aria-label", re.compile(r"L1 0\.[1-9]")
    )
    assert fact(ops, "durability") == "已落盘"
    assert "正常" in fact(ops, "rung")
    assert fact(ops, "ack_share").endswith("%")


async def _silent(store_url: str, at_ms: int) -> None:
    """A customer whose last word was at *at_ms*, as the log has it."""
    scripts = await Scripts.connect(store_url)
    try:
        await put(scripts, "demo", "app.silent", [word(at_ms), reply(at_ms)], at_ms)
    finally:
        await scripts.close()


def test_the_last_hours_are_there_for_who_comes_later(
    open_page: OpenPage, stack: Stack
) -> None:
    """
    What was said and what ended before the page was opened stands in its plots.
    """
    say(open_page("/"), "多久发货")
    config = stack.supervisor.config
    idle_ms = int(config.dispatch.episode_idle_s * 1000)
    # The page drives a loop of its own in this thread.
    with ThreadPoolExecutor(1) as thread:
        silent = _silent(stack.supervisor.store_url, wall_ms() - idle_ms)
        thread.submit(asyncio.run, silent).result()
    ops = open_page("/ops#history")
    enter(ops, "zhao")
    expect(ops.locator("[data-plot]")).to_have_count(4)
    for _ in range(60):
        if fact(ops, "requests") != "0" and fact(ops, "messages_in_all") != "0":
            break
        ops.wait_for_timeout(1000)
        ops.locator("#history-hours").select_option("1")
        ops.locator("#history-hours").select_option("6")
        ops.wait_for_timeout(200)
    assert int(fact(ops, "messages_in_all")) >= 1
    assert (fact(ops, "requests"), fact(ops, "deflected")) == ("1", "100.0 %")
    ended = ops.locator("[data-plot=ended] .legend li").first
    expect(ended).to_have_text("已解决 最多 1")
    row = ops.locator(".history tbody tr", has_text="已解决").first
    expect(row.locator("td").first).to_have_text("1")
    expect(ops.locator("[data-plot=answer] .legend li").first).to_have_text(
        re.compile(r"^L1 最多 [\d.]+ m?s$")
    )


def test_tabs_are_walked_with_keys_and_addresses(open_page: OpenPage) -> None:
    """
    Arrow keys move, the address names the tab, and a reload stays on it.
    """
    ops = open_page("/ops")
    enter(ops, "zhao")
    first = ops.get_by_role("tab").first
    expect(first).to_have_attribute("aria-selected", "true")
    first.press("ArrowRight")
    expect(ops.get_by_role("tab", selected=True)).to_have_id("tab-history")
    assert ops.url.endswith("#history")
    ops.get_by_role("tab", selected=True).press("ArrowRight")
    expect(ops.get_by_role("tab", selected=True)).to_have_id("tab-outcomes")
    assert ops.url.endswith("#outcomes")
    ops.reload()
    expect(ops.locator(".outcomes table").first).to_be_visible()
    ops.get_by_label("时间范围").select_option("1")
    expect(ops.locator(".outcomes table").first).to_be_visible()


def test_operators_are_told_who_may_see_it(open_page: OpenPage) -> None:
    """
    An operator gets a sentence, and the gateway refuses the figures themselves.
    """
    ops = open_page("/ops")
    enter(ops, "lin")
    expect(ops.locator(".only")).to_contain_text("班长")
    status = ops.request.get(ops.url.replace("/ops", "/v1/desk/overview")).status
    assert status == 403


def test_english_and_a_narrow_screen(open_page: OpenPage) -> None:
    """
    At 360 pixels nothing runs out of the page, in either language.
    """
    ops = open_page("/ops", locale="en-GB", viewport={"width": 360, "height": 740})
    enter(ops, "zhao")
    for name in TABS:
        ops.locator(f"#tab-{name}").click()
        expect(ops.locator("#panel h2")).to_be_visible()
        wide = ops.evaluate("document.documentElement.scrollWidth")
        assert wide <= 360, name
    assert "operations" in ops.title().lower()
    ops.locator("button.language").click()
    expect(ops.locator("#tab-now")).to_have_text("实时")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_tab_passes_axe(open_page: OpenPage, scheme: str) -> None:
    """
    The door and all tabs have no violations in either colour scheme.
    """
    ops = open_page("/ops", color_scheme=scheme, bypass_csp=True)
    expect(ops.locator("main h1")).to_be_visible()
    assert violations(ops) == []
    enter(ops, "zhao")
    for name in TABS:
        ops.locator(f"#tab-{name}").click()
        expect(ops.locator("#panel h2")).to_be_visible()
        ops.wait_for_timeout(300)
        assert violations(ops) == []


def test_a_sentence_is_tried_on_the_pack(open_page: OpenPage) -> None:
    """The tab says what L1 would do, and the list follows the filter."""
    ops = open_page("/ops#packs")
    enter(ops, "zhao")
    expect(ops.locator(".packs tbody tr").nth(100)).to_be_attached()
    for text, outcome in (("多久发货", "answered"), ("我要退货", "handed_on")):
        ops.locator("#pack-text").fill(text)
        ops.locator(".packs form button").click()
        expect(ops.locator(f"[data-found={outcome}]")).to_be_visible()
    ops.locator("#pack-filter").fill("shipping.time")
    expect(ops.locator(".packs tbody tr")).to_have_count(1)


def test_documents_are_put_in_asked_and_taken_out(open_page: OpenPage) -> None:
    """
    Each file says what became of it; a question shows where its answer would come from.
    """
    ops = open_page("/ops#documents")
    enter(ops, "zhao")
    expect(ops.locator(".documents tbody td")).to_have_text("还没有放入文件。")
    parking = (
        "# 停车\n\n## 门店停车多少钱\n\n地下停车场前 3 小时免费，之后每小时 8 元。\n"
    )
    files = [
        {"name": "parking.md", "mimeType": "text/markdown", "buffer": parking.encode()},
        {"name": "old.md", "mimeType": "text/markdown", "buffer": OLD.encode()},
        {"name": "broken.pdf", "mimeType": "application/pdf", "buffer": b"no pdf"},
    ]
    ops.locator("#doc-files").set_input_files(files)  # type: ignore[arg-type]
    expect(ops.locator("[data-status=added]")).to_have_count(2)
    expect(ops.locator("[data-status=refused]")).to_contain_text("broken.pdf")
    expect(ops.locator(".documents tbody th")).to_have_count(2)
    ops.locator("#doc-question").fill("门店停车多少钱")
    ops.locator(".documents form button").click()
    expect(ops.locator("[data-found] li").first).to_contain_text("每小时 8 元")
    ops.locator("[data-check]").click()
    doubt = ops.locator("[data-doubts] li", has_text="old.md")
    expect(doubt).to_contain_text("已过期")
    assert violations(ops) == []
    ops.on("dialog", lambda dialog: dialog.accept())
    row = ops.locator(".documents tbody tr", has_text="parking.md")
    row.locator("button").click()
    expect(ops.locator("[data-status=removed]")).to_contain_text("parking.md")
    expect(row).to_have_count(0)
