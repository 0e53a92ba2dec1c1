"""Broken packs are refused with file, line and what to do."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from rules_talk import HEAD, INTENT, SMALL_FACTS

from engines.rules.engine import RulesEngine
from engines.rules.matcher import Match
from engines.yamlfile import BadFile


Write = Callable[..., Path]


def load(path: Path, *before: Path) -> RulesEngine:
    return RulesEngine.load([*before, path], path.parent / "facts.yaml")


def refusal(write: Write, text: str) -> str:
    path = write(text)
    with pytest.raises(BadFile) as caught:
        load(path)
    assert all(problem.path.endswith(".yaml") for problem in caught.value.problems)
    return str(caught.value)


def test_small_pack_loads(write_pack: Write):
    """The pack that the tests below break is sound itself."""
    engine = load(write_pack(HEAD + "intents:\n" + INTENT))
    assert isinstance(engine.match("几点开门", "zh"), Match)


BROKEN = {
    "unknown key, nearest name": (
        INTENT.replace("title:", "titel:"),
        ["small.yaml:11:", "unknown key 'titel'", "did you mean 'title'?"],
    ),
    "unknown key inside a wording": (
        INTENT.replace("zh: {examples:", "zh: {exampels:"),
        [":12:", "unknown key 'exampels'", "did you mean 'examples'?"],
    ),
    "number where text is expected": (
        INTENT.replace("几点开门", "233"),
        [":12:", "text is expected", "put it in quotes"],
    ),
    "unknown need": (
        INTENT + "    needs: reed\n",
        [":14:", "'reed'", "did you mean 'read'?"],
    ),
    "missing key": (
        INTENT.replace("id: hours", "priority: 5"),
        ["missing key `id`"],
    ),
    "key twice": (
        INTENT + "    title: {zh: 又一个, en: again}\n",
        [":14:", "'title' stands here twice"],
    ),
    "intent twice": (INTENT + INTENT, [":14:", "stands at", ":10 already"]),
    "example in two intents": (
        INTENT + INTENT.replace("id: hours", "id: times"),
        [":16:", "'几点开门' belongs to 'hours' already"],
    ),
    "fact that does not exist": (
        INTENT.replace("shop.hours", "shop.huors"),
        [":12:", "shop.huors does not exist", "did you mean 'hours'?"],
    ),
    "loop in a template": (
        INTENT.replace("{{ shop.hours }}", "{% for a in 'x' %}{% endfor %}"),
        [":12:", "templates may not use"],
    ),
    "call in a template": (
        INTENT.replace("{{ shop.hours }}", "{{ shop.hours.upper() }}"),
        [":12:", "templates may not use call"],
    ),
    "expression that is not linear": (
        INTENT.replace("{examples:", "{patterns: ['(?=a)b'], examples:", 1),
        [":12:", "(?=a)b", "not linear-time"],
    ),
    "backreference": (
        INTENT.replace("{examples:", "{patterns: ['(a)\\1'], examples:", 1),
        [":12:", "not linear-time"],
    ),
    "huge repeat": (
        INTENT.replace("{examples:", "{patterns: ['(a{500}){500}'], examples:", 1),
        [":12:", "not linear-time"],
    ),
    "expression for everything": (
        INTENT.replace("{examples:", "{patterns: ['a*'], examples:", 1),
        [":12:", "would fit every message"],
    ),
    "no answer in one language": (
        INTENT.replace(', answer: "{{ shop.hours }}"}', "}", 1),
        ["'hours' has no zh answer"],
    ),
    "answer nobody would see": (
        INTENT + "    needs: read\n",
        ["would see this answer"],
    ),
    "unknown related intent": (
        INTENT + "    related: [hour]\n",
        [":14:", "there is no intent 'hour'", "did you mean 'hours'?"],
    ),
    "exclusion that hits an example": (
        INTENT.replace("{examples:", "{exclude: [开门], examples:", 1),
        [":12:", "ruled out by the exclusion '开门'"],
    ),
    "rule without words": (
        INTENT.replace("{examples:", "{keywords: [{none: [门]}], examples:", 1),
        [":12:", "a rule without words"],
    ),
    "alias": (
        INTENT.replace("[几点开门, 营业时间]", "&a [几点开门]") + "    related: *a\n",
        ["anchors and aliases are not allowed"],
    ),
    "tag": (
        INTENT.replace("id: hours", "id: !!python/name:os.system hours"),
        ["tag", "is not allowed"],
    ),
    "bad syntax": (INTENT + "  : [", ["not valid YAML"]),
    "slot name twice": (
        INTENT
        + "    slots:\n"
        + "      - {name: a, check: {kind: email}, prompt: {zh: 一, en: a}, "
        "hint: {zh: 一, en: a}}\n" * 2,
        [":16:", "'a' is not a name of its own"],
    ),
    "case over an unknown slot": (
        INTENT + "    cases: [{when: {size: {min: 1}}, answer: {zh: 一, en: a}}]\n",
        [":14:", "there is no slot 'size'"],
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_problem_names_file_line_and_fix(write_pack: Write, name: str):
    """What is wrong, where, and what to do: enough to mend it without a developer."""
    intents, expected = BROKEN[name]
    text = refusal(write_pack, HEAD + "intents:\n" + intents)
    assert [part for part in expected if part not in text] == []


def test_all_problems_are_told_at_once(write_pack: Write):
    """A writer does not have to load the pack once for every mistake."""
    intents = INTENT.replace("shop.hours", "shop.huors") + "    related: [nope]\n"
    first = refusal(write_pack, HEAD + "intents:\n" + intents)
    assert "nope" in first
    broken = INTENT.replace("shop.hours", "shop.huors")
    assert refusal(write_pack, HEAD + "intents:\n" + broken).count("huors") == 2


def test_missing_file_is_a_problem_not_a_crash(tmp_path: Path):
    """A path that does not exist is told like any other mistake."""
    (tmp_path / "facts.yaml").write_text(SMALL_FACTS, encoding="utf-8")
    with pytest.raises(BadFile, match=r"none\.yaml:1: cannot be read"):
        load(tmp_path / "none.yaml")


def test_file_that_is_not_utf_8_is_a_problem(tmp_path: Path):
    """A file saved in another encoding is named, with the place."""
    path = tmp_path / "pack.yaml"
    path.write_bytes("pack: 潮汐".encode("gbk"))
    with pytest.raises(BadFile, match="is not UTF-8 at byte"):
        load(path)


@pytest.mark.parametrize("opening", ["[", "- ", "{a: ", "? "])
def test_a_file_nested_beyond_all_reason_is_a_problem(
    tmp_path: Path, opening: str
) -> None:
    """The C library would end the process over it, and a reload with it a gateway."""
    path = tmp_path / "pack.yaml"
    path.write_text(opening * 40_000, encoding="utf-8")
    with pytest.raises(BadFile, match="nested deeper than 24 levels"):
        load(path)


def test_empty_fact_is_a_problem(write_pack: Write):
    """A fact that says nothing in a language would leave a hole in an answer."""
    path = write_pack(HEAD + "intents:\n" + INTENT, facts="hours: {zh: '', en: x}\n")
    with pytest.raises(BadFile, match="fact 'hours' says nothing in zh"):
        load(path)


SHOP = """\
pack: shop
version: "2"
extends: small
intents:
  - id: hours
    title: {zh: 营业时间, en: Hours}
    zh: {examples: [几点开门], answer: 不打烊}
    en: {examples: [when do you open], answer: always}
"""


def test_shop_pack_replaces_inherited_intents(write_pack: Write):
    """A shop's own intent of the same id takes the place of the inherited one."""
    write_pack(HEAD + "intents:\n" + INTENT)
    engine = load(write_pack(SHOP, "shop.yaml"))
    assert [intent.title.en for intent in engine.intents] == ["Hours"]
    assert engine.version.startswith("shop@2+")


def test_pack_below_may_lie_elsewhere(write_pack: Write):
    """A pack given before this one is found by its name, wherever it lies."""
    base = write_pack(HEAD + "intents:\n" + INTENT, "elsewhere/base_pack.yaml")
    engine = load(write_pack(SHOP, "shop.yaml"), base)
    assert isinstance(engine.match("几点开门", "zh"), Match)


def test_inherited_intent_can_be_removed(write_pack: Write):
    """What a shop does not want is taken away by its id."""
    other = INTENT.replace("hours", "other", 1).replace("几点开门, 营业时间", "别的")
    other = other.replace("when do you open, opening hours", "another thing")
    write_pack(HEAD + "intents:\n" + INTENT + other)
    shop = 'pack: shop\nversion: "2"\nextends: small\nremove: [other]\n'
    engine = load(write_pack(shop, "shop.yaml"))
    assert [intent.id for intent in engine.intents] == ["hours"]


CHAINS = {
    "extends a pack that is not there": ("extends: smal", "'smal' was not found"),
    "extends itself": ("extends: shop", "extends itself in a circle"),
    "removes what is not there": (
        "extends: small\nremove: [hour]",
        "there is no inherited intent 'hour'",
    ),
    "part outside of the folder": ("parts: [../small.yaml]", "lies outside"),
    "part that is not there": ("parts: [more.yaml]", "cannot be read"),
    "no phrases": ("", "no phrases"),
    "unknown wordless intent": ("extends: small\nwordless: hour", "no intent 'hour'"),
}


@pytest.mark.parametrize("name", CHAINS)
def test_broken_chain_of_packs_is_refused(write_pack: Write, name: str):
    """Inheritance and parts fail as clearly as a single file does."""
    write_pack(HEAD + "intents:\n" + INTENT)
    head, expected = CHAINS[name]
    path = write_pack(f'pack: shop\nversion: "2"\n{head}\n', "shop.yaml")
    with pytest.raises(BadFile, match=expected):
        load(path)


def test_any_content_change_changes_the_version(write_pack: Write):
    """A dialog that was opened under other questions must not go on."""
    one = load(write_pack(HEAD + "intents:\n" + INTENT)).version
    changed = INTENT.replace("营业时间, en", "开门时间, en")
    other = load(write_pack(HEAD + "intents:\n" + changed)).version
    assert one != other


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ("hours: {zh: 九点, en: 9}\n", r"facts\.yaml:1: text is expected"),
        ("days: {zh: a, en: b}\nhours: {zh: a, eng: b}\n", r"facts\.yaml:2: .*'eng'"),
        ("hours: 9\n", r"facts\.yaml:1: keys and values are expected"),
        ("- hours\n", r"facts\.yaml:1: keys and values are expected"),
    ],
)
def test_broken_facts_are_refused(write_pack: Write, facts: str, expected: str):
    """The page of facts is read as strictly as a pack."""
    path = write_pack(HEAD + "intents:\n" + INTENT, facts=facts)
    with pytest.raises(BadFile, match=expected):
        load(path)
