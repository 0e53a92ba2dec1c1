"""
The whole Tidegate as real processes, and a real Chromium in front of it.
"""

from __future__ import annotations

import os
import secrets
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import msgspec
import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    sync_playwright,
)

from gateway.cli import options
from gateway.cli.operator import add_beside
from gateway.config import Config
from gateway.handoff.accounts import Operator
from gateway.stack import Stack, running


PASSWORD = secrets.token_urlsafe(12)
OPERATORS = {"lin": "小林", "wang": "小王", "zhao": "赵班长", "sun": "小孙"}
#: Who takes few talks at a time, so that there is a line.
CAPACITY = {"sun": "2"}
SUPERVISORS = {"zhao"}

OpenPage = Callable[..., Page]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything in this folder drives a browser."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def chromium() -> str:
    """Path of the system's Chromium; needed in CI, else skipped without."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if found := shutil.which(name):
            return found
    if os.environ.get("CI") == "true":
        pytest.fail("no Chromium: install the package chromium")
    pytest.skip("no Chromium on this machine")


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Data folder of the stack."""
    return tmp_path_factory.mktemp("stack")


@pytest.fixture(scope="session")
def stack(folder: Path, chromium: str) -> Iterator[Stack]:
    """Store, demo shop and gateway, as ``tidegate demo`` starts them."""
    config = options.read_config(
        None, data_dir=str(folder), demo=True, server__port=0, server__workers=2
    )
    with running(config, sys.stderr.write) as started:
        for name, display in OPERATORS.items():
            _hire(name, display, config)
        yield started


def _hire(name: str, display: str, config: Config) -> None:
    """Make an account beside the running gateway, as the command line does."""
    facts = {
        "shop": config.shops[0].id,
        "name": name,
        "display": display,
        "role": "supervisor" if name in SUPERVISORS else "operator",
        "capacity": int(CAPACITY.get(name, "3")),
    }
    who = msgspec.convert(facts, Operator)
    add_beside(config, who, PASSWORD, replace=False)


@pytest.fixture(scope="session")
def browser(chromium: str, stack: Stack) -> Iterator[Browser]:
    """One Chromium for the whole run; started last, since it keeps a loop."""
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(
            executable_path=chromium,
            args=["--no-sandbox", "--disable-background-networking"],
        )
        yield started
        started.close()


def _is_expected(message: ConsoleMessage) -> bool:
    """Without a session, and after a wrong password, the desk is told 401."""
    address = str(message.location.get("url", ""))
    return "401" in message.text and address.endswith("/v1/desk/session")


@pytest.fixture
def foreign(stack: Stack) -> Iterator[list[str]]:
    """Addresses outside the gateway that a page asked for; must stay empty."""
    asked: list[str] = []
    yield asked
    assert asked == []


@pytest.fixture
def open_page(browser: Browser, stack: Stack, foreign: list[str]) -> Iterator[OpenPage]:
    """
    Opens pages, each in a browser profile of its own.

    An error on a page's console that does not say what the test *expects*, an
    exception, or a request to another host fails the test.
    """
    own = urlsplit(stack.url).netloc
    errors: list[str] = []
    with ExitStack() as open_contexts:

        def watch(context: BrowserContext, expects: str) -> None:
            def note(address: str) -> None:
                parts = urlsplit(address)
                if parts.scheme not in {"data", "blob"} and parts.netloc != own:
                    foreign.append(address)

            context.on("request", lambda request: note(request.url))
            context.on(
                "page", lambda page: page.on("websocket", lambda ws: note(ws.url))
            )
            context.on("weberror", lambda error: errors.append(str(error.error)))
            context.on(
                "console",
                lambda message: (
                    errors.append(f"{message.text} at {message.location}")
                    if message.type == "error"
                    and not _is_expected(message)
                    and not (expects and expects in message.text)
                    else None
                ),
            )

        def open_one(path: str, *, expects: str = "", **options: object) -> Page:
            settings = {"locale": "zh-CN", "viewport": {"width": 1100, "height": 760}}
            context = browser.new_context(**{**settings, **options})  # type: ignore[arg-type]
            open_contexts.callback(context.close)
            context.set_default_timeout(10_000)
            watch(context, expects)
            page = context.new_page()
            page.goto(f"{stack.url}{path}")
            return page

        yield open_one
        _send_operators_home(stack)
    assert errors == []


def _send_operators_home(stack: Stack) -> None:
    """What a test left in operators' hands goes back; nobody is online."""
    for name in OPERATORS:
        with httpx.Client(base_url=stack.url) as client:
            body = {"shop": stack.shop, "name": name, "password": PASSWORD}
            session = client.post("/v1/desk/session", json=body).json()
            headers = {"x-csrf-token": session["csrf"]}
            client.delete("/v1/desk/session", headers=headers).raise_for_status()
