"""
What the agent says: answers built from the voice, the records and the ledger.

Every answer carries the citations and actions behind its figures. Nothing here
reads or changes anything.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from engines.agent import asides, wording
from engines.agent.ledger import ActionRecord, ActionState
from engines.agent.plan import Draft, Task
from engines.agent.policy import Clause, limit_of
from engines.agent.recipes import Recipe
from engines.contract import (
    Answer,
    Citation,
    Complexity,
    Escalation,
    Locale,
    OpenTask,
    Reason,
    Risk,
    Tier,
    Turn,
)
from engines.shops.port import Order, OrderLine
from engines.voice import Voice


#: Version of :class:`Task` in open tasks; another version starts over.
TASK_VERSION: Final = "agent/2"
#: Orders or lines shown to choose from.
MAX_CHOICES: Final = 5

SENTENCES: Final[Mapping[str, tuple[str, ...]]] = {
    "agent.ask_order": ("orders",),
    "agent.ask_line": ("order", "lines"),
    "agent.ask_address": ("order",),
    "agent.ask_address_again": (),
    "agent.ask_target": ("order",),
    "agent.ask_others": ("orders",),
    "agent.ask_lines": ("order", "lines"),
    "agent.ask_day": ("order",),
    "agent.ask_phone": ("order",),
    "agent.ask_invoice": ("order",),
    "agent.ask_tax_id": ("order",),
    "agent.ask_quantity": ("order",),
    "agent.ask_evidence": ("order",),
    "agent.item": (),
    "agent.later": ("what",),
    "agent.left_out": ("order", "rule"),
    "agent.awaiting_approval": ("summary",),
    "agent.not_understood": ("question",),
    "agent.no_such_order": ("order", "orders"),
    "agent.no_orders": (),
    "agent.consent": (),
    "agent.consent_cancel": (),
    "agent.still_open": (),
    "agent.changed": (),
    "agent.several": (),
    "agent.expired": (),
    "agent.declined": (),
    "agent.refused": ("rule", "instead"),
    "agent.there_is": ("variants",),
    "agent.not_done": (),
    "agent.next": (),
    **asides.SENTENCES,
}


class Proposed(msgspec.Struct, frozen=True):
    """A written proposal, its words, and the order it is on."""

    record: ActionRecord
    text: str
    order: Order


class Replies:
    """
    Builds answers; immutable, serves all conversations.

    Args:
        voice: Says every sentence.

        recipes: By name, for their risk and their own sentences.
    """

    def __init__(self, voice: Voice, recipes: Mapping[str, Recipe]) -> None:
        voice.require(SENTENCES)
        for recipe in recipes.values():
            voice.require(recipe.sentences)
        self._voice = voice
        self._recipes = recipes

    def ask(
        self, slot: str, task: Task, orders: Sequence[Order], locale: Locale
    ) -> Answer:
        """Ask for the one thing that is missing."""
        text, citations, choices = self._question(slot, task, orders, locale)
        if task.misses:
            text = self._voice.say("agent.not_understood", locale, question=text)
        task = msgspec.structs.replace(task, choices=choices)
        return Answer(
            text=text,
            citations=citations,
            open_task=self.open(task, slot),
            intent=task.draft.recipe,
        )

    def propose(
        self, shown: Sequence[Proposed], task: Task, *, opening: str = ""
    ) -> Answer:
        """Show proposals and ask for one consent, in the proposals' language."""
        first = shown[0].record
        locale: Locale = first.args["locale"]
        is_cancelling = all(one.record.recipe == "cancel_order" for one in shown)
        key = "agent.consent_cancel" if is_cancelling else "agent.consent"
        if not opening and len(shown) > 1:
            opening = "several"
        said = self._voice.say(f"agent.{opening}", locale) if opening else ""
        texts = [one.text.strip() for one in shown]
        if len(shown) > 1:
            mark = self._voice.say("agent.item", locale)
            texts = [f"\n{mark}{text}" for text in texts] + ["\n"]
        # The orders as they are; the later tasks are on what they will be.
        orders = {one.order.id: one.order for one in reversed(shown)}
        return Answer(
            text=f"{said}{''.join(texts)}{self._voice.say(key, locale)}".strip(),
            citations=tuple(
                wording.order_citation(order, locale) for order in orders.values()
            ),
            actions=tuple(wording.action_ref(one.record) for one in shown),
            open_task=self.open(task, "consent"),
            intent=first.recipe,
        )

    def ended(self, record: ActionRecord) -> Answer:
        """Say what the receipt says, or that an operator has to approve it."""
        if record.state is ActionState.AWAITING_APPROVAL:
            text = self._voice.say(
                "agent.awaiting_approval",
                record.args["locale"],
                summary=record.summary,
            )
            return Answer(
                text=text,
                actions=(wording.action_ref(record),),
                intent=record.recipe,
            )
        return self.done(record)

    def done(self, record: ActionRecord) -> Answer:
        """Say what the receipt says."""
        text = self._recipes[record.recipe].done(record, self._voice)
        return Answer(
            text=text.strip(),
            citations=(wording.receipt_citation(record),),
            actions=(wording.action_ref(record),),
            intent=record.recipe,
        )

    def together(self, said: Sequence[Answer]) -> Answer:
        """Answers of one turn as one; the last task that is left open stays open."""
        if len(said) == 1:
            return said[0]
        open_task = next(
            (one.open_task for one in reversed(said) if one.open_task), None
        )
        return Answer(
            text=" ".join(one.text for one in said),
            citations=tuple(cited for one in said for cited in one.citations),
            actions=tuple(action for one in said for action in one.actions),
            open_task=open_task,
            intent=said[-1].intent,
        )

    def later(self, said: Answer, what: str, locale: Locale) -> Answer:
        """Add that one more thing goes to a colleague afterwards."""
        text = self._voice.say("agent.later", locale, what=what)
        return msgspec.structs.replace(said, text=f"{said.text}{text}")

    def left_out(
        self, said: Answer, clause: Clause, draft: Draft, locale: Locale
    ) -> Answer:
        """Add that an order is not among "all of them", and by which clause."""
        rule = clause.rule.said(locale, limit_of(clause))
        text = self._voice.say(
            "agent.left_out", locale, order=draft.order_id, rule=rule
        )
        cited = Citation(
            id=f"policy:{draft.recipe}.{clause.id}", title=rule, quote=rule
        )
        return msgspec.structs.replace(
            said, text=f"{said.text}{text}", citations=(*said.citations, cited)
        )

    def with_asides(
        self, said: Answer | Escalation, turn: Turn, orders: Sequence[Order]
    ) -> Answer | Escalation:
        """A proposal, with what the turn asks about its money answered first."""
        asked = asides.asked_in(turn.text.lower())
        if isinstance(said, Escalation) or not (asked and orders):
            return said
        if said.open_task is None or not said.actions:
            return said
        return asides.answered(said, asked, orders[0], self._voice, turn.locale)

    def with_misses(
        self, said: Answer | Escalation, misses: int
    ) -> Answer | Escalation:
        """The same answer, with how often the customer was not understood."""
        if not isinstance(said, Answer) or said.open_task is None:
            return said
        data = {**said.open_task.data, "misses": misses}
        open_task = msgspec.structs.replace(said.open_task, data=data)
        return msgspec.structs.replace(said, open_task=open_task)

    def with_then(self, said: Answer, then: tuple[Draft, ...]) -> Answer:
        """The same answer, with more to do once its open task is done."""
        if said.open_task is None or not then:
            return said
        task = msgspec.convert(said.open_task.data, Task)
        task = msgspec.structs.replace(task, then=(*task.then, *then))
        data = msgspec.to_builtins(task)
        open_task = msgspec.structs.replace(said.open_task, data=data)
        return msgspec.structs.replace(said, open_task=open_task)

    def not_done(self, record: ActionRecord) -> Answer:
        """Say that the shop refused and nothing changed."""
        return self.say(
            "agent.not_done",
            record.args["locale"],
            intent=record.recipe,
            actions=(record,),
        )

    def refused(
        self, clause: Clause, recipe: str, order: Order, locale: Locale
    ) -> Answer:
        """Name the clause that forbids it and what is allowed instead."""
        limit = limit_of(clause)
        rule = clause.rule.said(locale, limit)
        instead = clause.instead.said(locale, limit) if clause.instead else ""
        instead = instead[:1].upper() + instead[1:]
        stop = {"zh": "。", "en": "."}[locale]
        text = self._voice.say(
            "agent.refused", locale, rule=rule, instead=instead and instead + stop
        )
        cited = Citation(
            id=f"policy:{recipe}.{clause.id}", title=rule, quote=f"{rule} {instead}"
        )
        return Answer(
            text=text.strip(),
            citations=(cited, wording.order_citation(order, locale)),
            intent=recipe,
        )

    def with_offer(self, said: Answer, offered: str, locale: Locale) -> Answer:
        """A refusal, with the variants that there are."""
        if not offered:
            return said
        text = self._voice.say("agent.there_is", locale, variants=offered)
        cited = Citation(id="stock", title=text.strip(), quote=offered)
        return msgspec.structs.replace(
            said, text=f"{said.text}{text}", citations=(*said.citations, cited)
        )

    def no_such_order(
        self, foreign: str, orders: Sequence[Order], locale: Locale
    ) -> Answer:
        """Say that this customer has no such order, whoever may have it."""
        if not orders:
            return self.say("agent.no_orders", locale)
        shown, citations = _listed(orders, locale)
        return Answer(
            text=self._voice.say(
                "agent.no_such_order", locale, order=foreign.upper(), orders=shown
            ),
            citations=citations,
        )

    def say(
        self,
        key: str,
        locale: Locale,
        *,
        intent: str = "",
        actions: Sequence[ActionRecord] = (),
    ) -> Answer:
        """One sentence without figures."""
        return Answer(
            text=self._voice.say(key, locale),
            actions=tuple(wording.action_ref(record) for record in actions),
            intent=intent,
        )

    def then(self, first: Answer, second: Answer, locale: Locale) -> Answer:
        """Two answers of one turn as one; what the second leaves open stays open."""
        bridge = self._voice.say("agent.next", locale)
        return msgspec.structs.replace(
            second,
            text=f"{first.text}{bridge}{second.text}",
            citations=first.citations + second.citations,
            actions=first.actions + second.actions,
        )

    def open(self, task: Task, waits_for: str) -> OpenTask:
        """The open task as the gateway keeps it."""
        recipe = self._recipes.get(task.draft.recipe)
        return OpenTask(
            tier=Tier.L3,
            name=task.draft.recipe,
            waits_for=waits_for,
            complexity=Complexity.COMPLEX,
            risk=recipe.risk if recipe else Risk.HIGH,
            data=msgspec.to_builtins(task),
            version=TASK_VERSION,
        )

    def _question(
        self, slot: str, task: Task, orders: Sequence[Order], locale: Locale
    ) -> tuple[str, tuple[Citation, ...], tuple[str, ...]]:
        """The question, what it rests on, and what can be chosen."""
        order = next((one for one in orders if one.id == task.draft.order_id), None)
        if slot == "others":
            shown = _choices(task.choices, orders)
            text, citations = _listed(shown, locale)
            question = self._voice.say("agent.ask_others", locale, orders=text)
            return question, citations, tuple(one.id for one in shown)
        if slot == "order" or order is None:
            shown = _choices(task.choices, orders)
            text, citations = _listed(shown, locale)
            question = self._voice.say("agent.ask_order", locale, orders=text)
            return question, citations, tuple(one.id for one in shown)
        cited = (wording.order_citation(order, locale),)
        if slot in {"line", "lines"}:
            lines = _lines(task.choices, order)
            said = [wording.line_text(line, order.currency, locale) for line in lines]
            question = self._voice.say(
                f"agent.ask_{slot}",
                locale,
                order=order.id,
                lines={"zh": "；", "en": "; "}[locale].join(said),
            )
            return question, cited, tuple(str(line.line) for line in lines)
        if slot != "address":
            question = self._voice.say(f"agent.ask_{slot}", locale, order=order.id)
        elif task.draft.address.is_empty:
            question = self._voice.say("agent.ask_address", locale, order=order.id)
        else:
            question = self._voice.say("agent.ask_address_again", locale)
        return question, cited, ()


def person(reason: Reason, note: str, task: OpenTask | None = None) -> Escalation:
    """Hand the turn to a person, with a line that says where it stands."""
    return Escalation(reason=reason, note=note[:500], to=Tier.HUMAN, open_task=task)


def _choices(ids: Sequence[str], orders: Sequence[Order]) -> list[Order]:
    wanted = [order for order in orders if order.id in ids]
    return (wanted or list(orders))[:MAX_CHOICES]


def _lines(numbers: Sequence[str], order: Order) -> list[OrderLine]:
    wanted = [line for line in order.lines if str(line.line) in numbers]
    return (wanted or [line for line in order.lines if not line.is_gift])[:20]


def _listed(
    orders: Sequence[Order], locale: Locale
) -> tuple[str, tuple[Citation, ...]]:
    shown = orders[:MAX_CHOICES]
    said = [wording.order_text(order, locale) for order in shown]
    text = {"zh": "；", "en": "; "}[locale].join(said)
    return text, tuple(wording.order_citation(order, locale) for order in shown)
