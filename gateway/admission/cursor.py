"""
The cursor: which new conversations may come in, by class and hourly draw.

Once a window the queueing time says whether too many came in. If so, the next
window admits a little less of what this one admitted, else a little more of what
arrived (DAGOR, SoCC 2018, with a cursor per shop instead of one). What may come
in is given to the classes in order; the class that is cut in two is shared
between the shops by weight, max-min fair, so that one shop's flood takes
nothing from the others. Inside a shop the users' draws decide.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from gateway.admission.priority import Priority


CLASSES = len(Priority)
#: What the next window admits, of what an overloaded one could serve: a little
#: more, so that the line never runs dry; less if it waited far too long.
LESS = 1.1
MUCH_LESS = 0.8
MUCH = 3.0
#: What a window that was fine adds, of the arrivals.
MORE = 0.02
#: What a window with slots to spare multiplies by; after some of them all may in.
MORE_IF_IDLE = 1.5
IDLE_WINDOWS = 3
#: Weight of the last window in the smoothed rates: a window may have few arrivals.
SMOOTHING = 0.2
#: A shop with fewer arrivals a window is forgotten.
FORGOTTEN = 0.01


class Cursor:
    """
    Admits new conversations below a point that moves once a window.

    Args:
        weights: Share of a shop under overload; 1 if it is not named.
    """

    def __init__(self, weights: Mapping[str, float] | None = None) -> None:
        self._weights = weights or {}
        self._now: dict[str, list[int]] = {}
        self._rates: dict[str, list[float]] = {}
        self._cuts: dict[str, float] = {}
        self._cut = float(CLASSES)
        self._served_rate = 0.0
        self._idle = 0
        self._allowed = float("inf")

    @property
    def is_cutting(self) -> bool:
        """True while some are turned away."""
        return self._cut < CLASSES

    @property
    def value(self) -> float:
        """The lowest cut of any shop: 4 admits all, 1.5 half of the second class."""
        return self._cut

    def admits(self, shop: str, priority: int, draw: float) -> bool:
        """Count a new conversation, and say whether it may come in."""
        counts = self._now.get(shop)
        if counts is None:
            counts = self._now[shop] = [0] * CLASSES
        counts[priority] += 1
        return self._cut >= CLASSES or priority + draw < self._cuts.get(shop, self._cut)

    def end_window(self, load: float, served: int, *, is_idle: bool) -> None:
        """
        Move the cursor.

        Args:
            load: Mean queueing time of the window over its target.

            served: New conversations that got a slot in it.

            is_idle: Slots were free and nobody waited at its end.
        """
        self._smooth(served)
        arrived = sum(map(sum, self._rates.values()))
        if load > 1.0:
            slack = MUCH_LESS if load > MUCH else LESS
            self._allowed = min(self._allowed, self._served_rate * slack)
            self._idle = 0
        elif is_idle:
            self._idle += 1
            self._allowed *= MORE_IF_IDLE
        else:
            self._allowed += MORE * arrived
        if self._idle >= IDLE_WINDOWS or self._allowed >= arrived:
            self._open(load)
        else:
            self._cuts = self._share()
            self._cut = min(self._cuts.values(), default=float(CLASSES))

    def _open(self, load: float) -> None:
        if load <= 1.0:
            self._allowed = float("inf")
        self._cuts, self._cut = {}, float(CLASSES)

    def _smooth(self, served: int) -> None:
        for shop in self._now.keys() | self._rates.keys():
            counts = self._now.get(shop, (0,) * CLASSES)
            old = self._rates.get(shop) or list(map(float, counts))
            rates = [
                was + SMOOTHING * (count - was)
                for was, count in zip(old, counts, strict=True)
            ]
            if sum(rates) < FORGOTTEN:
                self._rates.pop(shop, None)
            else:
                self._rates[shop] = rates
        self._served_rate += SMOOTHING * (served - self._served_rate)
        self._now = {}

    def _share(self) -> dict[str, float]:
        """The cut of each shop: classes in order, the last one max-min fair."""
        left = self._allowed
        for priority in range(CLASSES):
            demand = {shop: rates[priority] for shop, rates in self._rates.items()}
            total = sum(demand.values())
            if total > left:
                given = share_out(left, demand, self._weights)
                return {
                    shop: priority + (given[shop] / demand[shop] if demand[shop] else 1)
                    for shop in demand
                }
            left -= total
        return {}


def share_out(
    amount: float, demand: Mapping[str, float], weights: Mapping[str, float]
) -> dict[str, float]:
    """
    Weighted max-min fair shares of *amount*; nobody gets more than they ask for.
    """
    given: dict[str, float] = {}
    order: Iterable[str] = sorted(
        demand, key=lambda shop: demand[shop] / weights.get(shop, 1.0)
    )
    weight_left = sum(weights.get(shop, 1.0) for shop in demand)
    for shop in order:
        weight = weights.get(shop, 1.0)
        given[shop] = min(demand[shop], amount * weight / weight_left)
        amount -= given[shop]
        weight_left -= weight
    return given
