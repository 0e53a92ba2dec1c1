"""
The desk over HTTP and WebSocket: who may do what, and what is pushed.
"""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from typing import Any

import httpx
import msgspec
import pytest
from desk_server import PASSWORD, DeskServer
from people import SHOP
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed


pytestmark = pytest.mark.anyio


def cookie_of(client: httpx.AsyncClient) -> str:
    return "; ".join(f"{name}={value}" for name, value in client.cookies.items())


def socket_of(server: DeskServer, client: httpx.AsyncClient, **headers: str) -> connect:
    return connect(
        f"{server.url.replace('http', 'ws')}/v1/desk/ws",
        additional_headers={"cookie": cookie_of(client), **headers},
    )


async def frame_of(socket: ClientConnection, kind: str) -> dict[str, Any]:
    """The next frame of a kind, within a few seconds."""
    async with asyncio.timeout(5):
        while True:
            frame: dict[str, Any] = msgspec.json.decode(await socket.recv())
            if frame["type"] == kind:
                return frame


async def offered(server: DeskServer, name: str = "mei") -> dict[str, Any]:
    await server.people.handoffs.enqueue(SHOP, await server.people.ask(name))
    handoff = await server.people.mover.read(SHOP, f"h-{name}")
    return {"id": handoff.id, "version": handoff.version}


async def test_offer_claim_reply_close(server: DeskServer) -> None:
    """
    An operator does a whole talk over HTTP alone.
    """
    await server.hire("lin")
    async with server.signed_in("lin") as lin:
        await offered(server)
        (offer,) = (await lin.get("/v1/desk/offers")).json()
        at = f"/v1/desk/handoffs/{offer['id']}"
        active = (
            await lin.post(f"{at}/claim", json={"version": offer["version"]})
        ).json()
        assert active["state"] == "active"
        said = await lin.post(f"{at}/reply", json={"line_id": "l1", "text": "您好"})
        events = (await lin.get(f"{at}/events")).json()["events"]
        assert events[-1]["text"] == "您好"
        assert (
            await lin.post(f"{at}/note", json={"text": "等回访"})
        ).status_code == 204
        assert (await lin.get(at)).json()["notes"][0]["text"] == "等回访"
        closed = await lin.post(
            f"{at}/close", json={"version": active["version"], "seen": said.json()["n"]}
        )
        assert closed.json()["state"] == "closed"
        board = (await lin.get("/v1/desk/board")).json()
        assert (board["mine"], board["offers"], board["waiting"]) == ([], [], 0)


async def test_nothing_without_a_session(server: DeskServer) -> None:
    """
    Without a cookie every call of the desk is refused.
    """
    async with httpx.AsyncClient(base_url=server.url) as client:
        answers = [
            await client.get("/v1/desk/session"),
            await client.get("/v1/desk/board"),
            await client.get("/v1/desk/handoffs/h-mei/events"),
            await client.put("/v1/desk/presence", json={"state": "online"}),
            await client.post("/v1/desk/handoffs/h-mei/claim", json={"version": 1}),
        ]
    assert {answer.status_code for answer in answers} == {401}


async def test_cookie_is_out_of_reach_of_scripts_and_sites(server: DeskServer) -> None:
    """
    The session cookie is HttpOnly, SameSite=Strict, and only for the desk.
    """
    await server.hire("lin")
    async with httpx.AsyncClient(base_url=server.url) as client:
        answer = await client.post(
            "/v1/desk/session",
            json={"shop": SHOP, "name": "lin", "password": PASSWORD},
        )
    cookie = answer.headers["set-cookie"].lower()
    for part in ("httponly", "samesite=strict", "path=/v1"):
        assert part in cookie
    assert client.cookies["tg_desk"] not in answer.text


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({"x-csrf-token": ""}, "bad_csrf"),
        ({"x-csrf-token": "another"}, "bad_csrf"),
        ({"origin": "https://evil.example"}, "bad_origin"),
        ({"origin": "null"}, "bad_origin"),
    ],
)
async def test_change_from_elsewhere_is_refused(
    server: DeskServer, headers: dict[str, str], code: str
) -> None:
    """
    A change needs the session's CSRF token and our own origin.
    """
    await server.hire("lin")
    async with server.signed_in("lin", presence="") as lin:
        answer = await lin.put(
            "/v1/desk/presence", json={"state": "online"}, headers=headers
        )
    assert (answer.status_code, answer.json()["code"]) == (403, code)


async def test_socket_from_another_site_is_closed(server: DeskServer) -> None:
    """
    A page of another site can't open the desk's WebSocket with our cookie.
    """
    await server.hire("lin")
    async with server.signed_in("lin") as lin:
        async with socket_of(server, lin, origin="https://evil.example") as socket:
            assert (await frame_of(socket, "error"))["code"] == "bad_origin"
            with pytest.raises(ConnectionClosed) as closed:
                await socket.recv()
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 4401


async def test_wrong_passwords_are_counted(server: DeskServer) -> None:
    """
    After five wrong passwords even the right one must wait; no name is betrayed.
    """
    await server.hire("lin")
    async with httpx.AsyncClient(base_url=server.url) as client:

        async def sign_in(name: str, password: str) -> httpx.Response:
            body = {"shop": SHOP, "name": name, "password": password}
            return await client.post("/v1/desk/session", json=body)

        unknown = await sign_in("nobody", "wrong password")
        wrong = [await sign_in("lin", "wrong password") for _ in range(5)]
        right = await sign_in("lin", PASSWORD)
    assert unknown.json() == wrong[0].json()
    assert {answer.status_code for answer in wrong} == {401}
    assert right.status_code == 429
    assert 0 < right.json()["retry_after_s"] <= 300


async def test_signing_out_ends_the_session(server: DeskServer) -> None:
    """
    After signing out the old cookie opens nothing, and the talk is in the line.
    """
    await server.hire("lin")
    async with server.signed_in("lin") as lin:
        await offered(server)
        kept = cookie_of(lin)
        assert (await lin.delete("/v1/desk/session")).status_code == 204
        again = await lin.get("/v1/desk/board", headers={"cookie": kept})
    assert again.status_code == 401
    handoff = await server.people.mover.read(SHOP, "h-mei")
    assert handoff.operator == ""


async def test_removed_account_is_out_at_once(server: DeskServer) -> None:
    """
    Removing an operator ends the sessions that are open.
    """
    await server.hire("lin")
    async with server.signed_in("lin") as lin:
        await server.accounts.remove_operator(SHOP, "lin")
        assert (await lin.get("/v1/desk/board")).status_code == 401


async def test_of_two_claims_one_wins(server: DeskServer) -> None:
    """
    Two tabs accept the same offer at the same moment: one has it, one is told.
    """
    await server.hire("lin")
    async with server.signed_in("lin") as lin:
        offer = await offered(server)
        at = f"/v1/desk/handoffs/{offer['id']}/claim"
        answers = await asyncio.gather(
            *(lin.post(at, json={"version": offer["version"]}) for _ in range(2))
        )
    assert sorted(answer.status_code for answer in answers) == [200, 409]
    (loser,) = [answer.json() for answer in answers if answer.status_code == 409]
    assert loser["code"] == "handoff_taken"


async def test_colleagues_talk_is_private(server: DeskServer) -> None:
    """
    An operator can't read or write in a colleague's talk; a supervisor may read.
    """
    await server.hire("lin")
    await server.hire("wang")
    await server.hire("chief", role="supervisor")
    async with (
        server.signed_in("lin") as lin,
        server.signed_in("wang", presence="") as wang,
        server.signed_in("chief", presence="") as chief,
    ):
        offer = await offered(server)
        at = f"/v1/desk/handoffs/{offer['id']}"
        await lin.post(f"{at}/claim", json={"version": offer["version"]})
        assert (await wang.get(f"{at}/events")).status_code == 403
        reply = await wang.post(f"{at}/reply", json={"line_id": "x", "text": "嗨"})
        assert reply.json()["code"] == "reply_fenced"
        assert (await chief.get(f"{at}/events")).status_code == 200
    assert await server.people.texts("mei", "operator") == []


async def test_desk_of_one_shop_sees_nothing_of_another(server: DeskServer) -> None:
    """
    The shop comes from the session: another shop's handoffs do not exist.
    """
    await server.hire("lin")
    other = msgspec.structs.replace(
        await server.people.ask("mei"), id="h-other", conversation_id="web:other"
    )
    server.people.effects._voices = {
        **server.people.effects._voices,
        "rival": server.people.effects._voices[SHOP],
    }
    await server.people.handoffs.enqueue("rival", other)
    async with server.signed_in("lin") as lin:
        board = (await lin.get("/v1/desk/board")).json()
        assert board["tickets"] == []
        assert (await lin.get("/v1/desk/handoffs/h-other")).status_code == 404
        take = await lin.post("/v1/desk/tickets/h-other/take", json={"version": 1})
        assert take.status_code == 404


async def test_socket_pushes_board_and_talk(server: DeskServer) -> None:
    """
    An offer appears without asking; a watched talk's lines arrive as they come.
    """
    await server.hire("lin")
    async with (
        server.signed_in("lin") as lin,
        socket_of(server, lin, origin=server.url) as socket,
    ):
        board = await frame_of(socket, "board")
        assert (board["presence"], board["offers"]) == ("online", [])
        await offered(server)
        while not board["offers"]:
            board = await frame_of(socket, "board")
        (offer,) = board["offers"]
        at = f"/v1/desk/handoffs/{offer['id']}"
        await lin.post(f"{at}/claim", json={"version": offer["version"]})
        await socket.send(
            msgspec.json.encode({"type": "watch", "handoff_id": offer["id"]}).decode()
        )
        first = await frame_of(socket, "events")
        assert first["events"][0]["kind"] == "message"
        await server.people.write("mei", "在吗")
        while first["events"][-1]["text"] != "在吗":
            first = await frame_of(socket, "events")


async def test_two_hundred_desks_follow_one_process(server: DeskServer) -> None:
    """
    Every open desk sees a newcomer to the line, each with its own offers.
    """
    await server.hire("lin")
    async with AsyncExitStack() as opened:
        lin = await opened.enter_async_context(server.signed_in("lin"))
        sockets = [
            await opened.enter_async_context(socket_of(server, lin)) for _ in range(200)
        ]
        await asyncio.gather(*(frame_of(socket, "board") for socket in sockets))
        await offered(server)

        async def sees_offer(socket: ClientConnection) -> bool:
            while True:
                if (await frame_of(socket, "board"))["offers"]:
                    return True

        async with asyncio.timeout(30):
            assert all(await asyncio.gather(*map(sees_offer, sockets)))


async def test_socket_ping_keeps_the_operator_present(server: DeskServer) -> None:
    """
    The ping is the sign of life; without it the operator is gone.
    """
    people = server.people
    await server.hire("lin")
    async with (
        server.signed_in("lin") as lin,
        socket_of(server, lin) as socket,
    ):
        people.clock.advance(people.policy.presence_s - 1)
        await socket.send('{"type":"ping"}')
        assert (await frame_of(socket, "pong"))["is_present"]
        people.clock.advance(people.policy.presence_s - 1)
        await people.handoffs.sweep(SHOP)
        assert len((await people.desk.board(SHOP)).seats) == 1
        people.clock.advance(2)
        await people.handoffs.sweep(SHOP)
        await socket.send('{"type":"ping"}')
        assert not (await frame_of(socket, "pong"))["is_present"]


async def test_watching_ends_when_a_colleague_has_the_talk(server: DeskServer) -> None:
    """
    After a transfer the old desk sees no more of the conversation.
    """
    people = server.people
    await server.hire("lin")
    wang = await server.hire("wang")
    async with (
        server.signed_in("lin") as lin,
        socket_of(server, lin) as socket,
    ):
        offer = await offered(server)
        at = f"/v1/desk/handoffs/{offer['id']}"
        answer = await lin.post(f"{at}/claim", json={"version": offer["version"]})
        watch = {"type": "watch", "handoff_id": offer["id"]}
        await socket.send(msgspec.json.encode(watch).decode())
        await frame_of(socket, "events")
        await people.desk.come(wang, is_away=False)
        body = {"version": answer.json()["version"]}
        assert (await lin.post(f"{at}/transfer", json=body)).status_code == 204
        moved = await people.mover.read(SHOP, offer["id"])
        await people.desk.claim(wang, moved.id, moved.version)
        await people.write("mei", "秘密")
        await socket.send('{"type":"ping"}')
        await asyncio.sleep(0.3)
        heard = ""
        while '"pong"' not in heard:
            heard += str(await socket.recv())
        assert "秘密" not in heard


@pytest.mark.parametrize(
    "frame",
    ["", "{", "[]", '{"type":"ping","x":1}', '{"type":"watch"}', '{"type":"nothing"}'],
)
async def test_bad_frames_are_told_and_survived(server: DeskServer, frame: str) -> None:
    """
    Nonsense on the WebSocket gets an error frame; the desk goes on.
    """
    await server.hire("lin")
    async with (
        server.signed_in("lin") as lin,
        socket_of(server, lin) as socket,
    ):
        await socket.send(frame)
        assert (await frame_of(socket, "error"))["status"] == 400
        await socket.send('{"type":"ping"}')
        await frame_of(socket, "pong")
