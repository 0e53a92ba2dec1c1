"""
Delivery addresses in a message: region, city, street, name and phone.

Every part is taken from the text as written; nothing is invented. A part that
is not there stays empty, and somebody asks.
"""

from __future__ import annotations

import re

import msgspec

from engines.agent.reading.contacts import read_contact
from engines.agent.reading.regions import Place, Regions
from engines.shops.port import Address


class AddressParts(msgspec.Struct, frozen=True, omit_defaults=True):
    """What was understood of an address so far; empty parts are missing."""

    name: str = ""
    phone: str = ""
    region: str = ""
    city: str = ""
    street: str = ""

    @property
    def is_empty(self) -> bool:
        """True if nothing was understood at all."""
        return self == AddressParts()

    @property
    def is_place(self) -> bool:
        """True if a parcel could be sent there."""
        return bool(self.region and self.city and self.street)

    def over(self, earlier: AddressParts) -> AddressParts:
        """These parts, and the *earlier* ones where these are empty."""
        return AddressParts(
            name=self.name or earlier.name,
            phone=self.phone or earlier.phone,
            region=self.region or earlier.region,
            city=self.city or earlier.city,
            street=self.street or earlier.street,
        )

    @property
    def is_contact(self) -> bool:
        """True if only another name or phone was given for the same place."""
        has_place = self.region or self.city or self.street
        return bool((self.name or self.phone) and not has_place)

    def filled(self, known: Address) -> Address:
        """A whole address; name and phone of *known* where none was given."""
        if self.is_contact:
            return Address(
                name=self.name or known.name,
                phone=self.phone or known.phone,
                region=known.region,
                city=known.city,
                street=known.street,
            )
        return Address(
            name=self.name or known.name,
            phone=self.phone or known.phone,
            region=self.region,
            city=self.city,
            street=self.street,
        )


_CUE_EN = re.compile(
    r"(?:\bto(?: be)?|\bis|\bbe|\baddress|\bat|\bmake (?:it|that)|\buse)\s*:?\s+|:\s*",
    re.IGNORECASE,
)
_END_EN = re.compile(
    r"[.;!?](?:\s|$)|\s(?:please|thanks|thank|and|instead|rather)\b", re.IGNORECASE
)
_ZIP = re.compile(r"\b\d{5,6}(?:-\d{4})?\b")
_COUNTRY = re.compile(
    r"^(?:p\.?r\.? ?)?china$|^prc$|^(?:the )?usa?$|^uk$", re.IGNORECASE
)
_STREET_EN = re.compile(
    r"^(?:(?:no\.?|apt|apartment|flat|unit|room|suite)\s?)?#?\d+[A-Za-z]?,?\s+[A-Za-z]"
    r"|\b(?:road|street|avenue|lane|drive|boulevard|way|rd|st|ave|blvd)\b.*\d",
    re.IGNORECASE,
)
_BREAK = re.compile(r"[,，。;；!！?？]")
_STREET_ZH = re.compile(r"[路街道巷弄号村镇乡栋幢楼室苑厦里庄组座]|[小园]区|\d")
_MORE_ZH = re.compile(
    r"^[\u4e00-\u9fff\w #-]{0,24}(?:号|栋|幢|楼|层|室|单元|座|门|户|\d)$"
)
_POLITE_ZH = re.compile(
    r"(?:可以吗|行吗|好吗|吧|谢谢.*|麻烦.*|多谢.*|顺便.*|运费.*|这个地址|就行|即可)$"
)
_NAME_AFTER = re.compile(
    r"^(?P<street>.*[号室楼栋幢座\d])\s+(?P<name>(?![\u4e00-\u9fff]*[号楼层室栋幢座元])[\u4e00-\u9fff]{2,3})收?$"
)
_TOO_LONG = 200
#: Street, city and region of an address whose region nobody knows.
_WHOLE = 3


class AddressReader:
    """Finds addresses in text; immutable once loaded."""

    def __init__(self, regions: Regions) -> None:
        self._regions = regions

    def parts(self, text: str) -> AddressParts:
        """What the cleaned *text* says of an address; all empty if nothing."""
        contact = read_contact(text)
        place = self._chinese(contact.rest) or self._latin(contact.rest)
        name = contact.name or place.name
        return msgspec.structs.replace(place, name=name, phone=contact.phone)

    def _chinese(self, text: str) -> AddressParts | None:
        """The last place that a street follows, or else the last place."""
        best: AddressParts | None = None
        for place in self._regions.places(text):
            parts = _from_place(text, place)
            if parts.street or best is None or not best.street:
                best = parts
        return best

    def _latin(self, text: str) -> AddressParts:
        """Parts between commas: the street first, then city and region."""
        pieces = _pieces(text)
        for at, piece in enumerate(pieces):
            known = self._regions.latin(piece) if at else None
            if known is not None:
                region, city = known
                streets = pieces[:at] if city else pieces[: max(1, at - 1)]
                return AddressParts(
                    region=region,
                    city=city or (pieces[at - 1] if at > 1 else ""),
                    street=_street_en(streets),
                )
        if len(pieces) >= _WHOLE and _street_en(pieces[:1]):
            *street, city, region = pieces
            return AddressParts(region=region, city=city, street=_street_en(street))
        return AddressParts(street=_street_en(pieces[:1]) if len(pieces) > 1 else "")


def _from_place(text: str, place: Place) -> AddressParts:
    chunks = [chunk.strip() for chunk in _BREAK.split(text[place.end :])]
    street = [_POLITE_ZH.sub("", chunks[0]).strip()]
    for chunk in chunks[1:]:
        if not _MORE_ZH.match(chunk):
            break
        street.append(chunk)
    name = ""
    named = _NAME_AFTER.match(street[0])
    if named:
        street[0], name = named["street"], named["name"]
    whole = " ".join(part for part in street if part)
    is_street = bool(_STREET_ZH.search(whole)) and len(whole) <= _TOO_LONG
    return AddressParts(
        name=name,
        region=place.region,
        city=place.city,
        street=whole if is_street else "",
    )


def _pieces(text: str) -> list[str]:
    """The comma parts of an address, without what stands around it."""
    pieces = []
    for at, raw in enumerate(_from_street(text.split(","))):
        end = _END_EN.search(raw) if at else None
        piece = raw[: end.start()] if end else raw
        piece = _ZIP.sub("", piece).strip(" .") if at else piece.strip(" .")
        if piece and not _COUNTRY.match(piece):
            pieces.append(piece)
        if end:
            break
    return pieces


def _from_street(raw: list[str]) -> list[str]:
    """The comma parts from the first one that a street begins in."""
    for at, part in enumerate(raw):
        start = max((found.end() for found in _CUE_EN.finditer(part)), default=0)
        if _STREET_EN.search(part[start:].strip()):
            return [part[start:], *raw[at + 1 :]]
    return raw


def _street_en(pieces: list[str]) -> str:
    street = ", ".join(pieces)
    is_street = bool(_STREET_EN.search(street)) and len(street) <= _TOO_LONG
    return street if is_street else ""
