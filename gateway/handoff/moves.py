"""
Every move of a handoff as a pure function: record in, step out.

A step is what one atomic store call writes: the new record and the one effect
the move has on the conversation. Time is an argument; nothing here waits,
reads or sends.
"""

from __future__ import annotations

import msgspec

from gateway.handoff.policy import HandoffPolicy
from gateway.handoff.states import (
    Handoff,
    HandoffRequest,
    Move,
    State,
    target,
)
from gateway.handoff.steps import Effect, EffectKind, NoticeKey, Place, Step


def enqueue(
    request: HandoffRequest,
    place: Place,
    now_ms: int,
    policy: HandoffPolicy,
    *,
    credit_ms: int = 0,
) -> Step:
    """A new handoff gets a place in the line; *credit_ms* was waited before."""
    expires_ms = now_ms + policy.limit_ms(request.risk)
    after = _new(request, State.QUEUED, now_ms, policy, due_ms=expires_ms)
    after = msgspec.structs.replace(
        after,
        deadline_ms=after.deadline_ms - credit_ms,
        expires_ms=expires_ms,
        told_s=place.eta_s,
    )
    effect = _placed("handoff.queued", after, place)
    return Step(before=None, after=after, effect=effect)


def open_ticket(
    request: HandoffRequest, promised_ms: int, now_ms: int, policy: HandoffPolicy
) -> Step:
    """A new handoff gets no place: a promise instead."""
    after = _new(request, State.TICKETED, now_ms, policy, due_ms=0)
    after = msgspec.structs.replace(after, promised_ms=promised_ms)
    return Step(before=None, after=after, effect=_ticket_effect(after))


def offer(
    handoff: Handoff, operator: str, display: str, now_ms: int, policy: HandoffPolicy
) -> Step:
    """Show it to one operator, under a lease."""
    after = _moved(
        handoff,
        Move.OFFER,
        now_ms,
        operator=operator,
        operator_display=display,
        due_ms=now_ms + int(policy.offer_s * 1000),
    )
    return Step(before=handoff, after=after)


def put_back(handoff: Handoff, move: Move, now_ms: int, policy: HandoffPolicy) -> Step:
    """
    An offer is declined or ran out: same deadline, another operator.

    The customer saw none of it, so there is nothing to tell.
    """
    after = _moved(
        handoff,
        move,
        now_ms,
        operator="",
        operator_display="",
        due_ms=handoff.expires_ms,
        excluded=_excluded(handoff, now_ms, policy),
    )
    return Step(before=handoff, after=after, is_miss=move is Move.LAPSE)


def claim(handoff: Handoff, now_ms: int, policy: HandoffPolicy) -> Step:
    """The operator takes what was offered; from here they own the talk."""
    after = _moved(
        handoff,
        Move.CLAIM,
        now_ms,
        epoch=handoff.epoch + 1,
        claimed_ms=now_ms,
        due_ms=_reply_due_ms(now_ms, policy),
        excluded={},
        wanted="",
        replied_ms=0,
    )
    return Step(before=handoff, after=after, effect=_joined(after))


def spoken(handoff: Handoff, at_ms: int, policy: HandoffPolicy) -> Step:
    """
    Something was said at *at_ms*: the talk does not time out before it is idle.

    The version stays, so that the desk's next call is not stale.
    """
    after = msgspec.structs.replace(
        handoff,
        replied_ms=handoff.replied_ms or at_ms,
        due_ms=at_ms + int(policy.idle_s * 1000),
    )
    return Step(before=handoff, after=after)


def recall(handoff: Handoff, now_ms: int, policy: HandoffPolicy) -> Step:
    """
    A ticket is due: to the front of the line, and nothing changes for the customer.

    Under a new owner's name, as the old one gave the conversation back.
    """
    expires_ms = max(handoff.promised_ms, now_ms + policy.limit_ms(handoff.risk))
    after = _moved(
        handoff,
        Move.RECALL,
        now_ms,
        expires_ms=expires_ms,
        due_ms=expires_ms,
        era=handoff.era + 1,
        is_recalled=True,
    )
    return Step(before=handoff, after=after)


def take(
    handoff: Handoff, operator: str, display: str, now_ms: int, policy: HandoffPolicy
) -> Step:
    """An operator works on a ticket: the conversation is theirs again."""
    after = _moved(
        handoff,
        Move.TAKE,
        now_ms,
        operator=operator,
        operator_display=display,
        epoch=handoff.epoch + 1,
        claimed_ms=now_ms,
        due_ms=_reply_due_ms(now_ms, policy),
        era=handoff.era + 1,
        replied_ms=0,
    )
    return Step(before=handoff, after=after, effect=_joined(after))


def go_back(
    handoff: Handoff,
    move: Move,
    place: Place,
    now_ms: int,
    policy: HandoffPolicy,
    *,
    wanted: str = "",
) -> Step:
    """
    The operator is gone or passes it on: back to the line, deadline kept.

    *wanted* alone is asked for a while. The epoch rises, so that nothing the old operator still sends is said.
    """
    expires_ms = now_ms + policy.limit_ms(handoff.risk)
    after = _moved(
        handoff,
        move,
        now_ms,
        operator="",
        operator_display="",
        epoch=handoff.epoch + 1,
        hops=handoff.hops + 1,
        expires_ms=expires_ms,
        due_ms=expires_ms,
        excluded=_excluded(handoff, now_ms, policy),
        wanted=wanted,
        wanted_until_ms=now_ms + int(policy.wanted_s * 1000) if wanted else 0,
        is_recalled=False,
    )
    effect = _placed("handoff.requeued", after, place, kind="own")
    return Step(before=handoff, after=after, effect=effect)


def become_ticket(handoff: Handoff, move: Move, promised_ms: int, now_ms: int) -> Step:
    """
    Nobody came in time, or too many hops: a promise instead of a place.

    A promise that was made before stands; a ticket that nobody took up in the line
    is one again, and its customer, who never left the machine, is told nothing.
    """
    is_quiet = handoff.is_recalled and handoff.state is State.QUEUED

    promised_ms = handoff.promised_ms or promised_ms
    after = _moved(
        handoff,
        move,
        now_ms,
        operator="",
        operator_display="",
        epoch=handoff.epoch + 1,
        promised_ms=promised_ms,
        due_ms=0,
        excluded={},
        is_recalled=False,
    )
    effect = None if is_quiet else _ticket_effect(after)
    return Step(before=handoff, after=after, effect=effect)


def finish(
    handoff: Handoff, outcome: str, seen: int | None, now_ms: int, wrap_s: float
) -> Step:
    """The talk is over; the machine may speak after the effect. Wrapping up is left."""
    after = _moved(
        handoff,
        Move.FINISH,
        now_ms,
        outcome=outcome,
        due_ms=now_ms + int(wrap_s * 1000),
    )
    effect = _effect(after, "hand_back", "handoff.closed", seen=seen)
    return Step(before=handoff, after=after, effect=effect)


def reopen(handoff: Handoff, now_ms: int, policy: HandoffPolicy) -> Step:
    """The customer wrote before the close took effect: the talk goes on."""
    due_ms = now_ms + int(policy.idle_s * 1000)
    after = _moved(handoff, Move.REOPEN, now_ms, outcome="", due_ms=due_ms)
    return Step(before=handoff, after=after)


def save(handoff: Handoff, now_ms: int, outcome: str = "") -> Step:
    """Wrapped up, perhaps with another *outcome* than at the close."""
    after = _moved(
        handoff,
        Move.SAVE,
        now_ms,
        closed_ms=now_ms,
        due_ms=0,
        outcome=outcome or handoff.outcome,
    )
    return Step(before=handoff, after=after)


def leave(handoff: Handoff, now_ms: int) -> Step:
    """The customer no longer wants a person."""
    after = _moved(handoff, Move.LEAVE, now_ms, operator="", closed_ms=now_ms, due_ms=0)
    effect = _effect(after, "hand_back", "handoff.returned")
    return Step(before=handoff, after=after, effect=effect)


def _new(
    request: HandoffRequest,
    state: State,
    now_ms: int,
    policy: HandoffPolicy,
    *,
    due_ms: int,
) -> Handoff:
    return Handoff(
        **msgspec.structs.asdict(request),
        state=state,
        version=1,
        queued_ms=now_ms,
        deadline_ms=now_ms + policy.target_ms(request.risk),
        expires_ms=due_ms,
        since_ms=now_ms,
        due_ms=due_ms,
        needs=policy.needs(request.reason, request.locale),
        weight=policy.weights.get(request.risk, 1),
    )


def _moved(handoff: Handoff, move: Move, now_ms: int, **changes: object) -> Handoff:
    return msgspec.structs.replace(
        handoff,
        state=target(handoff, move),
        version=handoff.version + 1,
        since_ms=now_ms,
        **changes,
    )


def _excluded(handoff: Handoff, now_ms: int, policy: HandoffPolicy) -> dict[str, int]:
    still = {name: until for name, until in handoff.excluded.items() if until > now_ms}
    return {**still, handoff.operator: now_ms + int(policy.exclude_s * 1000)}


def _effect(
    after: Handoff, kind: EffectKind, notice: NoticeKey, *, seen: int | None = None
) -> Effect:
    return Effect(
        kind=kind,
        notice=notice,
        version=after.version,
        owner=after.owner,
        epoch=after.epoch,
        at_ms=after.since_ms,
        operator=after.operator_display,
        promised_ms=after.promised_ms,
        seen=seen,
    )


def _reply_due_ms(now_ms: int, policy: HandoffPolicy) -> int:
    return now_ms + int(policy.first_reply_s * 1000)


def _joined(after: Handoff) -> Effect:
    return _effect(after, "own", "handoff.joined")


def _ticket_effect(after: Handoff) -> Effect:
    return _effect(after, "hand_back", "ticket.created")


def _placed(
    notice: NoticeKey, after: Handoff, place: Place, *, kind: EffectKind = "say"
) -> Effect:
    effect = _effect(after, kind, notice)
    return msgspec.structs.replace(effect, position=place.position, eta_s=place.eta_s)
