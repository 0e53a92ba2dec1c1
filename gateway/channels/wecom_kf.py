"""
WeCom customer service (微信客服): a webhook without content, messages by pull.

The platform lets the interface speak only while a session is unassigned or with
the bot (states 0 and 1). So people answer at our desk, or, with ``seats = "wecom"``,
on WeCom's own seats: a handoff puts the session into WeCom's line (state 2), what is
written there is left to them, and the end of that session gives it back.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from gateway.channels.contract import (
    Attachment,
    AttachmentKind,
    Caps,
    Courtesy,
    Delivery,
    FailedSend,
    HookAnswer,
    HookRefused,
    HookUnreadable,
    InboundMessage,
    Outcome,
    Piece,
    PlatformDown,
    PlatformSettings,
    Pulled,
    PullHint,
    RawRequest,
    Refusal,
    Refused,
    Sent,
    WebhookChannel,
)
from gateway.channels.platform_api import (
    AccessToken,
    NoAnswer,
    NotSent,
    PlatformApi,
    Reply,
    TokenRefused,
    outcome,
    read_json,
)
from gateway.channels.signing import WeChatEnvelope, check_time
from gateway.channels.wechat import judge_errcode, order_in
from gateway.channels.xml_fields import fields_of


CAPS = Caps(
    checked_on="2026-11-22",
    max_text=2048,
    unit="bytes",
    sends=5,
    window_s=48 * 3600,
    reserve=1,
    choices=8,
    ack_s=5.0,
    retry_window_s=60.0,
    is_pulled=True,
    is_idempotent=True,
)
_PAGE = 1000
#: ``origin`` of what a customer wrote; 4 is the system, 5 a seat.
_FROM_CUSTOMER = 3
_STALE = frozenset({40014, 42001, 40001})
#: ``service_state``: in the line of WeCom's seats, on one of them.
_IN_LINE = 2
_SEATED = frozenset({_IN_LINE, 3})
#: ``change_type``: the session on a seat is over.
_ENDED = 3
_CODES: dict[int, tuple[Refusal, bool]] = {
    -1: ("unavailable", False),
    45009: ("rate_limited", False),
    95001: ("budget_spent", False),
    95002: ("window_closed", False),
    95018: ("window_closed", False),
    40003: ("gone", True),
    95013: ("gone", True),
    45002: ("rejected", True),
}
_FILES: dict[str, AttachmentKind] = {
    "image": "image",
    "voice": "voice",
    "video": "video",
    "file": "file",
    "location": "location",
}
#: Where other kinds of message say what they are about.
_NAMES = {
    "miniprogram": ("title",),
    "link": ("title", "url"),
    "channels_shop_product": ("title",),
    "channels_shop_order": ("product_titles",),
}


class WecomKfSettings(PlatformSettings, frozen=True, kw_only=True, tag="wecom_kf"):
    """
    WeCom customer service (微信客服).

    Attributes:
        secret: Of the 微信客服 application.

        token / aes_key: Of its callback.

        seats: Where people answer: at our desk, or on WeCom's seats.

        welcome / goodbye: Said when a chat is opened, and when its session ends;
            outside the five sends. Say there that a machine answers.

        order_param: As for ``wechat``; orders of a Channels shop need none.
    """

    corp_id: str = ""
    secret: str = ""
    secret_file: str = ""
    token: str = ""
    token_file: str = ""
    aes_key: str = ""
    aes_key_file: str = ""
    seats: Literal["ours", "wecom"] = "ours"
    welcome: str = ""
    goodbye: str = ""
    order_param: str = ""
    api_url: str = "https://qyapi.weixin.qq.com"


class _Text(msgspec.Struct, frozen=True):
    content: str = ""
    menu_id: str = ""


class _Event(msgspec.Struct, frozen=True):
    event_type: str = ""
    open_kfid: str = ""
    external_userid: str = ""
    welcome_code: str = ""
    change_type: int = 0
    msg_code: str = ""
    fail_msgid: str = ""
    fail_type: int = 0


class _Message(msgspec.Struct, frozen=True):
    msgid: str
    msgtype: str = ""
    origin: int = 0
    open_kfid: str = ""
    external_userid: str = ""
    send_time: int = 0
    text: _Text | None = None
    event: _Event | None = None
    image: dict[str, Any] | None = None
    voice: dict[str, Any] | None = None
    video: dict[str, Any] | None = None
    file: dict[str, Any] | None = None
    location: dict[str, Any] | None = None
    miniprogram: dict[str, Any] | None = None
    link: dict[str, Any] | None = None
    channels_shop_product: dict[str, Any] | None = None
    channels_shop_order: dict[str, Any] | None = None


class _Page(msgspec.Struct, frozen=True):
    errcode: int = 0
    next_cursor: str = ""
    has_more: int = 0
    msg_list: list[_Message] = []


_pages = msgspec.json.Decoder(_Page)


class WecomKf(WebhookChannel):
    """The customer service accounts of one company."""

    caps = CAPS

    def __init__(self, settings: WecomKfSettings) -> None:
        self._settings = settings
        self._envelope = WeChatEnvelope(
            settings.token, settings.aes_key, settings.corp_id
        )
        self._api = PlatformApi(settings.api_url)
        self._token = AccessToken(self._fetch_token)

    def verify(self, request: RawRequest, now_s: float) -> bytes:
        """The envelope; in the handshake it is ``echostr``."""
        check_time(request.query.get("timestamp", ""), now_s, CAPS.skew_s)
        return self._envelope.of_request(request, _encrypted)

    def decode(self, request: RawRequest, trusted: bytes) -> Delivery:
        """The handshake's plain text, or the hint to pull."""
        if request.method == "GET":
            return Delivery(answer=HookAnswer(body=trusted))
        found = fields_of(trusted)
        answer = HookAnswer(body=b"success")
        account = found.get("OpenKfId", "")
        if found.get("Event") != "kf_msg_or_event" or not account:
            return Delivery(answer=answer)
        hint = PullHint(account=account, token=found.get("Token", ""))
        return Delivery(pull=hint, answer=answer)

    async def pull(self, hint: PullHint, cursor: str) -> Pulled:
        """One page of ``kf/sync_msg``."""
        body = {
            "cursor": cursor,
            "token": hint.token,
            "limit": _PAGE,
            "open_kfid": hint.account,
        }
        try:
            reply = await self._post("/cgi-bin/kf/sync_msg", body)
        except (NotSent, NoAnswer, TokenRefused) as exc:
            raise PlatformDown(str(exc)) from exc
        page: _Page = read_json(_pages, reply.body)
        if page.errcode in _STALE:
            self._token.forget()
        if page.errcode or not reply.is_ok:
            raise PlatformDown(f"errcode {page.errcode}, HTTP {reply.status}")
        rows = page.msg_list
        if self._settings.seats == "wecom":
            rows = await self._without_seated(rows)
        return Pulled(
            delivery=self._delivery(rows),
            cursor=page.next_cursor or cursor,
            has_more=bool(page.has_more),
        )

    async def _without_seated(self, rows: list[_Message]) -> list[_Message]:
        """What is written to a seat of WeCom's is read and answered there."""
        said = [one for one in rows if one.origin == _FROM_CUSTOMER]
        chats = {(one.open_kfid, one.external_userid) for one in said}
        seated = {chat for chat in chats if await self._state(*chat) in _SEATED}
        return [
            one
            for one in rows
            if one.origin != _FROM_CUSTOMER
            or (one.open_kfid, one.external_userid) not in seated
        ]

    async def _state(self, account: str, user: str) -> int:
        body = {"open_kfid": account, "external_userid": user}
        try:
            reply = await self._post("/cgi-bin/kf/service_state/get", body)
        except (NotSent, NoAnswer, TokenRefused) as exc:
            raise PlatformDown(str(exc)) from exc
        said = reply.json()
        if said.get("errcode") in _STALE:
            self._token.forget()
        if said.get("errcode") != 0:
            raise PlatformDown(f"service_state/get: errcode {said.get('errcode')}")
        return int(said.get("service_state", 0))

    async def send(self, piece: Piece) -> Outcome:
        """One message under our own ``msgid``; choices become a tap menu."""
        body = {
            "touser": piece.address["user"],
            "open_kfid": piece.address["account"],
            "msgid": piece.key[:32],
            **_shown(piece),
        }
        said = await outcome(self._post("/cgi-bin/kf/send_msg", body), self._judge)
        if self._settings.seats == "ours" or not piece.handoff or piece.is_returned:
            return said
        if isinstance(said, Refused) and said.reason == "window_closed":
            # A seat has the session by now: news of our line are nobody's concern.
            return msgspec.structs.replace(said, is_final=True)
        return await self._put_in_line(piece) if isinstance(said, Sent) else said

    async def _put_in_line(self, piece: Piece) -> Outcome:
        """After our last word, as nothing of ours is taken in the line."""
        body = {
            "open_kfid": piece.address["account"],
            "external_userid": piece.address["user"],
            "service_state": _IN_LINE,
        }
        call = self._post("/cgi-bin/kf/service_state/trans", body)
        moved = await outcome(call, self._judge)
        if isinstance(moved, Sent):
            return moved
        # Its ``msgid`` is known: all of it is tried again, and nothing said twice.
        return Refused(reason="unavailable", detail="service_state/trans")

    async def say(self, courtesy: Courtesy) -> Outcome:
        """``send_msg_on_event``: the code is good once, for 20 s."""
        body = {
            "code": courtesy.code,
            "msgtype": "text",
            "text": {"content": courtesy.text},
        }
        call = self._post("/cgi-bin/kf/send_msg_on_event", body)
        return await outcome(call, self._judge)

    async def _post(self, path: str, body: dict[str, Any]) -> Reply:
        params = {"access_token": await self._token.get()}
        return await self._api.post(path, body, params=params)

    async def _fetch_token(self) -> tuple[str, float]:
        params = {"corpid": self._settings.corp_id, "corpsecret": self._settings.secret}
        said = (await self._api.get("/cgi-bin/gettoken", params)).json()
        if not said.get("access_token"):
            raise TokenRefused(f"errcode {said.get('errcode')}")
        return str(said["access_token"]), float(said.get("expires_in", 7200))

    def _delivery(self, messages: list[_Message]) -> Delivery:
        param = self._settings.order_param
        found = [_read(one, param) for one in messages if one.origin == _FROM_CUSTOMER]
        events = [one.event for one in messages if one.event is not None]
        changes = [one for one in events if one.event_type == "session_status_change"]
        ended = [one for one in changes if one.change_type == _ENDED]
        has_seats = self._settings.seats == "wecom"
        return Delivery(
            messages=tuple(one for one in found if one is not None),
            failed=tuple(
                FailedSend(message_id=one.fail_msgid, reason=f"type {one.fail_type}")
                for one in events
                if one.event_type == "msg_send_fail"
            ),
            returned=tuple(_chat(one) for one in ended if has_seats),
            courtesies=(*self._greetings(events), *self._farewells(ended)),
        )

    def _greetings(self, events: list[_Event]) -> list[Courtesy]:
        text = self._settings.welcome
        codes = [
            one.welcome_code for one in events if one.event_type == "enter_session"
        ]
        return [Courtesy(code=code, text=text) for code in codes if code and text]

    def _farewells(self, ended: list[_Event]) -> list[Courtesy]:
        text = self._settings.goodbye
        codes = [one.msg_code for one in ended]
        return [Courtesy(code=code, text=text) for code in codes if code and text]

    def _judge(self, reply: Reply) -> Outcome | None:
        if reply.json().get("errcode") in _STALE:
            self._token.forget()
        return judge_errcode(reply, _STALE, _CODES)

    async def close(self) -> None:
        """Close the connections."""
        await self._api.close()


def _encrypted(body: bytes) -> str:
    try:
        return fields_of(body).get("Encrypt", "")
    except HookUnreadable as exc:
        raise HookRefused("no envelope") from exc


def _shown(piece: Piece) -> dict[str, Any]:
    if not piece.choices:
        return {"msgtype": "text", "text": {"content": piece.text}}
    menu = [
        {"type": "click", "click": {"id": str(n), "content": choice}}
        for n, choice in enumerate(piece.choices, 1)
    ]
    return {"msgtype": "msgmenu", "msgmenu": {"head_content": piece.text, "list": menu}}


def _chat(of: _Message | _Event) -> str:
    return f"{of.open_kfid}:{of.external_userid}"


def _order(message: _Message, param: str) -> str:
    page = str((message.miniprogram or {}).get("pagepath", ""))
    order = (message.channels_shop_order or {}).get("order_id", "")
    return str(order) or order_in(page, param)


def _read(message: _Message, param: str) -> InboundMessage | None:
    text, attachments = _words(message), _attached(message)
    order = _order(message, param)
    if not message.external_userid or not (text or attachments or order):
        return None
    return InboundMessage(
        message_id=message.msgid,
        user_id=message.external_userid,
        conversation_id=_chat(message),
        text=text,
        attachments=attachments,
        order=order,
        sent_at_s=float(message.send_time),
        address={"user": message.external_userid, "account": message.open_kfid},
    )


def _words(message: _Message) -> str:
    """What was written, or what a card that was sent along is about."""
    if message.text is not None:
        return message.text.content.strip()
    names = _NAMES.get(message.msgtype, ())
    found: dict[str, Any] = (
        getattr(message, message.msgtype, None) or {} if names else {}
    )
    return " ".join(str(found.get(name, "")) for name in names).strip()


def _attached(message: _Message) -> tuple[Attachment, ...]:
    if message.msgtype in ("text", "event", *_NAMES):
        return ()
    kind = _FILES.get(message.msgtype, "other")
    if kind == "other":
        return (Attachment(kind=kind),)
    found = getattr(message, message.msgtype) or {}
    return (Attachment(kind=kind, ref=str(found.get("media_id", ""))),)
