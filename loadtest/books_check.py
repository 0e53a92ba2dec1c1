"""
The books checker: what customers were told of actions, against the shop's books.

It believes no words: an effect is a row that the shop wrote with it, and a moved
order. What it looks for, once all is at rest:

    doubled     an order moved more than once
    unrecorded  an effect whose key no record of the ledger has
    untrue      told or recorded as done without the effect, or the effect is
                there and the record says it is not; an order that moved in
                another way than was wished
    early       the effect is older than the intent in the ledger
    unsettled   a record that still says it is under way
    unserved    the effect took place, or nobody knows, and neither was the
                customer told nor has a person the conversation
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

import msgspec

from engines.agent.ledger import UNSETTLED, ActionRecord, ActionState
from loadtest.errands import Errand
from loadtest.history import Finding
from loadtest.shop_process import Books, OrderBook


#: States in which nobody claims that the effect took place.
_NOT_DONE = frozenset(
    {
        ActionState.PROPOSED,
        ActionState.CONFIRMED,
        ActionState.FAILED,
        ActionState.REJECTED,
        ActionState.SUPERSEDED,
    }
)


class Told(msgspec.Struct, kw_only=True):
    """
    What one customer was told.

    Attributes:
        done: Ids of actions that were said to be done.

        failed: Ids of actions that were said not to have taken place.

        is_with_person: A change of owner was told.
    """

    done: set[str] = msgspec.field(default_factory=set)
    failed: set[str] = msgspec.field(default_factory=set)
    is_with_person: bool = False

    def hear(self, actions: Iterable[Mapping[str, Any]]) -> None:
        """Remember what a reply says of actions."""
        for action in actions:
            if action["state"] == "done":
                self.done.add(action["id"])
            if action["state"] in {"failed", "compensated"}:
                self.failed.add(action["id"])

    def hear_result(self, result: Mapping[str, Any]) -> None:
        """Remember what became of a message, as the gateway answered it."""
        self.hear((result.get("reply") or {}).get("actions", ()))
        self.is_with_person |= result["status"] in {"queued", "ticketed"}

    @property
    def is_over(self) -> bool:
        """True if the customer knows how it ended, or who has it."""
        return bool(self.done or self.failed or self.is_with_person)


def check_books(
    wanted: Sequence[Errand],
    told: Mapping[str, Told],
    records: Iterable[ActionRecord],
    books: Books,
) -> tuple[Finding, ...]:
    """
    Judge a run that has come to rest.

    Args:
        told: By name of the conversation.

        records: Everything in the ledger.
    """
    by_customer: dict[str, list[ActionRecord]] = {
        name: list(group)
        for name, group in groupby(
            sorted(records, key=lambda one: one.user_id), lambda one: one.user_id
        )
    }
    findings = list(_strangers(by_customer, books))
    for errand in wanted:
        case = _Case(errand, told[errand.name], by_customer.get(errand.name, []), books)
        findings += case.findings()
    return tuple(findings)


def _strangers(
    by_customer: Mapping[str, list[ActionRecord]], books: Books
) -> Iterator[Finding]:
    """Effects that nobody intended."""
    known = {
        step.key
        for records in by_customer.values()
        for record in records
        for step in record.steps
    }
    for effect in books.effects.values():
        if effect.key not in known:
            yield _finding("unrecorded", "", "", f"{effect.kind} {effect.key}")


class _Case:
    """One customer's errand and all that is known of it."""

    def __init__(
        self, errand: Errand, told: Told, records: list[ActionRecord], books: Books
    ) -> None:
        self._errand = errand
        self._told = told
        self._records = records
        self._books = books
        self._order: OrderBook = books.orders[errand.order_id]
        keys = {record.steps[0].key for record in records}
        self._effects = keys & books.effects.keys()

    def findings(self) -> Iterator[Finding]:
        """Everything that is wrong with it."""
        yield from self._of_order()
        for record in self._records:
            yield from self._of_record(record)
        known = {record.id for record in self._records}
        for action in (self._told.done | self._told.failed) - known:
            yield self._finding("untrue", action, "told of an action nobody recorded")
        if self._books.told.get(self._errand.name, 0) > max(0, self._order.version - 1):
            yield self._finding("doubled", "", "notified more often than something was")

    def _of_order(self) -> Iterator[Finding]:
        errand, order = self._errand, self._order
        if order.version > 2:  # noqa: PLR2004 - one more than a fresh order's
            yield self._finding("doubled", order.id, f"version {order.version}")
        elif not errand.is_as_before(order) and not errand.is_done_once(order):
            yield self._finding("untrue", order.id, f"not what was wished: {order}")
        if len(self._effects) != order.version - 1:
            detail = f"{len(self._effects)} effects, version {order.version}"
            yield self._finding("untrue", order.id, detail)
        is_moved = order.version > 1
        has_heard = self._told.done or self._told.is_with_person
        if is_moved and not has_heard:
            yield self._finding("unserved", order.id, "done, and nobody was told")

    def _of_record(self, record: ActionRecord) -> Iterator[Finding]:
        effect = self._books.effects.get(record.steps[0].key)
        if record.state is ActionState.DONE and effect is None:
            yield self._finding("untrue", record.id, "recorded as done, and is not")
        if record.state in _NOT_DONE and effect is not None:
            yield self._finding("untrue", record.id, f"done, and says {record.state}")
        if record.id in self._told.done and record.state is not ActionState.DONE:
            yield self._finding("untrue", record.id, f"told done, is {record.state}")
        if record.id in self._told.failed and effect is not None:
            yield self._finding("untrue", record.id, "told not done, and is")
        if effect is not None and effect.at_s < _intent_s(record):
            yield self._finding("early", record.id, "called before the intent")
        if record.state in UNSETTLED:
            yield self._finding("unsettled", record.id, f"at rest {record.state}")
        if record.state is ActionState.PARKED and not self._told.is_with_person:
            yield self._finding("unserved", record.id, "parked with nobody")

    def _finding(self, kind: str, what: str, detail: str) -> Finding:
        return _finding(kind, self._errand.name, what, detail)


def _intent_s(record: ActionRecord) -> float:
    """The second in which the intent was written; never, if it was not."""
    intents = [at for at, state, _ in record.history if state == ActionState.EXECUTING]
    return min(intents) // 1000 if intents else float("inf")


def _finding(kind: str, conversation: str, what: str, detail: str) -> Finding:
    return Finding(kind=kind, conversation=conversation, message_id=what, detail=detail)
