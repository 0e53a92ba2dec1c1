"""
Rules for what is not Python: pages, catalogues, store functions, README, locks.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections import Counter
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import click
import pytest
import source_tree
from source_tree import ROOT

from engines.agent.ledger import ActionState
from engines.contract import Complexity, Emotion, Reason, Risk
from gateway.cli.main import cli


WEB = ROOT / "gateway" / "web"
#: ``//host.tld`` with or without a scheme.
ADDRESS = re.compile(r"(?:\b(?:https?|wss?):)?//([A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+)")
#: A name of the SVG language, loaded by nobody.
NAMESPACES = frozenset({"www.w3.org"})
BLANK = re.compile(r"\{(\w+)\}")
HAN = re.compile(r"[\u4e00-\u9fff]")


def foreign_hosts(text: str) -> set[str]:
    """Hosts that *text* names; reserved example names do not count."""
    hosts = set(ADDRESS.findall(text)) - NAMESPACES
    return {host for host in hosts if not host.endswith(".example")}


def test_no_page_names_another_host() -> None:
    """Scripts, styles, fonts and pictures all come from the gateway itself."""
    files = [path for path in WEB.rglob("*") if path.is_file()]
    named = {
        path.name: hosts
        for path in files
        if (hosts := foreign_hosts(path.read_text(encoding="utf-8")))
    }
    assert files
    assert named == {}


@pytest.mark.parametrize(
    "text",
    [
        '<script src="https://cdn.somewhere.net/x.js">',
        "@import url(//fonts.somewhere.com/css);",
        'new WebSocket("wss://live.somewhere.io")',
    ],
)
def test_a_planted_host_is_found(text: str) -> None:
    """The check above can fail."""
    assert foreign_hosts(text)


def catalogue(language: str) -> dict[str, str]:
    """The words of the pages in one language."""
    pairs: list[tuple[str, str]] = []
    for name in (f"chat.{language}.json", f"{language}.json", f"ops.{language}.json"):
        text = (WEB / "i18n" / name).read_text(encoding="utf-8")
        pairs += json.loads(text, object_pairs_hook=list)
    assert len({key for key, _ in pairs}) == len(pairs), "a key stands twice"
    return dict(pairs)


def test_both_languages_say_the_same_things() -> None:
    """Same keys, same blanks, and no empty text."""
    zh, en = catalogue("zh"), catalogue("en")
    assert zh.keys() == en.keys()
    differing = [
        key for key in zh if set(BLANK.findall(zh[key])) != set(BLANK.findall(en[key]))
    ]
    assert differing == []
    assert [key for key in zh if not zh[key].strip() or not en[key].strip()] == []


def test_the_english_catalogue_is_english() -> None:
    """Only the button that leads to Chinese may be written in Chinese."""
    odd = {key for key, text in catalogue("en").items() if HAN.search(text)}
    assert odd <= {"app.language", "app.language_label"}


def test_pages_ask_for_words_that_exist() -> None:
    """An unknown key would show itself to a customer."""
    known = catalogue("zh")
    rooms = {key.split(".")[0] for key in known}
    pages = [p.read_text(encoding="utf-8") for p in WEB.glob("*.*") if p.is_file()]
    asked = set(re.findall(r"[\"'`]([a-z]+\.[a-z_]+)[\"'`]", "\n".join(pages)))
    asked = {key for key in asked if key.split(".")[0] in rooms}
    assert len(asked) > 20
    assert asked - known.keys() == set()


def test_every_code_that_a_page_shows_has_words() -> None:
    """What the gateway sends as a closed code is shown as a sentence."""
    codes = {
        "reason": Reason,
        "risk": Risk,
        "complexity": Complexity,
        "emotion": Emotion,
        "action": ActionState,
    }
    wanted = {f"{room}.{code}" for room, kind in codes.items() for code in kind}
    assert wanted - catalogue("zh").keys() == set()


LUA = sorted((ROOT / "gateway/store/lua").glob("*.lua"))


@pytest.mark.parametrize("path", LUA, ids=lambda path: path.stem)
def test_a_store_function_starts_with_its_data_dictionary(path: Path) -> None:
    """Purpose, KEYS, ARGV and REPLY stand before the first line of code."""
    text = path.read_text(encoding="utf-8")
    head, found, _ = text.partition("]]")
    assert found, "no closed comment block"
    assert re.match(r"(#!lua[^\n]*\n)?--\[\[\n\S", head)
    for section in ("KEYS", "ARGV", "REPLY"):
        assert re.search(rf"^{section}\b", head, re.MULTILINE), section


@pytest.mark.parametrize("path", LUA, ids=lambda path: path.stem)
def test_a_store_function_uses_no_key_and_argument_it_does_not_name(path: Path) -> None:
    """Every KEYS[n] and ARGV[n] of the code stands in the dictionary."""
    head, _, code = path.read_text(encoding="utf-8").partition("]]")
    keys, _, arguments = head.partition("\nARGV")
    for name, told in (("KEYS", keys), ("ARGV", arguments)):
        used = {int(n) for n in re.findall(rf"{name}\[(\d+)\]", code)}
        named = {int(n) for n in re.findall(r"(?:^|\s)(\d+)(?=\s|\+|\.\.)", told)}
        assert used <= named, f"{name} {sorted(used - named)}"


README = (ROOT / "README.md").read_text(encoding="utf-8")


def readme_paths() -> Iterator[str]:
    """Paths in backticks and links; in the code map relative to the row's room."""
    for line in README.splitlines():
        row = re.match(r"\| `([a-z_]+/)` \|", line)
        for token in re.findall(r"`([^`\s]+)`", line):
            if re.fullmatch(r"[a-z_.]+(/[\w.…-]*)+|[a-z_]+\.(py|lock|toml)", token):
                path = token.split("…")[0]
                yield f"{row[1]}{path}" if row and path != row[1] else path
    yield from re.findall(r"\]\(([^)#:]+)\)", README)


def test_the_readme_names_only_what_is_there() -> None:
    """Its code map, its path of a message and its links lead somewhere."""
    named = list(readme_paths())
    assert len(named) > 20
    gone = [
        name
        for name in named
        if not (ROOT / name).exists() and not name.startswith(("v1/", ".tidegate"))
    ]
    assert gone == []


def test_links_inside_the_readme_lead_to_a_heading() -> None:
    """A link to a section finds it."""
    headings = {
        re.sub(r"[^\w-]", "", title.strip().lower().replace(" ", "-"))
        for title in re.findall(r"^#+ (.+)$", README, re.MULTILINE)
    }
    assert set(re.findall(r"\]\(#([^)]+)\)", README)) <= headings


def test_the_code_map_names_every_room() -> None:
    """A newcomer finds each package of the engines and the gateway in the table."""
    named = set(readme_paths())
    rooms = {
        f"{folder.relative_to(ROOT)}/"
        for top in ("engines", "gateway")
        for folder in (ROOT / top).iterdir()
        if (folder / "__init__.py").exists()
    }
    assert rooms - named == set()


def readme_commands() -> list[str]:
    """Every call of the command line that the README shows."""
    blocks = re.findall(r"```sh\n(.*?)```", README, re.DOTALL)
    lines = [line.split("#")[0] for block in blocks for line in block.splitlines()]
    inline = re.findall(r"`(tidegate [^`]+)`", README)
    calls = re.findall(r"(?:^|/|\s)(tidegate [^&\n]+)", "\n".join(lines))
    return [*calls, *inline]


def unknown_words(call: str) -> list[str]:
    """Parts of a call that the command line does not have."""
    words = re.sub(r"\"[^\"]*\"", "TEXT", call).split()[1:]
    unknown: list[str] = []
    for choice in re.split(r"\s\|\s", " ".join(words)):
        unknown += _unknown(choice.split(), words)
    return unknown


def _unknown(words: list[str], first: list[str]) -> list[str]:
    command: click.Command = cli
    # "loadtest path | faults": a choice after the bar belongs to the same group.
    if words != first and words[0] not in cli.commands:
        command = cli.commands[first[0]]
    while isinstance(command, click.Group) and words and words[0] in command.commands:
        command = command.commands[words[0]]
        words = words[1:]
    options = {name for param in command.params for name in param.opts}
    flags = [word for word in words if word.startswith("--")]
    is_group = isinstance(command, click.Group)
    return [flag for flag in flags if flag not in options] + (words if is_group else [])


def test_the_readme_shows_only_commands_that_exist() -> None:
    """Every command and flag it shows is known to the command line."""
    calls = readme_commands()
    assert len(calls) > 8
    assert {call: odd for call in calls if (odd := unknown_words(call))} == {}


@pytest.mark.parametrize("call", ["tidegate fly", "tidegate serve --sideways"])
def test_a_planted_command_is_found(call: str) -> None:
    """The check above can fail."""
    assert unknown_words(call)


def test_the_license_is_the_one_that_is_declared() -> None:
    """Apache-2.0, in full."""
    text = (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert "Apache License" in text
    assert "END OF TERMS AND CONDITIONS" in text


def lock_files() -> list[Path]:
    """Every file that pins what is installed."""
    found = [
        path
        for folder in (ROOT, ROOT / ".ci")
        for pattern in ("*.lock", "pylock*.toml", "requirements*.txt")
        for path in folder.glob(pattern)
    ]
    return sorted(found)


def test_lock_files_are_there_and_name_no_host() -> None:
    """What is pinned is pinned by hash and installs from any mirror."""
    locks = lock_files()
    assert locks
    for lock in locks:
        text = lock.read_text(encoding="utf-8")
        assert not re.search(r"https?://|--(extra-)?index-url|--find-links", text), lock


PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))[
    "project"
]
#: Used by name, not by import: servers' parts, and data.
USED_BY_NAME = frozenset({"httptools", "tzdata", "uvloop"})


def declared() -> set[str]:
    """Distributions the project says it needs at run time."""
    extras = PROJECT["optional-dependencies"]
    lines = [
        *PROJECT["dependencies"],
        *extras["fast"],
        *extras["dense"],
        *extras["locust"],
        *extras["peers"],
        *extras["simulation"],
        *extras["mcp"],
    ]
    return {plain(re.split(r"[\s<>=!~;\[]", line)[0]) for line in lines}


def plain(name: str) -> str:
    """The normal form of a distribution's name."""
    return re.sub(r"[-_.]+", "-", name).lower()


def imported() -> set[str]:
    """Distributions that modules import."""
    owners = packages_distributions()
    sources = source_tree.read()
    return {
        plain(owners.get(one.name.split(".")[0], [one.name.split(".")[0]])[0])
        for name, text in sources.items()
        if name != "loadtest.dashboards.build"
        for one in source_tree.imports(name, text, sources)
        if source_tree.is_foreign(one.name)
    }


def test_what_is_imported_is_declared_and_the_other_way_round() -> None:
    """No dependency comes in through another one, none is carried for nothing."""
    assert imported() - declared() == set()
    assert declared() - imported() - USED_BY_NAME - {"numba"} == set()


def test_no_two_test_modules_share_a_name() -> None:
    """One process that collects both would take the one for the other."""
    names = Counter(path.name for path in (ROOT / "tests").rglob("*.py"))
    del names["conftest.py"]
    assert not [name for name, count in names.items() if count > 1]
