"""
When who says what, decided before a run begins: arrivals wait for no answer.

    steady   the same rate all the time
    ramp     from a tenth of the rate to the rate
    spike    a tenth of the rate, and at 0 o'clock the rate within one second, then decay
    double   a morning and an evening peak
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from heapq import heappop, heappush
from typing import Literal, NamedTuple, get_args

import msgspec


Shape = Literal["steady", "ramp", "spike", "double"]
SHAPES: tuple[Shape, ...] = get_args(Shape)
#: Mean pause before a customer's next message, in seconds.
THINK_S = 6.0


class Piece(msgspec.Struct, frozen=True):
    """A stretch of time in which the rate goes evenly from one value to another."""

    seconds: float
    from_per_s: float
    to_per_s: float


class Send(NamedTuple):
    """One message to be sent at *due_s* from the start of the run."""

    due_s: float
    conversation: str
    number: int
    text: str


def pieces(shape: Shape, seconds: float, peak_per_s: float) -> tuple[Piece, ...]:
    """The course of *shape* over *seconds*; *peak_per_s* messages at its highest."""
    low, top = peak_per_s / 10, peak_per_s
    rises = {
        "steady": ((1.0, top, top),),
        "ramp": ((1.0, low, top),),
        "double": (
            (0.2, low, top), (0.2, top, low), (0.2, low, low), (0.2, low, top),
            (0.2, top, low),
        ),
    }  # fmt: skip
    if shape != "spike":
        return tuple(Piece(share * seconds, a, b) for share, a, b in rises[shape])
    rest = seconds - 1.0
    return (
        Piece(rest * 0.3, low, low),
        Piece(1.0, low, top),
        Piece(rest * 0.2, top, top),
        Piece(rest * 0.3, top, low),
        Piece(rest * 0.2, low, low),
    )


def arrivals(course: Sequence[Piece], chance: random.Random) -> Iterator[float]:
    """
    Times of a Poisson process whose rate follows *course*.

    By thinning: candidates at the highest rate, kept with the rate of their time
    (Lewis and Shedler, 1979).
    """
    begun = 0.0
    for piece in course:
        most = max(piece.from_per_s, piece.to_per_s)
        at = chance.expovariate(most) if most > 0 else piece.seconds
        while at < piece.seconds:
            share = at / piece.seconds
            rate = piece.from_per_s + (piece.to_per_s - piece.from_per_s) * share
            if chance.random() * most < rate:
                yield begun + at
            at += chance.expovariate(most)
        begun += piece.seconds


def sends(
    course: Sequence[Piece],
    talks: Sequence[Sequence[str]],
    seed: int,
    prefix: str,
) -> Iterator[Send]:
    """
    Every message of a run in the order of its time.

    A conversation begins at each arrival and goes on after pauses, whatever it is
    answered. The rates of *course* are of messages: fewer conversations begin.
    """
    chance = random.Random(seed)
    length = sum(map(len, talks)) / len(talks)
    fewer = [
        Piece(p.seconds, p.from_per_s / length, p.to_per_s / length) for p in course
    ]
    waiting: list[Send] = []
    for number, at in enumerate(arrivals(fewer, chance)):
        while waiting and waiting[0].due_s <= at:
            yield heappop(waiting)
        due = at
        for line, text in enumerate(chance.choice(talks)):
            heappush(waiting, Send(due, f"{prefix}-{number}", line, text))
            due += chance.expovariate(1 / THINK_S)
    while waiting:
        yield heappop(waiting)
