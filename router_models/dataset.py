"""
Our own training set: groups of turns that share a template and a label.

One YAML file is a list of groups, one folder a language. A group never stands on
both sides of a split, so a figure on unseen groups speaks of unseen wordings.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import msgspec

from engines.contract import (
    Complexity,
    Emotion,
    Locale,
    OpenTask,
    Risk,
    Tier,
    Turn,
    Utterance,
)
from router_models.documents import convert, read_yaml
from router_models.errors import DataError
from router_models.open_task import infer_open_task, inferred_task
from router_models.policy import tier_of
from router_models.turns import turn_of


LOCALES: tuple[Locale, ...] = ("zh", "en")

#: Labels of a task that only its lines tell of, until a router has judged them.
INFERRED = (Complexity.MODERATE, Risk.LOW)

_SHAPE = "a file is a list of groups: group, intent, complexity, risk, texts, …"


class Task(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The open task of a group, as :class:`engines.contract.OpenTask`."""

    tier: Tier
    name: str
    waits_for: str
    complexity: Complexity
    risk: Risk


class Wording(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One text of a group whose labels differ from the group's."""

    text: str
    intent: str | None = None
    emotion: Emotion | None = None
    risk: Risk | None = None
    complexity: Complexity | None = None
    asks_human: bool | None = None
    settled_by: Literal["tool", "human"] | None = None


class Group(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One template: labels, what was said before, and its wordings."""

    group: str
    intent: str
    complexity: Complexity
    risk: Risk
    texts: tuple[str | Wording, ...]
    asks_human: bool = False
    emotion: Emotion = Emotion.CALM
    settled_by: Literal["tool", "human"] = "tool"
    context: tuple[Utterance, ...] | None = None
    open_task: Task | None = None


class Example(msgspec.Struct, frozen=True, kw_only=True):
    """
    One labelled turn.

    Attributes:
        group: Template it comes from.

        needs_person: High risk that no tool may settle.

        continues: True if it only supplies what the open task waits for; None
            if no task is open.

        is_copy: True if it was made of another one, for training alone
            (``augment.py``, ``wording.py``).
    """

    turn: Turn
    group: str
    intent: str
    complexity: Complexity
    risk: Risk
    asks_human: bool
    emotion: Emotion
    needs_person: bool
    continues: bool | None
    is_copy: bool = False

    @property
    def tier(self) -> Tier:
        """The tier that the labels name."""
        return tier_of(
            self.complexity,
            self.risk,
            asks_human=self.asks_human,
            needs_person=self.needs_person,
        )


class Dataset(msgspec.Struct, frozen=True):
    """All examples, and the hash of the files they were read from."""

    examples: tuple[Example, ...]
    sha256: str


def load_dataset(folder: Path) -> Dataset:
    """
    Read ``folder/zh/*.yaml``, ``folder/en/*.yaml`` and the list of intents.

    Raises:
        DataError: If there is nothing to read, or something in it is wrong; names
            file, group and fix.
    """
    intents = load_intents(folder / "INTENTS.md")
    digest = hashlib.sha256()
    for name in ("INTENTS.md", "concepts.yaml", "wrappers.yaml"):
        digest.update(name.encode() + _bytes(folder / name))
    examples: list[Example] = []
    seen: dict[str, Path] = {}
    for locale in LOCALES:
        for path in sorted((folder / locale).glob("*.yaml")):
            digest.update(f"{locale}/{path.name}\0".encode() + path.read_bytes())
            for group in _load_groups(path, intents, seen):
                examples += _examples(group, locale)
    if not examples:
        fix = "put groups into zh/*.yaml and en/*.yaml"
        raise DataError(folder, "holds no training data", fix)
    return Dataset(tuple(examples), digest.hexdigest())


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as exc:
        raise DataError(path, str(exc), "put the file back") from exc


def load_intents(path: Path) -> tuple[str, ...]:
    """Read the closed list of intents: the first cell of each table row."""
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as exc:
        fix = "write a Markdown table with one `intent` a row"
        raise DataError(path, str(exc), fix) from exc
    return tuple(re.findall(r"^\| `([a-z_]+)` \|", text, re.MULTILINE))


def _load_groups(
    path: Path, intents: Sequence[str], seen: dict[str, Path]
) -> list[Group]:
    groups = []
    for number, raw in enumerate(read_yaml(path, list[dict[str, object]], _SHAPE), 1):
        name = str(raw.get("group", f"number {number}"))
        try:
            group = convert(path, raw, Group, _SHAPE)
        except DataError as exc:
            raise DataError(path, _problem(exc), _SHAPE, f"group {name}") from exc
        _check(path, group, intents, seen)
        seen[group.group] = path
        groups.append(group)
    return groups


def _problem(exc: DataError) -> str:
    cause = exc.__cause__
    return str(cause) if cause else str(exc)


def _check(
    path: Path, group: Group, intents: Sequence[str], seen: dict[str, Path]
) -> None:
    where = f"group {group.group}"
    if group.group in seen:
        fix = "give each group its own name"
        raise DataError(path, f"is also in {seen[group.group]}", fix, where)
    if not group.texts:
        raise DataError(path, "has no texts", "write at least one text", where)
    for entry in group.texts:
        labels = _merged(group, entry)
        if labels.intent not in intents:
            fix = "take one from INTENTS.md or add it there"
            raise DataError(path, f"unknown intent {labels.intent!r}", fix, where)
        if labels.settled_by == "human" and labels.risk is not Risk.HIGH:
            fix = "set risk: high, or leave settled_by out"
            problem = f"{labels.text!r} needs a person without high risk"
            raise DataError(path, problem, fix, where)


class _Labels(msgspec.Struct, frozen=True):
    text: str
    intent: str
    complexity: Complexity
    risk: Risk
    asks_human: bool
    emotion: Emotion
    settled_by: str


def _merged(group: Group, entry: str | Wording) -> _Labels:
    own = Wording(entry) if isinstance(entry, str) else entry
    return _Labels(
        own.text,
        own.intent or group.intent,
        own.complexity or group.complexity,
        own.risk or group.risk,
        group.asks_human if own.asks_human is None else own.asks_human,
        own.emotion or group.emotion,
        own.settled_by or group.settled_by,
    )


def _examples(group: Group, locale: Locale) -> list[Example]:
    history = group.context or ()
    opened = _opened(group)
    examples = []
    for entry in group.texts:
        labels = _merged(group, entry)
        examples.append(
            Example(
                turn=turn_of(labels.text, locale, history, opened),
                group=group.group,
                intent=labels.intent,
                complexity=labels.complexity,
                risk=labels.risk,
                asks_human=labels.asks_human,
                emotion=labels.emotion,
                needs_person=labels.settled_by == "human",
                continues=_continues(labels) if opened else None,
            )
        )
    return examples


def _opened(group: Group) -> OpenTask | None:
    """The task of a group, or what its last line asks for, as in bare rows."""
    if group.open_task is not None:
        return OpenTask(**msgspec.structs.asdict(group.open_task))
    asked = infer_open_task(group.context or ())
    return None if asked is None else inferred_task(asked, INFERRED)


def _continues(labels: _Labels) -> bool:
    replies = {"slot_answer", "consent", "refusal"}
    return labels.intent in replies and not labels.asks_human
