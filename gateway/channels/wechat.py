"""
WeChat official accounts and mini-programs: encrypted webhooks, answers through
the customer service interface.

Safe mode (AES) is required: the plain signature does not cover the body.
"""

from __future__ import annotations

from typing import Any, Literal
from urllib.parse import parse_qs, urlsplit

import msgspec

from gateway.channels.contract import (
    Attachment,
    AttachmentKind,
    Caps,
    Delivery,
    HookAnswer,
    HookRefused,
    HookUnreadable,
    InboundMessage,
    Outcome,
    Piece,
    PlatformSettings,
    RawRequest,
    Refusal,
    Refused,
    Sent,
    WebhookChannel,
)
from gateway.channels.platform_api import (
    AccessToken,
    PlatformApi,
    Reply,
    TokenRefused,
    outcome,
)
from gateway.channels.signing import WeChatEnvelope, check_time, same, sorted_sha1
from gateway.channels.xml_fields import fields_of, xml_of


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
)
_FILES: dict[str, AttachmentKind] = {
    "image": "image",
    "voice": "voice",
    "video": "video",
    "shortvideo": "video",
    "location": "location",
}
#: Codes of an access token that is no longer good.
_STALE = frozenset({40001, 40014, 42001})
_CODES: dict[int, tuple[Refusal, bool]] = {
    -1: ("unavailable", False),
    45009: ("rate_limited", False),
    45011: ("rate_limited", False),
    45015: ("window_closed", False),
    45047: ("budget_spent", False),
    45002: ("rejected", True),
    40003: ("gone", True),
    43004: ("gone", True),
    48001: ("credentials", False),
    48002: ("gone", True),
}


class WeChatSettings(PlatformSettings, frozen=True, kw_only=True, tag="wechat"):
    """
    A WeChat official account or mini-program, in safe mode.

    Attributes:
        account: ``official`` or ``mini`` (mini-program; no tap menus there).

        token / aes_key: Of the server configuration, in safe mode.

        welcome: Said to who follows an official account, outside the five sends.
            Say there that a machine answers.

        order_param: Parameter of a mini-program page that holds an order's number:
            a card of such a page that a customer sends is that order.
    """

    account: Literal["official", "mini"] = "official"
    app_id: str = ""
    app_secret: str = ""
    app_secret_file: str = ""
    token: str = ""
    token_file: str = ""
    aes_key: str = ""
    aes_key_file: str = ""
    welcome: str = ""
    order_param: str = ""
    api_url: str = "https://api.weixin.qq.com"


class WeChat(WebhookChannel):
    """One official account or mini-program."""

    def __init__(self, settings: WeChatSettings) -> None:
        self._settings = settings
        self._envelope = WeChatEnvelope(
            settings.token, settings.aes_key, settings.app_id
        )
        is_mini = settings.account == "mini"
        self.caps = msgspec.structs.replace(CAPS, choices=0) if is_mini else CAPS
        self._api = PlatformApi(settings.api_url)
        self._token = AccessToken(self._fetch_token)

    def verify(self, request: RawRequest, now_s: float) -> bytes:
        """The handshake's plain signature, or the envelope's."""
        stamp = request.query.get("timestamp", "")
        nonce = request.query.get("nonce", "")
        check_time(stamp, now_s, CAPS.skew_s)
        if request.method == "GET":
            wanted = sorted_sha1(self._settings.token, stamp, nonce)
            if not same(request.query.get("signature"), wanted):
                raise HookRefused("wrong signature")
            return request.query.get("echostr", "").encode("utf-8", "replace")
        signature = request.query.get("msg_signature")
        return self._envelope.open(signature, stamp, nonce, _encrypted(request.body))

    def decode(self, request: RawRequest, trusted: bytes) -> Delivery:
        """Messages, voices with their recognised words, taps on menus."""
        if request.method == "GET":
            return Delivery(answer=HookAnswer(body=trusted))
        fields = _fields(trusted)
        if fields.get("Event") == "subscribe" and self._settings.welcome:
            return Delivery(answer=self._greeting(request, fields))
        message = _read(fields, self._settings.order_param)
        return Delivery(
            messages=(message,) if message else (), answer=HookAnswer(body=b"success")
        )

    def _greeting(self, request: RawRequest, event: dict[str, str]) -> HookAnswer:
        """The acknowledgement itself is what the follower reads, however often."""
        inner = xml_of(
            {
                "ToUserName": event.get("FromUserName", ""),
                "FromUserName": event.get("ToUserName", ""),
                "CreateTime": event.get("CreateTime", "0"),
                "MsgType": "text",
                "Content": self._settings.welcome,
            }
        )
        names = ("Encrypt", "MsgSignature", "TimeStamp", "Nonce")
        values = self._envelope.sealed_answer(request, inner)
        body = xml_of(dict(zip(names, values, strict=True)))
        return HookAnswer(body=body, media_type="text/xml")

    async def send(self, piece: Piece) -> Outcome:
        """One customer service message; choices become a tap menu."""
        body: dict[str, Any] = {"touser": piece.address["openid"]}
        if piece.choices:
            menu = [
                {"id": str(n), "content": choice}
                for n, choice in enumerate(piece.choices, 1)
            ]
            body |= {
                "msgtype": "msgmenu",
                "msgmenu": {
                    "head_content": piece.text,
                    "list": menu,
                    "tail_content": "",
                },
            }
        else:
            body |= {"msgtype": "text", "text": {"content": piece.text}}
        return await outcome(self._post(body), self._judge)

    async def _post(self, body: dict[str, Any]) -> Reply:
        params = {"access_token": await self._token.get()}
        return await self._api.post("/cgi-bin/message/custom/send", body, params=params)

    async def _fetch_token(self) -> tuple[str, float]:
        """The stable token: fetching it does not end the one others hold."""
        body = {
            "grant_type": "client_credential",
            "appid": self._settings.app_id,
            "secret": self._settings.app_secret,
        }
        said = (await self._api.post("/cgi-bin/stable_token", body)).json()
        if not said.get("access_token"):
            raise TokenRefused(f"errcode {said.get('errcode')}")
        return str(said["access_token"]), float(said.get("expires_in", 7200))

    def _judge(self, reply: Reply) -> Outcome | None:
        code = reply.json().get("errcode")
        if code in _STALE:
            self._token.forget()
        return judge_errcode(reply, _STALE, _CODES)

    async def close(self) -> None:
        """Close the connections."""
        await self._api.close()


def judge_errcode(
    reply: Reply, stale: frozenset[int], codes: dict[int, tuple[Refusal, bool]]
) -> Outcome | None:
    """What WeChat's and WeCom's ``errcode`` means; unknown ones are tried again."""
    said = reply.json()
    code = said.get("errcode")
    if code == 0:
        return Sent(platform_id=str(said.get("msgid", "")))
    if not isinstance(code, int):
        return (
            Refused(reason="unavailable", detail="no errcode") if reply.is_ok else None
        )
    detail = f"errcode {code}: {str(said.get('errmsg', ''))[:150]}"
    if code in stale:
        return Refused(reason="credentials", detail=detail, retry_after_s=0.0)
    reason, is_final = codes.get(code, ("unavailable", False))
    return Refused(reason=reason, detail=detail, is_final=is_final)


def _encrypted(body: bytes) -> str:
    """The envelope's cipher text, from XML or (mini-programs) JSON."""
    try:
        return fields_of(body).get("Encrypt") or ""
    except HookUnreadable as exc:
        try:
            found = msgspec.json.decode(body, type=dict[str, Any])
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            raise HookRefused("no envelope") from exc
        return str(found.get("Encrypt", ""))


def _fields(trusted: bytes) -> dict[str, str]:
    if not trusted.lstrip().startswith(b"{"):
        return fields_of(trusted)
    try:
        found = msgspec.json.decode(trusted, type=dict[str, Any])
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as exc:
        raise HookUnreadable("neither XML nor JSON") from exc
    return {key: str(value) for key, value in found.items()}


def order_in(page: str, param: str) -> str:
    """The order that a mini-program page is about; empty if none."""
    values = parse_qs(urlsplit(page).query).get(param) if param else None
    return values[0] if values else ""


def _read(found: dict[str, str], order_param: str) -> InboundMessage | None:
    user, stamp = found.get("FromUserName", ""), found.get("CreateTime", "")
    text, attachments = _content(found)
    order = order_in(found.get("PagePath", ""), order_param)
    if not user or not (text or attachments or order):
        return None
    is_number = stamp.isascii() and stamp.isdigit()
    return InboundMessage(
        message_id=found.get("MsgId") or f"{user}+{stamp}",
        user_id=user,
        conversation_id=user,
        text=text,
        attachments=attachments,
        order=order,
        sent_at_s=float(stamp) if is_number else 0.0,
        address={"openid": user},
    )


def _content(found: dict[str, str]) -> tuple[str, tuple[Attachment, ...]]:
    kind = found.get("MsgType", "")
    if kind == "text":
        return found.get("Content", "").strip(), ()
    if kind == "event":
        is_click = found.get("Event", "").upper() == "CLICK"
        return (found.get("EventKey", "") if is_click else ""), ()
    if kind == "miniprogrampage":
        return found.get("Title") or "[小程序]", ()
    if kind == "link":
        return f"{found.get('Title', '')} {found.get('Url', '')}".strip(), ()
    if not kind:
        return "", ()
    as_kind = _FILES.get(kind, "other")
    attachment = Attachment(kind=as_kind, ref=found.get("MediaId", ""))
    return found.get("Recognition", ""), (attachment,)
