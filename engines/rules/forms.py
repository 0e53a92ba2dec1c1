"""
What a dialog of a pack consists of: slots, their checks, answers by value.

Every Struct here forbids unknown keys. ``values`` reads slots out of messages;
``dialogs`` asks for them.
"""

from __future__ import annotations

import msgspec

from engines.contract import Locale


class Part(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    omit_defaults=True,
):
    """Base of everything that stands in a pack."""


class Texts(Part, frozen=True, kw_only=True):
    """One text in each language of the pack."""

    zh: str = ""
    en: str = ""

    def get(self, locale: Locale) -> str:
        """Return the text in *locale*."""
        return self.zh if locale == "zh" else self.en


class Height(Part, frozen=True, kw_only=True, tag_field="kind", tag="height"):
    """A body height; kept in whole centimetres, 50 to 250."""


class Weight(Part, frozen=True, kw_only=True, tag_field="kind", tag="weight"):
    """A body weight; kept in whole kilograms, 3 to 300; 斤 and lb are converted."""


class Number(Part, frozen=True, kw_only=True, tag_field="kind", tag="number"):
    """A whole number between *min* and *max*, both included."""

    min: int
    max: int


class Option(Part, frozen=True, kw_only=True):
    """
    One value of a choice.

    Attributes:
        value: Kept in the state, compared by cases.

        title: How it is called back to the customer.

        words: What customers write for it; the titles count too.
    """

    value: str
    title: Texts
    words: tuple[str, ...] = ()


class Choice(Part, frozen=True, kw_only=True, tag_field="kind", tag="choice"):
    """One of a closed set."""

    options: tuple[Option, ...]


class Line(Part, frozen=True, kw_only=True, tag_field="kind", tag="line"):
    """Free text on one line; *max_length* in characters."""

    min_length: int = 2
    max_length: int = 100


class TaxId(Part, frozen=True, kw_only=True, tag_field="kind", tag="tax_id"):
    """A unified social credit code with a right check digit."""


class Email(Part, frozen=True, kw_only=True, tag_field="kind", tag="email"):
    """An e-mail address."""


Check = Height | Weight | Number | Choice | Line | TaxId | Email


class Condition(Part, frozen=True, kw_only=True):
    """What a slot's value must be; bounds are included, all given ones count."""

    min: int | None = None
    max: int | None = None
    one_of: tuple[str, ...] = ()


class Slot(Part, frozen=True, kw_only=True):
    """
    One thing the dialog has to learn.

    Attributes:
        check: Kind of value, and how it is read from a message.

        prompt: Question to the customer.

        hint: Said before the question is put again, if the reply did not fit.

        ask_if: Asked only if these earlier slots have these values.
    """

    name: str
    check: Check
    prompt: Texts
    hint: Texts
    ask_if: dict[str, Condition] = {}


class Case(Part, frozen=True, kw_only=True):
    """An answer for some values of the slots; the first that fits is given."""

    when: dict[str, Condition]
    answer: Texts
