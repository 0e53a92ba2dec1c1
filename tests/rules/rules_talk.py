"""What the tests of the rules room share: places, small files, turns."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from engines.contract import (
    ConversationId,
    MessageId,
    OpenTask,
    ShopId,
    Turn,
    UserId,
)


ROOT = Path(__file__).resolve().parents[2]
PACKS = ROOT / "configs" / "packs"
FACTS = ROOT / "configs" / "knowledge" / "demo" / "facts.yaml"

#: The smallest pack that loads by itself; tests add what they are about.
HEAD = """\
pack: small
version: "1"
phrases:
  cancelled: {zh: 停了, en: stopped}
  back: {zh: 接着：, en: "back: "}
  corrected: {zh: 已更正。, en: "Corrected. "}
  related: {zh: 还有：, en: "also: "}
  cancel_words: [算了, stop]
"""

INTENT = """\
  - id: hours
    title: {zh: 营业时间, en: Opening hours}
    zh: {examples: [几点开门, 营业时间], answer: "{{ shop.hours }}"}
    en: {examples: [when do you open, opening hours], answer: "{{ shop.hours }}"}
"""

SMALL_FACTS = "hours: {zh: 九点到五点, en: nine to five}\n"


def make_turn(
    text: str,
    *,
    locale: Any = "zh",
    open_task: OpenTask | None = None,
    turn_id: str = "t1",
) -> Turn:
    """Make a turn of one customer, with everything that rules ignore left out."""
    return Turn(
        turn_id=turn_id,
        shop=ShopId("demo"),
        channel="web",
        conversation_id=ConversationId("c1"),
        message_id=MessageId("m1"),
        user_id=UserId("u1"),
        seq=1,
        text=text,
        locale=locale,
        open_task=open_task,
    )
