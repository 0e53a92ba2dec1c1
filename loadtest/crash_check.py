"""
What a crash run must have left: the ledger against the shop's own books.

It believes no words; an effect is a row that the shop wrote with it. Where the shop
carries out whatever comes, a repeated call makes a further row of the same key.

    twice       an effect, a notification or a case's wish that took place twice
    lost        the customer agreed, nothing took place, and nobody has it
    untrue      recorded or told as done without the effect, or the effect is there
                and the record says it is not
    unrecorded  an effect whose key no record has
    early       an effect older than its intent in the ledger
    unsettled   a record that is still under way
    stuck       a worker that could not do its job though nothing killed it
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby

import msgspec

from engines.agent.ledger import NOTIFY, UNSETTLED, ActionRecord, ActionState
from engines.agent.shop_calls import undo_key
from loadtest.crash_cases import STREET, Case
from loadtest.shop_process import Books, Effect


#: Effects that leave the order at its version until a link is paid.
_MOVES_NOTHING = frozenset({"change_address_when_paid"})
_WITH_PEOPLE = frozenset({ActionState.PARKED, ActionState.REJECTED})
_NOT_DONE = frozenset(
    {
        ActionState.PROPOSED,
        ActionState.CONFIRMED,
        ActionState.AWAITING_APPROVAL,
        ActionState.APPROVED,
        ActionState.FAILED,
        ActionState.REJECTED,
        ActionState.SUPERSEDED,
    }
)


class Finding(msgspec.Struct, frozen=True):
    """One thing that must not be."""

    kind: str
    case: str
    detail: str


class Heard(msgspec.Struct, kw_only=True):
    """
    What the customer of a case was told, and what its workers could not do.

    Attributes:
        told: Id of an action -> last state that was told.
    """

    told: dict[str, str] = msgspec.field(default_factory=dict)
    is_with_person: bool = False
    errors: list[str] = msgspec.field(default_factory=list)


def check(
    cases: Sequence[Case],
    heard: Mapping[str, Heard],
    records: Sequence[ActionRecord],
    books: Books,
) -> list[Finding]:
    """
    Judge one shop's cases when all is at rest.

    Args:
        cases: Those that were begun.

        heard: By name of the case.

        records: Everything that the ledger has of them.
    """
    by_case = {
        name: list(group)
        for name, group in groupby(
            sorted(records, key=lambda one: one.conversation_id),
            lambda one: str(one.conversation_id),
        )
    }
    rows = rows_by_key(books)
    known = {key for record in records for key in effect_keys(record)}
    findings = [
        Finding("unrecorded", "", f"{found[0].kind} {key}")
        for key, found in rows.items()
        if key not in known
    ]
    for case in cases:
        judge = _Judge(case, heard[case.name], by_case.get(case.name, []), rows, books)
        findings += judge.findings()
    return findings


def rows_by_key(books: Books) -> dict[str, list[Effect]]:
    """Effects by the key they were asked for with, repeated ones together."""
    found: dict[str, list[Effect]] = {}
    for effect in books.effects.values():
        found.setdefault(effect.key.partition("#")[0], []).append(effect)
    return found


class _Judge:
    """One case and all that is known of it."""

    def __init__(
        self,
        case: Case,
        heard: Heard,
        records: Sequence[ActionRecord],
        rows: Mapping[str, list[Effect]],
        books: Books,
    ) -> None:
        self._case = case
        self._heard = heard
        self._records = records
        self._rows = rows
        self._books = books

    def findings(self) -> Iterator[Finding]:
        """Everything that is wrong with it."""
        yield from self._of_case()
        for record in self._records:
            yield from self._of_record(record)

    def _of_case(self) -> Iterator[Finding]:
        acted = [one.id for one in self._records if self._made(one)]
        if len(acted) > 1:
            yield self._finding("twice", f"{acted} all took effect")
        if self._books.told.get(self._case.name, 0) > 1:
            yield self._finding("twice", "notified twice")
        made = [row.kind for one in self._records for row in self._made(one)]
        moves = sum(kind not in _MOVES_NOTHING for kind in made)
        order = self._books.orders[self._case.order_id]
        if order.version > 1 + moves:
            yield self._finding("twice", f"version {order.version} after {made}")
        if not made and not self._is_with_people():
            states = [one.state.value for one in self._records]
            yield self._finding("lost", f"{states}, told {self._heard.told}")
        for error in self._heard.errors:
            yield self._finding("stuck", error)

    def _made(self, record: ActionRecord) -> list[Effect]:
        """What the shop did for a record, telling the customer left out."""
        return [
            row
            for key in effect_keys(record)
            for row in self._rows.get(key, ())
            if row.kind != NOTIFY
        ]

    def _is_with_people(self) -> bool:
        """A person has it, or the customer was told that it was refused."""
        states = {one.state for one in self._records}
        given_up = self._case.way != "turn" and bool(states & _WITH_PEOPLE)
        refused = {"failed", "compensated"} & set(self._heard.told.values())
        return given_up or self._heard.is_with_person or bool(refused)

    def _of_record(self, record: ActionRecord) -> Iterator[Finding]:
        for key in effect_keys(record):
            rows = self._rows.get(key, [])
            if len(rows) > 1:
                yield self._finding("twice", f"{rows[0].kind} of {record.id}")
        made = self._made(record)
        if record.state is ActionState.DONE and not self._is_done(record):
            yield self._finding("untrue", f"{record.id} recorded as done, and is not")
        if record.state in _NOT_DONE and made:
            yield self._finding("untrue", f"{record.id} is done, says {record.state}")
        if record.state is ActionState.COMPENSATED and not self._is_back(record):
            yield self._finding("untrue", f"{record.id} was not taken back")
        told = self._heard.told.get(record.id)
        if told == "done" and record.state is not ActionState.DONE:
            yield self._finding("untrue", f"{record.id} told done, is {record.state}")
        if made and made[0].at_s < _intent_s(record):
            yield self._finding("early", f"{record.id} was called before its intent")
        if record.state in UNSETTLED:
            yield self._finding("unsettled", f"{record.id} at rest {record.state}")

    def _is_done(self, record: ActionRecord) -> bool:
        """Every step took place, and none was taken back."""
        steps = [step for step in record.steps if step.kind != NOTIFY]
        there = all(step.key in self._rows for step in steps)
        return there and not any(undo_key(step) in self._rows for step in steps)

    def _is_back(self, record: ActionRecord) -> bool:
        """What took place was taken back, and the order is where it was."""
        order = self._books.orders[self._case.order_id]
        there = [step for step in record.steps if step.key in self._rows]
        return order.street == STREET and all(
            undo_key(step) in self._rows for step in there
        )

    def _finding(self, kind: str, detail: str) -> Finding:
        case = self._case
        return Finding(kind, f"{case.name} {case.errand} {case.way}", detail)


def effect_keys(record: ActionRecord) -> list[str]:
    """Every key that the record's calls may have had."""
    there = [step.key for step in record.steps]
    back = [undo_key(step) for step in record.steps if step.kind != NOTIFY]
    return there + back


def _intent_s(record: ActionRecord) -> float:
    """The second in which the intent was written; never, if it was not."""
    intents = [at for at, state, _ in record.history if state == ActionState.EXECUTING]
    return min(intents) // 1000 if intents else float("inf")
