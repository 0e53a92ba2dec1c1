"""
Webhooks as Telegram, Slack, LINE, WhatsApp, Chatwoot and a shop's own system make them.
"""

from __future__ import annotations

import base64
import secrets

from gateway.channels.chatwoot import ChatwootSettings
from gateway.channels.contract import RawRequest
from gateway.channels.line import LineSettings
from gateway.channels.slack import SlackSettings
from gateway.channels.telegram import TelegramSettings
from gateway.channels.webhook import WebhookSettings
from gateway.channels.whatsapp import WhatsAppSettings
from loadtest.play import (
    Handshake,
    Said,
    encode,
    new_key,
    number_of,
    posted,
    sign,
)


# --- generic webhook ---


def webhook_settings(url: str) -> WebhookSettings:
    """A shop's own system."""
    secret = "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()
    return WebhookSettings(
        secret=secret, callback_url=f"{url}/callback", pushes_replies=True
    )


def webhook_hook(settings: WebhookSettings, said: Said) -> RawRequest:
    """As Standard Webhooks signs."""
    body = encode(
        {
            "message_id": said.message_id,
            "user_id": said.user,
            "conversation_id": f"chat-{said.user}",
            "text": said.text,
        }
    )
    stamp, name = str(int(said.at_s)), f"msg_{said.message_id}"
    key = base64.b64decode(settings.secret.removeprefix("whsec_"))
    signed = sign(key, f"{name}.{stamp}.".encode() + body)
    return posted(
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
    return TelegramSettings(token=f"1:{new_key()}", secret_token=new_key(), api_url=url)


def telegram_hook(settings: TelegramSettings, said: Said) -> RawRequest:
    """A private message."""
    body = {
        "update_id": number_of(said.message_id),
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
    return posted(encode(body), header)


# --- slack ---


def slack_settings(url: str) -> SlackSettings:
    """An app."""
    return SlackSettings(
        signing_secret=new_key(), bot_token=f"xoxb-{new_key()}", api_url=url
    )


def slack_sign(settings: SlackSettings, body: bytes, at_s: float) -> RawRequest:
    """Any body as Slack signs it."""
    stamp = str(int(at_s))
    signed = sign(settings.signing_secret, f"v0:{stamp}:".encode() + body).hex()
    return posted(
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
    return slack_sign(settings, encode(body), said.at_s)


def slack_handshake(settings: SlackSettings, at_s: float) -> Handshake:
    """``url_verification``."""
    body = encode({"type": "url_verification", "challenge": "c-1", "token": "x"})
    return Handshake(slack_sign(settings, body, at_s), b'{"challenge":"c-1"}')


# --- line ---


def line_settings(url: str) -> LineSettings:
    """An official account."""
    return LineSettings(channel_secret=new_key(), access_token=new_key(), api_url=url)


def line_sign(settings: LineSettings, body: bytes) -> RawRequest:
    """Any body as LINE signs it."""
    signature = base64.b64encode(sign(settings.channel_secret, body)).decode()
    return posted(body, {"x-line-signature": signature})


def line_hook(settings: LineSettings, said: Said) -> RawRequest:
    """A message of a single user."""
    event = {
        "type": "message",
        "mode": "active",
        "timestamp": int(said.at_s * 1000),
        "source": {"type": "user", "userId": f"U{said.user:0>32}"},
        "webhookEventId": f"E{said.message_id}",
        "deliveryContext": {"isRedelivery": False},
        "replyToken": new_key(),
        "message": {
            "id": "1",
            "type": "text",
            "quoteToken": "q",
            "text": said.text,
        },
    }
    return line_sign(settings, encode({"destination": "Uxx", "events": [event]}))


def line_handshake(settings: LineSettings, at_s: float) -> Handshake:
    """The console's "Verify" sends no events."""
    del at_s
    body = encode({"destination": "Uxx", "events": []})
    return Handshake(line_sign(settings, body), b"")


# --- whatsapp ---


def whatsapp_settings(url: str) -> WhatsAppSettings:
    """A business number."""
    return WhatsAppSettings(
        app_secret=new_key(),
        verify_token=new_key(),
        access_token=new_key(),
        phone_number_id="100200300",
        api_url=url,
    )


def whatsapp_sign(settings: WhatsAppSettings, body: bytes) -> RawRequest:
    """Any body as Meta signs it."""
    signature = f"sha256={sign(settings.app_secret, body).hex()}"
    return posted(body, {"x-hub-signature-256": signature})


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
    return whatsapp_sign(settings, encode(body))


def whatsapp_handshake(settings: WhatsAppSettings, at_s: float) -> Handshake:
    """``hub.challenge``."""
    del at_s
    query = {
        "hub.mode": "subscribe",
        "hub.verify_token": settings.verify_token,
        "hub.challenge": "12345",
    }
    return Handshake(RawRequest(method="GET", query=query), b"12345")


# --- chatwoot ---


def chatwoot_settings(url: str) -> ChatwootSettings:
    """An agent bot."""
    return ChatwootSettings(
        secret=new_key(), access_token=new_key(), account_id=1, api_url=url
    )


def chatwoot_hook(settings: ChatwootSettings, said: Said) -> RawRequest:
    """A contact's message while the bot has the conversation."""
    body = encode(
        {
            "event": "message_created",
            "id": number_of(said.message_id),
            "content": said.text,
            "message_type": "incoming",
            "private": False,
            "account": {"id": settings.account_id, "name": "A"},
            "conversation": {"id": int(said.user), "status": "pending"},
            "sender": {"id": int(said.user), "name": "A", "type": "contact"},
        }
    )
    stamp = str(int(said.at_s))
    signed = sign(settings.secret, f"{stamp}.".encode() + body).hex()
    return posted(
        body,
        {
            "x-chatwoot-timestamp": stamp,
            "x-chatwoot-signature": f"sha256={signed}",
            "x-chatwoot-delivery": secrets.token_hex(8),
        },
    )
