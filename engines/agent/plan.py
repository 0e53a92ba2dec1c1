"""
What a planner may say: the one vocabulary of every planner, model or not.

A plan never does anything. It names a task with as much as was understood of
it (:class:`Draft`), or what the turn means to an open task. Ids in it are
grounded (:mod:`engines.agent.grounding`) before anybody looks them up.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Protocol

import msgspec

from engines.agent.ledger import ActionRecord
from engines.agent.reading.addresses import AddressParts
from engines.agent.reading.particulars import InvoiceParts
from engines.agent.reading.task_cues import Look, Recipe
from engines.contract import Reason, Turn
from engines.shops.effects import ReplacementReason
from engines.shops.port import Order


class Draft(msgspec.Struct, frozen=True, omit_defaults=True):
    """
    A task, as far as it was understood; empty fields are not known yet.

    Attributes:
        line: Position of the line, from 1; 0 if not known.
        quantity: Units; 0 means all that are left.
        keeps_gift: The customer wants to keep the gift of what goes back.
        target: Words for what the customer wants instead.
        others: Further orders that join this one's parcel.
        lines: Lines that go ahead in a parcel of their own.
        day: Delivery day, ``YYYY-MM-DD``.
        phone / name: Of the recipient.
        invoice: What the new invoice says.
        reason: What is wrong with goods that came.
        evidence: What shows it: a link, a file, the mark of a picture.
    """

    recipe: Recipe
    order_id: str = ""
    address: AddressParts = AddressParts()
    line: int = 0
    quantity: int = 0
    keeps_gift: bool = False
    target: str = ""
    others: tuple[str, ...] = ()
    lines: tuple[int, ...] = ()
    day: str = ""
    phone: str = ""
    name: str = ""
    invoice: InvoiceParts = InvoiceParts()
    reason: ReplacementReason | None = None
    evidence: str = ""


class Companion(msgspec.Struct, frozen=True, omit_defaults=True):
    """A further task that was proposed together with the first one."""

    draft: Draft
    action_id: str


class Task(msgspec.Struct, frozen=True, omit_defaults=True):
    """
    The agent's own state of an open task, kept in ``OpenTask.data``.

    Attributes:
        action_id: The proposal that waits for consent; empty before there is
            one.
        choices: Ids or line numbers shown to choose from, in that order.
        also: Tasks proposed together with this one, done after it by the same
            consent, in that order.
        then: Further drafts of the same request, taken up after all that.
        misses: Replies in a row that were not understood.
    """

    draft: Draft
    action_id: str = ""
    choices: tuple[str, ...] = ()
    also: tuple[Companion, ...] = ()
    then: tuple[Draft, ...] = ()
    misses: int = 0


class Scene(msgspec.Struct, frozen=True, kw_only=True):
    """
    What a planner may know, besides the words.

    Attributes:
        orders: All orders of this customer, newest first.
        accepted: Orders that policy would let each recipe work on.
        today: The shop's date.
        waits_for: As in the open task; empty if none is open.
    """

    turn: Turn
    orders: tuple[Order, ...]
    accepted: Mapping[str, frozenset[str]]
    today: dt.date
    task: Task | None = None
    waits_for: str = ""
    record: ActionRecord | None = None

    def last_lines(self, most: int) -> list[str]:
        """What the customer said before this turn, in small letters, newest first."""
        said = [line.text for line in self.turn.history if line.role == "customer"]
        return [text.lower() for text in reversed(said[-most:])]


class Wants(msgspec.Struct, frozen=True):
    """
    Tasks to go on with, the first one first.

    Attributes:
        foreign: An order id in the text that is none of this customer's.
        choices: Orders or lines that the words could mean, if several.
        left_out: Orders meant with all the others that cannot be among them.
    """

    drafts: tuple[Draft, ...]
    foreign: str = ""
    choices: tuple[str, ...] = ()
    left_out: tuple[Draft, ...] = ()


class Consents(msgspec.Struct, frozen=True):
    """The customer agrees to the proposal that is open."""


class Declines(msgspec.Struct, frozen=True):
    """The customer does not want what is open."""


class AsksBack(msgspec.Struct, frozen=True):
    """A question about the proposal that is open; it stays open."""


class LooksUp(msgspec.Struct, frozen=True):
    """The customer wants to know, not to change; *order_id* may be empty."""

    what: Look
    order_id: str = ""
    foreign: str = ""


class AsksRules(msgspec.Struct, frozen=True):
    """A question on the shop's rules, which L2 answers; nothing is to be done."""


class Unclear(msgspec.Struct, frozen=True):
    """Nothing that fits."""


class HandsOver(msgspec.Struct, frozen=True):
    """A person is needed; *note* says for what."""

    reason: Reason
    note: str


Plan = (
    Wants | Consents | Declines | AsksBack | LooksUp | AsksRules | Unclear | HandsOver
)


class Planner(Protocol):
    """Understands one turn in its scene."""

    async def plan(self, scene: Scene) -> Plan:
        """Say what the turn means. Never raises for any text; changes nothing."""
        ...
