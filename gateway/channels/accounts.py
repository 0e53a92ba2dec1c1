"""
The accounts of all shops: which channel has which platform behind it.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec

from gateway.channels.contract import Channel
from gateway.channels.dingtalk_stream import DingTalkStreamSettings
from gateway.channels.registry import Platform, open_channel
from gateway.channels.routes import Route
from gateway.channels.sockets import is_private
from gateway.channels.webhook import WebhookSettings
from gateway.channels.wecom_bot_socket import WecomBotSocketSettings
from gateway.errors import ConfigError


#: Kinds and settings that may be left empty, and settings that may be anywhere.
_OPTIONAL = frozenset(
    {("webhook", "callback_url"), ("wecom_bot", "bot_id"), ("slack", "bot_id")}
)
_FREE = frozenset({"welcome", "goodbye", "order_param"})
_FILE = "_file"
#: Characters of an AES key as WeChat's console shows it.
_AES_KEY = 43


#: Kind and setting -> what it looks like at that platform, and an example.
SHAPES: Mapping[tuple[str, str], tuple[str, str]] = {
    ("telegram", "token"): (r"\d{6,}:[\w-]{30,}", "123456789:AA… from @BotFather"),
    ("slack", "bot_token"): (r"xoxb-.+", "xoxb-…, the bot's and not the user's"),
    ("wechat", "app_id"): (r"wx[0-9a-f]{16}", "wx and 16 hex digits"),
    ("wecom_kf", "corp_id"): (r"w[wx][0-9a-z]{8,}", "ww…, the company's id"),
    ("feishu", "app_id"): (r"cli_\w+", "cli_…"),
    ("whatsapp", "phone_number_id"): (r"\d{8,}", "digits: the id, not the number"),
}


class AccountSettings(msgspec.Struct, frozen=True, kw_only=True):
    """
    A channel of a shop that has a platform.

    Attributes:
        labels_machine: Put "AI" in front of what a machine says.

        resends_unknown: Send again what may have arrived already.
    """

    shop: str
    name: str
    platform: Platform
    labels_machine: bool = True
    resends_unknown: bool = False


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """The same with the channel that speaks for it."""

    settings: AccountSettings
    channel: Channel

    @property
    def shop(self) -> str:
        """Whose it is."""
        return self.settings.shop

    @property
    def name(self) -> str:
        """The channel's name in the shop."""
        return self.settings.name

    @property
    def is_own(self) -> bool:
        """
        Whether the shop's own system speaks here: its user ids are customers' ids.

        Elsewhere a platform's id says nothing of who is a customer.
        """
        return isinstance(self.settings.platform, WebhookSettings)

    @property
    def pushes_replies(self) -> bool:
        """Whether replies to the REST interface's messages are pushed too."""
        platform = self.settings.platform
        return isinstance(platform, WebhookSettings) and platform.pushes_replies


class Accounts:
    """All accounts by shop and channel; closes what they keep open."""

    def __init__(self, settings: Iterable[AccountSettings]) -> None:
        """
        Open every account.

        Raises:
            ConfigError: If a setting is missing or cannot be right.
        """
        self._accounts = {
            (one.shop, one.name): Account(settings=one, channel=_open(one))
            for one in settings
        }

    def get(self, shop: str, name: str) -> Account | None:
        """The account of a channel; None if it has no platform."""
        return self._accounts.get((shop, name))

    def route_of(self, shop: str, name: str, user: str, conversation: str) -> bytes:
        """Where replies to a message of the REST interface are pushed; mostly nowhere."""
        account = self.get(shop, name)
        if account is None or not account.pushes_replies:
            return b""
        return msgspec.json.encode(
            Route(channel=name, user_id=user, conversation_id=conversation, address={})
        )

    def __iter__(self) -> Iterator[Account]:
        return iter(self._accounts.values())

    async def close(self) -> None:
        """Close every connection."""
        for account in self:
            await account.channel.close()


def _open(settings: AccountSettings) -> Channel:
    trouble = next(troubles(settings.platform), None)
    if trouble is not None:
        raise ConfigError(f"channel {settings.shop}/{settings.name}: {trouble}")
    return open_channel(settings.platform)


def troubles(platform: Platform) -> Iterator[str]:
    """What is wrong with an account's settings, each with its fix."""
    values: Mapping[str, Any] = msgspec.structs.asdict(platform)
    kind = str(platform.__struct_config__.tag)
    for name, value in values.items():
        if name.endswith(_FILE) or name in _FREE or (kind, name) in _OPTIONAL:
            continue
        if value == "" or (type(value) is int and value == 0):
            also = f" or {name}{_FILE}" if f"{name}{_FILE}" in values else ""
            yield f"platform.{name} is missing; set {name}{also}"
    if not _is_aes_key(values.get("aes_key") or "x" * _AES_KEY):
        yield "platform.aes_key must be the 43 characters that the console shows"
    secret = values.get("secret", "")
    if isinstance(platform, WebhookSettings) and secret:
        yield from _webhook_troubles(platform)
    if isinstance(platform, WecomBotSocketSettings) and not is_private(
        platform.url, "ws"
    ):
        yield "platform.url must be wss://… (ws:// only on this machine)"
    if isinstance(platform, DingTalkStreamSettings) and not is_private(
        platform.api_url, "http"
    ):
        yield "platform.api_url must be https://… (http:// only on this machine)"


def doubts(platform: Platform) -> Iterator[str]:
    """Settings that do not look like their platform's: mostly another field's value."""
    kind = str(platform.__struct_config__.tag)
    for (of_kind, name), (pattern, example) in SHAPES.items():
        value = getattr(platform, name, "")
        if of_kind == kind and value and not re.fullmatch(pattern, value):
            yield f"platform.{name} looks odd; expected {example}"


def _webhook_troubles(platform: WebhookSettings) -> Iterator[str]:
    for part in platform.secret.split():
        if not _is_base64(part.removeprefix("whsec_")):
            yield "platform.secret must be whsec_ and base64 of at least 24 bytes"
    if platform.pushes_replies and not platform.callback_url:
        yield "platform.pushes_replies needs platform.callback_url"


def _is_aes_key(text: str) -> bool:
    try:
        key = base64.b64decode(f"{text}=", validate=True)
        return len(text) == _AES_KEY and len(key) == 32  # noqa: PLR2004 - AES-256
    except ValueError:
        return False


def _is_base64(text: str) -> bool:
    try:
        return len(base64.b64decode(text, validate=True)) >= 24  # noqa: PLR2004 - as Standard Webhooks asks
    except ValueError:
        return False
