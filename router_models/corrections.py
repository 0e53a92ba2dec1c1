"""
What people at the desk said a decision should have been: rows that a model learns from.

One JSON object a line, appended by the gateway and by nobody else. Texts are masked
before they come here; the router masks numbers and addresses anyway.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import msgspec

from engines.contract import Complexity, Emotion, Locale, Risk, Utterance
from router_models.dataset import Example
from router_models.errors import DataError
from router_models.open_task import infer_open_task, inferred_task
from router_models.turns import turn_of


#: File of the corrections under the data folder.
CORRECTIONS = "corrections.jsonl"
_FIX = "write an object with text, locale, complexity, risk, asks_human, needs_person"


class Correction(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """
    One turn with the labels it should have had.

    Attributes:
        needs_person: High risk that no tool may settle.

        by, at_ms: Who said so, and when.

        model: Version that had judged otherwise.
    """

    text: Annotated[str, msgspec.Meta(min_length=1, max_length=20_000)]
    locale: Locale
    complexity: Complexity
    risk: Risk
    asks_human: bool
    needs_person: bool
    emotion: Emotion = Emotion.CALM
    context: tuple[Utterance, ...] = ()
    by: str = ""
    at_ms: int = 0
    model: str = ""


def append(path: Path, correction: Correction) -> None:
    """Add one line to the file at *path*; one write, so lines never mix."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab") as file:
        file.write(msgspec.json.encode(correction) + b"\n")


def read(path: Path) -> list[Correction]:
    """
    Read a file of corrections; of two about the same turn the later one counts.

    Raises:
        DataError: At the first wrong line; names it.
    """
    decoder = msgspec.json.Decoder(Correction)
    found: dict[tuple[object, ...], Correction] = {}
    try:
        lines = path.read_bytes().splitlines()
    except OSError as exc:
        raise DataError(path, str(exc), "name a file of corrections") from exc
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            one = decoder.decode(line)
        except (msgspec.MsgspecError, UnicodeError) as exc:
            raise DataError(path, str(exc), _FIX, f"line {number}") from exc
        found[one.text, one.context] = one
    return list(found.values())


def examples(corrections: Iterable[Correction]) -> list[Example]:
    """Corrections as training examples; each conversation is a group of its own."""
    return [_example(one) for one in corrections]


def _example(one: Correction) -> Example:
    asked = infer_open_task(one.context)
    task = None if asked is None else inferred_task(asked, (one.complexity, one.risk))
    digest = hashlib.sha256(msgspec.json.encode((one.text, one.context))).hexdigest()
    return Example(
        turn=turn_of(one.text, one.locale, one.context, task),
        group=f"correction-{digest[:16]}",
        intent="",
        complexity=one.complexity,
        risk=one.risk,
        asks_human=one.asks_human,
        emotion=one.emotion,
        needs_person=one.needs_person and one.risk is Risk.HIGH,
        continues=None if task is None else False,
    )
