"""
The promises of Tidegate, I1 to I10: each holds, and its check fails when it is broken.
"""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
import promises
import pytest
from promises import House

from engines.agent.execution import Executor
from engines.agent.ledger import ActionRecord, ActionState
from engines.agent.policy import Policy, Verdict
from engines.contract import Complexity, Decision, Risk, Turn
from gateway import turn_work
from gateway.dispatch import Dispatcher
from gateway.handoff.effects import Effects
from gateway.http.auth import Authenticator
from gateway.state import turn_of
from gateway.store.conversations import Conversations
from gateway.turn_work import Commitment, TurnWork


pytestmark = pytest.mark.anyio

Promise = Callable[[House], Awaitable[None]]
Break = Callable[[House, pytest.MonkeyPatch], None]

PROMISES: dict[str, Promise] = {
    "I1": promises.every_acknowledged_message_ends,
    "I2": promises.every_message_is_answered_at_most_once,
    "I3": promises.replies_keep_the_order_of_their_messages,
    "I4": promises.an_action_takes_effect_at_most_once,
    "I5": promises.the_machine_is_silent_while_a_person_has_it,
    "I6": promises.every_change_of_owner_is_told,
    "I7": promises.no_figure_is_said_without_a_source,
    "I8": promises.shops_never_meet,
    "I9-risk": promises.risk_never_falls_in_an_episode,
    "I9-person": promises.a_person_can_be_asked_for_in_every_state,
    "I10": promises.policy_is_not_a_matter_of_words,
}


@pytest.mark.parametrize("promise", PROMISES)
async def test_it_always_holds(house: House, promise: str) -> None:
    """The promise, on two workers, a real store and a real shop."""
    await PROMISES[promise](house)


def nobody_takes_over(house: House, patch: pytest.MonkeyPatch) -> None:
    """I1: what a dead worker left stays where it is."""
    patch.setattr(Dispatcher, "take_over", lambda *_: None)


def handoffs_are_not_in_the_outbox(house: House, patch: pytest.MonkeyPatch) -> None:
    """I1: the commit forgets what must follow it."""
    patch.setattr(Commitment, "outbox", ())


def ids_are_not_compared(house: House, patch: pytest.MonkeyPatch) -> None:
    """I2: each delivery counts as a new message."""
    accept, numbers = Conversations.accept, itertools.count()

    async def forgetful(
        self: Conversations, shop: str, talk: str, message: Any, *more: Any
    ) -> Any:
        other = f"{message.message_id}#{next(numbers)}"
        return await accept(
            self, shop, talk, msgspec.structs.replace(message, message_id=other), *more
        )

    patch.setattr(Conversations, "accept", forgetful)


def the_first_reply_is_written_late(house: House, patch: pytest.MonkeyPatch) -> None:
    """I3: it comes with the second one's commit, behind it."""
    real = TurnWork._commitment
    kept: list[tuple[str, bytes]] = []

    def late(self: TurnWork, turn: Turn, *more: Any) -> Commitment:
        done = real(self, turn, *more)
        events = done.events + tuple(kept)
        kept.clear()
        if turn.seq == 1:
            kept.extend(events)
            events = ()
        return msgspec.structs.replace(done, events=events)

    patch.setattr(TurnWork, "_commitment", late)


def the_shop_is_called_before_the_intent(
    house: House, patch: pytest.MonkeyPatch
) -> None:
    """I4: the ledger learns of it afterwards."""
    real = Executor.run

    async def eager(
        self: Executor, record: ActionRecord, deadline_s: float
    ) -> ActionRecord:
        if record.state is ActionState.CONFIRMED:
            await self._send(record, record.steps[0], deadline_s)
        return await real(self, record, deadline_s)

    patch.setattr(Executor, "run", eager)


def every_call_has_its_own_key(house: House, patch: pytest.MonkeyPatch) -> None:
    """I4: a call that is sent again is another action to the shop."""
    real = Executor._send

    async def careless(self: Executor, record: Any, step: Any, deadline_s: Any) -> Any:
        step = msgspec.structs.replace(step, key=uuid.uuid4().hex)
        return await real(self, record, step, deadline_s)

    patch.setattr(Executor, "_send", careless)


def the_commit_names_no_owner(house: House, patch: pytest.MonkeyPatch) -> None:
    """I5: the machine goes on after it has called a person."""
    patch.setattr(Commitment, "owner", "")


def nothing_is_said_of_the_line(house: House, patch: pytest.MonkeyPatch) -> None:
    """I6: a silent handoff."""
    real = Effects.apply

    async def silent(self: Effects, shop: str, handoff: Any, effect: Any) -> bool:
        return effect.kind == "say" or await real(self, shop, handoff, effect)

    patch.setattr(Effects, "apply", silent)


def the_guard_is_passed_by(house: House, patch: pytest.MonkeyPatch) -> None:
    """I7: what an engine says is what leaves."""
    for worker in house.pair:
        answerer = worker.gateway.dispatcher._work._answerer
        patch.setattr(answerer, "_guard", lambda answer, _turn: answer)


def any_key_is_the_first_shops(house: House, patch: pytest.MonkeyPatch) -> None:
    """I8: the door does not ask whose key it is."""
    real = Authenticator.of_token
    ours = house.a.keys["demo"].encode()
    patch.setattr(Authenticator, "of_token", lambda self, _token: real(self, ours))


def earlier_risk_is_forgotten(house: House, patch: pytest.MonkeyPatch) -> None:
    """I9: each message is judged as if it were the first."""

    def forgetful(*args: Any, **more: Any) -> Turn:
        return msgspec.structs.replace(turn_of(*args, **more), previous_risk=None)

    patch.setattr(turn_work, "turn_of", forgetful)


def an_open_task_eats_the_wish(house: House, patch: pytest.MonkeyPatch) -> None:
    """I9: while something is open, everything is taken for its answer."""
    for worker in house.pair:
        answerer = worker.gateway.dispatcher._work._answerer
        decide = answerer._decide

        def greedy(turn: Turn, decide: Any = decide) -> Decision:
            if turn.open_task is None:
                decided: Decision = decide(turn)
                return decided
            return Decision(
                complexity=Complexity.SIMPLE,
                risk=Risk.LOW,
                tier=turn.open_task.tier,
                confidence=1.0,
            )

        patch.setattr(answerer, "_decide", greedy)


def policy_allows_everything(house: House, patch: pytest.MonkeyPatch) -> None:
    """I10: whoever asks firmly gets it."""
    patch.setattr(Policy, "judge", lambda *_: Verdict("allowed", ("any.thing",)))


BROKEN: list[tuple[str, Break]] = [
    ("I1", nobody_takes_over),
    ("I1", handoffs_are_not_in_the_outbox),
    ("I2", ids_are_not_compared),
    ("I3", the_first_reply_is_written_late),
    ("I4", the_shop_is_called_before_the_intent),
    ("I4", every_call_has_its_own_key),
    ("I5", the_commit_names_no_owner),
    ("I6", nothing_is_said_of_the_line),
    ("I7", the_guard_is_passed_by),
    ("I8", any_key_is_the_first_shops),
    ("I9-risk", earlier_risk_is_forgotten),
    ("I9-person", an_open_task_eats_the_wish),
    ("I10", policy_allows_everything),
]


@pytest.mark.parametrize(
    ("promise", "breaks"), BROKEN, ids=[f"{p}-{b.__name__}" for p, b in BROKEN]
)
async def test_its_check_fails_when_it_is_broken(
    house: House, monkeypatch: pytest.MonkeyPatch, promise: str, breaks: Break
) -> None:
    """One line of the house is broken on purpose: the same check notices."""
    with monkeypatch.context() as patch:
        breaks(house, patch)
        with pytest.raises(AssertionError):
            await PROMISES[promise](house)


def test_every_promise_is_broken_once() -> None:
    """A check that nobody has seen fail proves nothing."""
    assert {promise for promise, _ in BROKEN} == set(PROMISES)
