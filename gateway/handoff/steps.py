"""
What one move writes: the new record, and its effect on the conversation.

Made by :mod:`gateway.handoff.moves`, written by :mod:`gateway.handoff.mover`.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from gateway.handoff.states import Handoff, State


EffectKind = Literal["say", "own", "hand_back"]

#: Key of the notice a customer gets, see ``configs/voice/``.
NoticeKey = Literal[
    "handoff.queued",
    "handoff.requeued",
    "handoff.joined",
    "handoff.closed",
    "handoff.returned",
    "ticket.created",
]


class Effect(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """
    What a move means for the conversation; carried out after it, in order.

    Repeating one is harmless: the conversation knows the line and the claim.

    Attributes:
        version: Of the record the move made; with it the line id is unique.

        owner: Name under which people own the conversation.

        epoch: Claim of that owner from now on.

        position / eta_s: Place in the line, where the notice tells it.

        seen: Last event the operator had read at the close: the conversation
            is not given back over a customer's newer message. None: it is.
    """

    kind: EffectKind
    notice: NoticeKey
    version: int
    owner: str
    epoch: int
    at_ms: int
    operator: str = ""
    position: int = 0
    eta_s: tuple[int, int] | None = None
    promised_ms: int = 0
    seen: int | None = None


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """
    One move, ready to be written.

    Attributes:
        before: What the mover read; None for a new handoff.

        effect: None where the customer's side does not change.

        is_miss: An offer ran out unseen; counts against the operator.
    """

    before: Handoff | None
    after: Handoff
    effect: Effect | None = None
    is_miss: bool = False

    @property
    def waited_ms(self) -> int | None:
        """Time in the line, if the move ends it with an operator."""
        is_claim = self.after.state is State.ACTIVE and self.before is not None
        if not is_claim or self.before is None or self.before.state is State.TICKETED:
            return None
        return self.after.claimed_ms - self.after.queued_ms

    @property
    def handled_ms(self) -> int | None:
        """Time with the operator, wrapping up included, if the move ends it."""
        if self.after.state is not State.CLOSED:
            return None
        return self.after.since_ms - self.after.claimed_ms


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """A place in the line: 1 is next; seconds to an operator, p50 and p90."""

    position: int
    eta_s: tuple[int, int]
