"""
Accessibility of every page in both colour schemes, by axe.

Axe itself writes inline styles while it measures, so here the pages' content
policy is off; every other test has it on.
"""

from __future__ import annotations

from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from conftest import OpenPage
from playwright.sync_api import Page, expect
from steps import claim, lines, reply, say, sign_in


def violations(page: Page) -> list[Any]:
    """What axe finds, shortened: rule, help, first places."""
    found = Axe().run(page).response["violations"]
    return [
        (one["id"], one["help"], [node["html"][:120] for node in one["nodes"][:3]])
        for one in found
    ]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_pass_axe(open_page: OpenPage, scheme: str) -> None:
    """
    Chat and desk in the middle of a talk, and the lab, have no violations.
    """
    desk = open_page("/desk", color_scheme=scheme, bypass_csp=True)
    expect(desk.get_by_role("heading", level=1)).to_be_visible()
    assert violations(desk) == []
    sign_in(desk, "lin")
    chat = open_page("/", color_scheme=scheme, bypass_csp=True)
    say(chat, "七天无理由退货的运费谁承担")
    expect(lines(chat, "machine")).to_have_count(1)
    say(chat, "转人工")
    claim(desk)
    reply(desk, "您好")
    expect(lines(chat, "operator")).to_have_count(1)
    assert violations(chat) == []
    assert violations(desk) == []
    lab = open_page("/lab", color_scheme=scheme, bypass_csp=True)
    lab.get_by_label("顾客的话").fill("多久发货")
    lab.get_by_role("button", name="判定").click()
    expect(lab.locator("dd.tier")).to_be_visible()
    assert violations(lab) == []
