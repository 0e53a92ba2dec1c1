"""
Made-up personal data and shop numbers, in the spellings people use in chat.

The numbers are drawn, not listed: mobile numbers of every prefix, identity numbers
with a right check digit, bank cards with issuer prefix and Luhn digit, e-mail. Each
is written plain, full-width, spaced, dashed, in Chinese numerals, with a country code,
and cut in two messages. Beside them stand what must survive: order, parcel and
invoice numbers of many shapes, with and without a word that says what they are.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import date, timedelta
from typing import Final, Literal

import msgspec


Kind = Literal["phone", "id", "card", "email"]

_NUMERALS: Final = ("〇零", "一幺", "二", "三", "四", "五", "六", "七", "八", "九")
_WEIGHTS: Final = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_CHECKS: Final = "10X98765432"
_AREAS: Final = ("110105", "310115", "440305", "330106", "510107", "420106", "650104")
#: Issuer prefix and length of the whole card number.
_ISSUERS: Final = (
    ("622202", 19),
    ("621700", 19),
    ("625965", 16),
    ("4", 16),
    ("52", 16),
    ("37", 15),
    ("3568", 16),
)
_HOSTS: Final = ("qq.com", "163.com", "mail.example.cn", "gmail.com", "sub.corp.com.cn")
_BEFORE: Final = (
    "",
    "我的手机号",
    "电话：",
    "联系",
    "身份证",
    "卡号是",
    "麻烦打",
    "call me at ",
    "my number is ",
    "收件人王芳，",
    "退到 ",
    "，",
)
_AFTER: Final = ("", "。", "，谢谢", " thanks", "是我", "（晚上打）", "!", "\n快点")
_CARRIERS: Final = ("SF", "YT", "JD", "ZTO", "EMS", "JDVB", "DPK")
_RECORD_WORDS: Final = (
    "订单号",
    "订单",
    "单号：",
    "运单号 ",
    "快递单号是",
    "交易流水号",
    "order ",
    "order no. ",
    "tracking ",
)
_ASKING: Final = ("到哪了", "怎么还没发货", "帮我查下", " where is it", "要退货", "")


class PersonalText(msgspec.Struct, frozen=True, kw_only=True):
    """
    A customer's words with personal data in them.

    Attributes:
        secret: The bare characters: digits, or the address of an e-mail.

        texts: One message, or two in a row that hold a part each.

        spelling: How it is written.
    """

    kind: Kind
    secret: str
    texts: tuple[str, ...]
    spelling: str


def personal_text(rng: random.Random, *, may_split: bool = True) -> PersonalText:
    """One at random; split over two messages now and then."""
    kind: Kind = rng.choice(("phone", "phone", "id", "card", "email"))
    secret = _MADE[kind](rng)
    spellings = _SPELLINGS_OF[kind]
    name = rng.choice([one for one in spellings if may_split or one != "split"])
    before, after = rng.choice(_BEFORE), rng.choice(_AFTER)
    if name == "split":
        at = rng.randrange(3, len(secret) - 3)
        texts: tuple[str, ...] = (before + secret[:at], secret[at:] + after)
    else:
        written = _SPELLED[name](rng, secret)
        texts = (_joined(before, written, after),)
    return PersonalText(kind=kind, secret=secret, texts=texts, spelling=name)


def shop_number_text(rng: random.Random) -> tuple[str, str]:
    """A question with a number of the shop, and the number, which must survive."""
    number = rng.choice(_SHOP_NUMBERS)(rng)
    words = rng.choice((*_RECORD_WORDS, "", "", "查一下 "))
    return f"{words}{number}{rng.choice(_ASKING)}", number


def _joined(before: str, written: str, after: str) -> str:
    """A letter right before an address would belong to it."""
    gap = " " if before[-1:].isascii() and before[-1:].isalnum() else ""
    tail = " " if after[:1].isascii() and after[:1].isalnum() else ""
    return f"{before}{gap}{written}{tail}{after}"


def _digits(rng: random.Random, count: int) -> str:
    return "".join(rng.choices("0123456789", k=count))


def _phone(rng: random.Random) -> str:
    return f"1{rng.randrange(3, 10)}{_digits(rng, 9)}"


def _identity(rng: random.Random) -> str:
    born = date(1950, 1, 1) + timedelta(days=rng.randrange(25_000))
    body = f"{rng.choice(_AREAS)}{born:%Y%m%d}{_digits(rng, 3)}"
    total = sum(int(d) * w for d, w in zip(body, _WEIGHTS, strict=True))
    return body + _CHECKS[total % 11]


def _card(rng: random.Random) -> str:
    prefix, length = rng.choice(_ISSUERS)
    body = prefix + _digits(rng, length - len(prefix) - 1)
    return body + str(_luhn(body))


def _luhn(body: str) -> int:
    """The digit that makes the sum divisible by ten."""
    total = 0
    for place, digit in enumerate(reversed(body)):
        value = int(digit) * (2 if place % 2 == 0 else 1)
        total += value - 9 if value > 9 else value  # noqa: PLR2004 - one digit
    return -total % 10


def _email(rng: random.Random) -> str:
    letters = "abcdefghijklmnopqrstuvwxyz0123456789"
    name = "".join(rng.choices(letters, k=rng.randrange(3, 12)))
    joint = rng.choice(("", ".", "_", "-", "+"))
    return f"{name}{joint}{rng.choice(letters)}@{rng.choice(_HOSTS)}"


def _grouped(rng: random.Random, secret: str, joint: str) -> str:
    size = {11: (3, 4, 4), 18: (6, 8, 4)}.get(len(secret), (4, 4, 4, 4, 4))
    parts, at = [], 0
    for length in size:
        parts.append(secret[at : at + length])
        at += length
    if rng.random() < 0.2:  # noqa: PLR2004 - a share
        return joint.join(secret)
    return joint.join(part for part in parts if part)


def _wide(_: random.Random, secret: str) -> str:
    return "".join("\u3000" if c == " " else chr(ord(c) + 0xFEE0) for c in secret)


def _mixed(rng: random.Random, secret: str) -> str:
    """Some digits as words, some as digits."""
    return "".join(rng.choice((c, rng.choice(_NUMERALS[int(c)]))) for c in secret)


def _spoken(rng: random.Random, secret: str) -> str:
    gap = rng.choice(("", "", " "))
    return gap.join(rng.choice(_NUMERALS[int(c)]) for c in secret)


_MADE: Final[dict[Kind, Callable[[random.Random], str]]] = {
    "phone": _phone,
    "id": _identity,
    "card": _card,
    "email": _email,
}
_SPELLED: Final[dict[str, Callable[[random.Random, str], str]]] = {
    "plain": lambda _, secret: secret,
    "full-width": _wide,
    "spaced": lambda rng, secret: _grouped(rng, secret, " "),
    "dashed": lambda rng, secret: _grouped(rng, secret, "-"),
    "wide and spaced": lambda rng, secret: _wide(rng, _grouped(rng, secret, " ")),
    "zero-width": lambda rng, secret: _grouped(rng, secret, "\u200b"),
    "Chinese numerals": _spoken,
    "mixed numerals": _mixed,
    "+86": lambda rng, secret: rng.choice(("+86", "+86 ", "0086", "86-")) + secret,
    "lower case": lambda _, secret: secret.lower(),
    "upper case": lambda _, secret: secret.upper(),
}
_NUMBERS: Final = (
    "plain",
    "full-width",
    "spaced",
    "dashed",
    "wide and spaced",
    "zero-width",
    "split",
)
_SPELLINGS_OF: Final[dict[Kind, tuple[str, ...]]] = {
    "phone": (*_NUMBERS, "Chinese numerals", "mixed numerals", "+86"),
    "id": (*_NUMBERS, "lower case"),
    "card": _NUMBERS,
    "email": ("plain", "full-width", "upper case"),
}


def _dated(rng: random.Random) -> str:
    day = date(2023, 1, 1) + timedelta(days=rng.randrange(1_400))
    return f"{day:%Y%m%d}{_digits(rng, rng.randrange(6, 13))}"


def _carried(rng: random.Random) -> str:
    return rng.choice(_CARRIERS) + _digits(rng, rng.randrange(10, 16))


def _serial(rng: random.Random) -> str:
    """Twelve to twenty digits as shops number orders: no leading 1, by blocks."""
    return rng.choice("23456789") + _digits(rng, rng.randrange(11, 14))


def _long(rng: random.Random) -> str:
    """Eighteen or nineteen digits, as large market places number orders."""
    return rng.choice(("1", "2", "3", "4", "69")) + _digits(rng, rng.choice((17, 18)))


def _day_and_rest(rng: random.Random) -> str:
    return f"{_dated(rng)[2:8]}-{_digits(rng, 15)}"


_SHOP_NUMBERS: Final = (
    _long,
    _day_and_rest,
    _dated,
    _dated,
    _carried,
    _serial,
    lambda rng: f"K{_digits(rng, 4)}",
    lambda rng: f"TG{_digits(rng, 12)}",
    lambda rng: f"{_digits(rng, 3)}-{_digits(rng, 7)}-{_digits(rng, 7)}",
)
