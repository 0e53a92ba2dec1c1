"""
Prepared HTTP requests of shoppers who ask what rules answer.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence

import msgspec


#: Questions as people type them; most are for L1.
QUESTIONS = (
    "多久发货",
    "支持七天无理由退货吗",
    "你好",
    "运费怎么算",
    "可以开发票吗",
    "你们发什么快递",
    "怎么申请退货",
    "在吗",
    "营业时间是几点到几点",
    "积分怎么用",
    "how long does shipping take",
    "what is your return policy",
    "hello",
    "which payment methods do you accept",
    "好的谢谢",
    "保修多久",
)


def prepare(
    count: int, key: str, host: str, seed: int, prefix: str, texts: Sequence[str]
) -> Iterator[bytes]:
    """
    *count* whole requests, each the first message of a conversation.

    Args:
        prefix: Keeps the ids of two runs against one store apart.
    """
    chance = random.Random(seed)
    for number in range(count):
        yield request(
            f"{prefix}-{number}",
            {
                "message_id": f"{prefix}-m{number}",
                "user_id": f"{prefix}-u{number}",
                "text": chance.choice(texts),
            },
            key,
            host,
        )


def request(conversation: str, message: dict[str, str], key: str, host: str) -> bytes:
    """One whole request that sends *message*."""
    body = msgspec.json.encode(message)
    return (
        f"POST /v1/conversations/{conversation}/messages HTTP/1.1\r\n"
        f"host: {host}\r\nauthorization: Bearer {key}\r\n"
        f"content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    ).encode() + body
