"""
The platforms' side of webhooks: requests as each platform makes them.

Written from the platforms' documents, apart from the code that checks them, for the
contract suite, for ``tidegate simulate`` and for tampering at length. A player knows
an account's settings, so it can be any shop's platform, or a forger with another
shop's key.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple
from urllib.parse import urlencode
from xml.sax.saxutils import escape

import msgspec

from gateway.channels.chatwoot import ChatwootSettings
from gateway.channels.contract import RawRequest
from gateway.channels.dingtalk import DingTalkSettings
from gateway.channels.feishu import FeishuSettings
from gateway.channels.line import LineSettings
from gateway.channels.registry import Platform
from gateway.channels.signing import WeChatEnvelope, encrypt_cbc
from gateway.channels.slack import SlackSettings
from gateway.channels.telegram import TelegramSettings
from gateway.channels.webhook import WebhookSettings
from gateway.channels.wechat import WeChatSettings
from gateway.channels.wecom_bot import WecomBotSettings
from gateway.channels.wecom_kf import WecomKfSettings
from gateway.channels.whatsapp import WhatsAppSettings


class Said(NamedTuple):
    """What a customer of a platform writes; *user* and *chat* are digits."""

    message_id: str
    user: str
    text: str
    at_s: float


class Handshake(NamedTuple):
    """A challenge and what the platform expects to hear."""

    request: RawRequest
    expected: bytes


class Player(NamedTuple):
    """One platform: its settings, its requests, and what a send says to whom."""

    settings: Callable[[str], Platform]
    hook: Callable[[Any, Said], RawRequest]
    heard: Callable[[Mapping[str, Any]], tuple[str, str]]
    handshake: Callable[[Any, float], Handshake] | None = None


def _encode(value: Any) -> bytes:
    return msgspec.json.encode(value)


def _key() -> str:
    return secrets.token_hex(16)


def _sign(key: str | bytes, data: bytes) -> bytes:
    raw = key.encode() if isinstance(key, str) else key
    return hmac.new(raw, data, hashlib.sha256).digest()


def _post(
    body: bytes, headers: dict[str, str], query: dict[str, str] | None = None
) -> RawRequest:
    given = {"content-type": "application/json", **headers}
    return RawRequest(method="POST", headers=given, query=query or {}, body=body)


# --- generic webhook ---


def webhook_settings(url: str) -> WebhookSettings:
    """A shop's own system."""
    secret = "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()
    return WebhookSettings(secret=secret, callback_url=f"{url}/callback")


def webhook_hook(settings: WebhookSettings, said: Said) -> RawRequest:
    """As Standard Webhooks signs."""
    body = _encode(
        {
            "message_id": said.message_id,
            "user_id": said.user,
            "conversation_id": f"chat-{said.user}",
            "text": said.text,
        }
    )
    stamp, name = str(int(said.at_s)), f"msg_{said.message_id}"
    key = base64.b64decode(settings.secret.removeprefix("whsec_"))
    signed = _sign(key, f"{name}.{stamp}.".encode() + body)
    return _post(
        body,
        {
            "webhook-id": name,
            "webhook-timestamp": stamp,
            "webhook-signature": f"v1,{base64.b64encode(signed).decode()}",
        },
    )


# --- telegram ---


def telegram_settings(url: str) -> TelegramSettings:
    """A bot."""
    return TelegramSettings(token=f"1:{_key()}", secret_token=_key(), api_url=url)


def telegram_hook(settings: TelegramSettings, said: Said) -> RawRequest:
    """A private message."""
    body = {
        "update_id": _number(said.message_id),
        "message": {
            "message_id": 1,
            "date": int(said.at_s),
            "chat": {"id": int(said.user), "type": "private", "first_name": "A"},
            "from": {
                "id": int(said.user),
                "is_bot": False,
                "first_name": "A",
                "language_code": "zh-hans",
            },
            "text": said.text,
        },
    }
    header = {"x-telegram-bot-api-secret-token": settings.secret_token}
    return _post(_encode(body), header)


# --- slack ---


def slack_settings(url: str) -> SlackSettings:
    """An app."""
    return SlackSettings(signing_secret=_key(), bot_token=f"xoxb-{_key()}", api_url=url)


def slack_sign(settings: SlackSettings, body: bytes, at_s: float) -> RawRequest:
    """Any body as Slack signs it."""
    stamp = str(int(at_s))
    signed = _sign(settings.signing_secret, f"v0:{stamp}:".encode() + body).hex()
    return _post(
        body,
        {"x-slack-request-timestamp": stamp, "x-slack-signature": f"v0={signed}"},
    )


def slack_hook(settings: SlackSettings, said: Said) -> RawRequest:
    """A direct message."""
    text = said.text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    event = {
        "type": "message",
        "channel_type": "im",
        "user": f"U{said.user}",
        "channel": f"D{said.user}",
        "text": text,
        "ts": f"{said.at_s:.6f}",
    }
    body = {
        "type": "event_callback",
        "event_id": f"Ev{said.message_id}",
        "event_time": int(said.at_s),
        "event": event,
    }
    return slack_sign(settings, _encode(body), said.at_s)


def slack_handshake(settings: SlackSettings, at_s: float) -> Handshake:
    """``url_verification``."""
    body = _encode({"type": "url_verification", "challenge": "c-1", "token": "x"})
    return Handshake(slack_sign(settings, body, at_s), b'{"challenge":"c-1"}')


# --- line ---


def line_settings(url: str) -> LineSettings:
    """An official account."""
    return LineSettings(channel_secret=_key(), access_token=_key(), api_url=url)


def line_sign(settings: LineSettings, body: bytes) -> RawRequest:
    """Any body as LINE signs it."""
    signature = base64.b64encode(_sign(settings.channel_secret, body)).decode()
    return _post(body, {"x-line-signature": signature})


def line_hook(settings: LineSettings, said: Said) -> RawRequest:
    """A message of a single user."""
    event = {
        "type": "message",
        "mode": "active",
        "timestamp": int(said.at_s * 1000),
        "source": {"type": "user", "userId": f"U{said.user:0>32}"},
        "webhookEventId": f"E{said.message_id}",
        "deliveryContext": {"isRedelivery": False},
        "replyToken": _key(),
        "message": {
            "id": "1",
            "type": "text",
            "quoteToken": "q",
            "text": said.text,
        },
    }
    return line_sign(settings, _encode({"destination": "Uxx", "events": [event]}))


def line_handshake(settings: LineSettings, at_s: float) -> Handshake:
    """The console's "Verify" sends no events."""
    del at_s
    body = _encode({"destination": "Uxx", "events": []})
    return Handshake(line_sign(settings, body), b"")


# --- whatsapp ---


def whatsapp_settings(url: str) -> WhatsAppSettings:
    """A business number."""
    return WhatsAppSettings(
        app_secret=_key(),
        verify_token=_key(),
        access_token=_key(),
        phone_number_id="100200300",
        api_url=url,
    )


def whatsapp_sign(settings: WhatsAppSettings, body: bytes) -> RawRequest:
    """Any body as Meta signs it."""
    signature = f"sha256={_sign(settings.app_secret, body).hex()}"
    return _post(body, {"x-hub-signature-256": signature})


def whatsapp_hook(settings: WhatsAppSettings, said: Said) -> RawRequest:
    """A text, with the statuses that come in between."""
    value = {
        "messaging_product": "whatsapp",
        "metadata": {
            "display_phone_number": "1",
            "phone_number_id": settings.phone_number_id,
        },
        "contacts": [{"profile": {"name": "A"}, "wa_id": said.user}],
        "messages": [
            {
                "id": f"wamid.{said.message_id}",
                "from": said.user,
                "timestamp": str(int(said.at_s)),
                "type": "text",
                "text": {"body": said.text},
            }
        ],
    }
    change = {"field": "messages", "value": value}
    body = {
        "object": "whatsapp_business_account",
        "entry": [{"id": "1", "changes": [change]}],
    }
    return whatsapp_sign(settings, _encode(body))


def whatsapp_handshake(settings: WhatsAppSettings, at_s: float) -> Handshake:
    """``hub.challenge``."""
    del at_s
    query = {
        "hub.mode": "subscribe",
        "hub.verify_token": settings.verify_token,
        "hub.challenge": "12345",
    }
    return Handshake(RawRequest(method="GET", query=query), b"12345")


# --- feishu ---


def feishu_settings(url: str) -> FeishuSettings:
    """A bot."""
    return FeishuSettings(
        app_id=f"cli_{_key()[:16]}",
        app_secret=_key(),
        encrypt_key=_key(),
        verification_token=_key(),
        api_url=url,
    )


def feishu_seal(settings: FeishuSettings, value: Any) -> bytes:
    """Encrypted as Feishu encrypts."""
    key = hashlib.sha256(settings.encrypt_key.encode()).digest()
    iv = secrets.token_bytes(16)
    sealed = iv + encrypt_cbc(key, iv, _encode(value), 16)
    return _encode({"encrypt": base64.b64encode(sealed).decode()})


def feishu_hook(settings: FeishuSettings, said: Said) -> RawRequest:
    """A single chat's message."""
    value = {
        "schema": "2.0",
        "header": {
            "event_id": f"ev-{said.message_id}",
            "event_type": "im.message.receive_v1",
            "create_time": str(int(said.at_s * 1000)),
            "token": settings.verification_token,
            "app_id": settings.app_id,
            "tenant_key": "t",
        },
        "event": {
            "sender": {
                "sender_id": {"open_id": f"ou_{said.user}"},
                "sender_type": "user",
            },
            "message": {
                "message_id": f"om_{said.message_id}",
                "create_time": str(int(said.at_s * 1000)),
                "chat_id": f"oc_{said.user}",
                "chat_type": "p2p",
                "message_type": "text",
                "content": _encode({"text": said.text}).decode(),
            },
        },
    }
    body = feishu_seal(settings, value)
    stamp, nonce = str(int(said.at_s)), secrets.token_hex(8)
    signed = f"{stamp}{nonce}{settings.encrypt_key}".encode() + body
    return _post(
        body,
        {
            "x-lark-request-timestamp": stamp,
            "x-lark-request-nonce": nonce,
            "x-lark-signature": hashlib.sha256(signed).hexdigest(),
        },
    )


def feishu_handshake(settings: FeishuSettings, at_s: float) -> Handshake:
    """``url_verification``, encrypted and unsigned."""
    del at_s
    value = {
        "type": "url_verification",
        "challenge": "c-1",
        "token": settings.verification_token,
    }
    return Handshake(_post(feishu_seal(settings, value), {}), b'{"challenge":"c-1"}')


# --- dingtalk ---


def dingtalk_settings(url: str) -> DingTalkSettings:
    """A robot."""
    return DingTalkSettings(
        app_key="ding1",
        app_secret=_key(),
        robot_code="ding1",
        api_url=url,
        session_url=url,
    )


def dingtalk_hook(settings: DingTalkSettings, said: Said) -> RawRequest:
    """A single chat's message."""
    body = {
        "msgId": f"msg{said.message_id}",
        "conversationId": f"cid{said.user}",
        "conversationType": "1",
        "senderId": f"$:{said.user}",
        "senderStaffId": said.user,
        "senderNick": "A",
        "msgtype": "text",
        "text": {"content": said.text},
        "createAt": int(said.at_s * 1000),
        "sessionWebhook": "https://elsewhere.example/robot/sendBySession?session=x",
        "robotCode": settings.robot_code,
    }
    stamp = str(int(said.at_s * 1000))
    signed = _sign(settings.app_secret, f"{stamp}\n{settings.app_secret}".encode())
    sign = base64.b64encode(signed).decode()
    return _post(_encode(body), {"timestamp": stamp, "sign": sign})


# --- wechat, wecom ---


def _aes_key() -> str:
    return base64.b64encode(secrets.token_bytes(32)).decode().rstrip("=")


def _sealed_query(
    envelope: WeChatEnvelope, encrypted: str, at_s: float
) -> dict[str, str]:
    stamp, nonce = str(int(at_s)), str(secrets.randbelow(10**9))
    return {
        "timestamp": stamp,
        "nonce": nonce,
        "msg_signature": envelope.signature(stamp, nonce, encrypted),
        "encrypt_type": "aes",
    }


def _xml(fields: Mapping[str, str]) -> bytes:
    inner = "".join(
        f"<{name}>{escape(value)}</{name}>" for name, value in fields.items()
    )
    return f"<xml>{inner}</xml>".encode()


def wechat_settings(url: str) -> WeChatSettings:
    """An official account."""
    return WeChatSettings(
        app_id=f"wx{_key()[:16]}",
        app_secret=_key(),
        token=_key(),
        aes_key=_aes_key(),
        api_url=url,
    )


def wechat_hook(settings: WeChatSettings, said: Said) -> RawRequest:
    """A text in safe mode."""
    envelope = WeChatEnvelope(settings.token, settings.aes_key, settings.app_id)
    message = _xml(
        {
            "ToUserName": "gh_1",
            "FromUserName": f"o{said.user}",
            "CreateTime": str(int(said.at_s)),
            "MsgType": "text",
            "Content": said.text,
            "MsgId": str(_number(said.message_id)),
        }
    )
    encrypted = envelope.seal(message)
    body = _xml({"ToUserName": "gh_1", "Encrypt": encrypted})
    query = _sealed_query(envelope, encrypted, said.at_s)
    return _post(body, {"content-type": "text/xml"}, query)


def wechat_handshake(settings: WeChatSettings, at_s: float) -> Handshake:
    """``echostr`` with the plain signature."""
    stamp, nonce = str(int(at_s)), "n1"
    joined = "".join(sorted((settings.token, stamp, nonce)))
    query = {
        "timestamp": stamp,
        "nonce": nonce,
        "echostr": "echo-1",
        "signature": hashlib.sha1(joined.encode(), usedforsecurity=False).hexdigest(),
    }
    return Handshake(RawRequest(method="GET", query=query), b"echo-1")


def wecom_kf_settings(url: str) -> WecomKfSettings:
    """A company."""
    return WecomKfSettings(
        corp_id=f"ww{_key()[:16]}",
        secret=_key(),
        token=_key(),
        aes_key=_aes_key(),
        api_url=url,
    )


def wecom_kf_hook(settings: WecomKfSettings, said: Said) -> RawRequest:
    """The hint that there is something; it holds nothing of what was said."""
    envelope = WeChatEnvelope(settings.token, settings.aes_key, settings.corp_id)
    message = _xml(
        {
            "ToUserName": settings.corp_id,
            "CreateTime": str(int(said.at_s)),
            "MsgType": "event",
            "Event": "kf_msg_or_event",
            "Token": f"tok{said.message_id}",
            "OpenKfId": "wk1",
        }
    )
    encrypted = envelope.seal(message)
    body = _xml({"ToUserName": settings.corp_id, "Encrypt": encrypted})
    query = _sealed_query(envelope, encrypted, said.at_s)
    return _post(body, {"content-type": "text/xml"}, query)


def wecom_kf_row(said: Said) -> dict[str, Any]:
    """The same message as ``sync_msg`` gives it."""
    return {
        "msgid": said.message_id,
        "open_kfid": "wk1",
        "external_userid": f"wm{said.user}",
        "send_time": int(said.at_s),
        "origin": 3,
        "msgtype": "text",
        "text": {"content": said.text},
    }


def wecom_kf_handshake(settings: WecomKfSettings, at_s: float) -> Handshake:
    """``echostr``, encrypted."""
    envelope = WeChatEnvelope(settings.token, settings.aes_key, settings.corp_id)
    return _sealed_handshake(envelope, at_s)


def _sealed_handshake(envelope: WeChatEnvelope, at_s: float) -> Handshake:
    encrypted = envelope.seal(b"echo-1")
    query = {**_sealed_query(envelope, encrypted, at_s), "echostr": encrypted}
    return Handshake(RawRequest(method="GET", query=query), b"echo-1")


def wecom_bot_settings(url: str) -> WecomBotSettings:
    """An AI bot."""
    return WecomBotSettings(
        bot_id="aib1", token=_key(), aes_key=_aes_key(), api_url=url
    )


def wecom_bot_hook(settings: WecomBotSettings, said: Said) -> RawRequest:
    """A single chat's message."""
    envelope = WeChatEnvelope(settings.token, settings.aes_key, "")
    query = urlencode({"response_code": f"{said.user}-{said.message_id}"})
    message = {
        "msgid": said.message_id,
        "aibotid": settings.bot_id,
        "chattype": "single",
        "from": {"userid": f"zh{said.user}"},
        "response_url": f"{settings.api_url}/cgi-bin/aibot/response?{query}",
        "msgtype": "text",
        "text": {"content": said.text},
    }
    encrypted = envelope.seal(_encode(message))
    body = _encode({"encrypt": encrypted})
    return _post(body, {}, _sealed_query(envelope, encrypted, said.at_s))


def wecom_bot_handshake(settings: WecomBotSettings, at_s: float) -> Handshake:
    """``echostr``, encrypted."""
    envelope = WeChatEnvelope(settings.token, settings.aes_key, "")
    return _sealed_handshake(envelope, at_s)


# --- chatwoot ---


def chatwoot_settings(url: str) -> ChatwootSettings:
    """An agent bot."""
    return ChatwootSettings(
        secret=_key(), access_token=_key(), account_id=1, api_url=url
    )


def chatwoot_hook(settings: ChatwootSettings, said: Said) -> RawRequest:
    """A contact's message while the bot has the conversation."""
    body = _encode(
        {
            "event": "message_created",
            "id": _number(said.message_id),
            "content": said.text,
            "message_type": "incoming",
            "private": False,
            "account": {"id": settings.account_id, "name": "A"},
            "conversation": {"id": int(said.user), "status": "pending"},
            "sender": {"id": int(said.user), "name": "A", "type": "contact"},
        }
    )
    stamp = str(int(said.at_s))
    signed = _sign(settings.secret, f"{stamp}.".encode() + body).hex()
    return _post(
        body,
        {
            "x-chatwoot-timestamp": stamp,
            "x-chatwoot-signature": f"sha256={signed}",
            "x-chatwoot-delivery": secrets.token_hex(8),
        },
    )


def _number(message_id: str) -> int:
    """An id as a number, the same for the same id."""
    return int.from_bytes(hashlib.sha256(message_id.encode()).digest()[:6], "big")


PLAYERS: Mapping[str, Player] = {
    "webhook": Player(
        webhook_settings,
        webhook_hook,
        lambda body: (body["data"]["user_id"], body["data"]["text"]),
    ),
    "telegram": Player(
        telegram_settings, telegram_hook, lambda body: (body["chat_id"], body["text"])
    ),
    "slack": Player(
        slack_settings,
        slack_hook,
        lambda body: (body["channel"][1:], body["text"]),
        slack_handshake,
    ),
    "line": Player(
        line_settings,
        line_hook,
        lambda body: (body["to"][1:].lstrip("0"), body["messages"][0]["text"]),
        line_handshake,
    ),
    "whatsapp": Player(
        whatsapp_settings,
        whatsapp_hook,
        lambda body: (
            body["to"],
            body["text"]["body"],
        ),
        whatsapp_handshake,
    ),
    "feishu": Player(
        feishu_settings,
        feishu_hook,
        lambda body: (
            body["receive_id"][3:],
            msgspec.json.decode(body["content"]).get("text", ""),
        ),
        feishu_handshake,
    ),
    "dingtalk": Player(
        dingtalk_settings,
        dingtalk_hook,
        lambda body: (
            body["userIds"][0],
            msgspec.json.decode(body["msgParam"])["content"],
        ),
    ),
    "wechat": Player(
        wechat_settings,
        wechat_hook,
        lambda body: (
            body["touser"][1:],
            body["text"]["content"]
            if "text" in body
            else body["msgmenu"]["head_content"],
        ),
        wechat_handshake,
    ),
    "wecom_kf": Player(
        wecom_kf_settings,
        wecom_kf_hook,
        lambda body: (body["touser"][2:], body["text"]["content"]),
        wecom_kf_handshake,
    ),
    "wecom_bot": Player(
        wecom_bot_settings,
        wecom_bot_hook,
        lambda body: ("", body["markdown"]["content"]),
        wecom_bot_handshake,
    ),
    "chatwoot": Player(
        chatwoot_settings, chatwoot_hook, lambda body: ("", body["content"])
    ),
}
