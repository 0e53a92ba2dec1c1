"""
The table of channels: settings and the class that speaks for them.

To add one: a module with a settings Struct and a class that keeps
:class:`~gateway.channels.contract.Channel`, and its two lines here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from gateway.channels.chatwoot import Chatwoot, ChatwootSettings
from gateway.channels.contract import Channel
from gateway.channels.dingtalk import DingTalk, DingTalkSettings
from gateway.channels.dingtalk_stream import DingTalkStream, DingTalkStreamSettings
from gateway.channels.feishu import Feishu, FeishuSettings
from gateway.channels.line import Line, LineSettings
from gateway.channels.slack import Slack, SlackSettings
from gateway.channels.telegram import Telegram, TelegramSettings
from gateway.channels.webhook import Webhook, WebhookSettings
from gateway.channels.wechat import WeChat, WeChatSettings
from gateway.channels.wecom_bot import WecomBot, WecomBotSettings
from gateway.channels.wecom_bot_socket import WecomBotSocket, WecomBotSocketSettings
from gateway.channels.wecom_kf import WecomKf, WecomKfSettings
from gateway.channels.whatsapp import WhatsApp, WhatsAppSettings


#: What ``[shops.channels.platform]`` may be, told apart by ``kind``.
Platform = (
    WebhookSettings
    | TelegramSettings
    | SlackSettings
    | LineSettings
    | WhatsAppSettings
    | FeishuSettings
    | DingTalkSettings
    | DingTalkStreamSettings
    | WeChatSettings
    | WecomKfSettings
    | WecomBotSettings
    | WecomBotSocketSettings
    | ChatwootSettings
)

#: Settings -> who speaks with the platform.
TABLE: Mapping[type[Any], Callable[[Any], Channel]] = {
    WebhookSettings: Webhook,
    TelegramSettings: Telegram,
    SlackSettings: Slack,
    LineSettings: Line,
    WhatsAppSettings: WhatsApp,
    FeishuSettings: Feishu,
    DingTalkSettings: DingTalk,
    DingTalkStreamSettings: DingTalkStream,
    WeChatSettings: WeChat,
    WecomKfSettings: WecomKf,
    WecomBotSettings: WecomBot,
    WecomBotSocketSettings: WecomBotSocket,
    ChatwootSettings: Chatwoot,
}


def open_channel(settings: Platform) -> Channel:
    """The channel behind *settings*; close it at the end."""
    return TABLE[type(settings)](settings)
