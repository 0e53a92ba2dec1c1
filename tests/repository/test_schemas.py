"""
The schemas that editors use say what the loader says.
"""

from __future__ import annotations

import json
import tomllib
from typing import Any

import jsonschema_rs
import pytest
from source_tree import ROOT

from gateway.cli.config import schema_of_config


COMMITTED = ROOT / "configs" / "schemas" / "tidegate.schema.json"
SHIPPED = ROOT / "configs" / "tidegate.toml"


@pytest.fixture(scope="module")
def validator() -> Any:
    """Checks a tree by the committed schema."""
    return jsonschema_rs.validator_for(json.loads(COMMITTED.read_text()))


def test_the_committed_schema_is_the_one_the_structs_give() -> None:
    """``tidegate config schema > configs/schemas/tidegate.schema.json``."""
    assert COMMITTED.read_bytes() == schema_of_config()


def test_the_shipped_configuration_fits_its_schema(validator: Any) -> None:
    """An editor shows no error in the file we ship."""
    validator.validate(tomllib.loads(SHIPPED.read_text(encoding="utf-8")))


def test_the_shipped_configuration_names_its_schema() -> None:
    """The first line leads an editor to the committed file."""
    first = SHIPPED.read_text(encoding="utf-8").splitlines()[0]
    assert first.startswith("#:schema ")
    assert (SHIPPED.parent / first.removeprefix("#:schema ")) == COMMITTED


@pytest.mark.parametrize(
    "wrong",
    [
        {"serve": {}},
        {"server": {"port": "8080"}},
        {"server": {"port": 70000}},
        {"shops": [{"packs": []}]},
        {"shops": [{"id": "a", "channels": [{"nme": "web"}]}]},
        {"log": {"level": "loud"}},
    ],
)
def test_the_schema_refuses_what_the_loader_refuses(
    validator: Any, wrong: dict[str, Any]
) -> None:
    """Unknown keys, wrong types and values out of bounds show in the editor."""
    assert not validator.is_valid(wrong)


def test_every_section_and_secret_is_described() -> None:
    """Hovering over a section tells what it is for."""
    definitions = json.loads(COMMITTED.read_text())["$defs"]
    silent = [name for name, node in definitions.items() if "description" not in node]
    assert silent in ([], ["LogConfig"])
    channel = definitions["ChannelConfig"]["properties"]
    assert "Bearer key" in channel["key"]["description"]
