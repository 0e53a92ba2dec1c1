"""
The table of moves: what is drawn is what is allowed.
"""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engines.contract import Risk
from gateway.handoff import moves
from gateway.handoff.errors import IllegalMove
from gateway.handoff.matching import OperatorSeat, pairs
from gateway.handoff.policy import HandoffPolicy
from gateway.handoff.states import (
    EDGES,
    FINAL,
    Handoff,
    HandoffRequest,
    Move,
    State,
    id_of_owner,
    target,
)
from gateway.handoff.steps import Place


POLICY = HandoffPolicy()
#: How many others always wait beside one who must not starve.
LINE = 4
PLACE = Place(position=1, eta_s=(8, 20))


def queued(handoff_id: str = "h-1", *, deadline_ms: int = 0) -> Handoff:
    request = HandoffRequest(
        id=handoff_id,
        conversation_id="web:c",
        user_id="u",
        channel="web",
        reason="asked_human",
        risk=Risk.LOW,
        summary="",
        locale="zh",
        created_ms=0,
    )
    step = moves.enqueue(request, PLACE, 0, POLICY)
    return step.after if not deadline_ms else _at(step.after, deadline_ms)


def _at(handoff: Handoff, deadline_ms: int) -> Handoff:
    return msgspec.structs.replace(handoff, deadline_ms=deadline_ms)


def seat(name: str, **facts: object) -> OperatorSeat:
    known: dict[str, object] = {
        "display": name,
        "capacity": 2,
        "held": 0,
        "is_away": False,
        "until_ms": 10_000,
    }
    return OperatorSeat(name=name, **{**known, **facts})  # type: ignore[arg-type]


def test_nothing_leaves_a_final_state() -> None:
    """
    A closed or abandoned handoff is over for good.
    """
    assert not [edge for edge in EDGES if edge[0] in FINAL]


def test_every_state_can_be_left_and_reaches_an_end() -> None:
    """
    No state is a trap: from each one an end can be reached.
    """
    for state in set(State) - FINAL:
        seen, todo = {state}, [state]
        while todo:
            here = todo.pop()
            for (source, _), to in EDGES.items():
                if source is here and to not in seen:
                    seen.add(to)
                    todo.append(to)
        assert seen & FINAL, state


@pytest.mark.parametrize("state", list(State))
@pytest.mark.parametrize("move", list(Move))
def test_what_is_not_in_the_table_is_refused(state: State, move: Move) -> None:
    """
    Every pair that is not an edge raises, and names state and move.
    """
    handoff = msgspec.structs.replace(queued(), state=state)
    if (state, move) in EDGES:
        assert target(handoff, move) is EDGES[state, move]
        return
    with pytest.raises(IllegalMove, match=f"is {state.value}.*{move.value}"):
        target(handoff, move)


def test_versions_and_epochs_only_rise() -> None:
    """
    Each move raises the version; each change of owner raises the epoch.
    """
    first = queued()
    offered = moves.offer(first, "lin", "Lin", 1, POLICY).after
    active = moves.claim(offered, 2, POLICY).after
    back = moves.go_back(active, Move.LOSE, PLACE, 3, POLICY).after
    assert [h.version for h in (first, offered, active, back)] == [1, 2, 3, 4]
    assert [h.epoch for h in (first, offered, active, back)] == [0, 0, 1, 2]
    assert back.deadline_ms == first.deadline_ms


def test_ticket_taken_up_gets_a_new_owner_name() -> None:
    """
    A name that gave the conversation back is not used again; the id stays.
    """
    ticket = moves.become_ticket(queued(), Move.OVERDUE, 5_000, 1).after
    taken = moves.take(ticket, "lin", "Lin", 2, POLICY).after
    assert taken.owner != ticket.owner
    assert id_of_owner(taken.owner) == ticket.id


def test_matching_serves_the_earliest_deadline_first() -> None:
    """
    With one free place the most urgent of the line gets it.
    """
    line = [queued("early", deadline_ms=1), queued("late", deadline_ms=2)]
    made = list(pairs(line, [seat("lin", capacity=1)], 0))
    assert [handoff.id for handoff, _ in made] == ["early"]


def test_matching_spreads_over_operators() -> None:
    """
    The least busy operator is asked first, then whoever waited longest.
    """
    line = [queued(str(n), deadline_ms=n + 1) for n in range(3)]
    seats = [seat("busy", held=1), seat("idle"), seat("fresh", offered_ms=5)]
    made = [chosen.name for _, chosen in pairs(line, seats, 0)]
    assert made == ["idle", "fresh", "idle"]


@pytest.mark.parametrize("facts", [{"is_away": True}, {"held": 2}, {"until_ms": 100}])
def test_matching_leaves_out_who_can_not_take_it(facts: dict[str, object]) -> None:
    """
    Away, full and silent operators get no offer.
    """
    assert not list(pairs([queued()], [seat("lin", **facts)], 100))


def test_matching_leaves_out_who_declined() -> None:
    """
    An operator who declined is asked again only after the pause.
    """
    offered = moves.offer(queued(), "lin", "Lin", 0, POLICY).after
    back = moves.put_back(offered, Move.DECLINE, 0, POLICY).after
    until_ms = int(POLICY.exclude_s * 1000)
    lin = seat("lin", until_ms=10 * until_ms)
    assert not list(pairs([back], [lin], until_ms - 1))
    assert list(pairs([back], [lin], until_ms))


@given(
    capacity=st.integers(2, 5),
    talks_s=st.lists(st.integers(20, 400), min_size=1, max_size=30),
    gap_s=st.integers(1, 30),
    risk=st.sampled_from([Risk.LOW, Risk.HIGH]),
)
@settings(max_examples=60, deadline=None)
def test_nobody_starves_however_others_come(
    capacity: int, talks_s: list[int], gap_s: int, risk: Risk
) -> None:
    """
    One customer against an endless stream of others of any class: with people there,
    only so many are served first as came before the deadline, and it is over soon after.
    """
    policy = HandoffPolicy()
    weight, target_s = policy.weights.get(risk, 1), policy.patience[risk].target_s
    mine = msgspec.structs.replace(
        queued("h-me", deadline_ms=int(target_s * 1000)), weight=weight
    )
    other = Risk.LOW if risk is Risk.HIGH else Risk.HIGH
    # Those with an earlier deadline, in rounds of talks; then one round for it to have
    # room, however many light ones could have slipped in.
    earlier = 0 if risk is Risk.HIGH else (target_s - 30) / gap_s
    longest = max(talks_s) + capacity + gap_s
    latest = int(target_s + (min(earlier, LINE) / capacity + 2) * longest)
    ends = [(talks_s[n % len(talks_s)] + n, 1) for n in range(capacity)]
    line, number, now = {mine.id: mine}, 0, 0
    while mine.id in line and now <= latest:
        while len(line) < LINE:
            number += 1
            deadline_ms = now * 1000 + policy.target_ms(other)
            one = queued(f"h-{number}", deadline_ms=deadline_ms)
            line[one.id] = msgspec.structs.replace(one, queued_ms=now * 1000)
        ends = [(end, units) for end, units in ends if end > now]
        used = sum(units for _, units in ends)
        lin = seat("lin", capacity=capacity, held=used, until_ms=10**9)
        ordered = sorted(line.values(), key=lambda h: (h.deadline_ms, h.id))
        for chosen, _ in pairs(ordered, [lin], now * 1000):
            del line[chosen.id]
            ends.append((now + talks_s[number % len(talks_s)], chosen.weight))
        now += gap_s
    assert mine.id not in line, f"not served after {now} s"
