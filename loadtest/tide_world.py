"""
Customers, a backend with so many slots, and time that a heap moves.

The world in which policies of admission are compared: conversations of several
turns, each turn worthless after its deadline; answers whose lengths differ
widely; classes; a load that changes. Everything random comes from one seed, so
every policy meets the same customers.
"""

from __future__ import annotations

import math
import random
from collections import deque
from collections.abc import Callable, Iterable
from heapq import heappop, heappush
from typing import Protocol

import msgspec

from gateway.admission.priority import Priority


class Scenario(msgspec.Struct, frozen=True, kw_only=True):
    """
    One tide. Times in seconds, loads as multiples of what the backend can do.

    Attributes:
        load: From the start to *load_s*; then *after* until *until_s*.

        slow_from_s / slow_to_s / slow: While the backend takes *slow* times as long.

        service_s / service_cv: Mean and coefficient of variation of an answer
            (lognormal).

        shares: Of the classes, the most important first.
    """

    name: str
    load: float
    load_s: float = 180.0
    after: float = 0.5
    until_s: float = 300.0
    slow_from_s: float = 0.0
    slow_to_s: float = 0.0
    slow: float = 1.0
    slots: int = 50
    service_s: float = 4.0
    service_cv: float = 0.7
    deadline_s: float = 10.0
    turns: int = 3
    think_s: float = 5.0
    shares: tuple[float, ...] = (0.1, 0.3, 0.6)
    shops: int = 1

    @property
    def capacity(self) -> float:
        """Turns a second that the backend can answer."""
        return self.slots / self.service_s


class Talk(msgspec.Struct, eq=False):
    """
    One conversation of the simulation.

    Attributes:
        services_s: What the answer of each turn takes; the customer's matter, so
            that it is the same under every policy.

        thinks_s: The customer's pause before each later turn.
    """

    number: int
    priority: Priority
    draw: float
    shop: str
    started: float
    services_s: list[float]
    thinks_s: list[float]
    answered: list[float] = msgspec.field(default_factory=list)
    is_lost: bool = False


class Try(msgspec.Struct, eq=False):
    """One turn as it was sent; an impatient customer sends it again."""

    talk: Talk
    turn: int
    at: float
    deadline: float
    service_s: float
    sends: int = 1
    is_in_service: bool = False
    is_gone: bool = False


#: A try that goes to the backend (True) or is refused (False).
Outcome = tuple[Try, bool]


class Policy(Protocol):
    """
    Decides which tries the backend gets.

    Attributes:
        gives_up: The backend's work ends at a try's deadline.

        is_impatient: Customers get no word and send again.
    """

    name: str
    gives_up: bool
    is_impatient: bool

    def arrive(self, one: Try, now: float) -> Iterable[Outcome]:
        """A try comes in."""
        ...

    def ended(self, one: Try, now: float, took_s: float) -> Iterable[Outcome]:
        """The backend is through with one, or gave it up at its deadline."""
        ...

    def tick(self, now: float) -> Iterable[Outcome]:
        """Called every half second."""
        ...


class World:
    """
    One run of one scenario under one policy.

    Args:
        seed: Of customers and answers; the policy has no part in it.
    """

    #: Seconds after which an unanswered customer sends again, and how often.
    PATIENCE_S = 15.0
    RESENDS = 2
    TICK_S = 0.5

    def __init__(self, scenario: Scenario, policy: Policy, seed: int) -> None:
        self.scenario = scenario
        self.policy = policy
        self.rng = random.Random(seed)
        self.talks: list[Talk] = []
        self.tries: list[Try] = []
        self.answered: dict[tuple[int, int], float] = {}
        self.wasted = 0
        self.now = 0.0
        self._heap: list[tuple[float, int, Callable[[], None]]] = []
        self._events = 0
        self._busy = 0
        self._backlog: deque[Try] = deque()
        variance = math.log(1 + scenario.service_cv**2)
        self._sigma = math.sqrt(variance)
        self._mu = math.log(scenario.service_s) - variance / 2

    def run(self) -> World:
        """Let it happen."""
        self._at(0.0, self._new_talk)
        self._at(0.0, self._tick)
        while self._heap and self._heap[0][0] <= self.scenario.until_s:
            self.now, _, happen = heappop(self._heap)
            happen()
        return self

    def _at(self, when: float, happen: Callable[[], None]) -> None:
        self._events += 1
        heappush(self._heap, (when, self._events, happen))

    def _new_talk(self) -> None:
        scenario, rng = self.scenario, self.rng
        load = scenario.load if self.now < scenario.load_s else scenario.after
        rate = load * scenario.capacity / scenario.turns
        self._at(self.now + rng.expovariate(rate), self._new_talk)
        classes = [*Priority][: len(scenario.shares)]
        talk = Talk(
            number=len(self.talks),
            priority=rng.choices(classes, scenario.shares)[0],
            draw=rng.random(),
            shop=f"shop-{rng.randrange(scenario.shops)}",
            started=self.now,
            services_s=[
                rng.lognormvariate(self._mu, self._sigma) for _ in range(scenario.turns)
            ],
            thinks_s=[
                rng.expovariate(1 / scenario.think_s) for _ in range(scenario.turns)
            ],
        )
        self.talks.append(talk)
        self._send(talk, 1)

    def _send(self, talk: Talk, sends: int) -> None:
        """The next turn of a conversation, or the same once more."""
        turn = len(talk.answered)
        deadline = self.now + self.scenario.deadline_s
        one = Try(talk, turn, self.now, deadline, talk.services_s[turn], sends)
        self.tries.append(one)
        self._apply(self.policy.arrive(one, self.now))
        if self.policy.is_impatient and sends <= self.RESENDS:
            self._at(self.now + self.PATIENCE_S, lambda: self._send_again(one))

    def _send_again(self, one: Try) -> None:
        if len(one.talk.answered) == one.turn:
            self._send(one.talk, one.sends + 1)

    def _tick(self) -> None:
        self._apply(self.policy.tick(self.now))
        self._at(self.now + self.TICK_S, self._tick)

    def _apply(self, outcomes: Iterable[Outcome]) -> None:
        for one, is_let_in in outcomes:
            if is_let_in:
                self._submit(one)
            elif not self.policy.is_impatient:
                one.talk.is_lost = True

    def _submit(self, one: Try) -> None:
        """The backend has slots, and a line of its own before them."""
        if self.policy.gives_up:
            self._at(one.deadline, lambda: self._give_up(one))
        if self._busy < self.scenario.slots:
            self._serve(one)
        else:
            self._backlog.append(one)

    def _serve(self, one: Try) -> None:
        self._busy += 1
        one.is_in_service = True
        scenario = self.scenario
        is_slow = scenario.slow_from_s <= self.now < scenario.slow_to_s
        started, took_s = self.now, one.service_s * (scenario.slow if is_slow else 1)
        self._at(self.now + took_s, lambda: self._served(one, started))

    def _served(self, one: Try, started: float) -> None:
        if not one.is_gone:
            self._leave(one, self.now - started)

    def _give_up(self, one: Try) -> None:
        if not one.is_gone:
            self._leave(one, self.now - one.at)

    def _leave(self, one: Try, took_s: float) -> None:
        """The backend is through with one; it helps if it is in time."""
        one.is_gone = True
        if one.is_in_service:
            self._busy -= 1
            while self._backlog and self._busy < self.scenario.slots:
                following = self._backlog.popleft()
                if not following.is_gone:
                    self._serve(following)
        self._judge(one)
        self._apply(self.policy.ended(one, self.now, took_s))

    def _judge(self, one: Try) -> None:
        talk = one.talk
        is_news = len(talk.answered) == one.turn
        if self.now < one.deadline and is_news and not talk.is_lost:
            talk.answered.append(self.now)
            if len(talk.answered) < self.scenario.turns:
                pause_s = talk.thinks_s[one.turn]
                self._at(self.now + pause_s, lambda: self._send(talk, 1))
        else:
            self.wasted += 1
            talk.is_lost |= is_news and not self.policy.is_impatient
