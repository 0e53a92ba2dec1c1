"""
Ways to let work in, side by side: ours, and what is usually done.

``Ours`` is :class:`gateway.admission.pools.Pool` itself. The others are written
from their sources: Gradient2 from Netflix' concurrency-limits with its defaults,
CoDel with adaptive LIFO from folly (target and interval scaled to answers of
seconds), and no control at all.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from time import perf_counter

from gateway.admission.asks import Ask, End, Verdict
from gateway.admission.ladder import Ladder, Rung, closed_from
from gateway.admission.pools import Pool, PoolPolicy
from gateway.admission.priority import Priority
from loadtest.tide_world import Outcome, Scenario, Try


#: Defaults of Gradient2.
LEAST, MOST, QUEUE, TOLERANCE, DRIFT = 20.0, 200.0, 4.0, 1.5, 2.0
LONG_WINDOW, WINDOW_SAMPLES = 600, 10


#: Seconds between two looks of the ladder, as in the gateway.
LOOK_S = 1.0


class Unbounded:
    """No control: everything goes to the backend, nobody ever hears no."""

    name = "no control"
    gives_up = False
    is_impatient = True

    def arrive(self, one: Try, now: float) -> Iterable[Outcome]:
        """Always in."""
        del now
        return [(one, True)]

    def ended(self, one: Try, now: float, took_s: float) -> Iterable[Outcome]:
        """Nothing to learn."""
        del one, now, took_s
        return ()

    def tick(self, now: float) -> Iterable[Outcome]:
        """Nothing to do."""
        del now
        return ()


class BoundedFifo(Unbounded):
    """A line of at most *most*; who finds it full is refused."""

    name = "bounded FIFO"

    def __init__(self, most: int = 1_000) -> None:
        self._most = most
        self._inside = 0

    def arrive(self, one: Try, now: float) -> Iterable[Outcome]:
        """In while there is room."""
        del now
        if self._inside >= self._most:
            return [(one, False)]
        self._inside += 1
        return [(one, True)]

    def ended(self, one: Try, now: float, took_s: float) -> Iterable[Outcome]:
        """Room again."""
        del one, now, took_s
        self._inside -= 1
        return ()


class Gradient2(Unbounded):
    """
    Netflix' latency gradient: short against long average, no line.

    Defaults of concurrency-limits: start and least 20, most 200, smoothing 0.2,
    queue 4, long window 600, tolerance 1.5.
    """

    name = "Gradient2"
    gives_up = True
    is_impatient = False

    def __init__(self) -> None:
        self._limit = LEAST
        self._inside = 0
        self._long = 0.0
        self._samples = 0
        self._window: list[float] = []
        self._peak = 0
        self._window_end = 0.0

    def arrive(self, one: Try, now: float) -> Iterable[Outcome]:
        """In while fewer than the limit are."""
        del now
        if self._inside >= int(self._limit):
            return [(one, False)]
        self._inside += 1
        return [(one, True)]

    def ended(self, one: Try, now: float, took_s: float) -> Iterable[Outcome]:
        """Each answer moves the limit."""
        del took_s
        self._sample(now - one.at, self._inside, now)
        self._inside -= 1
        return ()

    def _sample(self, rtt_s: float, in_flight: int, now: float) -> None:
        """A window's average is one sample: at least a second, at least ten."""
        self._window.append(rtt_s)
        self._peak = max(self._peak, in_flight)
        if now >= self._window_end and len(self._window) >= WINDOW_SAMPLES:
            self._update(sum(self._window) / len(self._window), self._peak)
            self._window, self._peak = [], 0
            self._window_end = now + 1.0

    def _update(self, rtt_s: float, in_flight: int) -> None:
        self._samples += 1
        weight = max(1 / self._samples, 2 / (LONG_WINDOW + 1))
        self._long += weight * (rtt_s - self._long)
        if self._long / rtt_s > DRIFT:
            self._long *= 0.95
        if in_flight < self._limit / 2:
            return
        gradient = max(0.5, min(1.0, TOLERANCE * self._long / rtt_s))
        wanted = self._limit * gradient + QUEUE
        self._limit = max(LEAST, min(MOST, 0.8 * self._limit + 0.2 * wanted))


class CoDelLifo(Unbounded):
    """
    folly's CoDel: while the least delay of an interval was over the target, the
    newest go first and those older than twice the target are refused.
    """

    name = "CoDel + LIFO"
    gives_up = True
    is_impatient = False

    def __init__(
        self, slots: int, target_s: float = 0.5, interval_s: float = 2.0
    ) -> None:
        self._slots = slots
        self._target_s = target_s
        self._interval_s = interval_s
        self._inside = 0
        self._line: deque[Try] = deque()
        self._is_overloaded = False
        self._least_s = float("inf")
        self._interval_end = 0.0

    def arrive(self, one: Try, now: float) -> Iterable[Outcome]:
        """Into the line, and out of it when a slot is free."""
        self._line.append(one)
        return list(self._pull(now))

    def ended(self, one: Try, now: float, took_s: float) -> Iterable[Outcome]:
        """A slot is free."""
        del one, took_s
        self._inside -= 1
        return list(self._pull(now))

    def tick(self, now: float) -> Iterable[Outcome]:
        """Old ones go although no slot was freed."""
        return list(self._pull(now))

    def _pull(self, now: float) -> Iterator[Outcome]:
        while self._line and self._is_overloaded and self._is_old(now):
            yield self._line.popleft(), False
        while self._line and self._inside < self._slots:
            one = self._line.pop() if self._is_overloaded else self._line.popleft()
            self._measure(now - one.at, now)
            self._inside += 1
            yield one, True

    def _is_old(self, now: float) -> bool:
        return now - self._line[0].at > 2 * self._target_s

    def _measure(self, delay_s: float, now: float) -> None:
        if now >= self._interval_end:
            self._is_overloaded = self._least_s > self._target_s
            self._least_s = delay_s
            self._interval_end = now + self._interval_s
        self._least_s = min(self._least_s, delay_s)


class Ours:
    """
    The gateway's own pool and ladder. The pool's decisions are timed.

    Args:
        knows_classes: False: conversations are kept, classes are not looked at.
    """

    gives_up = True
    is_impatient = False

    def __init__(self, scenario: Scenario, *, knows_classes: bool = True) -> None:
        self.name = "Tidegate" if knows_classes else "sticky only"
        self._knows_classes = knows_classes
        self.pool = Pool(
            PoolPolicy(
                slots=scenario.slots,
                service_s=scenario.service_s,
                target_s=0.5,
                reserve=0.1 if knows_classes else 0.0,
            )
        )
        self.ladder = Ladder()
        self._looked = 0.0
        self._asks: dict[Ask, Try] = {}
        self._held: dict[int, Ask] = {}
        self.decision_s: list[float] = []

    def arrive(self, one: Try, now: float) -> Iterable[Outcome]:
        """As the gateway asks for a slot."""
        ask = self._ask(one, now)
        started = perf_counter()
        verdict = self.pool.offer(ask, now)
        self.decision_s.append(perf_counter() - started)
        if verdict is Verdict.WAIT:
            self._asks[ask] = one
            return ()
        if verdict is Verdict.RUN:
            self._held[id(one)] = ask
        return [(one, verdict is Verdict.RUN)]

    def _ask(self, one: Try, now: float) -> Ask:
        priority = one.talk.priority if self._knows_classes else Priority.PRESALE
        return Ask(
            shop=one.talk.shop,
            priority=priority,
            is_continuing=one.turn > 0,
            is_shut_out=priority >= closed_from(self.ladder.rung, is_agent=True),
            draw=one.talk.draw,
            at=now,
            deadline=one.deadline,
        )

    def ended(self, one: Try, now: float, took_s: float) -> Iterable[Outcome]:
        """The slot is given back."""
        del took_s
        end = End.DONE if now < one.deadline else End.TIMEOUT
        self.pool.done(self._held.pop(id(one)), now, end)
        return self._moved(self.pool.pull(now))

    def tick(self, now: float) -> Iterable[Outcome]:
        """As the gateway's sweep."""
        moved = self._moved(self.pool.sweep(now))
        if now - self._looked >= LOOK_S:
            self._looked, pool = now, self.pool
            self.ladder.observe(
                now,
                is_bad=pool.is_bad,
                is_severe=pool.is_severe,
                top=Rung.TASKS_FOR_FEW,
            )
        return moved

    def _moved(self, asks: Iterable[Ask]) -> list[Outcome]:
        outcomes: list[Outcome] = []
        for ask in asks:
            one = self._asks.pop(ask)
            is_run = ask.verdict is Verdict.RUN
            if is_run:
                self._held[id(one)] = ask
            outcomes.append((one, is_run))
        return outcomes
