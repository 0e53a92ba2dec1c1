"""
The widget on a page of another origin: a shop's own site, in a real Chromium.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from gateway.cli import options
from gateway.stack import Stack, running


@pytest.fixture(scope="module")
def shop_page() -> Iterator[ThreadingHTTPServer]:
    """A shop's page with one script tag; the gateway's address comes later."""

    class Shop(BaseHTTPRequestHandler):
        html = b""

        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("content-type", "text/html; charset=utf-8")
            self.end_headers()
            self.wfile.write(type(self).html if self.path == "/" else b"")

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Shop)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def gateway(
    shop_page: ThreadingHTTPServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stack]:
    """A gateway whose web channel lists that page's origin."""
    folder: Path = tmp_path_factory.mktemp("widget")
    file = folder / "tidegate.toml"
    file.write_text(
        '[[shops]]\nid = "demo"\nfacts = "knowledge/demo/facts.yaml"\n'
        'knowledge = "knowledge/demo"\n[[shops.channels]]\nname = "app"\n'
        '[[shops.channels]]\nname = "web"\nallows_visitors = true\n'
        f'origins = ["http://127.0.0.1:{shop_page.server_port}"]\n',
        encoding="utf-8",
    )
    config = options.read_config(
        file, data_dir=str(folder), server__port=0, router__arithmetic="plain"
    )
    # Playwright keeps an event loop in this thread: the stack starts in another one.
    stacks = running(config, print)
    with ThreadPoolExecutor(1) as thread:
        stack = thread.submit(stacks.__enter__).result()
        source = f"{stack.url}/web/widget.js?shop=demo"
        tag = f'<script type="module" src="{source}"></script>'
        page = f"<!doctype html><html lang=zh><title>店</title><body><h1>店</h1>{tag}"
        shop_page.RequestHandlerClass.html = page.encode()  # type: ignore[attr-defined]
        yield stack
        thread.submit(stacks.__exit__, None, None, None).result()


@pytest.fixture
def page(
    browser: Browser, gateway: Stack, shop_page: ThreadingHTTPServer
) -> Iterator[Page]:
    """The shop's page on a small phone."""
    context = browser.new_context(
        locale="zh-CN", viewport={"width": 360, "height": 640}
    )
    context.set_default_timeout(10_000)
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(f"http://127.0.0.1:{shop_page.server_port}/")
    yield page
    context.close()
    assert errors == []


def test_one_script_tag_on_another_site_is_a_chat(page: Page) -> None:
    """A button, a chat behind it, an answer marked as a machine's, a person's button."""
    toggle = page.locator("tidegate-widget button.toggle")
    toggle.click()
    chat = page.locator("tidegate-chat")
    chat.locator("textarea").fill("多久发货")
    chat.locator("textarea").press("Enter")
    reply = chat.locator("article.line:not(.customer)").last
    reply.wait_for()
    assert "48 小时" in reply.inner_text()
    assert "AI" in reply.inner_text() or "智能" in reply.inner_text()
    assert chat.locator("button.person").is_visible()
    width = page.evaluate("document.documentElement.scrollWidth")
    assert width <= 360


def test_the_widget_opens_and_closes_by_keyboard(page: Page) -> None:
    """Focus goes in and comes back; the state is told to a screen reader."""
    toggle = page.locator("tidegate-widget button.toggle")
    toggle.focus()
    page.keyboard.press("Enter")
    assert toggle.get_attribute("aria-expanded") == "true"
    page.locator("tidegate-chat textarea").wait_for()
    page.locator("tidegate-chat textarea").focus()
    page.keyboard.press("Escape")
    assert toggle.get_attribute("aria-expanded") == "false"
    assert page.evaluate("document.activeElement.tagName") == "TIDEGATE-WIDGET"


def test_a_page_that_no_channel_lists_gets_no_visitor(
    page: Page, gateway: Stack
) -> None:
    """Its browser does not even let it ask."""
    page.goto("about:blank")
    refused = page.evaluate(
        """async (url) => {
            try {
                const answer = await fetch(`${url}/v1/visitors`, {
                    method: "POST",
                    headers: {"content-type": "application/json"},
                    body: '{"shop": "demo"}',
                });
                return answer.status;
            } catch { return "kept away"; }
        }""",
        gateway.url,
    )
    assert refused == "kept away"
