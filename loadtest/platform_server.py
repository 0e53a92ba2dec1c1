"""
A stand-in for the HTTP interfaces of all IM platforms, as a process of its own.

``python -m loadtest.platform_server`` prints its address as JSON and serves until its
standard input ends. It answers in each platform's own words, keeps what arrived once
per idempotency key where the platform knows keys, and has bad manners on request:
``POST /fake/manners`` (errors, silence, lost answers), ``POST /fake/pull`` (what
``sync_msg`` gives next), ``GET /fake/arrived`` (every send that counts, oldest first).
"""

from __future__ import annotations

import asyncio
import re
import socket
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any, Final, Literal
from urllib.parse import parse_qsl

import msgspec
import uvicorn


Send = Callable[[dict[str, Any]], Awaitable[None]]
Reply = tuple[int, Any]


class Manners(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """
    How it behaves.

    Attributes:
        mode: ``down`` refuses with *status*; ``deaf`` takes a send and says nothing;
            ``silent`` neither takes nor says anything; ``fast`` says "too many".

        for_calls: These manners hold for so many sends; 0 means for all.
    """

    mode: Literal["good", "down", "deaf", "silent", "fast"] = "good"
    status: int = 503
    for_calls: int = 0


class Arrived(msgspec.Struct, frozen=True, kw_only=True):
    """
    A send that a customer would see.

    Attributes:
        kind: Of the platform.

        at_s: Wall clock when it came.
    """

    kind: str
    at_s: float
    path: str
    headers: dict[str, str]
    body: Any
    raw: str


#: Path of a send -> kind of platform.
SENDS: Final[tuple[tuple[str, str], ...]] = (
    (r"/bot[^/]+/sendMessage", "telegram"),
    (r"/chat\.postMessage", "slack"),
    (r"/v2/bot/message/push", "line"),
    (r"/v2/bot/message/reply", "line_courtesy"),
    (r"/open-apis/im/v1/messages", "feishu"),
    (r"/v1\.0/robot/(oToMessages/batchSend|groupMessages/send)", "dingtalk"),
    (r"/robot/sendBySession", "dingtalk"),
    (r"/cgi-bin/message/custom/send", "wechat"),
    (r"/cgi-bin/kf/send_msg", "wecom_kf"),
    (r"/cgi-bin/kf/send_msg_on_event", "wecom_kf_courtesy"),
    (r"/cgi-bin/aibot/response", "wecom_bot"),
    (r"/api/v1/accounts/\d+/conversations/\d+/messages", "chatwoot"),
    (r"/callback", "webhook"),
    (r"/\d+/messages", "whatsapp"),
)
#: WeCom's ``change_type`` of a session that is over.
_SESSION_ENDED: Final = 3
_TOKENS: Final[dict[str, dict[str, Any]]] = {
    "/cgi-bin/stable_token": {"access_token": "at-1", "expires_in": 7200},
    "/cgi-bin/gettoken": {"errcode": 0, "access_token": "at-1", "expires_in": 7200},
    "/open-apis/auth/v3/tenant_access_token/internal": {
        "code": 0,
        "tenant_access_token": "t-1",
        "expire": 7200,
    },
    "/v1.0/oauth2/accessToken": {"accessToken": "at-1", "expireIn": 7200},
}


class Platforms:
    """The ASGI application."""

    def __init__(self) -> None:
        self._manners = Manners()
        self._left = 0
        self._arrived: list[Arrived] = []
        self._known: set[str] = set()
        self._pull: list[dict[str, Any]] = []
        self._statuses: list[str] = []
        self._states: dict[str, int] = {}

    async def __call__(
        self, scope: dict[str, Any], receive: Callable[[], Any], send: Send
    ) -> None:
        """One request."""
        if scope["type"] != "http":
            return
        body, is_more = b"", True
        while is_more:
            event = await receive()
            if event["type"] == "http.disconnect":
                return
            body += event.get("body", b"")
            is_more = event.get("more_body", False)
        reply = await self._reply(scope, body)
        if reply is None:
            return
        status, value = reply
        await _respond(send, status, msgspec.json.encode(value))

    async def _reply(self, scope: dict[str, Any], body: bytes) -> Reply | None:
        path = scope["path"]
        if path.startswith("/fake/"):
            return self._control(path, body)
        if path in _TOKENS:
            return 200, _TOKENS[path]
        if path == "/cgi-bin/kf/sync_msg":
            return 200, self._page(body)
        if path.endswith(("/toggle_status", "/service_state/trans", "_state/get")):
            return 200, self._status(msgspec.json.decode(body))
        for pattern, kind in SENDS:
            if re.fullmatch(pattern, path):
                return await self._send(kind, scope, body)
        return 404, {"error": "no such path"}

    def _control(self, path: str, body: bytes) -> Reply:
        if path == "/fake/manners":
            self._manners = msgspec.json.decode(body, type=Manners)
            self._left = self._manners.for_calls
        elif path == "/fake/pull":
            self._pull += msgspec.json.decode(body, type=list[dict[str, Any]])
        elif path == "/fake/arrived":
            return 200, self._arrived
        elif path == "/fake/statuses":
            return 200, self._statuses
        elif path == "/fake/forget":
            self._arrived.clear()
            self._statuses.clear()
        return 200, {}

    def _status(self, body: dict[str, Any]) -> dict[str, Any]:
        """Whose a conversation is: Chatwoot's words, or WeCom's numbers."""
        if "service_state" in body:
            self._states[body["external_userid"]] = body["service_state"]
            self._statuses.append(f"{body['external_userid']}:{body['service_state']}")
        if "external_userid" in body:
            state = self._states.get(body["external_userid"], 0)
            return {"errcode": 0, "errmsg": "ok", "service_state": state}
        self._statuses.append(body["status"])
        return {"payload": {"success": True, "current_status": "open"}}

    def _page(self, body: bytes) -> dict[str, Any]:
        """Two messages a page, so that pulling must go on."""
        start = int(msgspec.json.decode(body).get("cursor") or 0)
        end = min(start + 2, len(self._pull))
        for row in self._pull[start:end]:
            if row.get("event", {}).get("change_type") == _SESSION_ENDED:
                self._states.pop(row["event"]["external_userid"], None)
        return {
            "errcode": 0,
            "next_cursor": str(end),
            "has_more": int(end < len(self._pull)),
            "msg_list": self._pull[start:end],
        }

    async def _send(
        self, kind: str, scope: dict[str, Any], body: bytes
    ) -> Reply | None:
        manners = self._now()
        if manners.mode == "silent":
            await asyncio.sleep(60)
            return None
        if manners.mode == "down":
            return manners.status, {"error": "away"}
        if manners.mode == "fast":
            return 429, {"error": "slow down", "parameters": {"retry_after": 1}}
        reply = self._take(kind, scope, body)
        if manners.mode == "deaf":
            await asyncio.sleep(60)
            return None
        return reply

    def _now(self) -> Manners:
        if self._manners.for_calls:
            self._left -= 1
            if self._left < 0:
                self._manners = Manners()
        return self._manners

    def _take(self, kind: str, scope: dict[str, Any], body: bytes) -> Reply:
        headers = {k.decode(): v.decode("latin-1") for k, v in scope["headers"]}
        said = _read(headers, body)
        key = _key(kind, headers, said)
        is_known = bool(key) and key in self._known
        if not is_known:
            self._known.add(key)
            self._arrived.append(
                Arrived(
                    kind=kind,
                    at_s=time.time(),
                    path=scope["path"],
                    headers=headers,
                    body=said,
                    raw=body.decode(),
                )
            )
        return _ANSWERS[kind](len(self._arrived), said, is_known)


def _read(headers: dict[str, str], body: bytes) -> dict[str, Any]:
    """JSON, or a form as some of the platforms' own clients send."""
    if headers.get("content-type", "").startswith("application/x-www-form"):
        return dict(parse_qsl(body.decode()))
    found: dict[str, Any] = msgspec.json.decode(body)
    return found


def _key(kind: str, headers: dict[str, str], said: dict[str, Any]) -> str:
    """What the platform knows a repeat by; empty if by nothing."""
    by_kind: dict[str, str] = {
        "line": headers.get("x-line-retry-key", ""),
        "feishu": said.get("uuid", ""),
        "wecom_kf": said.get("msgid", ""),
        "wecom_kf_courtesy": said.get("code", ""),
        "line_courtesy": said.get("replyToken", ""),
        "webhook": headers.get("webhook-id", ""),
    }
    return by_kind.get(kind, "")


_ANSWERS: Final[dict[str, Callable[[int, dict[str, Any], bool], Reply]]] = {
    "telegram": lambda n, said, _: (
        200,
        {
            "ok": True,
            "result": {
                "message_id": n,
                "date": 1_700_000_000,
                "chat": {"id": said["chat_id"], "type": "private"},
                "text": said["text"],
            },
        },
    ),
    "slack": lambda n, said, _: (
        200,
        {"ok": True, "ts": f"1700000000.{n:06}", "channel": said["channel"]},
    ),
    "line": lambda n, _, known: (
        409 if known else 200,
        {"sentMessages": [{"id": str(n)}]},
    ),
    "whatsapp": lambda n, said, _: (
        200,
        {
            "messaging_product": "whatsapp",
            "contacts": [{"input": said["to"], "wa_id": said["to"]}],
            "messages": [{"id": f"wamid.{n}"}],
        },
    ),
    "feishu": lambda n, _, __: (200, {"code": 0, "data": {"message_id": f"om_{n}"}}),
    "dingtalk": lambda n, _, __: (200, {"processQueryKey": f"q{n}", "errcode": 0}),
    "wechat": lambda _, __, ___: (200, {"errcode": 0, "errmsg": "ok"}),
    "wecom_kf": lambda _, said, __: (200, {"errcode": 0, "msgid": said["msgid"]}),
    "wecom_bot": lambda _, __, ___: (200, {"errcode": 0, "errmsg": "ok"}),
    "wecom_kf_courtesy": lambda _, said, known: (
        200,
        {"errcode": 95007 if known else 0, "msgid": said.get("msgid", "m")},
    ),
    "line_courtesy": lambda n, _, known: (
        400 if known else 200,
        {"message": "Invalid reply token"}
        if known
        else {"sentMessages": [{"id": str(n)}]},
    ),
    "chatwoot": lambda n, _, __: (200, {"id": n}),
    "webhook": lambda _, __, ___: (200, {}),
}


async def _respond(send: Send, status: int, body: bytes) -> None:
    headers = [(b"content-type", b"application/json")]
    if status == 429:  # noqa: PLR2004 - the status that goes with the header
        headers.append((b"retry-after", b"1"))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def _serve() -> None:
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    # Before the address is told: who calls at once waits instead of being refused.
    listener.listen(128)
    config = uvicorn.Config(
        Platforms(), log_level="error", access_log=False, lifespan="off"
    )
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    port = listener.getsockname()[1]
    sys.stdout.write(f'{{"url": "http://127.0.0.1:{port}"}}\n')
    sys.stdout.flush()
    await asyncio.to_thread(sys.stdin.read)
    server.should_exit = True
    server.force_exit = True
    await serving


if __name__ == "__main__":
    asyncio.run(_serve())
