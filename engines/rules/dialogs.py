"""
Forms over several turns: ask, read, correct, and answer at the end.

The state travels in the conversation as :class:`~engines.contract.OpenTask`;
nothing is kept here. A dialog of an older pack starts over: its questions may
have changed.

    start ──> asking ──all slots known──> answered
                │ ▲
                │ └── digression answered, or value did not fit
                └──> cancelled | timed out | handed on (person, other tier, stuck)
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from engines.contract import (
    Answer,
    Citation,
    Complexity,
    Locale,
    OpenTask,
    Risk,
    Tier,
)
from engines.rules import values
from engines.rules.forms import Condition, Line, Slot
from engines.rules.pack import Intent, Phrases
from engines.rules.templates import Template


#: Replies that may fail to fit before the dialog is handed on.
MAX_TRIES: Final = 2

#: Seconds after which nobody remembers the open question: 30 minutes.
TIME_OUT_S: Final = 1800


class State(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """
    What a dialog remembers between turns.

    Attributes:
        values: Slot name to value.

        tries: Replies in a row that did not fit.

        locale: Language it was opened in; a name or an address in the other
            script does not change it.

        asked_s: When its question was put, in seconds of the engine's clock; 0 if
            nobody noted it.
    """

    values: dict[str, str | int] = {}
    tries: int = 0
    locale: Locale = "zh"
    asked_s: int = 0


class Dialog:
    """One intent with slots, in all languages, with its answers compiled."""

    def __init__(
        self,
        intent: Intent,
        answers: Mapping[Locale, Template],
        cases: Mapping[Locale, tuple[Template, ...]],
        phrases: Phrases,
        version: str,
    ) -> None:
        self.intent = intent
        self._answers = answers
        self._cases = cases
        self._phrases = phrases
        self._version = version

    def start(self, text: str, locale: Locale) -> Answer:
        """Open the dialog; what the first message already says is not asked."""
        known = self._read(text, "", {})
        return self._advance(State(values=known, locale=locale), locale)

    def accept(self, task: OpenTask, text: str) -> Answer | None:
        """
        Take a reply to the open question, or a correction of an earlier one.

        Returns None if the message holds no value for this dialog.
        """
        state = self.state(task)
        read = self._read(text, task.waits_for, state.values)
        if not read:
            return None
        changed = [n for n, v in read.items() if state.values.get(n, v) != v]
        known = {**state.values, **read}
        answer = self._advance(State(values=known, locale=state.locale), state.locale)
        if not changed:
            return answer
        text = self._phrases.corrected.get(state.locale) + answer.text
        return msgspec.structs.replace(answer, text=text)

    def retry(self, task: OpenTask) -> Answer | None:
        """Put the question again with its hint; None after too many tries."""
        state = self.state(task)
        locale = state.locale
        if state.tries >= MAX_TRIES:
            return None
        slot = self._slot(task.waits_for)
        text = f"{slot.hint.get(locale)}\n{slot.prompt.get(locale)}"
        state = msgspec.structs.replace(state, tries=state.tries + 1)
        return self._say(text, self._task(slot, state))

    def back(self, task: OpenTask, answer: Answer) -> Answer:
        """Answer another matter in between, and return to the open question."""
        locale = self.state(task).locale
        prompt = self._slot(task.waits_for).prompt.get(locale)
        text = f"{answer.text}\n{self._phrases.back.get(locale)}{prompt}"
        return msgspec.structs.replace(
            answer, text=text, open_task=task, is_closing=False
        )

    def cancel(self, task: OpenTask) -> Answer:
        """Give the dialog up, as the customer wishes."""
        return self._say(self._phrases.cancelled.get(self.state(task).locale), None)

    def is_current(self, task: OpenTask) -> bool:
        """Tell if *task* was written by this version and can be continued."""
        if task.version != self._version:
            return False
        return any(slot.name == task.waits_for for slot in self.intent.slots)

    def is_over(self, task: OpenTask, now_s: int) -> bool:
        """Tell if the open question is older than anybody remembers."""
        asked_s = self.state(task).asked_s
        return bool(asked_s) and now_s - asked_s > TIME_OUT_S

    def waits_for_line(self, task: OpenTask) -> bool:
        """Tell if any text would do as a reply."""
        return isinstance(self._slot(task.waits_for).check, Line)

    def is_attempt(self, task: OpenTask, text: str) -> bool:
        """Tell if *text* was meant as a reply, though no value could be read."""
        return any(
            values.is_attempt(slot.check, text)
            for slot in self.intent.slots
            if slot.name == task.waits_for
        )

    def state(self, task: OpenTask) -> State:
        """Read the dialog's own state; broken state counts as none."""
        try:
            return msgspec.convert(task.data, State)
        except msgspec.ValidationError:
            return State()

    def _read(
        self, text: str, asked: str, known: Mapping[str, values.Value]
    ) -> dict[str, values.Value]:
        """Read all values of *text*: the asked one bare, the others if marked."""
        found: dict[str, values.Value] = {}
        for slot in self.intent.slots:
            if _is_ruled_out(slot.ask_if, {**known, **found}):
                continue
            value = values.read(slot.check, text, is_asked=slot.name == asked)
            if value is not None:
                found[slot.name] = value
        return found

    def _advance(self, state: State, locale: Locale) -> Answer:
        for slot in self.intent.slots:
            is_open = slot.name not in state.values
            if is_open and _fits_all(slot.ask_if, state.values):
                return self._say(slot.prompt.get(locale), self._task(slot, state))
        return self._finish(state.values, locale)

    def _finish(self, known: Mapping[str, values.Value], locale: Locale) -> Answer:
        checks = {slot.name: slot.check for slot in self.intent.slots}
        titles = {
            name: values.title(check, known[name], locale) if name in known else ""
            for name, check in checks.items()
        }
        text = self._template(known, locale).render(titles)
        title = self.intent.title.get(locale)
        source = Citation(id=f"rule:{self.intent.id}", title=title, quote=text)
        return Answer(text=text, citations=(source,), intent=self.intent.id)

    def _template(self, known: Mapping[str, values.Value], locale: Locale) -> Template:
        for case, template in zip(self.intent.cases, self._cases[locale], strict=True):
            if _fits_all(case.when, known):
                return template
        return self._answers[locale]

    def _slot(self, name: str) -> Slot:
        return next(slot for slot in self.intent.slots if slot.name == name)

    def _task(self, slot: Slot, state: State) -> OpenTask:
        data: dict[str, Any] = msgspec.to_builtins(state)
        return OpenTask(
            tier=Tier.L1,
            name=self.intent.id,
            waits_for=slot.name,
            complexity=Complexity.SIMPLE,
            risk=Risk.LOW,
            data=data,
            version=self._version,
        )

    def _say(self, text: str, task: OpenTask | None) -> Answer:
        return Answer(text=text, open_task=task, intent=self.intent.id)


def _is_ruled_out(
    conditions: Mapping[str, Condition], known: Mapping[str, values.Value]
) -> bool:
    """Tell if a condition is known not to hold; an open one may hold later."""
    return any(
        name in known and not _fits(condition, known[name])
        for name, condition in conditions.items()
    )


def _fits_all(
    conditions: Mapping[str, Condition], known: Mapping[str, values.Value]
) -> bool:
    return all(
        name in known and _fits(condition, known[name])
        for name, condition in conditions.items()
    )


def _fits(condition: Condition, value: values.Value) -> bool:
    if condition.one_of and str(value) not in condition.one_of:
        return False
    if condition.min is None and condition.max is None:
        return True
    if not isinstance(value, int):
        return False
    is_high_enough = condition.min is None or value >= condition.min
    return is_high_enough and (condition.max is None or value <= condition.max)
