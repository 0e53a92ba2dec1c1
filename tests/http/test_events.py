"""
What happened in a conversation: as JSON, as server-sent events, over WebSocket.
"""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
import websockets
from websockets.sync.client import ClientConnection, connect
from wire_calls import Caller, check_problem, fresh, message, sse


def test_events_come_in_order_and_after_a_number(app: Caller) -> None:
    """Numbers rise by one; ``after`` and ``last`` page without a gap."""
    conversation = fresh()
    for text in ("在吗", "多久发货", "谢谢"):
        app.say(conversation, text)
    events = app.events(conversation)
    assert [event["n"] for event in events] == [1, 2, 3, 4, 5, 6]
    assert [event["kind"] for event in events] == ["message", "reply"] * 3
    assert app.events(conversation, after=4) == events[4:]
    path = f"/v1/conversations/{conversation}/events"
    assert app.http.get(path).json()["last"] == 6
    assert app.http.get(path, params={"after": 6}).json() == {"events": [], "last": 6}
    assert app.http.get(path, params={"after": 2**53}).json()["events"] == []


def test_an_event_says_who_spoke(app: Caller) -> None:
    """A message has its sender and id, a reply its tier and the decision."""
    conversation, body = fresh(), message("多久发货", user_id="c1005")
    app.post(conversation, body)
    said, replied = app.events(conversation)
    assert said["text"] == "多久发货"
    assert said["user_id"] == "c1005"
    assert said["message_id"] == replied["message_id"] == body["message_id"]
    assert said["at_ms"] <= replied["at_ms"]
    assert replied["tier"] == "L1"
    assert replied["decision"]["reasons"]


def test_a_handover_is_told_as_a_notice(app: Caller) -> None:
    """The customer reads who has the conversation now."""
    conversation = fresh()
    result = app.say(conversation, "转人工")
    assert result["status"] in ("queued", "ticketed")
    kinds = [event["kind"] for event in app.events(conversation)]
    assert kinds == ["message", "notice"]
    notice = app.events(conversation)[1]
    assert notice["text"] == result["reply"]["text"]


def test_many_events_come_in_pages(app: Caller) -> None:
    """A page has at most a hundred; following ``last`` gives every one once."""
    conversation = fresh()
    for number in range(60):
        app.say(conversation, "在吗", message_id=f"m{number}")
    seen: list[int] = []
    while page := app.events(conversation, after=seen[-1] if seen else 0):
        assert len(page) <= 100
        seen += [event["n"] for event in page]
    assert seen == list(range(1, 121))


@asynccontextmanager
async def stream(
    app: Caller, conversation: str, **headers: str
) -> AsyncIterator[AsyncIterator[dict[str, str]]]:
    """A running event stream."""
    async with (
        httpx.AsyncClient(base_url=app.stack.url, timeout=10, trust_env=False) as http,
        http.stream(
            "GET",
            f"/v1/conversations/{conversation}/events",
            headers={
                "authorization": f"Bearer {app.key}",
                "accept": "text/event-stream",
                **headers,
            },
        ) as answer,
    ):
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")
        yield sse(answer.aiter_lines())


@pytest.mark.anyio
async def test_a_stream_brings_what_was_and_what_comes(app: Caller) -> None:
    """Ids are numbers of events, names are kinds, data is the event."""
    conversation = fresh()
    await asyncio.to_thread(app.say, conversation, "在吗")
    async with stream(app, conversation) as events:
        first, second = await anext(events), await anext(events)
        assert (first["id"], first["event"]) == ("1", "message")
        assert (second["id"], second["event"]) == ("2", "reply")
        sending = asyncio.create_task(
            asyncio.to_thread(app.say, conversation, "多久发货")
        )
        third = await asyncio.wait_for(anext(events), 5)
        assert json.loads(third["data"])["text"] == "多久发货"
        await sending


@pytest.mark.anyio
async def test_a_quiet_stream_shows_signs_of_life(app: Caller) -> None:
    """Comments only: a browser's page hears nothing of them."""
    async with (
        httpx.AsyncClient(base_url=app.stack.url, timeout=10, trust_env=False) as http,
        http.stream(
            "GET",
            f"/v1/conversations/{fresh()}/events",
            headers={
                "authorization": f"Bearer {app.key}",
                "accept": "text/event-stream",
            },
        ) as answer,
    ):
        lines = answer.aiter_lines()
        assert (await anext(lines)).startswith(":")
        assert await anext(lines) == ""


@pytest.mark.anyio
async def test_a_stream_resumes_after_the_last_event_seen(app: Caller) -> None:
    """``Last-Event-ID``, as browsers send it, wins over the query."""
    conversation = fresh()
    for text in ("在吗", "多久发货"):
        await asyncio.to_thread(app.say, conversation, text)
    async with stream(app, conversation, **{"last-event-id": "3"}) as events:
        assert (await anext(events))["id"] == "4"
    for odd in ("x", "-1", "", "9" * 30, "9" * 5000):
        async with stream(app, conversation, **{"last-event-id": odd}) as events:
            assert (await anext(events))["id"] == "1"


Socket = ClientConnection


def dial(app: Caller, conversation: str) -> Socket:
    """An open WebSocket that has not said who it is."""
    address = app.stack.url.replace("http", "ws", 1)
    return connect(
        f"{address}/v1/conversations/{conversation}/ws", open_timeout=10, proxy=None
    )


def send(socket: Socket, **frame: Any) -> None:
    socket.send(json.dumps(frame))


def frames(socket: Socket, timeout: float = 5.0) -> Iterator[dict[str, Any]]:
    while True:
        yield json.loads(socket.recv(timeout=timeout))


def until(socket: Socket, kind: str) -> dict[str, Any]:
    """The next frame of a kind; others are skipped."""
    return next(frame for frame in frames(socket) if frame["type"] == kind)


def test_a_socket_takes_messages_and_brings_events(app: Caller) -> None:
    """Sign in, send, get the acknowledgement and both events, in order."""
    conversation = fresh()
    with dial(app, conversation) as socket:
        send(socket, type="auth", token=app.key)
        send(socket, type="message", message_id="w1", user_id="c1005", text="多久发货")
        got = list(itertools.islice(frames(socket), 3))
        (ack,) = [frame for frame in got if frame["type"] == "ack"]
        assert ack == {
            "type": "ack",
            "message_id": "w1",
            "seq": 1,
            "status": "answered",
        }
        events = [frame for frame in got if frame["type"] == "event"]
        assert [(event["n"], event["kind"]) for event in events] == [
            (1, "message"),
            (2, "reply"),
        ]
        send(socket, type="ping")
        assert until(socket, "pong") == {"type": "pong"}
    assert [event["n"] for event in app.events(conversation)] == [1, 2]


def test_a_socket_resumes_and_hears_what_others_send(app: Caller) -> None:
    """Events after the last one seen, then each new one, whoever caused it."""
    conversation = fresh()
    app.say(conversation, "在吗")
    with dial(app, conversation) as socket:
        send(socket, type="auth", token=app.key, after=1)
        assert until(socket, "event")["n"] == 2
        app.say(conversation, "多久发货")
        assert until(socket, "event")["n"] == 3
        assert until(socket, "event")["n"] == 4


def test_a_message_sent_again_on_a_socket_is_one_message(app: Caller) -> None:
    """An acknowledgement that was lost costs nothing."""
    conversation = fresh()
    frame = {"type": "message", "message_id": "w1", "user_id": "c1005", "text": "在吗"}
    acks = []
    for _ in range(2):
        with dial(app, conversation) as socket:
            send(socket, type="auth", token=app.key)
            send(socket, **frame)
            acks.append(until(socket, "ack"))
    assert acks[0] == acks[1]
    assert len(app.events(conversation)) == 2


BAD_FRAMES: dict[str, tuple[str, str]] = {
    "no json": ("hello", "bad_json"),
    "empty": ("", "bad_json"),
    "a list": ("[]", "bad_field"),
    "no type": ("{}", "bad_field"),
    "unknown type": ('{"type": "shout"}', "bad_field"),
    "auth again": ('{"type": "auth", "token": "x"}', "bad_field"),
    "no text": ('{"type": "message", "message_id": "a"}', "bad_field"),
    "blank text": (
        '{"type": "message", "message_id": "a", "user_id": "u", "text": " "}',
        "bad_field",
    ),
    "no user": (
        '{"type": "message", "message_id": "a", "text": "hi"}',
        "bad_field",
    ),
    "unknown field": ('{"type": "ping", "x": 1}', "bad_field"),
    "lone surrogate": (
        r'{"type": "message", "message_id": "a", "user_id": "u", "text": "\ud800"}',
        "bad_json",
    ),
    "too long": (
        json.dumps(
            {"type": "message", "message_id": "a", "user_id": "u", "text": "x" * 4001}
        ),
        "bad_message",
    ),
}


@pytest.mark.parametrize("name", BAD_FRAMES)
def test_a_bad_frame_is_told_and_the_socket_stays(app: Caller, name: str) -> None:
    """An error frame is a problem with the type apart; the next frame is read."""
    text, code = BAD_FRAMES[name]
    conversation = fresh()
    with dial(app, conversation) as socket:
        send(socket, type="auth", token=app.key)
        socket.send(text)
        error = until(socket, "error")
        assert error["code"] == code
        assert error["problem"] == f"/problems/{code}"
        assert error["status"] == 400
        send(socket, type="ping")
        until(socket, "pong")
    assert app.events(conversation) == []


def test_a_binary_frame_is_told_and_the_socket_stays(app: Caller) -> None:
    """The protocol is text; bytes are no message."""
    conversation = fresh()
    with dial(app, conversation) as socket:
        send(socket, type="auth", token=app.key)
        socket.send(b'{"type": "ping"}')
        assert until(socket, "error")["code"] == "bad_json"
        send(socket, type="ping")
        until(socket, "pong")


def test_an_oversized_frame_ends_the_socket(app: Caller) -> None:
    """Close code 1009, as bodies of that size are refused with 413."""
    conversation = fresh()
    with dial(app, conversation) as socket:
        send(socket, type="auth", token=app.key)
        send(socket, type="message", message_id="m", user_id="u", text="x" * 40_000)
        with pytest.raises(websockets.ConnectionClosed) as closed:
            list(frames(socket))
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1009
    assert app.events(conversation) == []


def test_an_error_names_the_message_it_is_about(app: Caller) -> None:
    """A conflict comes back with the id that is taken."""
    conversation = fresh()
    app.say(conversation, "在吗", message_id="w1")
    with dial(app, conversation) as socket:
        send(socket, type="auth", token=app.key)
        send(socket, type="message", message_id="w1", user_id="c1005", text="别的")
        error = until(socket, "error")
        assert (error["code"], error["message_id"]) == ("message_conflict", "w1")


@pytest.mark.parametrize(
    ("first", "code"),
    [
        ('{"type": "auth", "token": "wrong"}', "unauthorized"),
        ('{"type": "auth"}', "bad_field"),
        ('{"type": "auth", "token": "{key}", "after": -1}', "bad_field"),
        ('{"type": "ping"}', "bad_field"),
        ("hello", "bad_json"),
    ],
)
def test_who_does_not_sign_in_is_told_and_closed(
    app: Caller, first: str, code: str
) -> None:
    """One error frame, then close code 4401."""
    with dial(app, fresh()) as socket:
        socket.send(first.replace("{key}", app.key))
        assert until(socket, "error")["code"] == code
        with pytest.raises(websockets.ConnectionClosed) as closed:
            socket.recv(timeout=5)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 4401


def test_a_visitors_socket_is_for_its_own_conversation(app: Caller) -> None:
    """Another conversation closes; another user is refused; its own needs no name."""
    body = {"shop": "demo", "channel": "web"}
    guest = app.http.post("/v1/visitors", json=body).json()
    with dial(app, "somebody-else") as socket:
        send(socket, type="auth", token=guest["token"])
        assert until(socket, "error")["code"] == "forbidden"
    with dial(app, guest["conversation_id"]) as socket:
        send(socket, type="auth", token=guest["token"])
        send(socket, type="message", message_id="w1", user_id="c1001", text="在吗")
        assert until(socket, "error")["code"] == "forbidden"
        send(socket, type="message", message_id="w2", text="在吗")
        assert until(socket, "ack")["status"] == "answered"


def test_a_bad_name_in_the_path_of_a_socket_closes_it(app: Caller) -> None:
    """As on the other routes."""
    for name in ("a%00", "x" * 129):
        with dial(app, name) as socket:
            send(socket, type="auth", token=app.key)
            assert until(socket, "error")["field"] == "conversation_id"


def test_events_need_a_key(app: Caller) -> None:
    """And one that is known."""
    path = f"/v1/conversations/{fresh()}/events"
    for accept in ("application/json", "text/event-stream"):
        headers = {"authorization": "Bearer no", "accept": accept}
        check_problem(app.http.get(path, headers=headers), 401, "unauthorized")
