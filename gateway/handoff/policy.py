"""
The declared limits of the human queue: one frozen value, passed in.

Durations are seconds. A shop's file can replace any of them.
"""

from __future__ import annotations

import msgspec

from engines.contract import Locale, Reason, Risk


class Patience(msgspec.Struct, frozen=True, kw_only=True):
    """
    How long one class of handoffs may wait, in seconds.

    Attributes:
        target_s: The deadline that orders the line: earliest first, so an old
            low-risk handoff overtakes a fresh high-risk one in the end.

        limit_s: After it the handoff becomes a ticket. Also the bar of
            admission: an estimated p90 wait above it is a ticket at once. In
            a flood the low class gets tickets first and leaves the line to
            those who can't wait.
    """

    target_s: float
    limit_s: float


class HandoffPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """
    Limits and time-outs of one shop's human queue.

    Attributes:
        max_queue: Handoffs of one skill group that may wait; beyond it a ticket. Each
            group has its own bound: a flood of one leaves the others their room.

        max_eta_s: Upper bound of every class's ``limit_s``.

        offer_s: How long an operator may look at an offer.

        wrap_s: How long an operator who closed a talk may wrap it up (note, outcome)
            before the next one; it uses their capacity. 0: none.

        presence_s: Silence after which an operator counts as gone (three
            missed heartbeats and the grace).

        exclude_s: How long a handoff is not offered again to an operator who
            declined or ignored it.

        max_misses: Offers ignored in a row before the operator is set away.

        max_hops: Times a conversation may go back to the line before it
            becomes a ticket.

        pickup_s: Usual time from offer to claim, until measured.

        handling_s: Usual time from claim to close, until measured.

        ticket_s: Least time promised for a ticket.

        ticket_staff: People who work on tickets beside the line.

        retention_s: How long a closed handoff stays readable.

        utc_offset_min: Zone of the times promised to customers, east of UTC.

        skills: Reason of a handoff -> the skill it needs beside the language.

        weights: Units of capacity by class; an operator who holds nothing may
            always take one.

        any_language_s / any_skill_s: Wait after which operators without the
            skill, or without the language, are asked too.

        first_reply_s: A talk whose operator said nothing for so long goes back.

        idle_s: A talk in which nobody said anything for so long is over; one whose
            customer waits for an answer that long goes back to the line.

        recall_s: How long before its promised time a ticket comes to the front.

        credit_s: A customer who left the line and is back so soon keeps the time
            waited before.

        wanted_s: How long a talk passed to a colleague waits for them alone.

        effect_grace_s: Age at which the sweep takes over effects that the
            mover has not finished.
    """

    max_queue: int = 200
    max_eta_s: float = 1_800.0
    offer_s: float = 20.0
    wrap_s: float = 45.0
    presence_s: float = 45.0
    exclude_s: float = 60.0
    max_misses: int = 2
    max_hops: int = 3
    pickup_s: float = 8.0
    handling_s: float = 300.0
    ticket_s: float = 7_200.0
    ticket_staff: int = 2
    retention_s: float = 86_400.0
    effect_grace_s: float = 5.0
    utc_offset_min: int = 480
    skills: dict[str, str] = msgspec.field(
        default_factory=lambda: {
            Reason.HIGH_RISK: "disputes",
            Reason.UNKNOWN_OUTCOME: "orders",
            Reason.NEEDS_ACTION: "orders",
            Reason.POLICY: "orders",
        }
    )
    weights: dict[Risk, int] = msgspec.field(default_factory=lambda: {Risk.HIGH: 2})
    any_skill_s: float = 30.0
    any_language_s: float = 90.0
    first_reply_s: float = 120.0
    idle_s: float = 1_800.0
    recall_s: float = 900.0
    wanted_s: float = 60.0
    credit_s: float = 600.0
    patience: dict[Risk, Patience] = msgspec.field(
        default_factory=lambda: {
            Risk.HIGH: Patience(target_s=30, limit_s=1_800),
            Risk.MEDIUM: Patience(target_s=120, limit_s=1_800),
            Risk.LOW: Patience(target_s=600, limit_s=1_200),
        }
    )

    def target_ms(self, risk: Risk) -> int:
        """Milliseconds from enqueueing to the deadline of this class."""
        return int(self.patience[risk].target_s * 1000)

    def needs(self, reason: str, locale: Locale) -> tuple[str, ...]:
        """Skills a handoff is offered for first, the language last."""
        skill = self.skills.get(reason)
        return (skill, locale) if skill else (locale,)

    def limit_ms(self, risk: Risk) -> int:
        """Milliseconds after which a waiting handoff becomes a ticket."""
        return int(min(self.patience[risk].limit_s, self.max_eta_s) * 1000)
