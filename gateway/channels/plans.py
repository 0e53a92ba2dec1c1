"""
From what is to be said to the sends that say it, within what a platform allows.

Where the platform counts sends everything waiting is joined into as few as
possible; what does not fit waits until the customer writes, and the last piece
says so. Where it does not count each event is a send of its own.

Pure: the same events and the same cursor give the same pieces and keys, so that
a worker that takes over makes the very same sends.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import msgspec

from gateway.channels.contract import Caps, Piece
from gateway.channels.rendering import MORE, Line, language, measure, split


_BETWEEN = "\n\n"


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """
    One send and where the cursor stands after it.

    Attributes:
        done: Last event that is delivered by then.

        part: Characters of the next one that are delivered too.
    """

    piece: Piece
    done: int
    part: int


class Cursor(msgspec.Struct, frozen=True):
    """How far a conversation is delivered; see :class:`Step`."""

    done: int
    part: int = 0


class To(msgspec.Struct, frozen=True, kw_only=True):
    """Whom the sends of one conversation go to."""

    scope: str
    address: dict[str, str]
    user_id: str
    conversation_id: str


def plan(
    lines: Sequence[Line], at: Cursor, to: To, caps: Caps, spent: int
) -> list[Step]:
    """
    The sends that may be made now; fewer than needed if the budget ends.

    Args:
        spent: Sends since the customer's last message.
    """
    if not lines:
        return []
    if not caps.sends:
        steps: list[Step] = []
        for line in lines:
            steps += _steps([line], at, to, caps.max_text, caps)
            at = Cursor(line.n)
        return steps
    steps = _steps(lines, at, to, caps.max_text, caps)
    room = room_left(caps, spent, is_operators=steps[-1].piece.who == "operator")
    return steps if len(steps) <= room else _shortened(lines, at, to, caps, room)


def room_left(caps: Caps, spent: int, *, is_operators: bool) -> int:
    """Sends that a counting platform still takes; some are kept for operators."""
    return max(0, caps.sends - (0 if is_operators else caps.reserve) - spent)


def _shortened(
    lines: Sequence[Line], at: Cursor, to: To, caps: Caps, room: int
) -> list[Step]:
    """As much as fits, with a word at the end that there is more."""
    if room == 0:
        return []
    more = MORE[language(lines[0].text)]
    most = caps.max_text - measure(more, caps.unit)
    steps = _steps(lines, at, to, most, caps)[:room]
    last = steps[-1]
    told = msgspec.structs.replace(last.piece, text=last.piece.text + more, choices=())
    return [*steps[:-1], msgspec.structs.replace(last, piece=told)]


def _steps(
    lines: Sequence[Line], at: Cursor, to: To, most: int, caps: Caps
) -> list[Step]:
    """Lines joined and cut; every cut knows which line it ends in."""
    stream, ends = _joined(lines, at.part)
    parts = split(stream, most, caps.unit)
    steps, offset, before = [], 0, at
    for number, part in enumerate(parts, 1):
        offset += len(part)
        after = _cursor(lines, ends, offset, at)
        said = [line for line in lines if before.done < line.n <= after.done]
        told = [line for line in said if line.handoff]
        last = said[-1] if said else next(x for x in lines if x.n > before.done)
        piece = Piece(
            key=_key(to.scope, before, after),
            address=to.address,
            text=part.strip(),
            who=last.who,
            choices=lines[-1].choices[: caps.choices] if number == len(parts) else (),
            handoff=told[-1].handoff if told else "",
            is_returned=bool(told) and told[-1].is_returned,
            user_id=to.user_id,
            conversation_id=to.conversation_id,
            seq=last.n,
        )
        steps.append(Step(piece=piece, done=after.done, part=after.part))
        before = after
    return steps


def _joined(lines: Sequence[Line], skipped: int) -> tuple[str, list[int]]:
    """One text of all lines, and where in it each line ends."""
    stream, ends = "", []
    for number, line in enumerate(lines):
        stream += line.text[skipped:] if number == 0 else _BETWEEN + line.text
        ends.append(len(stream))
    return stream, ends


def _cursor(lines: Sequence[Line], ends: list[int], offset: int, at: Cursor) -> Cursor:
    """Where the cursor stands after *offset* characters of the joined text."""
    whole = sum(1 for end in ends if end <= offset)
    done = lines[whole - 1].n if whole else at.done
    if whole == len(lines):
        return Cursor(done)
    start = ends[whole - 1] + len(_BETWEEN) if whole else -at.part
    return Cursor(done, max(0, offset - start))


def _key(scope: str, before: Cursor, after: Cursor) -> str:
    """A name for one stretch of one conversation."""
    stretch = f"{before.done}:{before.part}-{after.done}:{after.part}"
    return hashlib.blake2b(f"{scope}|{stretch}".encode(), digest_size=16).hexdigest()
