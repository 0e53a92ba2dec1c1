"""
How one compiled pack serves a turn: match, answer, walk through a form, hand on.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Final

from msgspec.structs import replace

from engines.contract import Answer, Escalation, Locale, OpenTask, Reason, Tier, Turn
from engines.rules import folding
from engines.rules.compiling import Canned, CompiledPack
from engines.rules.conditions import Scene
from engines.rules.dialogs import Dialog
from engines.rules.matcher import Match, Miss, MissReason
from engines.rules.pack import Intent, Need


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


#: Whether the shop's own documents answer a turn.
KnowsBetter = Callable[[Turn], bool]


#: Name of the stage that a turn's shop is in; empty if nobody knows.
StageOf = Callable[[Turn], str]


def nobody(_: Turn) -> bool:
    """There are no documents of the shop's own."""
    return False


def no_stage(_: Turn) -> str:
    """Nobody knows the stage."""
    return ""


class PackServer:
    """Serves turns from one pack, which never changes under a turn."""

    def __init__(
        self,
        pack: CompiledPack,
        now: Callable[[], datetime],
        knows_better: KnowsBetter = nobody,
        stage_of: StageOf = no_stage,
    ) -> None:
        self.pack = pack
        self._now = now
        self._knows_better = knows_better
        self._stage_of = stage_of

    def answer(self, turn: Turn) -> Answer | Escalation:
        """Answer *turn* from the pack, or say why not."""
        task = turn.open_task
        if task is not None and task.tier is Tier.L1:
            return self._noted(self._continue(turn, task))
        outcome = self._noted(self._begin(turn))
        if task is not None and isinstance(outcome, Answer):
            # The task belongs to another tier; a word in between must not end it.
            return _with_task(outcome, outcome.open_task or task)
        return outcome

    def _noted(self, outcome: Answer | Escalation) -> Answer | Escalation:
        """Note on a question of a dialog when it was put."""
        task = outcome.open_task if isinstance(outcome, Answer) else None
        if not isinstance(outcome, Answer) or task is None:
            return outcome
        data = {**task.data, "asked_s": int(self._now().timestamp())}
        return replace(outcome, open_task=replace(task, data=data))

    def _begin(self, turn: Turn) -> Answer | Escalation:
        if len(turn.text) > folding.MAX_CHARS:
            return _hand_back(Miss(MissReason.TOO_LONG))
        folded = folding.fold(turn.text)
        found = self.pack.matcher.match_folded(folded, turn.locale)
        if isinstance(found, Miss):
            return _hand_back(found)
        return self._serve(found, turn, folded)

    def _serve(self, match: Match, turn: Turn, folded: str) -> Answer | Escalation:
        intent = match.intent
        if intent.needs:
            return _hand_on(intent, intent.needs)
        if intent.id in self.pack.statements and self._is_left(turn):
            return _hand_back(Miss(MissReason.UNKNOWN, intent))
        condition = self.pack.conditions.get(intent.id)
        if condition is not None and not condition.holds(self._scene(turn)):
            return _hand_back(Miss(MissReason.UNKNOWN, intent))
        locale = folding.reply_language(folded, turn.locale)
        dialog = self.pack.dialogs.get(intent.id)
        if dialog is not None:
            return dialog.start(turn.text, locale)
        canned = self._canned(intent.id, locale, turn)
        return Answer(
            text=canned.text,
            citations=canned.citations,
            intent=intent.id,
            confidence=match.confidence,
            is_closing=intent.closes,
        )

    def _is_left(self, turn: Turn) -> bool:
        """True if what a pack says of shops is left to this shop's documents."""
        return not self.pack.is_vouched or self._knows_better(turn)

    def _scene(self, turn: Turn) -> Scene:
        stage = self._stage_of(turn)
        return Scene(turn.channel, self._now(), stage, turn.is_repeat_contact)

    def _canned(self, intent_id: str, locale: Locale, turn: Turn) -> Canned:
        """Answer of an intent: the first offer that is in force, else the usual."""
        for offer in self.pack.offers.get((intent_id, locale), ()):
            if offer.condition.holds(self._scene(turn)):
                return offer.canned
        return self.pack.canned[intent_id, locale]

    def _continue(self, turn: Turn, task: OpenTask) -> Answer | Escalation:
        dialog = self.pack.dialogs.get(task.name)
        if dialog is None:
            return self._begin(turn)
        folded = folding.fold(turn.text)
        if folding.squeeze(folded) in self.pack.cancel_words:
            return dialog.cancel(task)
        if not dialog.is_current(task):
            return self._start_over(dialog, task, turn)
        if dialog.is_over(task, int(self._now().timestamp())):
            return self._after_pause(dialog, task, turn)
        return self._reply(dialog, task, turn, folded)

    def _start_over(
        self, dialog: Dialog, task: OpenTask, turn: Turn
    ) -> Answer | Escalation:
        if not dialog.is_attempt(task, turn.text):
            outcome = self._begin(turn)
            if isinstance(outcome, Answer) or outcome.to is not None:
                return outcome
        return dialog.start(turn.text, dialog.state(task).locale)

    def _after_pause(
        self, dialog: Dialog, task: OpenTask, turn: Turn
    ) -> Answer | Escalation:
        """Forget a dialog that timed out, unless its question is answered after all."""
        if not dialog.is_attempt(task, turn.text):
            return self._begin(turn)
        return dialog.start(turn.text, dialog.state(task).locale)

    def _reply(
        self, dialog: Dialog, task: OpenTask, turn: Turn, folded: str
    ) -> Answer | Escalation:
        found = self.pack.matcher.match(turn.text, turn.locale)
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
