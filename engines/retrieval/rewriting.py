"""
Complete a question from the turns before it.

"那新疆呢" asks the last question again about Xinjiang; "is it in stock" asks
about the product spoken of last. The customer's earlier words are taken over
as terms with less weight, never as text that could be quoted.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from engines.contract import Locale, Utterance
from engines.retrieval.kinds import Kind, kind_of, kind_with_product
from engines.retrieval.language import clean
from engines.retrieval.own_orders import asks_when, tells_of_money
from engines.retrieval.places import region_in
from engines.retrieval.questions import Part, leans_back
from engines.retrieval.terms import Analyzer, Query
from engines.retrieval.which_order import counts_orders
from engines.retrieval.which_product import tells_which


#: Lines of the conversation that a reference may reach back.
REACH: Final = 6
#: What terms of an earlier question count for beside words of one's own.
_EARLIER: Final = 0.5
#: A question of so few meaningful words may be a follow-up nobody marked.
_SHORT: Final = 2
#: What "when will it come" asks of money that was just spoken of.
_MONEY: Final[dict[Locale, str]] = {
    "zh": "退款多久到账",
    "en": "when does a refund arrive",
}


class Topic(msgspec.Struct, frozen=True, kw_only=True):
    """
    A question made complete.

    Attributes:
        text: Its own words, and for a follow-up those it leans on.

        earlier: Lines that a pronoun may point at, newest first.

        recent_products: Product spoken of last, if the question names none.

        inherits: True if the products of *query* are those of an earlier question,
            while this one has words of its own ("and the steel one?").

        asks: As of the part.

        continued: The same question as a follow-up, for when it is too short
            to be understood alone.
    """

    kind: Kind
    query: Query
    text: str
    earlier: tuple[str, ...] = ()
    recent_products: frozenset[str] = frozenset()
    inherits: bool = False
    asks: bool = True
    continued: Topic | None = None


class Rewriter:
    """Resolves what a question leaves out; one for each language."""

    def __init__(self, locale: Locale, analyzer: Analyzer) -> None:
        self._locale = locale
        self._analyzer = analyzer

    def resolve(self, part: Part, message: str, history: Sequence[Utterance]) -> Topic:
        """Complete *part* from the rest of its *message* and from *history*."""
        part = self._of_money(part, history)
        own = self._analyzer.query(part.text)
        if not own.products:
            own = own.about(self._analyzer.products(message))
        elif part.kind is Kind.KNOWLEDGE:
            kind = kind_with_product(part.text, self._locale)
            part = msgspec.structs.replace(part, kind=kind)
        recent = history[-REACH:]
        lines = [clean(line.text) for line in reversed(recent)]
        asked = [
            text
            for line, text in zip(reversed(recent), lines, strict=True)
            if line.role == "customer"
        ]
        continued = self._continued(part, own, asked, lines)
        points = part.points_back and not own.products
        leans = part.is_followup or points or own.is_light
        if continued is not None and leans:
            return continued
        return Topic(
            kind=part.kind,
            query=own,
            text=part.text,
            earlier=tuple(lines) if part.points_back else (),
            recent_products=self._recent(asked, lines),
            asks=part.asks,
            continued=continued if len(own.units) <= _SHORT else None,
        )

    def _of_money(self, part: Part, history: Sequence[Utterance]) -> Part:
        """*part*, unless it asks when, just after we spoke of a refund."""
        locale = self._locale
        if not history or not asks_when(part.text, locale):
            return part
        if not tells_of_money(history[-1].text, locale):
            return part
        text = _MONEY[locale]
        return msgspec.structs.replace(part, text=text, kind=Kind.KNOWLEDGE)

    def _continued(
        self, part: Part, own: Query, asked: list[str], lines: list[str]
    ) -> Topic | None:
        """*part* as a follow-up of the last question that said something."""
        before = self._before(asked)
        if before is None:
            return None
        kind, earlier = part.kind, kind_of(before[0], self._locale)
        is_alike = self._is_answered_alike(own, part.text)
        if kind is Kind.KNOWLEDGE and is_alike:
            kind = earlier
        is_awaited = earlier in (Kind.ORDER, Kind.PARCEL)
        if is_awaited and asks_when(part.text, self._locale):
            kind = Kind.PARCEL
        return Topic(
            kind=kind,
            query=own.blend(before[1], 1.0 if is_alike else _EARLIER),
            text=f"{before[0]} {part.text}",
            earlier=tuple(lines),
            recent_products=self._recent(asked, lines),
            inherits=bool(before[1].products and own.units and not own.products),
            asks=part.asks,
        )

    def _before(self, asked: list[str]) -> tuple[str, Query] | None:
        """The last question that said something, with the one it leans on itself."""
        said = [(text, q) for text in asked if (q := self._analyzer.query(text)).units]
        if not said:
            return None
        text, query = said[0]
        if len(said) > 1 and not query.products and leans_back(text, self._locale):
            earlier, about = said[1]
            return f"{earlier} {text}", query.blend(about, _EARLIER)
        return text, query

    def _is_answered_alike(self, own: Query, text: str) -> bool:
        """A mere product, place or "the second one" repeats the last question."""
        if not own.units or counts_orders(text) or tells_which(text):
            return True
        return region_in(text, self._locale) is not None

    def _recent(self, asked: list[str], lines: list[str]) -> frozenset[str]:
        """Products named last: by the customer, or else by us."""
        for line in (*asked, *lines):
            products = self._analyzer.products(line)
            if products:
                return products
        return frozenset()
