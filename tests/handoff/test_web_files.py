"""
The pages' files as they lie on disk: catalogues, and what no page may do.
"""

from __future__ import annotations

import gzip
import json
import re
from enum import StrEnum
from pathlib import Path

import pytest

import gateway
from engines.contract import Complexity, Emotion, Reason, Risk


WEB = Path(gateway.__file__).parent / "web"
SCRIPTS = sorted(WEB.glob("*.js"))
PAGES = sorted(WEB.glob("*.html"))
ALL = [*SCRIPTS, *PAGES, *sorted(WEB.glob("*.css")), *sorted(WEB.glob("*.svg"))]
BLANK = re.compile(r"\{(\w+)\}")


def catalogue(language: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for name in (f"chat.{language}.json", f"{language}.json", f"ops.{language}.json"):
        found |= json.loads((WEB / "i18n" / name).read_text(encoding="utf-8"))
    return found


def test_catalogues_have_the_same_keys_and_blanks() -> None:
    """
    Whatever one language says the other says too, with the same blanks.
    """
    zh, en = catalogue("zh"), catalogue("en")
    assert zh.keys() == en.keys()
    for key in zh:
        assert sorted(BLANK.findall(zh[key])) == sorted(BLANK.findall(en[key])), key


def test_english_has_no_han_characters() -> None:
    """
    The English catalogue is English throughout.
    """
    bad = [k for k, text in catalogue("en").items() if re.search("[一-鿿]", text)]
    assert bad == []


def test_every_text_a_page_asks_for_exists() -> None:
    """
    No page shows a bare key.
    """
    known = catalogue("zh")
    asked: set[str] = set()
    for path in (*SCRIPTS, *PAGES):
        source = path.read_text(encoding="utf-8")
        asked |= set(re.findall(r'data-text="([\w.]+)"', source))
        asked |= set(re.findall(r'"((?:app|chat|demo|desk|lab|ops)\.\w+)"', source))
    assert len(asked) > 60
    assert asked - known.keys() == set()


@pytest.mark.parametrize(
    ("room", "codes"),
    [
        ("reason", Reason),
        ("risk", Risk),
        ("complexity", Complexity),
        ("emotion", Emotion),
    ],
)
def test_every_code_of_the_gateway_has_words(room: str, codes: type[StrEnum]) -> None:
    """
    Closed codes are shown in the reader's language.
    """
    known = catalogue("en")
    assert [c for c in codes if f"{room}.{c.value}" not in known] == []


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_pages_have_no_inline_script_or_style(path: Path) -> None:
    """
    Script and style come from files, so that the content policy can be strict.
    """
    source = path.read_text(encoding="utf-8")
    assert not re.search(r"<script(?![^>]*\bsrc=)", source)
    assert not re.search(r"<style|\sstyle=|\son\w+=", source)


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_scripts_never_make_nodes_from_text(path: Path) -> None:
    """
    What a customer or a model wrote can never become markup or code.
    """
    source = path.read_text(encoding="utf-8")
    banned = (
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function"
    )
    assert not re.search(banned, source)


@pytest.mark.parametrize("path", ALL, ids=lambda path: path.name)
def test_files_name_no_foreign_host(path: Path) -> None:
    """
    Nothing is loaded from anywhere but the gateway.
    """
    source = path.read_text(encoding="utf-8")
    hosts = set(re.findall(r"https?://([\w.-]+)", source))
    assert hosts <= {"www.w3.org", "gateway.example"}


def test_the_chat_element_is_small() -> None:
    """
    What a shop's page loads for the chat stays under 20 kB compressed.
    """
    names = ("widget", "chat", "chat_link", "chat_lines", "dom", "i18n")
    sources = [(WEB / f"{name}.js").read_bytes() for name in names]
    sources += [
        (WEB / f"{name}.css").read_bytes() for name in ("tokens", "lines", "chat")
    ]
    sources.append((WEB / "i18n" / "zh.json").read_bytes())
    assert sum(len(gzip.compress(source)) for source in sources) < 20_000
