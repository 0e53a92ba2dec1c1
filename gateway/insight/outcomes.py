"""
What became of contacts: every definition of an outcome, in one place.

    contact       a visit, see :mod:`gateway.insight.contacts`
    eligible      a contact that asked for something, or whose last word nobody answered;
                  small talk is left out
    involved      eligible, and the machine answered something in it
    handed over   eligible, and a handoff to people was made; by its first reason
    open          not over: somebody is still to say something, or it is not idle yet

Every eligible contact that is over has exactly one end:

    resolved      the machine's last word left nothing open, nobody was handed over,
                  the customer left neither angry nor with a poor rating. The *tier*
                  is the highest that answered. For ``human``: a person spoke and closed
                  it, without a poor rating
    abandoned     the customer went away while the machine waited for an answer, after
                  "I do not know", or left the line of people
    unsatisfied   all was answered, but the customer left angry or rated it poorly
    unanswered    the last word got no answer at all (must be 0)

A resolved contact is *reopened* if the same customer comes back with any request
within 7 days, on any channel; *durable* if 7 days passed without that; *pending*
before. What a model says of itself appears in none of these.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from math import sqrt
from typing import Literal

import msgspec

from engines.contract import TIER_ORDER, Tier
from gateway.insight.contacts import POOR, Contact


DAY_MS = 86_400_000
#: Days without return after which a resolution counts as durable.
DURABLE_DAYS = 7
#: Normal quantile of a two-sided 95 % interval.
_Z = 1.959964

End = Literal["open", "resolved", "abandoned", "unsatisfied", "unanswered"]


class Rate(msgspec.Struct, frozen=True):
    """
    A share with its sample size.

    Attributes:
        low / high: 95 % interval by Wilson's score.
    """

    share: float
    n: int
    low: float
    high: float


class Spread(msgspec.Struct, frozen=True):
    """Seconds: half and nine tenths are at or below; how many were measured."""

    p50: float
    p90: float
    n: int


class Outcomes(msgspec.Struct, frozen=True, kw_only=True):
    """
    Outcomes of the contacts that began in a stretch of time.

    Attributes:
        resolved / durable / reopened / pending: By tier.

        reasons: Handed over, by the first reason.

        resolution: Of what is eligible and over.

        machine_resolution: The same, by a machine's tier.

        durability: Durable among resolutions that are 7 days old.

        first_response: From the customer's first word to the first answer.

        to_person: From the handoff to a person's first word.

        cost_milli: Of all contacts that are 7 days old, in thousandths of a currency
            unit, by the stage's prices: each answer its tier's, a person's once.

        cost_per_durable_milli: That divided by durable resolutions; None without any.
    """

    since_ms: int
    until_ms: int
    contacts: int
    small_talk: int
    eligible: int
    involved: int
    open: int
    resolved: dict[str, int]
    durable: dict[str, int]
    reopened: dict[str, int]
    pending: dict[str, int]
    abandoned: int
    unsatisfied: int
    unanswered: int
    handed_over: int
    reasons: dict[str, int]
    customers: int
    resolution: Rate | None
    machine_resolution: Rate | None
    durability: Rate | None
    first_response: Spread | None
    to_person: Spread | None
    cost_milli: int
    cost_per_durable_milli: float | None


def end_of(contact: Contact, now_ms: int, idle_ms: int) -> End:
    """How an eligible contact ended, if it did."""
    if contact.is_with_people:
        return "open"
    if contact.handoffs:
        return _end_with_people(contact)
    if now_ms - contact.ended_ms <= idle_ms:
        return "open"
    if contact.waits:
        return "unanswered"
    if contact.leaves:
        return "abandoned"
    is_poor = 0 < contact.score <= POOR
    return "unsatisfied" if is_poor or contact.emotion == "angry" else "resolved"


def _end_with_people(contact: Contact) -> End:
    if contact.people == "abandoned" or not contact.spoke_ms:
        return "abandoned"
    return "unsatisfied" if 0 < contact.score <= POOR else "resolved"


def tier_of(contact: Contact) -> Tier:
    """Who resolved it: people if they had it, else the highest tier that answered."""
    if contact.handoffs or not contact.replies:
        return Tier.HUMAN
    return max(contact.replies, key=TIER_ORDER.__getitem__)


def cost_of(contact: Contact, prices: Mapping[Tier, int]) -> int:
    """Thousandths of a currency unit."""
    machine = sum(prices[tier] * n for tier, n in contact.replies.items())
    return machine + (prices[Tier.HUMAN] if contact.spoke_ms else 0)


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """
    What to count by.

    Attributes:
        prices: Of one answer on a tier, thousandths of a currency unit.

        reasons: Handoff id -> reason; ids that are gone count as ``unknown``.
    """

    since_ms: int
    now_ms: int
    idle_ms: int
    prices: Mapping[Tier, int]
    reasons: Mapping[str, str]


def count(contacts: Iterable[Contact], terms: Terms) -> Outcomes:
    """Count *contacts*; those that began before ``since_ms`` are passed over."""
    found = [one for one in contacts if one.started_ms >= terms.since_ms]
    asking = [one for one in found if one.asks or one.waits]
    ends = [end_of(one, terms.now_ms, terms.idle_ms) for one in asking]
    ended = Counter(ends)
    fates = _fates(asking, ends, terms.now_ms)
    over = len(asking) - ended["open"]
    machine = sum(n for tier, n in fates["resolved"].items() if tier != Tier.HUMAN)
    cost, per_durable = _cost(asking, fates, terms)
    aged = sum(fates["durable"].values()) + sum(fates["reopened"].values())
    return Outcomes(
        since_ms=terms.since_ms,
        until_ms=terms.now_ms,
        contacts=len(found),
        small_talk=len(found) - len(asking),
        eligible=len(asking),
        involved=sum(bool(one.replies) for one in asking),
        open=ended["open"],
        resolved=dict(fates["resolved"]),
        durable=dict(fates["durable"]),
        reopened=dict(fates["reopened"]),
        pending=dict(fates["pending"]),
        abandoned=ended["abandoned"],
        unsatisfied=ended["unsatisfied"],
        unanswered=ended["unanswered"],
        handed_over=sum(bool(one.handoffs) for one in asking),
        reasons=_reasons(asking, terms.reasons),
        customers=len({one.customer for one in asking}),
        resolution=rate(ended["resolved"], over),
        machine_resolution=rate(machine, over),
        durability=rate(sum(fates["durable"].values()), aged),
        first_response=spread([_first_s(one) for one in asking if one.first_ms]),
        to_person=spread([_person_s(one) for one in asking if _has_person(one)]),
        cost_milli=cost,
        cost_per_durable_milli=per_durable,
    )


def _fates(
    asking: Sequence[Contact], ends: Sequence[End], now_ms: int
) -> dict[str, Counter[str]]:
    """Resolved contacts by tier: all, and each as durable, reopened or pending."""
    starts: defaultdict[str, list[int]] = defaultdict(list)
    for one in asking:
        starts[one.customer].append(one.started_ms)
    for times in starts.values():
        times.sort()
    fates: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for one, end in zip(asking, ends, strict=True):
        if end == "resolved":
            tier = str(tier_of(one))
            fates["resolved"][tier] += 1
            fates[_fate(one, starts[one.customer], now_ms)][tier] += 1
    return fates


def _fate(one: Contact, starts: Sequence[int], now_ms: int) -> str:
    until_ms = one.ended_ms + DURABLE_DAYS * DAY_MS
    at = bisect_right(starts, one.started_ms)
    if at < len(starts) and starts[at] <= until_ms:
        return "reopened"
    return "durable" if now_ms >= until_ms else "pending"


def _cost(
    asking: Sequence[Contact], fates: Mapping[str, Counter[str]], terms: Terms
) -> tuple[int, float | None]:
    line_ms = terms.now_ms - DURABLE_DAYS * DAY_MS
    aged = [one for one in asking if one.ended_ms <= line_ms]
    total = sum(cost_of(one, terms.prices) for one in aged)
    durable = sum(fates["durable"].values())
    return total, total / durable if durable else None


def _reasons(asking: Sequence[Contact], known: Mapping[str, str]) -> dict[str, int]:
    first = [one.handoffs[0] for one in asking if one.handoffs]
    return dict(Counter(known.get(one, "unknown") for one in first).most_common())


def _first_s(contact: Contact) -> float:
    return max(0, contact.first_ms - contact.started_ms) / 1000


def _has_person(contact: Contact) -> bool:
    return bool(contact.spoke_ms and contact.asked_ms)


def _person_s(contact: Contact) -> float:
    return max(0, contact.spoke_ms - contact.asked_ms) / 1000


def rate(hits: int, n: int) -> Rate | None:
    """A share with Wilson's interval (E. B. Wilson, 1927); None of nothing."""
    if not n:
        return None
    share, square = hits / n, _Z * _Z
    middle = (share + square / (2 * n)) / (1 + square / n)
    half = _Z / (1 + square / n) * sqrt(share * (1 - share) / n + square / (4 * n * n))
    low, high = max(0.0, middle - half), min(1.0, middle + half)
    return Rate(round(share, 4), n, round(low, 4), round(high, 4))


def spread(seconds: list[float]) -> Spread | None:
    """Median and ninth decile, nearest rank; None of nothing."""
    if not seconds:
        return None
    seconds.sort()
    last = len(seconds) - 1
    return Spread(seconds[round(last * 0.5)], seconds[round(last * 0.9)], len(seconds))
