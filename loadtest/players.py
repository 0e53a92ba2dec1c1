"""
The platforms' side of webhooks: requests as each platform makes them.

Written from the platforms' documents, apart from the code that checks them, for the
contract suite, for ``tidegate simulate`` and for tampering at length. A player knows
an account's settings, so it can be any shop's platform, or a forger with another
shop's key.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from loadtest.play import Player
from loadtest.players_china import (
    dingtalk_hook,
    dingtalk_settings,
    feishu_handshake,
    feishu_hook,
    feishu_settings,
    wechat_handshake,
    wechat_hook,
    wechat_settings,
    wecom_bot_handshake,
    wecom_bot_hook,
    wecom_bot_settings,
    wecom_kf_handshake,
    wecom_kf_hook,
    wecom_kf_settings,
)
from loadtest.players_west import (
    chatwoot_hook,
    chatwoot_settings,
    line_handshake,
    line_hook,
    line_settings,
    slack_handshake,
    slack_hook,
    slack_settings,
    telegram_hook,
    telegram_settings,
    webhook_hook,
    webhook_settings,
    whatsapp_handshake,
    whatsapp_hook,
    whatsapp_settings,
)


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
