"""
WeCom customer service (微信客服): a webhook without content, messages by pull.

The platform lets the interface speak only while a session is unassigned or with
the bot (states 0 and 1): people answer at our desk, not on WeCom's seats.
"""

from __future__ import annotations

from typing import Any

import msgspec

from gateway.channels.contract import (
    Attachment,
    AttachmentKind,
    Caps,
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
from gateway.channels.wechat import judge_errcode
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


class WecomKfSettings(PlatformSettings, frozen=True, kw_only=True, tag="wecom_kf"):
    """
    WeCom customer service (微信客服).

    Attributes:
        secret: Of the 微信客服 application.

        token / aes_key: Of its callback.
    """

    corp_id: str = ""
    secret: str = ""
    secret_file: str = ""
    token: str = ""
    token_file: str = ""
    aes_key: str = ""
    aes_key_file: str = ""
    api_url: str = "https://qyapi.weixin.qq.com"


class _Text(msgspec.Struct, frozen=True):
    content: str = ""


class _Event(msgspec.Struct, frozen=True):
    event_type: str = ""
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
        return Pulled(
            delivery=_delivery(page.msg_list),
            cursor=page.next_cursor or cursor,
            has_more=bool(page.has_more),
        )

    async def send(self, piece: Piece) -> Outcome:
        """One message under our own ``msgid``; choices become a tap menu."""
        body: dict[str, Any] = {
            "touser": piece.address["user"],
            "open_kfid": piece.address["account"],
            "msgid": piece.key[:32],
        }
        if piece.choices:
            menu = [
                {"type": "click", "click": {"id": str(n), "content": choice}}
                for n, choice in enumerate(piece.choices, 1)
            ]
            body |= {
                "msgtype": "msgmenu",
                "msgmenu": {"head_content": piece.text, "list": menu},
            }
        else:
            body |= {"msgtype": "text", "text": {"content": piece.text}}
        return await outcome(self._post("/cgi-bin/kf/send_msg", body), self._judge)

    async def _post(self, path: str, body: dict[str, Any]) -> Reply:
        params = {"access_token": await self._token.get()}
        return await self._api.post(path, body, params=params)

    async def _fetch_token(self) -> tuple[str, float]:
        params = {"corpid": self._settings.corp_id, "corpsecret": self._settings.secret}
        said = (await self._api.get("/cgi-bin/gettoken", params)).json()
        if not said.get("access_token"):
            raise TokenRefused(f"errcode {said.get('errcode')}")
        return str(said["access_token"]), float(said.get("expires_in", 7200))

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


def _delivery(messages: list[_Message]) -> Delivery:
    found = [_read(one) for one in messages if one.origin == _FROM_CUSTOMER]
    return Delivery(
        messages=tuple(one for one in found if one is not None),
        failed=tuple(
            FailedSend(
                message_id=one.event.fail_msgid, reason=f"type {one.event.fail_type}"
            )
            for one in messages
            if one.event is not None and one.event.event_type == "msg_send_fail"
        ),
    )


def _read(message: _Message) -> InboundMessage | None:
    text = message.text.content.strip() if message.text else ""
    if message.miniprogram:
        text = str(message.miniprogram.get("title", ""))
    attachments = _attached(message)
    if not message.external_userid or not (text or attachments):
        return None
    return InboundMessage(
        message_id=message.msgid,
        user_id=message.external_userid,
        conversation_id=f"{message.open_kfid}:{message.external_userid}",
        text=text,
        attachments=attachments,
        sent_at_s=float(message.send_time),
        address={"user": message.external_userid, "account": message.open_kfid},
    )


def _attached(message: _Message) -> tuple[Attachment, ...]:
    kind = _FILES.get(message.msgtype)
    if kind is None:
        return ()
    found = getattr(message, message.msgtype) or {}
    return (Attachment(kind=kind, ref=str(found.get("media_id", ""))),)
