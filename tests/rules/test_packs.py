"""The packs that are shipped, and the schemas that editors complete from."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema_rs
import pytest
import yaml
from rules_talk import PACKS, ROOT

from engines import yamlfile
from engines.contract import Locale
from engines.rules.__main__ import schemas
from engines.rules.engine import RulesEngine
from engines.rules.matcher import Match


LOCALES: tuple[Locale, ...] = ("zh", "en")
PACK_FILES = sorted(PACKS.rglob("*.yaml"))


def test_sixty_intents_are_answered_by_the_pack(engine: RulesEngine):
    """At least sixty e-commerce intents get an answer or a dialog."""
    own = [
        intent
        for intent in engine.intents
        if not intent.needs and not intent.id.startswith("base.")
    ]
    assert len(own) >= 60
    assert sum(1 for intent in own if intent.slots) >= 2


@pytest.mark.parametrize("locale", LOCALES)
def test_every_intent_has_twelve_utterances_in_each_language(
    engine: RulesEngine, locale: Locale
):
    """Matching generalises from utterances; fewer than twelve are too few."""
    few = [
        intent.id
        for intent in engine.intents
        if len(set(intent.wording(locale).examples)) < 12
    ]
    assert few == []


def test_no_answer_carries_a_figure_of_the_shop(engine: RulesEngine):
    """Figures come from the page of facts; a pack that repeats one goes stale."""
    figures = ("199", "300", "400-820", "48 小时", "15 天", "7 天", "180")
    wrong = [
        (intent.id, figure)
        for intent in engine.intents
        for locale in LOCALES
        for figure in figures
        if figure in intent.wording(locale).answer
    ]
    assert wrong == []


def test_versions_name_the_pack_and_its_content(engine: RulesEngine):
    """Two engines of the same files agree, so a dialog survives a restart."""
    assert engine.version.startswith("ecommerce@1.0+")


@pytest.mark.parametrize("path", PACK_FILES, ids=lambda path: path.name)
def test_packs_are_plain_yaml(path: Path):
    """Any YAML reader can read them, not only the fast one."""
    with path.open(encoding="utf-8") as file:
        assert isinstance(yaml.safe_load(file), dict)


@pytest.mark.parametrize("name", ["pack.schema.json", "voice.schema.json"])
def test_schemas_are_current(name: str):
    """Run ``python -m engines.rules schemas configs/schemas`` if this fails."""
    path = ROOT / "configs" / "schemas" / name
    assert path.read_text(encoding="utf-8") == schemas()[name]


def validator(name: str) -> jsonschema_rs.Validator:
    path = ROOT / "configs" / "schemas" / name
    return jsonschema_rs.validator_for(json.loads(path.read_text(encoding="utf-8")))


@pytest.mark.parametrize("path", PACK_FILES, ids=lambda path: path.name)
def test_schema_accepts_the_packs_and_not_a_slip(path: Path):
    """An editor that follows the schema agrees with the loader."""
    schema = validator("pack.schema.json")
    data = yamlfile.read(path).data
    assert schema.is_valid(data)
    assert not schema.is_valid({**data, "intetns": []})


def test_schema_accepts_the_voices():
    """The voice's schema fits every shipped voice file."""
    schema = validator("voice.schema.json")
    for path in (ROOT / "configs" / "voice").glob("*.yaml"):
        assert schema.is_valid(yamlfile.read(path).data), path


def test_messages_without_words_are_asked_back(engine: RulesEngine):
    """Signs and emoji alone get a friendly question, not a guess."""
    for text in ("？？？", "😀😀", "...", "！"):
        found = engine.match(text, "zh")
        assert isinstance(found, Match)
        assert found.intent.id == "base.symbols_only"
