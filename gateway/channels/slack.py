"""
Slack apps: Events API and interactivity by HTTP, direct messages and mentions.
"""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import parse_qs

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
    Refused,
    Sent,
    WebhookChannel,
)
from gateway.channels.platform_api import PlatformApi, Reply, outcome, read_json
from gateway.channels.signing import check_time, hmac_sha256, same


CAPS = Caps(
    checked_on="2026-11-22",
    max_text=4000,
    pause_s=1.0,
    rate_per_s=20.0,
    choices=5,
    ack_s=3.0,
    retry_window_s=600.0,
)
#: Subtypes of messages that a person wrote.
_WRITTEN = frozenset({"", "file_share", "thread_broadcast"})
_KINDS: dict[str, AttachmentKind] = {
    "image": "image",
    "audio": "voice",
    "video": "video",
}
_MENTION = re.compile(r"<@[A-Z0-9]+(?:\|[^>]*)?>\s*")
_LINK = re.compile(r"<([^|>]+)(?:\|([^>]*))?>")
#: Errors after which the same send would fail again.
_FINAL = frozenset(
    {"channel_not_found", "not_in_channel", "is_archived", "msg_too_long", "no_text"}
)
_CREDENTIALS = frozenset(
    {"invalid_auth", "account_inactive", "token_revoked", "not_authed", "token_expired"}
)


class SlackSettings(PlatformSettings, frozen=True, kw_only=True, tag="slack"):
    """
    A Slack app.

    Attributes:
        signing_secret: Of the app, from its basic information page.

        bot_token: ``xoxb-…`` with ``chat:write``.
    """

    signing_secret: str = ""
    signing_secret_file: str = ""
    bot_token: str = ""
    bot_token_file: str = ""
    api_url: str = "https://slack.com/api"


class _File(msgspec.Struct, frozen=True):
    id: str
    name: str = ""
    mimetype: str = ""


class _Event(msgspec.Struct, frozen=True):
    type: str
    subtype: str = ""
    user: str = ""
    bot_id: str = ""
    text: str = ""
    channel: str = ""
    channel_type: str = ""
    thread_ts: str = ""
    ts: str = ""
    files: list[_File] = []


class _Envelope(msgspec.Struct, frozen=True):
    type: str
    challenge: str = ""
    event_id: str = ""
    event_time: int = 0
    event: _Event | None = None


class _Place(msgspec.Struct, frozen=True):
    id: str


class _Action(msgspec.Struct, frozen=True):
    value: str = ""
    action_ts: str = ""


class _Tap(msgspec.Struct, frozen=True):
    type: str
    user: _Place | None = None
    channel: _Place | None = None
    actions: list[_Action] = []


_envelopes = msgspec.json.Decoder(_Envelope)
_taps = msgspec.json.Decoder(_Tap)


class Slack(WebhookChannel):
    """One app in one workspace."""

    caps = CAPS

    def __init__(self, settings: SlackSettings) -> None:
        self._secret = settings.signing_secret
        self._headers = {"authorization": f"Bearer {settings.bot_token}"}
        self._api = PlatformApi(settings.api_url)

    def verify(self, request: RawRequest, now_s: float) -> bytes:
        """``v0=`` and the HMAC of time and body."""
        stamp = request.headers.get("x-slack-request-timestamp")
        check_time(stamp, now_s, CAPS.skew_s)
        signed = f"v0:{stamp}:".encode() + request.body
        wanted = f"v0={hmac_sha256(self._secret, signed).hex()}"
        if not self._secret or not same(
            request.headers.get("x-slack-signature"), wanted
        ):
            raise HookRefused("wrong x-slack-signature")
        return request.body

    def decode(self, request: RawRequest, trusted: bytes) -> Delivery:
        """Messages, mentions, taps on buttons, and the handshake."""
        kind = request.headers.get("content-type", "").partition(";")[0]
        if kind == "application/x-www-form-urlencoded":
            return Delivery(messages=_tapped(trusted))
        envelope: _Envelope = read_json(_envelopes, trusted)
        if envelope.type == "url_verification":
            body = msgspec.json.encode({"challenge": envelope.challenge})
            answer = HookAnswer(body=body, media_type="application/json")
            return Delivery(answer=answer)
        found = _written(envelope)
        return Delivery(messages=(found,) if found else ())

    async def send(self, piece: Piece) -> Outcome:
        """``chat.postMessage``; choices become buttons."""
        text = _escape(piece.text)
        body: dict[str, Any] = {"channel": piece.address["channel"], "text": text}
        if piece.address.get("thread_ts"):
            body["thread_ts"] = piece.address["thread_ts"]
        if piece.choices:
            body["blocks"] = _blocks(text, piece.choices)
        call = self._api.post("/chat.postMessage", body, headers=self._headers)
        return await outcome(call, _judge)

    async def close(self) -> None:
        """Close the connections."""
        await self._api.close()


def _written(envelope: _Envelope) -> InboundMessage | None:
    event = envelope.event
    if event is None or event.bot_id or not event.user or not envelope.event_id:
        return None
    is_direct = event.type == "message" and event.channel_type == "im"
    is_mention = event.type == "app_mention"
    if not (is_direct or is_mention) or event.subtype not in _WRITTEN:
        return None
    thread = event.thread_ts or (event.ts if is_mention else "")
    return InboundMessage(
        message_id=envelope.event_id,
        user_id=event.user,
        conversation_id=f"{event.channel}:{thread}" if thread else event.channel,
        text=_plain(event.text),
        attachments=tuple(
            Attachment(kind=_kind(file.mimetype), ref=file.id, name=file.name)
            for file in event.files
        ),
        sent_at_s=float(envelope.event_time),
        address={"channel": event.channel, "thread_ts": thread},
    )


def _kind(media_type: str) -> AttachmentKind:
    return _KINDS.get(media_type.partition("/")[0], "file")


def _tapped(body: bytes) -> tuple[InboundMessage, ...]:
    try:
        payload = parse_qs(body.decode(), strict_parsing=True)["payload"][0]
    except (ValueError, KeyError) as exc:
        raise HookUnreadable("no payload in the form") from exc
    tap: _Tap = read_json(_taps, payload.encode())
    if tap.type != "block_actions" or not (tap.user and tap.channel and tap.actions):
        return ()
    action = tap.actions[0]
    return (
        InboundMessage(
            message_id=f"tap:{tap.user.id}:{action.action_ts}",
            user_id=tap.user.id,
            conversation_id=tap.channel.id,
            text=action.value,
            address={"channel": tap.channel.id, "thread_ts": ""},
        ),
    )


def _plain(text: str) -> str:
    """Slack's markup as a customer would read it."""
    text = _LINK.sub(lambda m: m[2] or m[1], _MENTION.sub("", text))
    for name, character in (("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&")):
        text = text.replace(name, character)
    return text.strip()


def _escape(text: str) -> str:
    """No answer can mention a channel or hide a link."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _blocks(text: str, choices: tuple[str, ...]) -> list[dict[str, Any]]:
    buttons = [
        {
            "type": "button",
            "text": {"type": "plain_text", "text": choice},
            "value": choice,
            "action_id": f"choice_{number}",
        }
        for number, choice in enumerate(choices)
    ]
    section = {"type": "section", "text": {"type": "mrkdwn", "text": text[:3000]}}
    return [section, {"type": "actions", "elements": buttons}]


def _judge(reply: Reply) -> Outcome | None:
    if not reply.is_ok:
        return None
    said = reply.json()
    if said.get("ok") is True:
        return Sent(platform_id=str(said.get("ts", "")))
    error = str(said.get("error", ""))
    if error in ("ratelimited", "rate_limited"):
        return Refused(reason="rate_limited", retry_after_s=reply.retry_after_s)
    if error in _CREDENTIALS:
        return Refused(reason="credentials", detail=error)
    if error in _FINAL:
        return Refused(reason="rejected", detail=error, is_final=True)
    return Refused(reason="unavailable", detail=error or "no ok in the answer")
