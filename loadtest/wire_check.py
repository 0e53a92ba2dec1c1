"""
Whether what the gateway answers keeps to the wire contract.
"""

from __future__ import annotations

import msgspec

from gateway.outcome import EventOut, MessageOut


_message = msgspec.json.Decoder(MessageOut).decode


class _Page(msgspec.Struct):
    events: list[EventOut]


_page = msgspec.json.Decoder(_Page).decode


def wrong_with_answer(message_id: str, status: int, body: bytes) -> str:
    """What is wrong with the answer to a message; empty for nothing."""
    if status not in (200, 202):
        return f"status {status}"
    try:
        found = _message(body)
    except msgspec.MsgspecError as exc:
        return f"no result: {exc}"
    is_answered = found.status == "answered"
    for is_wrong, what in (
        (found.message_id != message_id, f"result of {found.message_id!r}"),
        (found.seq < 1, f"number {found.seq}"),
        ((status == 202) != (found.status == "pending"), f"{status} {found.status}"),  # noqa: PLR2004 - accepted
        (is_answered and not (found.reply and found.reply.text), "no text"),
    ):
        if is_wrong:
            return what
    return ""


def wrong_with_events(message_id: str, status: int, body: bytes) -> str:
    """What is wrong with a conversation's events in which a message must stand."""
    if status != 200:  # noqa: PLR2004 - as on the wire
        return f"status {status}"
    try:
        events = _page(body).events
    except msgspec.MsgspecError as exc:
        return f"no events: {exc}"
    numbers = [one.n for one in events]
    if numbers != sorted(set(numbers)):
        return "events out of order"
    own = [e for e in events if e.kind == "message" and e.message_id == message_id]
    return "" if len(own) == 1 else f"the message is there {len(own)} times"
