"""
From the bytes of a body to a Struct, refused in words that name the field.

The decoder's own messages show patterns and say "truncated" of half a surrogate
pair; a caller needs to know which field is wrong and what would be right.
"""

from __future__ import annotations

import re
from typing import Any, TypeVar

import msgspec

from gateway.errors import GatewayError
from gateway.http.wire import ID_PATTERN, TEXT_PATTERN


T = TypeVar("T")

EMPTY = "the body is empty; send a JSON object"
#: What a value must be, by the pattern it did not match.
_WANTED = {
    ID_PATTERN: "must be visible characters without blanks or control characters",
    TEXT_PATTERN: "must hold more than blanks, and no NUL character",
}
_SURROGATE = re.compile(
    r"\\u[dD][89abAB][0-9a-fA-F]{2}(?!\\u[dD][c-fC-F])"
    r"|(?<!\\u[dD][89abAB][0-9a-fA-F]{2})\\u[dD][c-fC-F][0-9a-fA-F]{2}"
)
_LENGTH = re.compile(r"Expected `(str|array)` of length (<=|>=) (\d+)")


class BadJson(GatewayError):
    """The bytes are no JSON text."""


class BadField(GatewayError):
    """A value is missing, unknown, or not what it must be; *field* is its path."""

    def __init__(self, detail: str, field: str) -> None:
        super().__init__(detail)
        self.field = field


def decode(decoder: msgspec.json.Decoder[T], body: bytes) -> T:
    """
    Decode *body*.

    Raises:
        BadJson: If it is no JSON.
        BadField: If it is JSON of another shape.
    """
    try:
        return decoder.decode(body)
    except msgspec.ValidationError as exc:
        raise bad_field(exc) from exc
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as exc:
        raise BadJson(_why_no_json(body, exc)) from exc


def convert(tree: Any, kind: type[T]) -> T:
    """
    As :func:`decode`, for values that did not come as JSON.

    Raises:
        BadField: If they are not as *kind* wants them.
    """
    try:
        return msgspec.convert(tree, kind)
    except msgspec.ValidationError as exc:
        raise bad_field(exc) from exc


def bad_field(exc: msgspec.ValidationError) -> BadField:
    """The same complaint with the field apart, in words."""
    message, _, path = str(exc).partition(" - at `$")
    field = path.rstrip("`").lstrip(".")
    named = re.search(r"(unknown|required) field `(.+)`", message)
    if named:
        field = f"{field}.{named[2]}".lstrip(".")
        words = "is unknown" if named[1] == "unknown" else "is missing"
    else:
        words = _in_words(message)
    return BadField(f"{field or 'the body'} {words}", field)


def _in_words(message: str) -> str:
    for pattern, wanted in _WANTED.items():
        if pattern in message or repr(pattern) in message:
            return wanted
    length = _LENGTH.search(message)
    if length:
        unit = "characters" if length[1] == "str" else "entries"
        bound = "at most" if length[2] == "<=" else "at least"
        return f"must have {bound} {length[3]} {unit}"
    return f"is wrong: {message}"


def _why_no_json(body: bytes, exc: Exception) -> str:
    if isinstance(exc, RecursionError):
        return "the body is nested too deeply"
    if not body.strip():
        return EMPTY
    try:
        text = body.decode()
    except UnicodeDecodeError as bad:
        return f"byte {bad.start} of the body is not UTF-8"
    half = _SURROGATE.search(text)
    if half:
        return (
            f"{half[0]} at character {half.start()} is half of a surrogate pair;"
            " send the whole character"
        )
    return str(exc)
