"""Our training set: its size, its shape, and how wrong files are refused."""

from __future__ import annotations

import contextlib
import shutil
from collections import Counter
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from router_files import DATA

from engines.contract import Complexity, Risk, Tier
from router_models.augment import move
from router_models.dataset import Dataset, load_dataset, load_intents
from router_models.errors import DataError
from router_models.split import assert_apart, deal
from router_models.wording import load_wrappers, reword


GROUP = {
    "group": "zh-test",
    "intent": "greeting",
    "complexity": "simple",
    "risk": "low",
    "texts": ["你好"],
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("INTENTS.md", "concepts.yaml", "wrappers.yaml"):
        shutil.copy(DATA / name, tmp_path / name)
    (tmp_path / "zh").mkdir()
    return tmp_path


def _write(folder: Path, *groups: object) -> Path:
    path = folder / "zh" / "t.yaml"
    path.write_text(yaml.safe_dump(list(groups), allow_unicode=True), "utf-8")
    return path


def test_the_set_is_as_large_as_promised(dataset: Dataset) -> None:
    """At least 12,000 Chinese and 6,000 English turns, every tier in both."""
    counts = Counter(one.turn.locale for one in dataset.examples)
    assert counts["zh"] >= 12_000
    assert counts["en"] >= 6_000
    tiers = Counter((one.turn.locale, one.tier) for one in dataset.examples)
    assert all(tiers[locale, tier] >= 900 for locale in ("zh", "en") for tier in Tier)


def test_turns_of_a_task_have_its_labels(dataset: Dataset) -> None:
    """A turn that only supplies what a stated task waits for is labelled like it."""
    for one in dataset.examples:
        task = one.turn.open_task
        if one.continues and task and task.name != "inferred":
            assert (one.complexity, one.risk) == (task.complexity, task.risk), one.turn


def test_labels_of_one_text(folder: Path) -> None:
    """A text may differ from its group; the tier follows from its own labels."""
    entry = {"text": "人工！", "asks_human": True, "emotion": "annoyed"}
    danger = {"text": "着火了", "complexity": "complex", "risk": "high"}
    danger["settled_by"] = "human"
    _write(folder, GROUP | {"texts": ["你好", entry, danger]})
    plain, asks, fire = load_dataset(folder).examples
    assert (plain.tier, asks.tier, fire.tier) == (Tier.L1, Tier.HUMAN, Tier.HUMAN)
    assert fire.needs_person


def test_a_task_is_read_from_the_lines_when_none_is_given(folder: Path) -> None:
    """Groups with lines alone meet the model as bare rows do."""
    lines = [{"role": "customer", "text": "改地址"}]
    lines.append({"role": "assistant", "text": "请提供新地址"})
    _write(folder, GROUP | {"context": lines, "intent": "slot_answer"})
    (one,) = load_dataset(folder).examples
    assert one.turn.open_task is not None
    assert one.turn.open_task.waits_for == "address"
    assert one.continues
    assert one.turn.turn_number == 2


def test_no_and_numbers_are_texts(folder: Path) -> None:
    """A bare no, on or 12345 in a list of texts stays what was written."""
    (folder / "zh" / "t.yaml").write_text(
        "- {group: g, intent: greeting, complexity: simple, risk: low,"
        " texts: [no, on, 12345, 1e3, 2026-01-01]}",
        "utf-8",
    )
    texts = [one.turn.text for one in load_dataset(folder).examples]
    assert texts == ["no", "on", "12345", "1e3", "2026-01-01"]


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"intent": "dance"}, "unknown intent 'dance'"),
        ({"risk": "huge"}, "huge"),
        ({"texts": []}, "no texts"),
        ({"texts": [3.5, {"txt": "a"}]}, "txt"),
        ({"colour": "red"}, "colour"),
        ({"settled_by": "human"}, "without high risk"),
        ({"open_task": {"tier": "L3"}}, "missing required field"),
        ({"context": [{"role": "agent", "text": "a"}]}, "agent"),
    ],
)
def test_a_wrong_group_names_file_group_and_fix(
    folder: Path, change: dict[str, object], what: str
) -> None:
    """A mistake is told with its file, its group and what to write."""
    path = _write(folder, GROUP | change)
    with pytest.raises(DataError) as caught:
        load_dataset(folder)
    text = str(caught.value)
    assert what in text
    assert str(path) in text
    assert "zh-test" in text
    assert caught.value.fix


def test_a_group_name_is_used_once(folder: Path) -> None:
    """Two groups of one name would leak through a split; they are refused."""
    _write(folder, GROUP, GROUP)
    with pytest.raises(DataError, match="is also in"):
        load_dataset(folder)


def test_a_key_given_twice_is_refused(folder: Path) -> None:
    """YAML would drop the first of two equal keys in silence."""
    path = folder / "zh" / "t.yaml"
    path.write_text("- group: a\n  risk: low\n  risk: high\n", "utf-8")
    with pytest.raises(DataError, match="risk"):
        load_dataset(folder)


def test_an_empty_folder_is_told(tmp_path: Path, folder: Path) -> None:
    """No data is an error that says where to put it."""
    with pytest.raises(DataError, match="no training data"):
        load_dataset(folder)
    with pytest.raises(DataError, match=r"INTENTS\.md"):
        load_dataset(tmp_path / "nowhere")


@settings(deadline=None, max_examples=150)
@given(st.binary(max_size=300))
def test_no_bytes_crash_the_loader(
    tmp_path_factory: pytest.TempPathFactory, data: bytes
) -> None:
    """Any file is groups or a DataError."""
    folder = tmp_path_factory.mktemp("fuzz")
    for name in ("INTENTS.md", "concepts.yaml", "wrappers.yaml"):
        shutil.copy(DATA / name, folder / name)
    (folder / "zh").mkdir()
    (folder / "zh" / "a.yaml").write_bytes(data)
    with contextlib.suppress(DataError):
        load_dataset(folder)


@settings(deadline=None)
@given(
    st.dictionaries(
        st.sampled_from([*GROUP, "context", "open_task", "asks_human"]),
        st.none() | st.booleans() | st.text(max_size=5) | st.lists(st.text(max_size=3)),
    )
)
def test_no_group_crashes_the_loader(
    tmp_path_factory: pytest.TempPathFactory, change: dict[str, object]
) -> None:
    """A group with any field of any shape is examples or a DataError."""
    folder = tmp_path_factory.mktemp("fuzz")
    for name in ("INTENTS.md", "concepts.yaml", "wrappers.yaml"):
        shutil.copy(DATA / name, folder / name)
    (folder / "zh").mkdir()
    _write(folder, GROUP | change)
    with contextlib.suppress(DataError):
        load_dataset(folder)


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 10_000), st.integers(2, 8))
def test_no_group_stands_on_both_sides(dataset: Dataset, seed: int, folds: int) -> None:
    """Whatever the seed, a split keeps groups whole and folds alike in size."""
    dealt = deal(dataset.examples, folds, seed)
    sides: dict[str, set[int]] = {}
    for one, fold in zip(dataset.examples, dealt.tolist(), strict=True):
        sides.setdefault(one.group, set()).add(fold)
    assert all(len(folds_of) == 1 for folds_of in sides.values())
    sizes = Counter(dealt.tolist())
    assert max(sizes.values()) < 2 * min(sizes.values())


def test_a_leak_is_noticed(dataset: Dataset) -> None:
    """The check that guards every split fails when a group is on both sides."""
    left, right = dataset.examples[:3], dataset.examples[2:6]
    with pytest.raises(ValueError, match="both sides"):
        assert_apart(left, right)


def test_copies_keep_labels_and_group(dataset: Dataset) -> None:
    """Copies for training change lines or wording, never a label or a group."""
    known = {
        (one.group, one.complexity, one.risk, one.asks_human, one.intent)
        for one in dataset.examples
    }
    wrappers = load_wrappers(DATA / "wrappers.yaml")
    copies = [
        *move(dataset.examples, 0.2, 5),
        *reword(dataset.examples, wrappers, 0.2, 5),
    ]
    assert len(copies) > 1_000
    for one in copies:
        key = (one.group, one.complexity, one.risk, one.asks_human, one.intent)
        assert key in known
        assert one.is_copy


def test_borrowed_lines_come_from_the_given_examples(dataset: Dataset) -> None:
    """Copies of one side of a split carry nothing of the other side."""
    side = [one for one in dataset.examples if sum(one.group.encode()) % 2]
    lines = {one.turn.history for one in side}
    assert {one.turn.history for one in move(side, 0.5, 1)} <= lines


def test_every_intent_has_turns(dataset: Dataset) -> None:
    """The closed list of intents has no dead entry."""
    used = {one.intent for one in dataset.examples}
    assert used == set(load_intents(DATA / "INTENTS.md"))


def test_labels_are_not_one_sided(dataset: Dataset) -> None:
    """Every complexity and risk has at least a tenth of the turns."""
    n = len(dataset.examples)
    for labels, name in ((Complexity, "complexity"), (Risk, "risk")):
        counts = Counter(getattr(one, name) for one in dataset.examples)
        assert all(counts[label] > n / 10 for label in labels)
