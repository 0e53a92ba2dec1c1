"""
What the agent says: answers built from the voice, the records and the ledger.

Every answer carries the citations and actions behind its figures. Nothing here
reads or changes anything.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from engines.agent import wording
from engines.agent.ledger import ActionRecord
from engines.agent.plan import Task
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
)
from engines.shops.port import Order, OrderLine
from engines.voice import Voice


#: Version of :class:`Task` in open tasks; another version starts over.
TASK_VERSION: Final = "agent/1"
#: Orders or lines shown to choose from.
MAX_CHOICES: Final = 5

SENTENCES: Final[Mapping[str, tuple[str, ...]]] = {
    "agent.ask_order": ("orders",),
    "agent.ask_line": ("order", "lines"),
    "agent.ask_address": ("order",),
    "agent.ask_address_again": (),
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
    "agent.not_done": (),
    "agent.next": (),
}


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
        self,
        record: ActionRecord,
        text: str,
        order: Order,
        task: Task,
        *,
        opening: str = "",
    ) -> Answer:
        """Show a proposal and ask for consent, in the proposal's language."""
        locale: Locale = record.args["locale"]
        key = "agent.consent"
        if record.recipe == "cancel_order":
            key = "agent.consent_cancel"
        if not opening and task.then:
            opening = "several"
        said = self._voice.say(f"agent.{opening}", locale) if opening else ""
        task = msgspec.structs.replace(task, action_id=record.id, choices=())
        return Answer(
            text=f"{said}{text}{self._voice.say(key, locale)}".strip(),
            citations=(wording.order_citation(order, locale),),
            actions=(wording.action_ref(record),),
            open_task=self.open(task, "consent"),
            intent=record.recipe,
        )

    def done(self, record: ActionRecord) -> Answer:
        """Say what the receipt says."""
        text = self._recipes[record.recipe].done(record, self._voice)
        return Answer(
            text=text.strip(),
            citations=(wording.receipt_citation(record),),
            actions=(wording.action_ref(record),),
            intent=record.recipe,
        )

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
        if slot == "order" or order is None:
            shown = _choices(task.choices, orders)
            text, citations = _listed(shown, locale)
            question = self._voice.say("agent.ask_order", locale, orders=text)
            return question, citations, tuple(one.id for one in shown)
        cited = (wording.order_citation(order, locale),)
        if slot == "line":
            lines = _lines(task.choices, order)
            said = [wording.line_text(line, order.currency, locale) for line in lines]
            question = self._voice.say(
                "agent.ask_line",
                locale,
                order=order.id,
                lines={"zh": "；", "en": "; "}[locale].join(said),
            )
            return question, cited, tuple(str(line.line) for line in lines)
        if task.draft.address.is_empty:
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
