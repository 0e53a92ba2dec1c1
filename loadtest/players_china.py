"""
Webhooks as Feishu, DingTalk, WeChat and WeCom make them.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode
from xml.sax.saxutils import escape

from gateway.channels.contract import RawRequest
from gateway.channels.dingtalk import DingTalkSettings
from gateway.channels.feishu import FeishuSettings
from gateway.channels.signing import WeChatEnvelope, encrypt_cbc
from gateway.channels.wechat import WeChatSettings
from gateway.channels.wecom_bot import WecomBotSettings
from gateway.channels.wecom_kf import WecomKfSettings
from loadtest.play import (
    Handshake,
    Said,
    encode,
    new_key,
    number_of,
    posted,
    sign,
)


# --- feishu ---


def feishu_settings(url: str) -> FeishuSettings:
    """A bot."""
    return FeishuSettings(
        app_id=f"cli_{new_key()[:16]}",
        app_secret=new_key(),
        encrypt_key=new_key(),
        verification_token=new_key(),
        api_url=url,
    )


def feishu_seal(settings: FeishuSettings, value: Any) -> bytes:
    """Encrypted as Feishu encrypts."""
    key = hashlib.sha256(settings.encrypt_key.encode()).digest()
    iv = secrets.token_bytes(16)
    sealed = iv + encrypt_cbc(key, iv, encode(value), 16)
    return encode({"encrypt": base64.b64encode(sealed).decode()})


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
                "content": encode({"text": said.text}).decode(),
            },
        },
    }
    body = feishu_seal(settings, value)
    stamp, nonce = str(int(said.at_s)), secrets.token_hex(8)
    signed = f"{stamp}{nonce}{settings.encrypt_key}".encode() + body
    return posted(
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
    return Handshake(posted(feishu_seal(settings, value), {}), b'{"challenge":"c-1"}')


# --- dingtalk ---


def dingtalk_settings(url: str) -> DingTalkSettings:
    """A robot."""
    return DingTalkSettings(
        app_key="ding1",
        app_secret=new_key(),
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
    signed = sign(settings.app_secret, f"{stamp}\n{settings.app_secret}".encode())
    proof = base64.b64encode(signed).decode()
    return posted(encode(body), {"timestamp": stamp, "sign": proof})


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


def sealed_xml(envelope: WeChatEnvelope, message: bytes, at_s: float) -> RawRequest:
    """Any message in WeChat's and WeCom's envelope."""
    encrypted = envelope.seal(message)
    body = _xml({"ToUserName": "gh_1", "Encrypt": encrypted})
    query = _sealed_query(envelope, encrypted, at_s)
    return posted(body, {"content-type": "text/xml"}, query)


def sealed_json(envelope: WeChatEnvelope, message: Any, at_s: float) -> RawRequest:
    """Any message in the envelope of AI bots."""
    encrypted = envelope.seal(encode(message))
    body = encode({"encrypt": encrypted})
    return posted(body, {}, _sealed_query(envelope, encrypted, at_s))


def wechat_settings(url: str) -> WeChatSettings:
    """An official account."""
    return WeChatSettings(
        app_id=f"wx{new_key()[:16]}",
        app_secret=new_key(),
        token=new_key(),
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
            "MsgId": str(number_of(said.message_id)),
        }
    )
    return sealed_xml(envelope, message, said.at_s)


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
        corp_id=f"ww{new_key()[:16]}",
        secret=new_key(),
        token=new_key(),
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
    return sealed_xml(envelope, message, said.at_s)


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
        bot_id="aib1", token=new_key(), aes_key=_aes_key(), api_url=url
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
    return sealed_json(envelope, message, said.at_s)


def wecom_bot_handshake(settings: WecomBotSettings, at_s: float) -> Handshake:
    """``echostr``, encrypted."""
    envelope = WeChatEnvelope(settings.token, settings.aes_key, "")
    return _sealed_handshake(envelope, at_s)
