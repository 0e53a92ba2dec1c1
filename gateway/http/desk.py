"""
The desk as Litestar sees it: sign in, presence, offers, talks, tickets.

Shop and operator come from the session. Every change needs the version the
operator saw, so that of two who click at once one gets a clear refusal.
"""

from __future__ import annotations

import time
from typing import Annotated, Any

from litestar import Controller, Request, Response, delete, get, post, put
from litestar.di import NamedDependency, Provide
from litestar.params import JSONBody, PathParameter, QueryParameter
from litestar.types import ControllerRouterHandler

from gateway.handoff import errors
from gateway.handoff.accounts import Session
from gateway.http import desk_wire as wire
from gateway.http.audit import AuditApi, audited, on_record
from gateway.http.customers import EventPage
from gateway.http.desk_session import (
    DeskApi,
    check_origin,
    cookie_of,
    session_of,
    signed_in,
)
from gateway.http.desk_socket import desk_socket
from gateway.http.problems import Row, Table


#: What each refusal of the human queue looks like on the wire.
DESK_PROBLEMS: Table = {
    errors.HandoffNotFound: Row(404, "handoff_not_found", "There is no such handoff"),
    errors.HandoffTaken: Row(409, "handoff_taken", "The handoff has moved on"),
    errors.IllegalMove: Row(409, "illegal_move", "Its state does not allow that"),
    errors.NotYours: Row(403, "not_yours", "Another operator holds it"),
    errors.OperatorAbsent: Row(409, "operator_absent", "Go online first"),
    errors.OperatorFull: Row(409, "operator_full", "Your capacity is used up"),
    errors.ReplyFenced: Row(409, "reply_fenced", "The conversation is not yours"),
    errors.UnreadMessages: Row(409, "unread_messages", "The customer wrote since"),
    errors.ConversationBusy: Row(409, "conversation_busy", "A colleague has it"),
    errors.UnknownSession: Row(401, "unknown_session", "Sign in first"),
    errors.BadCredentials: Row(401, "bad_credentials", "Signing in failed"),
    errors.BadOrigin: Row(403, "bad_origin", "The request comes from elsewhere"),
    errors.BadCsrf: Row(403, "bad_csrf", "The CSRF token is missing or wrong"),
    errors.TooManyTries: Row(429, "too_many_tries", "Too many failed sign-ins"),
    errors.BadOperator: Row(400, "bad_operator", "The account cannot be made"),
}

#: Of the API page: these routes need the session's cookie.
SIGNED_IN = [{"desk": list[str]()}]

HandoffPath = Annotated[str, PathParameter(max_length=128)]
After = Annotated[int, QueryParameter(ge=0, le=2**53)]


class SessionController(Controller):
    """Signing in and out."""

    path = "/v1/desk/session"
    tags = ("desk",)

    @post(status_code=201, summary="Sign in")
    async def sign_in(
        self,
        request: Request[Any, Any, Any],
        data: JSONBody[wire.SignIn],
        desk_api: NamedDependency[DeskApi],
        audit_api: NamedDependency[AuditApi],
    ) -> wire.SessionOut:
        """The session comes as a cookie that scripts can't read."""
        check_origin(request)
        address = request.client.host if request.client is not None else ""
        try:
            session = await desk_api.accounts.sign_in(
                data.shop, data.name, data.password, address
            )
        except errors.BadCredentials:
            await audit_api.sign_in_failed(data.shop, data.name, time.monotonic())
            raise
        who = session.who
        await audit_api.log.write(who.shop, who.name, "sign_in", result="done")
        cookie = cookie_of(session.token, request, int(desk_api.session_s))
        return Response(  # type: ignore[return-value]  # documented as its body
            wire.session_out(session), status_code=201, cookies=[cookie]
        )

    @get(summary="Who is signed in", security=SIGNED_IN)
    async def me(
        self, request: Request[Any, Any, Any], desk_api: NamedDependency[DeskApi]
    ) -> wire.SessionOut:
        """The session of the cookie, with its CSRF token."""
        session = await session_of(request, desk_api)
        board = await desk_api.desk.board(session.who.shop)
        return wire.session_out(session, wire.presence_on(board, session.who.name))

    @delete(
        summary="Sign out",
        security=SIGNED_IN,
        dependencies={"session": Provide(on_record)},
        opt=audited("sign_out"),
    )
    async def sign_out(
        self,
        request: Request[Any, Any, Any],
        session: NamedDependency[Session],
        desk_api: NamedDependency[DeskApi],
    ) -> Response[None]:
        """What the operator holds goes back to the line; the customers are told."""
        await desk_api.desk.go(session.who)
        await desk_api.accounts.sign_out(session.token)
        return Response(None, status_code=204, cookies=[cookie_of("", request, 0)])


class DeskController(Controller):
    """The queue, as signed-in operators work on it."""

    path = "/v1/desk"
    tags = ("desk",)
    security = SIGNED_IN
    dependencies = {"session": Provide(signed_in)}  # noqa: RUF012 - Litestar reads it

    @put("/presence", summary="Come, step away, or go")
    async def set_presence(
        self,
        data: JSONBody[wire.PresenceIn],
        session: NamedDependency[Session],
        desk_api: NamedDependency[DeskApi],
    ) -> wire.PresenceOut:
        """Online operators get offers; signs of life keep them present."""
        if data.state == "offline":
            await desk_api.desk.go(session.who)
        else:
            await desk_api.desk.come(session.who, is_away=data.state == "away")
        return wire.PresenceOut(state=data.state, beat_s=desk_api.beat_s)

    @get("/board", summary="Line, offers, talks, tickets, colleagues")
    async def board(
        self, session: NamedDependency[Session], desk_api: NamedDependency[DeskApi]
    ) -> wire.BoardOut:
        """What ``WS /v1/desk/ws`` pushes after each change."""
        board = await desk_api.desk.board(session.who.shop)
        return wire.board_out(board, session.who)

    @get("/queue", summary="Who waits, most urgent first")
    async def queue(
        self, session: NamedDependency[Session], desk_api: NamedDependency[DeskApi]
    ) -> list[wire.HandoffView]:
        """Up to 100 waiting handoffs."""
        board = await desk_api.desk.board(session.who.shop)
        return [wire.view(handoff) for handoff in board.line]

    @get("/offers", summary="What is offered to me now")
    async def offers(
        self, session: NamedDependency[Session], desk_api: NamedDependency[DeskApi]
    ) -> list[wire.HandoffView]:
        """Each until its ``due_ms``."""
        board = await desk_api.desk.board(session.who.shop)
        return wire.board_out(board, session.who).offers

    @get("/tickets", summary="Open tickets, due first")
    async def tickets(
        self, session: NamedDependency[Session], desk_api: NamedDependency[DeskApi]
    ) -> list[wire.HandoffView]:
        """Up to 100 tickets."""
        board = await desk_api.desk.board(session.who.shop)
        return [wire.view(handoff) for handoff in board.tickets]

    @post("/tickets/{handoff_id:str}/take", status_code=200, summary="Take a ticket up")
    async def take(
        self,
        handoff_id: HandoffPath,
        data: JSONBody[wire.AtVersion],
        session: NamedDependency[Session],
        desk_api: NamedDependency[DeskApi],
    ) -> wire.HandoffView:
        """The conversation is the operator's again; reply and close as usual."""
        after = await desk_api.desk.take(session.who, handoff_id, data.version)
        return wire.view(after)

    @get("/handoffs/{handoff_id:str}", summary="One handoff with its notes")
    async def detail(
        self,
        handoff_id: HandoffPath,
        session: NamedDependency[Session],
        desk_api: NamedDependency[DeskApi],
    ) -> wire.DetailOut:
        """A colleague's talk is for supervisors only."""
        handoff = await desk_api.desk.read(session.who, handoff_id)
        notes = await desk_api.desk.notes(session.who, handoff_id)
        return wire.DetailOut(
            handoff=wire.view(handoff),
            notes=[
                wire.NoteOut(at_ms=note.at_ms, operator=note.operator, text=note.text)
                for note in notes
            ],
        )

    @get("/handoffs/{handoff_id:str}/events", summary="Its conversation, in order")
    async def events(
        self,
        handoff_id: HandoffPath,
        session: NamedDependency[Session],
        desk_api: NamedDependency[DeskApi],
        after: After = 0,
    ) -> EventPage:
        """Customer, machine and operator lines after number *after*."""
        handoff = await desk_api.desk.read(session.who, handoff_id)
        events = await desk_api.live.page(
            session.who.shop, handoff.conversation_id, after
        )
        return EventPage(events=events, last=events[-1].n if events else after)

    @post(
        "/handoffs/{handoff_id:str}/claim", status_code=200, summary="Accept an offer"
    )
    async def claim(
        self,
        handoff_id: HandoffPath,
        data: JSONBody[wire.AtVersion],
        session: NamedDependency[Session],
        desk_api: NamedDependency[DeskApi],
    ) -> wire.HandoffView:
        """From here the operator owns the conversation and the machine is silent."""
        after = await desk_api.desk.claim(session.who, handoff_id, data.version)
        return wire.view(after)

    @post(
        "/handoffs/{handoff_id:str}/decline",
        status_code=204,
        summary="Leave an offer to others",
    )
    async def decline(
        self,
        handoff_id: HandoffPath,
        data: JSONBody[wire.AtVersion],
        session: NamedDependency[Session],
        desk_api: NamedDependency[DeskApi],
    ) -> Response[None]:
        """It is not offered to this operator again for a while."""
        await desk_api.desk.decline(session.who, handoff_id, data.version)
        return Response(None, status_code=204)

    @post("/handoffs/{handoff_id:str}/reply", status_code=200, summary="Say something")
    async def reply(
        self,
        handoff_id: HandoffPath,
        data: JSONBody[wire.ReplyIn],
        session: NamedDependency[Session],
        desk_api: NamedDependency[DeskApi],
    ) -> wire.SaidOut:
        """Said once per ``line_id``; refused when the talk is no longer theirs."""
        n = await desk_api.desk.reply(session.who, handoff_id, data.line_id, data.text)
        return wire.SaidOut(n=n)

    @post(
        "/handoffs/{handoff_id:str}/note",
        status_code=204,
        summary="Keep a note for colleagues",
    )
    async def note(
        self,
        handoff_id: HandoffPath,
        data: JSONBody[wire.NoteIn],
        session: NamedDependency[Session],
        desk_api: NamedDependency[DeskApi],
    ) -> Response[None]:
        """The customer never sees it."""
        await desk_api.desk.note(session.who, handoff_id, data.text)
        return Response(None, status_code=204)

    @post("/handoffs/{handoff_id:str}/close", status_code=200, summary="End the talk")
    async def close(
        self,
        handoff_id: HandoffPath,
        data: JSONBody[wire.CloseIn],
        session: NamedDependency[Session],
        desk_api: NamedDependency[DeskApi],
    ) -> wire.HandoffView:
        """The conversation is the machine's again, unless the customer just wrote."""
        after = await desk_api.desk.close(
            session.who, handoff_id, data.version, data.outcome, data.seen
        )
        return wire.view(after)

    @post(
        "/handoffs/{handoff_id:str}/wrap-up",
        status_code=200,
        summary="Done with a closed talk",
    )
    async def wrap_up(
        self,
        handoff_id: HandoffPath,
        data: JSONBody[wire.WrapUpIn],
        session: NamedDependency[Session],
        desk_api: NamedDependency[DeskApi],
    ) -> wire.HandoffView:
        """Free for the next one before the time for it is over."""
        after = await desk_api.desk.wrap_up(
            session.who, handoff_id, data.outcome or "", data.note
        )
        return wire.view(after)

    @post(
        "/handoffs/{handoff_id:str}/transfer",
        status_code=204,
        summary="Pass the talk on",
    )
    async def transfer(
        self,
        handoff_id: HandoffPath,
        data: JSONBody[wire.TransferIn],
        session: NamedDependency[Session],
        desk_api: NamedDependency[DeskApi],
    ) -> Response[None]:
        """Back to the line with its old deadline; after several hops a ticket."""
        await desk_api.desk.transfer(
            session.who, handoff_id, data.version, data.note, data.to
        )
        return Response(None, status_code=204)


def desk_routes() -> list[ControllerRouterHandler]:
    """Routes of the desk; they ask for ``desk_api`` and ``table`` by name."""
    return [SessionController, DeskController, desk_socket]
