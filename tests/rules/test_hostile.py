"""Any text and any file: a clear outcome, in bounded time, never a crash."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rules_talk import FACTS, HEAD, INTENT, make_turn

from engines import yamlfile
from engines.contract import Answer, Complexity, Escalation, OpenTask, Risk, Tier
from engines.rules.engine import RulesEngine
from engines.rules.loading import load_pack
from engines.rules.matcher import Match, Miss
from engines.rules.wordrules import BadPattern, check_pattern
from engines.yamlfile import BadFile, Problem


quick = settings(
    max_examples=200,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)

#: As accepted by the gateway: no NUL, no lone surrogate.
TEXTS = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=400
)

#: Far above what a match needs, far below what a hang would take.
LIMIT_S = 0.25

HOSTILE = [
    "a" * 100_000,
    "退" * 100_000,
    "(" * 5_000,
    "退货" * 120,
    "ﷺ" * 240,
    "\u202e\u2066\u200b" * 80,
    "👨‍👩‍👧‍👦" * 60,
    "e\u0301" * 120,
    "1" * 240,
    "不退不退不退" * 40,
    "?" * 240,
    "how " * 60,
    "a?" * 120,
    "\x01\x02\x03",
    "\n\n\n\t",
    "",
    " ",
]


def refusals(work: Callable[[], object]) -> tuple[Problem, ...]:
    """Problems of what was refused; none if it was not."""
    try:
        work()
    except BadFile as bad:
        return bad.problems
    return ()


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_messages_are_quick(engine: RulesEngine, text: str):
    """Length, repeats, bidi marks and combining characters do not slow a match."""
    start = time.process_time()
    found = engine.match(text, "zh")
    assert time.process_time() - start < LIMIT_S
    assert isinstance(found, Match | Miss)


@quick
@given(text=TEXTS)
def test_any_text_is_matched_or_missed(engine: RulesEngine, text: str):
    """The matcher never raises, and its confidence is a probability."""
    for locale in ("zh", "en"):
        found = engine.match(text, locale)  # type: ignore[arg-type]  # both are locales
        assert isinstance(found, Miss) or 0.0 <= found.confidence <= 1.0


@quick
@given(
    text=TEXTS,
    data=st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=8),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.text(max_size=8), inner, max_size=3)
        ),
        max_leaves=6,
    ),
    name=st.sampled_from(["presale.size_advice", "invoice.title_info", "gone", ""]),
    waits_for=st.sampled_from(["garment", "weight", "title", "tax_id", "email", "x"]),
    is_current=st.booleans(),
)
def test_any_reply_in_any_state_is_answered(
    engine: RulesEngine,
    text: str,
    data: object,
    name: str,
    waits_for: str,
    is_current: bool,
):
    """Whatever a conversation kept, a turn ends in an answer or an escalation."""
    task = OpenTask(
        tier=Tier.L1,
        name=name,
        waits_for=waits_for,
        complexity=Complexity.SIMPLE,
        risk=Risk.LOW,
        data={"values": data} if not isinstance(data, dict) else data,
        version=engine.version if is_current else "old",
    )
    reply = asyncio.run(engine.answer(make_turn(text, open_task=task)))
    assert isinstance(reply, Answer | Escalation)
    assert not isinstance(reply, Answer) or reply.text.strip()


@quick
@given(text=st.text(max_size=300))
def test_any_file_is_read_or_refused(text: str):
    """The YAML reader ends in data or in a problem with a line."""
    problems = refusals(lambda: yamlfile.parse(text, "any.yaml"))
    assert all(problem.line >= 1 and problem.text for problem in problems)


LINES = (HEAD + "intents:\n" + INTENT).splitlines()


@quick
@given(
    line=st.integers(0, len(LINES) - 1),
    change=st.sampled_from(["drop", "double", "cut", "indent", "text"]),
    text=st.text(max_size=20),
)
def test_any_damage_to_a_pack_is_loaded_or_refused(
    tmp_path: Path, line: int, change: str, text: str
):
    """A damaged pack either still loads, or every problem has file, line and text."""
    lines = list(LINES)
    old = lines.pop(line)
    new = {
        "drop": [],
        "double": [old, old],
        "cut": [old[: len(old) // 2]],
        "indent": ["   " + old],
        "text": [old + text],
    }[change]
    path = tmp_path / "pack.yaml"
    path.write_text("\n".join(lines[:line] + new + lines[line:]), encoding="utf-8")
    problems = refusals(lambda: load_pack([path]))
    assert all(problem.line >= 1 and problem.text for problem in problems)


CATASTROPHIC = ["(a+)+$", "(a|a)*b", "(.*)*x", "([a-z]+)*1", "(a|aa)+$", "(x+x+)+y"]


@pytest.mark.parametrize("pattern", CATASTROPHIC)
def test_catastrophic_expressions_run_in_linear_time(tmp_path: Path, pattern: str):
    """What hangs a backtracking engine is either refused or quick."""
    wording = f"zh: {{patterns: ['{pattern}'], examples:"
    pack = HEAD + "intents:\n" + INTENT.replace("zh: {examples:", wording)
    path = tmp_path / "pack.yaml"
    path.write_text(pack.replace("{{ shop.hours }}", "x"), encoding="utf-8")
    try:
        check_pattern(pattern)
    except BadPattern:
        return
    engine = RulesEngine.load([path], FACTS)
    start = time.process_time()
    engine.match("a" * 200 + "!", "zh")
    assert time.process_time() - start < LIMIT_S


@quick
@given(pattern=st.text(max_size=40))
def test_any_expression_is_accepted_or_refused_with_a_reason(pattern: str):
    """No expression crashes the check."""
    reason = "fine"
    try:
        check_pattern(pattern)
    except BadPattern as bad:
        reason = str(bad)
    assert reason
