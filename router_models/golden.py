"""
The golden turns of an artifact: what a loaded model must still read the same way.

They cover every block of features and every step of the normal form: both scripts,
masks, traditional characters, invisible characters, history, tasks, nothing at all.
"""

from __future__ import annotations

from engines.contract import Complexity, OpenTask, Risk, Tier, Utterance
from router_models.artifact import Golden


def golden_turns() -> tuple[Golden, ...]:
    """Turns to record in an artifact, their probabilities still empty."""
    address = OpenTask(
        tier=Tier.L3,
        name="change_address",
        waits_for="address",
        complexity=Complexity.COMPLEX,
        risk=Risk.MEDIUM,
    )
    refund = OpenTask(
        tier=Tier.L3,
        name="refund_item",
        waits_for="consent",
        complexity=Complexity.COMPLEX,
        risk=Risk.HIGH,
    )
    asked = (
        Utterance("customer", "帮我改下地址"),
        Utterance("assistant", "好的，请提供新的收货地址、姓名和电话。"),
    )
    offered = (
        Utterance("customer", "I want my money back for the broken mug"),
        Utterance("assistant", "I can refund $12.50 to your card. Shall I go ahead?"),
    )
    return (
        Golden("", "zh", {}),
        Golden("你好", "zh", {}),
        Golden("请问满300减50和会员券能一起用吗？", "zh", {}),
        Golden("訂單 TG20260101-0001 的退款怎麼還沒到帳", "zh", {}),
        Golden("转\u200b 人工！！！", "zh", {}),
        Golden("充电器冒烟了😡，我要去12315告你们", "zh", {}),
        Golden("杭州市西湖区文一路1号 李雷 13812345678", "zh", {}, asked, address),
        Golden("算了先不改了", "zh", {}, asked, address),
        Golden("Do you ship to Canada?", "en", {}),
        Golden("where's my parcel, order #88213907 ???", "en", {}),
        Golden("Ｃａｎｃｅｌ the 2nd item & refund $49.99", "en", {}),
        Golden("yes please", "en", {}, offered, refund),
        Golden("no, let me talk to your manager", "en", {}, offered, refund),
        Golden("iPhone 15 的壳 is it in stock", "zh", {}),
    )
