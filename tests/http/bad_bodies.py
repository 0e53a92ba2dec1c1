"""
Bodies that no message route may accept: what is sent, and what must come back.
"""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from wire_calls import message


class Bad(NamedTuple):
    """
    One bad body.

    Attributes:
        field: What the problem must name; empty if the whole body is wrong.

        words: A part of the detail that tells what to do.
    """

    body: bytes
    code: str
    field: str
    words: str


def _raw(**fields: Any) -> bytes:
    return json.dumps(message(**fields)).encode()


def _without(name: str) -> bytes:
    return json.dumps({k: v for k, v in message().items() if k != name}).encode()


def _escaped(escape: str, field: str = "text") -> bytes:
    return _raw(**{field: "@@"}).replace(b"@@", escape.encode())


_NOT_UTF8 = _raw(text="@@").replace(b"@@", b"\xff\xfe")
_SURROGATE_BYTES = _raw(text="@@").replace(b"@@", b"\xed\xa0\x80")
_LONG = "x" * 65_536

BAD_JSON = {
    "empty": (b"", "empty"),
    "blanks": (b" \n ", "empty"),
    "cut off": (b'{"message_id": "m1"', "truncated"),
    "no json": (b"hello", "malformed"),
    "two values": (_raw() + b" {}", "trailing"),
    "not utf-8": (_NOT_UTF8, "not UTF-8"),
    "raw surrogate": (_SURROGATE_BYTES, "not UTF-8"),
    "raw control character": (_raw(text="@@").replace(b"@@", b"a\x01b"), "malformed"),
    "utf-16": (json.dumps(message()).encode("utf-16"), "not UTF-8"),
    "high surrogate at the end": (_escaped(r"\ud83d"), "surrogate pair"),
    "high surrogate inside": (_escaped(r"a\ud83db"), "surrogate pair"),
    "low surrogate": (_escaped(r"\ude00"), "surrogate"),
    "swapped pair": (_escaped(r"\ude00\ud83d"), "surrogate"),
    "surrogate in an id": (_escaped(r"\ud800", "message_id"), "surrogate pair"),
    "nan": (_raw().replace(b"}", b', "meta": {"a": NaN}}'), "malformed"),
}

BAD_FIELD = {
    "unknown field": (_raw(surprise=1), "surprise", "unknown"),
    "no id": (_without("message_id"), "message_id", "missing"),
    "no user": (_without("user_id"), "user_id", "missing"),
    "no text": (_without("text"), "text", "missing"),
    "empty text": (_raw(text=""), "text", "at least 1"),
    "blank text": (_raw(text=" \t\n\u3000"), "text", "more than blanks"),
    "NUL in text": (_raw(text="a\0b"), "text", "NUL"),
    "text of the wrong type": (_raw(text=5), "text", "str"),
    "text as a list": (_raw(text=["a"]), "text", "str"),
    "text null": (_raw(text=None), "text", "str"),
    "text beyond any limit": (_raw(text="x" * 20_001), "text", "20000"),
    "empty id": (_raw(message_id=""), "message_id", "at least 1"),
    "blank in id": (_raw(message_id="a b"), "message_id", "visible"),
    "NUL in id": (_raw(message_id="a\0"), "message_id", "visible"),
    "newline in id": (_raw(message_id="a\n"), "message_id", "visible"),
    "delete in id": (_raw(message_id="a\x7f"), "message_id", "visible"),
    "id too long": (_raw(message_id="x" * 129), "message_id", "128"),
    "id of the wrong type": (_raw(message_id=1), "message_id", "str"),
    "control character in user": (_raw(user_id="\x1b"), "user_id", "visible"),
    "unknown language": (_raw(locale="fr"), "locale", "fr"),
    "meta of the wrong type": (_raw(meta=[1]), "meta", "object"),
    "meta with depth": (_raw(meta={"a": {"b": 1}}), "meta", ""),
    "deep nesting": (b'{"meta":' + b"[" * 15_000, "meta", "array"),
    "deep nesting in an unknown field": (b'{"a":' + b"[" * 15_000, "a", "unknown"),
    "a list": (b"[]", "", "the body"),
    "a number": (b"17", "", "the body"),
    "null": (b"null", "", "the body"),
}

TOO_LARGE = {
    "64 kB id": _raw(message_id=_LONG),
    "64 kB user": _raw(user_id=_LONG),
    "64 kB text": _raw(text=_LONG),
    "64 kB of blanks": b" " * 65_536,
}


def bad_bodies() -> dict[str, Bad]:
    """Every bad body by name; those over the size limit apart."""
    found = {
        name: Bad(body, "bad_json", "", words)
        for name, (body, words) in BAD_JSON.items()
    }
    found |= {
        name: Bad(body, "bad_field", field, words)
        for name, (body, field, words) in BAD_FIELD.items()
    }
    found["text over the shop's limit"] = Bad(
        _raw(text="字" * 4_001), "bad_message", "text", "4000"
    )
    return found
