"""
Plain data from one shape into another, as a mapping file says it.

What we say, into a shop's words: a leaf names a value (``address.street``), may turn
minor units into a decimal (``amount_minor / 100``), is ``*`` for all that is said beside
who, which order and the key, or is a constant (``=web``; any number, true or false).

What a shop says, into ours: ``at`` is a place (``data.order``, ``items.0``), ``fields``
are ours and where theirs stand, ``words`` translate a closed set, ``* 100`` makes
minor units of a decimal. A field that is not mentioned keeps its name.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, Final

import msgspec


#: No amount of any shop is larger; keeps what a stranger sends in bounds.
_MOST: Final = Decimal(10) ** 16
#: In place of a value: all that a call says, but what is said about it.
WHOLE: Final = "*"
_ABOUT = frozenset({"user_id", "order_id", "key"})


class Misshapen(ValueError):
    """An answer does not have the shape that the mapping says."""


class Shape(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """
    How a part of an answer becomes ours; of a list, how each of its items does.

    Attributes:
        at: Where it stands, steps with dots between them; empty for all of it.

        fields: Our name to a place inside it, or to a shape of its own.

        words: Their words to ours; a word that is not among them is an error.
    """

    at: str = ""
    fields: dict[str, str | Shape] = {}
    words: dict[str, str] = {}


class _Absent:
    """Says that there is nothing at a place, which null does not say."""


_ABSENT = _Absent()


def is_constant(leaf: str) -> bool:
    """Tell a constant text from the name of a value."""
    return leaf.startswith("=")


def whole(values: Mapping[str, Any]) -> dict[str, Any]:
    """All that a call says beside who, which order and the key."""
    return {name: value for name, value in values.items() if name not in _ABOUT}


def named(leaf: str) -> str:
    """The value that a leaf starts from: ``address`` of ``address.street``."""
    return leaf.partition(" / ")[0].partition(".")[0].strip()


def filled(template: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """
    The template with its leaves replaced by values; what is None is left out.

    Raises:
        Misshapen: If a divisor is no number.
    """
    made: dict[str, Any] = {}
    for key, leaf in template.items():
        value = filled(leaf, values) if isinstance(leaf, dict) else _leaf(leaf, values)
        if value is not None:
            made[key] = value
    return made


def reshaped(answer: Any, shape: Shape) -> Any:
    """
    What a shop answered, in our shape.

    Raises:
        Misshapen: If it is not as the mapping says.
    """
    part = _at(answer, shape.at)
    if isinstance(part, _Absent):
        raise Misshapen(f"there is nothing at {shape.at!r}")
    return _shaped(part, shape)


def text_at(answer: Any, place: str) -> str | None:
    """The text (or number, as text) at a place; None if there is none."""
    found = _at(answer, place)
    return str(found) if isinstance(found, str | int) else None


def _leaf(leaf: Any, values: Mapping[str, Any]) -> Any:
    if not isinstance(leaf, str):
        return leaf
    if leaf == WHOLE:
        return whole(values)
    if is_constant(leaf):
        return leaf[1:]
    place, _, divisor = leaf.partition(" / ")
    value = _at(values, place.strip())
    if isinstance(value, _Absent):
        return None
    return _divided(value, divisor) if divisor else value


def _divided(minor: Any, divisor: str) -> str:
    """Minor units as a decimal: 1999 by 100 is "19.99"."""
    unit = _number(divisor)
    digits = len(str(int(unit))) - 1
    return f"{_number(minor) / unit:.{digits}f}"


def _shaped(part: Any, shape: Shape) -> Any:
    if isinstance(part, list) and (shape.fields or shape.words):
        return [_shaped(item, shape) for item in part]
    if shape.words:
        return _translated(part, shape.words)
    if not shape.fields:
        return part
    if not isinstance(part, dict):
        raise Misshapen(f"{shape.at or 'the answer'!r} is no object")
    return part | _fields(part, shape)


def _fields(part: dict[str, Any], shape: Shape) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for name, source in shape.fields.items():
        found = _field(part, source)
        if not isinstance(found, _Absent):
            made[name] = found
    return made


def _field(part: dict[str, Any], source: str | Shape) -> Any:
    if isinstance(source, Shape):
        inner = _at(part, source.at)
        return inner if isinstance(inner, _Absent) else _shaped(inner, source)
    if is_constant(source):
        return source[1:]
    place, _, factor = source.partition(" * ")
    found = _at(part, place.strip())
    if isinstance(found, _Absent) or not factor:
        return found
    return _multiplied(found, factor)


def _multiplied(amount: Any, factor: str) -> int:
    """A decimal as minor units; what does not come out even is an error."""
    minor = _number(amount) * _number(factor)
    if minor != minor.to_integral_value():
        raise Misshapen(f"{amount!r} times {factor} is no whole number")
    return int(minor)


def _number(value: Any) -> Decimal:
    try:
        # A float is what its shortest text says: 19.99 and no more digits.
        number = Decimal(str(value))
    except InvalidOperation as exc:
        raise Misshapen(f"{value!r} is no number") from exc
    if not number.is_finite() or isinstance(value, bool) or abs(number) > _MOST:
        raise Misshapen(f"{value!r} is no number")
    return number


def _translated(word: Any, words: Mapping[str, str]) -> str:
    try:
        return words[str(word)]
    except KeyError as exc:
        raise Misshapen(f"{word!r} is not among the mapped words") from exc


def _at(data: Any, place: str) -> Any:
    for step in filter(None, place.split(".")):
        if isinstance(data, dict) and step in data:
            data = data[step]
        elif isinstance(data, list) and step.isdecimal() and int(step) < len(data):
            data = data[int(step)]
        else:
            return _ABSENT
    return data
