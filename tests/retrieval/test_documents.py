"""
Reading knowledge: what ships is sound, what is wrong is named with its line.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import pytest
from desk import KNOWLEDGE, ROOT
from hypothesis import given
from hypothesis import strategies as st

from engines import yamlfile
from engines.contract import ShopId
from engines.guard.figures import figures
from engines.retrieval.compiled import facts_of
from engines.retrieval.documents import (
    LOCALES,
    MAX_PASSAGE,
    Passage,
    load_passages,
    parse_document,
)
from engines.retrieval.language import split_sentences
from engines.retrieval.words import Phrases, load_synonyms, read_synonyms
from engines.yamlfile import BadFile, Problem


T = TypeVar("T")

HEADER = """---
id: returns
title: Returns
kind: policy
audience: customer
effective_from: 2026-01-01
---
"""
GOOD = HEADER + "\n## Return policy {#policy}\nSend it back within 7 days.\n"
DEMO = ShopId("demo")

WRONG = {
    "no header": (1, "## A {#a}\ntext\n"),
    "no end": (1, "---\nid: a\n"),
    "missing key": (2, "---\nid: a\n---\n## A {#a}\ntext\n"),
    "unknown key": (7, GOOD.replace("---\n\n", "autor: x\n---\n\n")),
    "bad date": (6, GOOD.replace("2026-01-01", "01.01.2026")),
    "bad kind": (4, GOOD.replace("policy\n", "law\n", 1)),
    "slug": (2, GOOD.replace("id: returns", "id: Re turns")),
    "ends before": (
        7,
        GOOD.replace("---\n\n", "effective_until: 2025-01-01\n---\n\n"),
    ),
    "names of which": (7, GOOD.replace("---\n\n", "names: [kettle]\n---\n\n")),
    "kind and products": (
        4,
        GOOD.replace("---\n\n", "products: [KT-01]\n---\n\n"),
    ),
    "bad heading": (9, GOOD.replace("{#policy}", "")),
    "bad anchor": (9, GOOD.replace("{#policy}", "{#Poli cy}")),
    "before any heading": (9, GOOD.replace("## Return", "Words\n## Return")),
    "nothing under": (9, GOOD.replace("Send it back within 7 days.", "")),
    "no passage": (8, HEADER),
    "longer than": (9, GOOD.replace("days.", "days. " + "x" * MAX_PASSAGE)),
}


def read_or_refuse(read: Callable[[], T]) -> tuple[T | None, tuple[Problem, ...]]:
    """What a loader gives, or what it complains of; anything else fails."""
    try:
        return read(), ()
    except BadFile as bad:
        return None, bad.problems


@pytest.mark.parametrize(("line", "text"), WRONG.values(), ids=WRONG.keys())
def test_wrong_documents_are_refused_with_file_and_line(line: int, text: str) -> None:
    """Every complaint names file and line, as the writer sees them."""
    with pytest.raises(BadFile) as caught:
        parse_document(text, "returns.md", "en", DEMO)
    assert str(caught.value).startswith(f"returns.md:{line}: ")


def test_a_good_document_becomes_passages() -> None:
    """Id, title, text and place come from the file."""
    (passage,) = parse_document(GOOD, "returns.md", "en", DEMO)
    assert passage.id == "en/returns#policy"
    assert passage.title == "Returns · Return policy"
    assert passage.text == "Send it back within 7 days."
    assert (passage.path, passage.line) == ("returns.md", 9)


def test_problems_of_all_files_are_told_at_once(tmp_path: Path) -> None:
    """One bad file does not hide another; ids may not repeat."""
    for locale in ("zh", "en"):
        (tmp_path / locale).mkdir()
    (tmp_path / "zh" / "a.md").write_text("no header", "utf-8")
    (tmp_path / "en" / "b.md").write_bytes(b"---\n\xff\xfe")
    (tmp_path / "en" / "c.md").write_text(GOOD, "utf-8")
    (tmp_path / "en" / "d.md").write_text(GOOD, "utf-8")
    with pytest.raises(BadFile) as caught:
        load_passages(tmp_path, DEMO)
    told = str(caught.value)
    assert all(name in told for name in ("a.md:1", "b.md:1", "UTF-8", "d.md:9"))


def test_a_folder_without_documents_is_refused(tmp_path: Path) -> None:
    """An engine without knowledge would only ever escalate."""
    with pytest.raises(BadFile, match="no documents here"):
        load_passages(tmp_path, DEMO)


def test_lines_join_and_lists_stay_lists() -> None:
    """Wrapped paragraphs become one line, items keep their own."""
    text = GOOD.replace(
        "Send it back within 7 days.", "One\ntwo.\n\n- first\n- second\n  more\n"
    )
    (passage,) = parse_document(text, "a.md", "en", DEMO)
    assert passage.text == "One two.\nfirst\nsecond more"
    assert passage.sentences == ("One two.", "first", "second more")


def test_bodies_are_taken_as_they_are_written(
    passages: tuple[Passage, ...],
) -> None:
    """No word and no figure of a file gets lost on the way into a passage."""
    for passage in passages:
        lines = Path(passage.path).read_text("utf-8").split("\n")[passage.line :]
        body = itertools.takewhile(lambda line: not line.startswith("## "), lines)
        written = "".join(line for line in body if not line.startswith("<!--"))
        assert re.sub(r"\s", "", passage.text) == re.sub(r"\s", "", written)


@given(st.text(max_size=400))
def test_any_text_is_read_or_refused(text: str) -> None:
    """Nothing but a complaint with a line can come of a bad file."""
    for body in (text, HEADER + text, GOOD + text):
        passages, problems = read_or_refuse(
            lambda b=body: parse_document(b, "any.md", "zh", DEMO)  # type: ignore[misc]
        )
        assert all(passage.text for passage in passages or ())
        assert all(p.line >= 1 and p.path == "any.md" for p in problems)


@given(st.data())
def test_damaged_documents_are_read_or_refused(data: st.DataObject) -> None:
    """A shipped file with a piece cut out or doubled never crashes the loader."""
    files = sorted(KNOWLEDGE.glob("*/*.md"))
    text = data.draw(st.sampled_from(files)).read_text("utf-8")
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, min(len(text), start + 80)))
    insert = data.draw(st.sampled_from(["", "\x00", "---\n", "## \n", "{#a}", ": "]))
    damaged = text[:start] + insert + text[end:]
    passages, problems = read_or_refuse(
        lambda: parse_document(damaged, "a.md", "zh", DEMO)
    )
    assert bool(passages) != bool(problems)


@given(st.text(alphabet="ab.!?。！？；\n 1ABé”\"')", max_size=80))
def test_sentences_are_slices_that_lose_nothing(text: str) -> None:
    """In order, each stands in the text, and only blanks stand between them."""
    for locale in ("zh", "en"):
        at = 0
        for sentence in split_sentences(text, locale):
            start = text.index(sentence, at)
            assert not text[at:start].strip()
            at = start + len(sentence)
        assert not text[at:].strip()


def test_abbreviated_numbers_do_not_end_a_sentence() -> None:
    """1.7 litres is one figure."""
    text = "It holds 1.7 litres. It boils fast."
    assert split_sentences(text, "en") == ("It holds 1.7 litres.", "It boils fast.")


def test_enough_ships_in_both_languages(passages: tuple[Passage, ...]) -> None:
    """The demo shop has at least 140 Chinese and 120 English passages."""
    by_locale = [passage.locale for passage in passages]
    assert by_locale.count("zh") >= 140
    assert by_locale.count("en") >= 120
    kinds = {passage.header.kind for passage in passages}
    assert kinds == {"policy", "promotion", "product"}


def test_every_product_is_described_in_both_languages(
    passages: tuple[Passage, ...],
) -> None:
    """Each product that is sold, whatever its variants, has specifications, names and at least three passages."""
    catalogue = yamlfile.read(ROOT / "engines/shops/demo/catalog.yaml").data
    families = {
        p.get("family", p["sku"]): p["sku"] for p in catalogue["products"][::-1]
    }
    sold = set(families.values()) - {"GF-20"}
    for locale in ("zh", "en"):
        named = [
            passage.header.products[0]
            for passage in passages
            if passage.locale == locale and passage.header.names
        ]
        assert {sku for sku in named if named.count(sku) >= 3} == sold


def test_passages_agree_with_the_facts_of_the_shop(
    passages: tuple[Passage, ...],
) -> None:
    """Every figure and name that rule packs say from the facts stands in one passage."""
    facts = yamlfile.read(KNOWLEDGE / "facts.yaml").data
    for key, value in facts.items():
        for locale in ("zh", "en"):
            texts = [p.text for p in passages if p.locale == locale]
            assert any(_says(text, value[locale]) for text in texts), (key, locale)


def _says(text: str, fact: str) -> bool:
    """All figures of *fact* are in *text*; without figures, all its names."""
    values = {figure.value for figure in figures(fact)}
    if values:
        return values <= {figure.value for figure in figures(text)}
    return all(name in text for name in re.split(r"[、，, ]+(?:and )?| and ", fact))


def test_no_passage_names_a_price_of_the_catalogue(
    passages: tuple[Passage, ...],
) -> None:
    """Prices change; they are looked up, never quoted from a passage."""
    catalogue = yamlfile.read(ROOT / "engines/shops/demo/catalog.yaml").data
    for product in catalogue["products"]:
        price = rf"(?<!\d){product['price'] // 100}(?!\d)\s?元|CNY {product['price'] // 100}\b"
        for passage in passages:
            if product["sku"] in passage.header.products:
                assert not re.search(price, passage.text), passage.id


def test_synonyms_with_an_empty_group_or_unknown_name_are_refused(
    tmp_path: Path,
) -> None:
    """The word file is as strict as the documents."""
    path = tmp_path / "words.yaml"
    path.write_text("zh:\n  - [快递, 物流]\n  - []\nmust: [快送]\n", "utf-8")
    with pytest.raises(BadFile) as caught:
        load_synonyms(tmp_path / "words.yaml")
    told = str(caught.value)
    assert "words.yaml:3: an empty group" in told
    assert "words.yaml:4: no group is named '快送'" in told
    path.write_text("zh: [[a, 1]]", "utf-8")
    with pytest.raises(BadFile, match=r"words\.yaml:1: .*put it in quotes"):
        load_synonyms(tmp_path / "words.yaml")


@given(st.text(max_size=200))
def test_any_word_file_is_read_or_refused(text: str) -> None:
    """Fuzz: a problem with a line, or synonyms that search without failing."""
    for body in (text, f"zh: [[{text}]]", f"en:\n  - [return, {text}]\n"):
        synonyms, problems = read_or_refuse(
            lambda b=body: read_synonyms(yamlfile.parse(b, "words.yaml"))  # type: ignore[misc]
        )
        assert all(p.path == "words.yaml" and p.line >= 1 for p in problems)
        if synonyms is not None:
            synonyms.phrases["zh"].in_text("退货")
            synonyms.phrases["en"].in_stems(["return"])


def test_products_are_found_by_what_customers_call_them(
    passages: tuple[Passage, ...],
) -> None:
    """Names from headers, in both languages, the longest first."""
    names = {loc: Phrases(facts_of(passages).wordings, loc) for loc in LOCALES}
    assert names["zh"].in_text("我的空气炸锅坏了")[0].names == ("AF-03",)
    assert set(names["zh"].in_text("耳机")[0].names) == {"HP-05", "EB-06"}
    assert names["en"].in_stems(["power", "bank"])[0].names == ("PB-07",)
