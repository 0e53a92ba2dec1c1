"""
Judging a case by what it left behind; pure.

Every finding is one sentence that says what was wanted and what was there.
"""

from __future__ import annotations

import datetime as dt
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence

import msgspec

from engines.agent.ledger import ActionRecord, ActionState
from engines.contract import ActionRef
from engines.shops.demo.bench import Row, Tables
from gateway.acceptance.suite import ActionSeen, Case, Expected, Reply
from gateway.outcome import MessageOut


#: A value that must differ from before, whatever it is.
ANY = "*"
#: Tables that follow from the others.
_UNJUDGED = frozenset({"effects", "notifications"})
#: Fields that count changes and say nothing of what changed.
_COUNTERS = frozenset({"version"})
_MONEY = re.compile(
    r"(?P<sign>[¥￥$€£]|\b(?:cny|rmb|usd|eur|gbp)\s?)?(?P<whole>\d{1,3}(?:,\d{3})+|\d+)"
    r"(?:\.(?P<part>\d{1,2}))?(?!\d)\s?(?P<unit>元|块|yuan|rmb|cny|usd)?"
)
_SPACES = re.compile(r"\s+")
_TODAY = re.compile(r"\{\{\s*today\s*(?P<ahead>[+-]\s*\d{1,4})?\s*\}\}")


class Difference(msgspec.Struct, frozen=True):
    """
    How two states of the shop differ.

    Attributes:
        changes: Place to fields that differ, with the values afterwards.
        created: Table to new rows.
        removed: Places that are gone.
    """

    changes: dict[str, Row]
    created: dict[str, list[Row]]
    removed: list[str]


def difference(before: Tables, after: Tables) -> Difference:
    """What is judged of the difference of two states."""
    changes: dict[str, Row] = {}
    created: dict[str, list[Row]] = {}
    removed: list[str] = []
    for table in before.keys() - _UNJUDGED:
        old, new = before[table], after[table]
        removed += [f"{table}/{key}" for key in old.keys() - new.keys()]
        for key, row in new.items():
            if key not in old:
                created.setdefault(table, []).append(row)
                continue
            fields = {
                name: value
                for name, value in row.items()
                if name not in _COUNTERS and old[key][name] != value
            }
            if fields:
                changes[f"{table}/{key}"] = fields
    return Difference(changes, created, sorted(removed))


def dated(text: str, today: dt.date) -> str:
    """*text* with ``{{ today }}`` and ``{{ today+3 }}`` as dates."""

    def day(match: re.Match[str]) -> str:
        ahead = int((match["ahead"] or "0").replace(" ", ""))
        return (today + dt.timedelta(days=ahead)).isoformat()

    return _TODAY.sub(day, text)


def check_reply(wanted: Reply, got: MessageOut) -> Iterator[str]:
    """What a reply lacks or should not hold."""
    text = got.reply.text if got.reply else ""
    tier = got.reply.tier.value if got.reply else "human"
    if wanted.tier is not None and tier not in _several(wanted.tier):
        yield f"tier: wanted {_listed(wanted.tier)}, got {tier}"
    if wanted.status is not None and got.status not in _several(wanted.status):
        yield f"status: wanted {_listed(wanted.status)}, got {got.status}"
    actions = got.reply.actions if got.reply else ()
    yield from _check_words(wanted.facts, wanted.lacks, text)
    yield from _check_amounts(wanted.amounts, wanted.lacks_amounts, text)
    asks = any(action.state == ActionState.PROPOSED for action in actions)
    if wanted.asks_consent is not None and wanted.asks_consent != asks:
        yield f"asks for consent: wanted {wanted.asks_consent}, got {asks}"
    for action in wanted.actions:
        if not any(_shows(action, one) for one in actions):
            yield f"no action {_short(action)} in the reply"


def check_case(
    case: Case,
    before: Tables,
    after: Tables,
    ledger: Sequence[ActionRecord],
    *,
    needed_person: bool,
) -> Iterator[str]:
    """What a case should not have left behind, and what it should have."""
    wanted = case.expect
    yield from _check_state(wanted, difference(before, after))
    records = [one for one in ledger if one.state is not ActionState.SUPERSEDED]
    yield from _check_ledger(wanted, records)
    told = [
        row
        for key, row in after["notifications"].items()
        if key not in before["notifications"]
    ]
    yield from _check_notifications(wanted, told, records)
    if wanted.person != needed_person:
        yield f"person: wanted {wanted.person}, got {needed_person}"


def amounts_in(text: str) -> set[int]:
    """Amounts of money in a text, in minor units: with a sign, a unit or cents."""
    found = set()
    for match in _MONEY.finditer(_folded(text)):
        if match["sign"] or match["unit"] or match["part"]:
            whole = int(match["whole"].replace(",", ""))
            found.add(whole * 100 + int((match["part"] or "").ljust(2, "0") or 0))
    return found


def _check_words(
    facts: Iterable[str], lacks: Iterable[str], text: str
) -> Iterator[str]:
    folded = _folded(text)
    for fact in facts:
        if _folded(fact) not in folded:
            yield f"{fact!r} is not in {_cut(text)!r}"
    for word in lacks:
        if _folded(word) in folded:
            yield f"{word!r} must not be in {_cut(text)!r}"


def _check_amounts(
    wanted: Iterable[int], unwanted: Iterable[int], text: str
) -> Iterator[str]:
    found = amounts_in(text)
    for minor in wanted:
        if abs(minor) not in found:
            yield f"amount {minor} is not among {sorted(found)} of {_cut(text)!r}"
    for minor in unwanted:
        if abs(minor) in found:
            yield f"amount {minor} must not be in {_cut(text)!r}"


def _check_state(wanted: Expected, got: Difference) -> Iterator[str]:
    for place in sorted(wanted.changes.keys() | got.changes.keys()):
        want, have = wanted.changes.get(place, {}), got.changes.get(place, {})
        for name in sorted(want.keys() | have.keys()):
            if name in _COUNTERS:
                continue
            if name not in have:
                yield f"{place}.{name}: wanted {want[name]!r}, did not change"
            elif name not in want:
                yield f"{place}.{name} changed to {have[name]!r}, which nobody wanted"
            elif want[name] not in {ANY, have[name]}:
                yield f"{place}.{name}: wanted {want[name]!r}, got {have[name]!r}"
    for table in sorted(wanted.created.keys() | got.created.keys()):
        yield from _check_created(
            table, wanted.created.get(table, ()), got.created.get(table, ())
        )
    yield from (f"{place} is gone" for place in got.removed)


def _check_created(
    table: str, wanted: Sequence[Row], got: Sequence[Row]
) -> Iterator[str]:
    left = list(got)
    # Rows that name more are matched first, so that a vague one takes what is left.
    for want in sorted(wanted, key=len, reverse=True):
        found = next((row for row in left if _fits(want, row)), None)
        if found is None:
            yield f"new {table}: no row with {want} among {[_brief(r) for r in left]}"
        else:
            left.remove(found)
    yield from (f"new {table} that nobody wanted: {_brief(row)}" for row in left)


def _check_ledger(wanted: Expected, got: Sequence[ActionRecord]) -> Iterator[str]:
    if wanted.ledger is None:
        is_idle = not wanted.changes and not wanted.created
        done = [one for one in got if one.state is ActionState.DONE]
        if is_idle and done:
            yield f"ledger: nothing may be done, but {done[0].recipe} is"
        return
    left = list(got)
    for want in wanted.ledger:
        found = next((one for one in left if _records(want, one)), None)
        if found is None:
            yield f"ledger: no record {_short(want)} among {_names(left)}"
        else:
            left.remove(found)
    if left:
        yield f"ledger: records that nobody wanted: {_names(left)}"


def _check_notifications(
    wanted: Expected, told: Sequence[Row], records: Sequence[ActionRecord]
) -> Iterator[str]:
    if wanted.notifications is None:
        done = sum(one.state is ActionState.DONE for one in records)
        if len(told) != done:
            yield f"notifications: {done} action(s) done, {len(told)} sent"
        return
    left = list(told)
    for want in wanted.notifications:
        found = next(
            (
                row
                for row in left
                if row["user_id"] == want.customer
                and want.recipe in {None, row["template"]}
                and not list(_check_words(want.facts, (), str(row["text"])))
                and not list(_check_amounts(want.amounts, (), str(row["text"])))
            ),
            None,
        )
        if found is None:
            yield f"notifications: none to {want.customer} about {want.recipe or 'it'}"
        else:
            left.remove(found)
    yield from (f"a notification that nobody wanted: {_brief(row)}" for row in left)


def _fits(wanted: Mapping[str, object], row: Row) -> bool:
    return all(
        name in row and value in (ANY, row[name]) for name, value in wanted.items()
    )


def _shows(wanted: ActionSeen, got: ActionRef) -> bool:
    return (
        wanted.recipe == got.kind
        and wanted.state in {None, got.state}
        and (wanted.order is None or wanted.order in got.summary)
        and (wanted.amount is None or wanted.amount == (got.amount_minor or 0))
    )


def _records(wanted: ActionSeen, got: ActionRecord) -> bool:
    return (
        wanted.recipe == got.recipe
        and wanted.state in {None, got.state}
        and wanted.order in {None, got.order_id}
        and wanted.amount in {None, got.amount_minor}
    )


def _several(value: object) -> tuple[object, ...]:
    return value if isinstance(value, tuple) else (value,)


def _listed(value: object) -> str:
    return " or ".join(str(one) for one in _several(value))


def _short(action: ActionSeen) -> dict[str, object]:
    return {k: v for k, v in msgspec.structs.asdict(action).items() if v is not None}


def _names(records: Sequence[ActionRecord]) -> list[str]:
    return [
        f"{one.recipe} {one.order_id} {one.state.value} {one.amount_minor}"
        for one in records
    ]


def _brief(row: Row) -> Row:
    return {name: value for name, value in row.items() if value not in (None, "")}


def _folded(text: str) -> str:
    narrow = unicodedata.normalize("NFKC", text).casefold()
    return _SPACES.sub(" ", narrow).strip()


def _cut(text: str, most: int = 160) -> str:
    return text if len(text) <= most else f"{text[:most]}…"
