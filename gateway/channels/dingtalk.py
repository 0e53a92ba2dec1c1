"""
DingTalk robots over HTTP.

DingTalk signs a time stamp and nothing of the body. So nothing in a body is
trusted to say where an answer goes but ids of its own servers: the session's
address is used only on DingTalk's own host, and only for who has no staff id.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import msgspec

from gateway.channels.contract import (
    Attachment,
    AttachmentKind,
    Caps,
    Delivery,
    HookAnswer,
    HookRefused,
    InboundMessage,
    Outcome,
    Piece,
    PlatformSettings,
    RawRequest,
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
    read_json,
)
from gateway.channels.signing import base64_hmac, check_time, same


CAPS = Caps(
    checked_on="2026-11-22",
    max_text=4000,
    rate_per_s=20.0,
    ack_s=5.0,
    retry_window_s=3600.0,
    skew_s=3600.0,
    signs_body=False,
)
_SINGLE = "1"
_FILES: dict[str, AttachmentKind] = {
    "picture": "image",
    "file": "file",
    "video": "video",
    "audio": "voice",
}


class DingTalkSettings(PlatformSettings, frozen=True, kw_only=True, tag="dingtalk"):
    """
    A DingTalk robot.

    Attributes:
        app_key / app_secret: Of the app; the secret signs webhooks too.

        robot_code: Of the robot; messages of another robot are refused.

        session_url: Where sessions without a staff id are answered.
    """

    app_key: str = ""
    app_secret: str = ""
    app_secret_file: str = ""
    robot_code: str = ""
    api_url: str = "https://api.dingtalk.com"
    session_url: str = "https://oapi.dingtalk.com"


class _Text(msgspec.Struct, frozen=True):
    content: str = ""


class _Part(msgspec.Struct, frozen=True, rename="camel"):
    text: str = ""
    download_code: str = ""


class _Content(msgspec.Struct, frozen=True, rename="camel"):
    recognition: str = ""
    download_code: str = ""
    file_name: str = ""
    rich_text: tuple[_Part, ...] = ()


class _Body(msgspec.Struct, frozen=True, rename="camel"):
    msg_id: str
    conversation_id: str
    conversation_type: str = ""
    sender_id: str = ""
    sender_staff_id: str = ""
    msgtype: str = "text"
    text: _Text | None = None
    content: _Content | None = None
    create_at: int = 0
    session_webhook: str = ""
    robot_code: str = ""


_decoder = msgspec.json.Decoder(_Body)


class DingTalk(WebhookChannel):
    """One robot."""

    caps = CAPS

    def __init__(self, settings: DingTalkSettings) -> None:
        self._settings = settings
        self._session_host = urlsplit(settings.session_url)[:2]
        self._api = PlatformApi(settings.api_url)
        self._session = PlatformApi(settings.session_url)
        self._token = AccessToken(self._fetch_token)

    def verify(self, request: RawRequest, now_s: float) -> bytes:
        """``sign`` over the time stamp; the robot's code must be ours."""
        stamp = request.headers.get("timestamp")
        check_time(stamp, now_s, CAPS.skew_s, unit=1000)
        secret = self._settings.app_secret
        wanted = base64_hmac(secret, f"{stamp}\n{secret}".encode())
        if not secret or not same(request.headers.get("sign"), wanted):
            raise HookRefused("wrong sign")
        return request.body

    def decode(self, request: RawRequest, trusted: bytes) -> Delivery:
        """Texts, recognised voices, pictures, files."""
        del request
        body: _Body = read_json(_decoder, trusted)
        if body.robot_code != self._settings.robot_code:
            raise HookRefused("for another robot")
        message = self._read(body)
        answer = HookAnswer(body=b"{}", media_type="application/json")
        return Delivery(messages=(message,) if message else (), answer=answer)

    def _read(self, body: _Body) -> InboundMessage | None:
        content = body.content or _Content()
        words = [body.text.content if body.text else content.recognition]
        text = "".join([*words, *(one.text for one in content.rich_text)]).strip()
        attachments = _attached(body.msgtype, content)
        user = body.sender_staff_id or body.sender_id
        if not user or not (text or attachments):
            return None
        is_single = body.conversation_type == _SINGLE
        chat = body.conversation_id
        return InboundMessage(
            message_id=body.msg_id,
            user_id=user,
            conversation_id=chat if is_single else f"{chat}:{user}",
            text=text,
            attachments=attachments,
            sent_at_s=body.create_at / 1000,
            address=self._address(body, is_single=is_single),
        )

    def _address(self, body: _Body, *, is_single: bool) -> dict[str, str]:
        if not is_single:
            return {"group": body.conversation_id}
        if body.sender_staff_id:
            return {"staff": body.sender_staff_id}
        parts = urlsplit(body.session_webhook)
        if parts[:2] != self._session_host:
            return {}
        return {"session": f"{parts.path}?{parts.query}"}

    async def send(self, piece: Piece) -> Outcome:
        """To a member, a group, or the session of somebody without a staff id."""
        to = piece.address
        if "session" in to:
            body = {"msgtype": "text", "text": {"content": piece.text}}
            return await outcome(self._session.post(to["session"], body), _session)
        if not to:
            return Refused(reason="gone", detail="no address", is_final=True)
        return await outcome(self._post(piece), self._judge)

    async def _post(self, piece: Piece) -> Reply:
        body: dict[str, Any] = {
            "robotCode": self._settings.robot_code,
            "msgKey": "sampleText",
            "msgParam": msgspec.json.encode({"content": piece.text}).decode(),
        }
        if "group" in piece.address:
            path = "/v1.0/robot/groupMessages/send"
            body["openConversationId"] = piece.address["group"]
        else:
            path = "/v1.0/robot/oToMessages/batchSend"
            body["userIds"] = [piece.address["staff"]]
        token = await self._token.get()
        headers = {"x-acs-dingtalk-access-token": token}
        return await self._api.post(path, body, headers=headers)

    async def _fetch_token(self) -> tuple[str, float]:
        body = {
            "appKey": self._settings.app_key,
            "appSecret": self._settings.app_secret,
        }
        said = (await self._api.post("/v1.0/oauth2/accessToken", body)).json()
        if not said.get("accessToken"):
            raise TokenRefused(str(said.get("code", "no accessToken")))
        return str(said["accessToken"]), float(said.get("expireIn", 7200))

    def _judge(self, reply: Reply) -> Outcome | None:
        said = reply.json()
        if reply.is_ok:
            if said.get("flowControlledStaffIdList"):
                return Refused(reason="rate_limited")
            if said.get("invalidStaffIdList"):
                return Refused(reason="gone", detail="staff id", is_final=True)
            return Sent(platform_id=str(said.get("processQueryKey", "")))
        code = str(said.get("code", ""))
        if "AccessToken" in code or "Authentication" in code:
            self._token.forget()
            return Refused(reason="credentials", detail=code, retry_after_s=0.0)
        if "Throttling" in code or "QpsLimit" in code:
            return Refused(reason="rate_limited", detail=code)
        return None

    async def close(self) -> None:
        """Close the connections."""
        await self._api.close()
        await self._session.close()


def _attached(kind: str, content: _Content) -> tuple[Attachment, ...]:
    """A file, or the pictures in a text."""
    pictures = tuple(
        Attachment(kind="image", ref=one.download_code)
        for one in content.rich_text
        if one.download_code
    )
    if kind in ("text", "richText"):
        return pictures
    file = Attachment(
        kind=_FILES.get(kind, "other"),
        ref=content.download_code,
        name=content.file_name,
    )
    return (file, *pictures)


def _session(reply: Reply) -> Outcome | None:
    code = reply.json().get("errcode")
    if code == 0:
        return Sent()
    if reply.is_ok:
        return Refused(reason="rejected", detail=f"errcode {code}", is_final=True)
    return None
