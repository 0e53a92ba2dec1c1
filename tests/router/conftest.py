"""Paths, the released router, and a pipeline fitted on a share of our own data."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
import yaml
from router_files import DATA, RELEASED, RULES, STAGES

from router_models.dataset import Dataset, load_dataset, load_intents
from router_models.features import Extractor
from router_models.hard_rules import load_rules
from router_models.heads import Options, head_specs
from router_models.lexicon import load_lexicon
from router_models.measure import Fitted
from router_models.router import TierRouter
from router_models.train import NEUTRAL, Fitting, fit
from router_models.wording import load_wrappers


#: Enough for every label, little enough for seconds.
QUICK = Options(moved_share=0.1, reworded_share=0.1)


@pytest.fixture(scope="session")
def router() -> TierRouter:
    return TierRouter.load(RELEASED, RULES, STAGES / "growth.toml")


@pytest.fixture(scope="session")
def dataset() -> Dataset:
    return load_dataset(DATA)


@pytest.fixture(scope="session")
def fitting() -> Fitting:
    return Fitting(
        extractor=Extractor(load_lexicon(DATA / "concepts.yaml")),
        specs=head_specs(load_intents(DATA / "INTENTS.md")),
        options=QUICK,
        wrappers=load_wrappers(DATA / "wrappers.yaml"),
        rules=load_rules(RULES),
        prices=(NEUTRAL,),
        seed=3,
        tick=lambda what: None,
    )


@pytest.fixture(scope="session")
def fitted(dataset: Dataset, fitting: Fitting) -> Fitted:
    """A pipeline on every fourth group, with the compiled model made of it."""
    return fit([one for one in dataset.examples if _share(one.group, 4)], fitting)


@pytest.fixture(scope="session")
def small_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder like ours with every eighteenth group of it."""
    folder = tmp_path_factory.mktemp("data")
    for name in ("INTENTS.md", "concepts.yaml", "wrappers.yaml"):
        (folder / name).write_bytes((DATA / name).read_bytes())
    for locale in ("zh", "en"):
        (folder / locale).mkdir()
        for path in sorted((DATA / locale).glob("*.yaml")):
            groups = yaml.load(path.read_text("utf-8"), Loader=yaml.BaseLoader)
            kept = [group for group in groups if _share(group["group"], 18)]
            text = msgspec.yaml.encode(_typed(kept)) if kept else b"[]\n"
            (folder / locale / path.name).write_bytes(text)
    return folder


def _share(group: str, parts: int) -> bool:
    return sum(group.encode()) % parts == 0


def _typed(value: object) -> object:
    """BaseLoader reads every scalar as text; flags and nulls are no texts."""
    if isinstance(value, dict):
        return {
            key: _flag(part) if key in {"asks_human", "open_task"} else _typed(part)
            for key, part in value.items()
        }
    return [_typed(part) for part in value] if isinstance(value, list) else value


def _flag(value: object) -> object:
    return {"true": True, "false": False, "null": None}.get(str(value), value)
