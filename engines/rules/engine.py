"""
The engine of tier L1.

It answers what one fixed text answers, walks a customer through a form, and
hands everything else on with a reason. It reads no store and no shop, waits for
nothing and keeps nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final, Literal, Self

from engines.contract import (
    Answer,
    Escalation,
    Locale,
    OpenTask,
    Reason,
    Tier,
    Turn,
)
from engines.rules import folding
from engines.rules.compiling import CompiledPack, compile_pack
from engines.rules.dialogs import Dialog
from engines.rules.loading import load_pack
from engines.rules.matcher import Match, Miss, MissReason
from engines.rules.pack import Intent, Need
from engines.rules.templates import Facts


#: How the sums of a match are done.
Arithmetic = Literal["auto", "native", "plain"]

#: A digression must be this sure if any text would do as a reply.
SURE: Final = 0.9

#: A reply without a value that is longer than this is another matter.
SHORT_REPLY_CHARS: Final = {"zh": 14, "en": 40}

_HANDED_ON: Final[dict[Need, tuple[Reason, Tier]]] = {
    "read": (Reason.NO_MATCH, Tier.L2),
    "action": (Reason.NEEDS_ACTION, Tier.L3),
    "person": (Reason.ASKED_HUMAN, Tier.HUMAN),
    "risk": (Reason.HIGH_RISK, Tier.HUMAN),
}


class RulesEngine:
    """L1: a compiled rule pack that answers turns."""

    def __init__(self, pack: CompiledPack) -> None:
        self._pack = pack
        self.arithmetic: Literal["native", "plain"] = "plain"

    @classmethod
    def load(cls, pack_paths: Sequence[Path | str], facts_path: Path | str) -> Self:
        """
        Load and compile the last of *pack_paths* with the shop's facts.

        The other paths are packs that it may extend by name.

        Raises:
            BadFile: With every problem found, each with file, line and fix.
        """
        return cls(compile_pack(load_pack(pack_paths), Facts.load(facts_path)))

    @property
    def tier(self) -> Tier:
        """Rules answer on L1."""
        return Tier.L1

    @property
    def version(self) -> str:
        """Version of the pack, with a digest of its content."""
        return self._pack.version

    @property
    def intents(self) -> tuple[Intent, ...]:
        """All intents of the pack, inherited ones too."""
        return self._pack.intents

    def use(self, arithmetic: Arithmetic) -> None:
        """
        Choose how to add up from now on; ``auto`` is native where numba is installed.

        Native code is compiled here, once in a process: do it before serving.

        Raises:
            ImportError: If it has to be native and numba is not installed.
        """
        if arithmetic == "plain":
            return
        try:
            self._pack.matcher.use_native()
        except ImportError:
            if arithmetic == "native":
                raise
        else:
            self.arithmetic = "native"

    def match(self, text: str, locale: Locale) -> Match | Miss:
        """Find the intent of a text, for tools and reports."""
        return self._pack.matcher.match(text, locale)

    async def answer(self, turn: Turn) -> Answer | Escalation:
        """Answer *turn* from the pack, or say why not. Never waits."""
        task = turn.open_task
        if task is not None and task.tier is Tier.L1:
            return self._continue(turn, task)
        outcome = self._begin(turn)
        if task is not None and isinstance(outcome, Answer):
            # The task belongs to another tier; a word in between must not end it.
            return _with_task(outcome, outcome.open_task or task)
        return outcome

    def _begin(self, turn: Turn) -> Answer | Escalation:
        if len(turn.text) > folding.MAX_CHARS:
            return _hand_back(Miss(MissReason.TOO_LONG))
        folded = folding.fold(turn.text)
        found = self._pack.matcher.match_folded(folded, turn.locale)
        if isinstance(found, Miss):
            return _hand_back(found)
        return self._serve(found, turn, folded)

    def _serve(self, match: Match, turn: Turn, folded: str) -> Answer | Escalation:
        intent = match.intent
        if intent.needs:
            return _hand_on(intent, intent.needs)
        locale = folding.reply_language(folded, turn.locale)
        dialog = self._pack.dialogs.get(intent.id)
        if dialog is not None:
            return dialog.start(turn.text, locale)
        canned = self._pack.canned[intent.id, locale]
        return Answer(
            text=canned.text,
            citations=canned.citations,
            intent=intent.id,
            confidence=match.confidence,
            is_closing=intent.closes,
        )

    def _continue(self, turn: Turn, task: OpenTask) -> Answer | Escalation:
        dialog = self._pack.dialogs.get(task.name)
        if dialog is None:
            return self._begin(turn)
        folded = folding.fold(turn.text)
        if folding.squeeze(folded) in self._pack.cancel_words:
            return dialog.cancel(task)
        if not dialog.is_current(task):
            return self._start_over(dialog, task, turn)
        return self._reply(dialog, task, turn, folded)

    def _start_over(
        self, dialog: Dialog, task: OpenTask, turn: Turn
    ) -> Answer | Escalation:
        if not dialog.is_attempt(task, turn.text):
            outcome = self._begin(turn)
            if isinstance(outcome, Answer) or outcome.to is not None:
                return outcome
        return dialog.start(turn.text, dialog.state(task).locale)

    def _reply(
        self, dialog: Dialog, task: OpenTask, turn: Turn, folded: str
    ) -> Answer | Escalation:
        found = self._pack.matcher.match(turn.text, turn.locale)
        is_sure = isinstance(found, Match) and found.confidence >= SURE
        if not (is_sure and dialog.waits_for_line(task)):
            accepted = dialog.accept(task, turn.text)
            if accepted is not None:
                return accepted
        if isinstance(found, Match) and not dialog.is_attempt(task, turn.text):
            is_other = found.intent.id != dialog.intent.id
            if is_other and (is_sure or found.intent.needs):
                return self._digress(dialog, task, found, turn)
        return self._retry(dialog, task, turn, folded)

    def _digress(
        self, dialog: Dialog, task: OpenTask, found: Match, turn: Turn
    ) -> Answer | Escalation:
        outcome = self._serve(found, turn, folding.fold(turn.text))
        if isinstance(outcome, Escalation) or outcome.open_task is not None:
            return outcome
        return dialog.back(task, outcome)

    def _retry(
        self, dialog: Dialog, task: OpenTask, turn: Turn, folded: str
    ) -> Answer | Escalation:
        longest = SHORT_REPLY_CHARS[folding.language(folded, turn.locale)]
        if len(folded) > longest and not dialog.is_attempt(task, turn.text):
            return Escalation(reason=Reason.NO_MATCH, note=f"left {dialog.intent.id}")
        again = dialog.retry(task)
        return again or Escalation(
            reason=Reason.STUCK, note=f"no value for {task.waits_for}"
        )


def _hand_on(intent: Intent, need: Need) -> Escalation:
    reason, to = _HANDED_ON[need]
    return Escalation(reason=reason, note=f"rule:{intent.id}", to=to)


def _hand_back(miss: Miss) -> Escalation:
    is_unsure = miss.reason is MissReason.UNSURE
    reason = Reason.LOW_CONFIDENCE if is_unsure else Reason.NO_MATCH
    note = f"{miss.reason}: {miss.nearest.id}" if miss.nearest else str(miss.reason)
    return Escalation(reason=reason, note=note)


def _with_task(answer: Answer, task: OpenTask) -> Answer:
    return Answer(
        text=answer.text,
        citations=answer.citations,
        open_task=task,
        intent=answer.intent,
        confidence=answer.confidence,
    )
