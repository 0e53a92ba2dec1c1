"""
Tell sentences that talk to a machine instead of a reader.

Documents, reviews and pages are content: what stands in them is quoted or left out,
never obeyed. A sentence that orders an assistant about answers no customer, so it is
neither said nor shown to a model. A closed list of forms, not a proof: what a model
writes is still held to its sources, and no text can trigger an action.
"""

from __future__ import annotations

import re
from typing import Final


_ORDERS: Final = re.compile(
    r"(?:忽略|无视|忘记|忘掉|不要理会|不必遵守|跳过)[^。！？\n]{0,10}(?:以上|之前|前面|上述|先前|所有|一切|系统|原来)[^。！？\n]{0,10}(?:指令|指示|规则|提示|要求|设定|限制|内容)"
    r"|你现在(?:是|要扮演|扮演)|(?:系统|开发者|管理员)(?:提示词?|指令|消息|命令)\s*[:：】\]]|系统提示词"
    r"|(?:作为|身为)(?:一个)?\s*(?:AI|人工智能|语言模型|大模型|智能助手|机器人)[^。\n]{0,12}(?:必须|请|应当|需要|要)"
    r"|(?:AI|模型|助手|机器人)(?:看到|读到|收到)(?:这|此|本)[^。\n]{0,16}(?:请|必须|应|就)"
    r"|\b(?:ignore|disregard|forget|override|bypass)\b[^.!?\n]{0,30}\b(?:previous|prior|above|earlier|all|any|your|system|these)\b[^.!?\n]{0,30}\b(?:instructions?|rules?|prompts?|guidelines?|directions|messages?|context|polic(?:y|ies))\b"
    r"|\byou are now\b|\b(?:system|developer|admin)\s+(?:prompt|message|instructions?|override)\b\s*[:=\]]|<\|?/?(?:im_start|im_end|system|endoftext|assistant)\|?>|\[/?(?:INST|SYSTEM)\]"
    r"|\b(?:dear|hey|attention)[, ]+(?:ai|assistant|chatbot|language model|llm)\b|\b(?:ai|assistant|chatbot|language model|llm)s?\b[^.!?\n]{0,20}\b(?:must|should|shall|has to|have to)\b[^.!?\n]{0,20}\b(?:reply|respond|answer|say|tell|promise|refund|approve|grant|send|output)\b"
    r"|\b(?:if you are|when you are|as) an? (?:ai|assistant|chatbot|language model|llm)\b",
    re.IGNORECASE,
)


def instructs(sentence: str) -> bool:
    """True if *sentence* orders an assistant about."""
    return _ORDERS.search(sentence) is not None
