"""Small versions of ``tidegate rules hostile`` and ``rules public``."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from engines.rules import hostile, public_sets
from engines.rules.engine import RulesEngine
from engines.rules.pack import Lexicon
from engines.rules.public_sets import Row
from gateway.cli.main import cli


#: Far above what a match needs, far below what a hang would take.
LIMIT_MS = 250.0

TEXTS = {
    "card": ["my card has not come", "where is my new card", "card still not here"],
    "pin": ["how do i change my pin", "i want another pin", "pin change please"],
}


def test_hostile_patterns_and_messages_do_not_hang(engine: RulesEngine) -> None:
    """Whatever is sent, a check and a match end soon; back-references are refused."""
    found = hostile.attack(engine, 120)
    assert found.patterns + found.messages == 120
    assert 0 < found.refused < found.patterns
    assert max(found.check_max_ms, found.match_max_ms) < LIMIT_MS


def test_hostile_inputs_are_many_and_the_same_each_time() -> None:
    """A seed gives the same attack, and no pattern comes twice within a few."""
    assert list(hostile.patterns(50)) == list(hostile.patterns(50))
    assert len(set(hostile.patterns(50))) >= 45
    assert max(map(len, hostile.messages(40))) > 1000


def test_rows_of_a_set_become_intents() -> None:
    """A matcher of labelled rows finds the class of a near wording."""
    rows = [Row(text, label) for label, texts in TEXTS.items() for text in texts]
    tried = public_sets.matcher(rows, Lexicon())
    found = public_sets.count(tried, [Row("where is my card", "card")])
    assert found["likeliest"] == 1
    assert found["wrong"] == 0


@pytest.mark.parametrize("name", sorted(public_sets.SETS))
def test_a_set_that_is_not_there_is_named(tmp_path: Path, name: str) -> None:
    """The file that is missing is told, with exit 2."""
    ran = CliRunner().invoke(cli, ["rules", "public", str(tmp_path), "--set", name])
    assert ran.exit_code == 2
    assert name in ran.stderr


def test_a_set_in_a_folder_is_counted(tmp_path: Path) -> None:
    """Every row is tried once, and shares are of all rows."""
    (tmp_path / "banking77").mkdir()
    rows = [f"{text} {n},{one}" for one in TEXTS for text in TEXTS[one] for n in "abcd"]
    text = "\n".join(["text,category", *rows])
    (tmp_path / "banking77" / "train.csv").write_text(text, encoding="utf-8")
    told = CliRunner().invoke(
        cli, ["rules", "public", str(tmp_path), "--set", "banking77", "--json"]
    )
    (row,) = json.loads(told.stdout)
    assert row["dev"] == len(rows)
    assert row["likeliest"] > 0.9
