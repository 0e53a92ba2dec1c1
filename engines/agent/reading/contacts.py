"""
Phone and name of a recipient, cut out of a text that has an address too.

A name counts if a word announces it or if it stands next to the phone; every
other name-like word may be a street.
"""

from __future__ import annotations

import re
from typing import NamedTuple


class Contact(NamedTuple):
    """Phone and name found, and the text without them."""

    phone: str
    name: str
    rest: str


_PHONE_CUE = (
    r"(?:电话|手机号?码?|联系方式|\btel|\bphone(?: number)?|\bmobile)[\s:：是为.]*"
)
_PHONE = re.compile(
    rf"(?:{_PHONE_CUE})?(?<![\dA-Za-z+])(?:\+?86[ -]?)?"
    r"(?P<cn>1[3-9]\d[ -]?\d{4}[ -]?\d{4})(?!\d)"
    rf"|{_PHONE_CUE}(?P<other>\+?\d[\d -]{{5,16}}\d)",
    re.IGNORECASE,
)
_NAMED_ZH = re.compile(
    r"(?:收件人|收货人|联系人|姓名|名字)(?:改成|改为|[\s:：是叫为])*"
    r"(?P<name>[\u4e00-\u9fff·]{2,6}|[A-Za-z][A-Za-z .'-]{1,40})"
)
_NAMED_EN = re.compile(
    r"\b(?:[Rr]ecipient|[Rr]eceiver|[Nn]ame|[Aa]ttn|c/o|[Ff]or)\b(?: is)?[\s:]*"
    r"(?P<name>[A-Z][a-zA-Z'-]+(?: [A-Z][a-zA-Z'-]+){1,3})"
)
#: A word that is no part of a name, though it can stand where one does.
_NO_START = r"(?!改成|换成|改为|换为|收货|收件|电话|手机|地址|寄)"
_BEFORE = re.compile(
    rf"(?:^|[\s,，;；。]|改成|换成|改为|换为|叫)(?P<name>{_NO_START}[\u4e00-\u9fff]{{2,4}})[\s,，:：]*$"
)
#: "Change the recipient of my order to Anna Lee 136…".
_BEFORE_EN = re.compile(
    r"\b(?:[Rr]ecipient|[Rr]eceiver|[Cc]ontact)\b[^.;]*?(?:\bto|[:,])\s+"
    r"(?P<name>[A-Z][a-zA-Z'-]+(?: [A-Z][a-zA-Z'-]+){1,2})[\s,:]*$"
)
_AFTER = re.compile(r"^[\s,，]*(?P<name>[\u4e00-\u9fff]{2,4})(?=$|[\s,，。;；])")
_NO_NAME = re.compile(
    r"应该|应为|换成|改成|改为|写错|填错|错了|现在|新的|电话|手机|地址|收货|收件|运费|订单|谢谢|麻烦|不变|可以|[路街号栋楼室区]"
    # Somebody of the customer's ("我老公的") has a name, but this is not it.
    r"|^[我他她你咱]|的$|[老家][公婆人]|(?:同事|朋友|妈妈?|爸爸?)的?$"
)


def read_contact(text: str) -> Contact:
    """Cut phone and name out of the cleaned *text*; empty where there is none."""
    phone = name = ""
    found = _PHONE.search(text)
    if found:
        phone = re.sub(r"[^\d+]", "", found["cn"] or found["other"])
        before, after = text[: found.start()], text[found.end() :]
        name, before, after = _beside(before, after)
        text = f"{before} , {after}"
    named = _NAMED_ZH.search(text) or _NAMED_EN.search(text)
    if named and not _NO_NAME.search(named["name"]):
        name = named["name"].strip()
        text = f"{text[: named.start()]} , {text[named.end() :]}"
    return Contact(phone, name, text)


def _beside(before: str, after: str) -> tuple[str, str, str]:
    """A name right before or after the phone, cut out of its side."""
    found = _BEFORE.search(before) or _BEFORE_EN.search(before)
    if found and not _NO_NAME.search(found["name"]):
        return found["name"], before[: found.start("name")], after
    found = _AFTER.search(after)
    if found and not _NO_NAME.search(found["name"]):
        return found["name"], before, after[found.end() :]
    return "", before, after
