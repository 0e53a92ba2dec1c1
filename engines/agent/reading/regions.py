"""
Regions and the cities in them: where an address lies, by any of its names.

A region is a key of the freight table, so its name is taken as the file has it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from importlib import resources
from pathlib import Path
from typing import Literal, NamedTuple, Self

import msgspec

from engines import yamlfile


class City(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A city; without *en* if its Latin name stands for another one too."""

    zh: str
    en: str = ""


class Region(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A region of the freight table; a municipality is its own city."""

    zh: str
    en: str
    kind: Literal["province", "region", "municipality"]
    cities: tuple[City, ...]


class RegionFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the file of regions may hold."""

    regions: tuple[Region, ...]


class Place(NamedTuple):
    """Region and city found in a text, and where the text goes on after them."""

    region: str
    city: str
    start: int
    end: int


#: Where a Chinese address can begin; elsewhere a name is part of a street.
_BEGIN = r"(?:(?<=[\s,，。;；:：、(（!！?？\"“到成为去往至是在址寄送])|^)"
_REGION_SUFFIX = (
    r"(?:壮族自治区|回族自治区|维吾尔自治区|特别行政区|自治区|省|市)?(?:市辖区)?\s?"
)
_CITY_SUFFIX = r"(?:市|地区|自治州|州|盟)?"
_OTHER_CITY = r"[\u4e00-\u9fff]{2,8}?(?:市|自治州|地区|盟|自治县|县)"


class Regions:
    """Finds the place a text begins an address with; immutable once loaded."""

    def __init__(self, content: RegionFile) -> None:
        regions = content.regions
        self._municipal = {r.zh for r in regions if r.kind == "municipality"}
        self._region_of = {city.zh: r.zh for r in regions for city in r.cities}
        self._latin = {r.en.lower(): (r.en, "") for r in regions}
        for region in regions:
            for city in region.cities:
                self._latin.setdefault(city.en.lower(), (region.en, city.en))
            if region.kind == "municipality":
                self._latin[region.en.lower()] = (region.en, region.en)
        self._latin.pop("", None)
        cities = _alternatives(self._region_of)
        self._region = re.compile(
            f"{_BEGIN}(?P<name>{_alternatives(r.zh for r in regions)}){_REGION_SUFFIX}"
        )
        self._city_here = re.compile(
            f"(?P<name>{cities}){_CITY_SUFFIX}|(?P<other>{_OTHER_CITY})"
        )
        self._city = re.compile(f"{_BEGIN}(?P<name>{cities}){_CITY_SUFFIX}")

    @classmethod
    def load(cls) -> Self:
        """Read the regions that come with this package."""
        folder = resources.files(__package__)
        with resources.as_file(folder.joinpath("regions.yaml")) as path:
            return cls.read(path)

    @classmethod
    def read(cls, path: Path) -> Self:
        """
        Read the regions of a file.

        Raises:
            BadFile: With file, line and fix.
        """
        return cls(yamlfile.convert(yamlfile.read(path), RegionFile))

    def places(self, text: str) -> list[Place]:
        """Every place with which *text* begins an address, in order."""
        found = [self._in_region(text, match) for match in self._region.finditer(text)]
        taken = [(place.start, place.end) for place in found]
        for match in self._city.finditer(text):
            if not any(start <= match.start() < end for start, end in taken):
                name = match["name"]
                place = Place(self._region_of[name], f"{name}市", *match.span())
                found.append(place)
        return sorted(found, key=lambda place: place.start)

    def latin(self, name: str) -> tuple[str, str] | None:
        """Region and city behind a Latin name; the city is empty for a region."""
        return self._latin.get(name.lower())

    def _in_region(self, text: str, match: re.Match[str]) -> Place:
        region = match["name"]
        if region in self._municipal:
            again = re.compile(f"{region}市?").match(text, match.end())
            end = again.end() if again else match.end()
            return Place(region, f"{region}市", match.start(), end)
        city = self._city_here.match(text, match.end())
        if city is None:
            return Place(region, "", *match.span())
        name = f"{city['name']}市" if city["name"] else city["other"]
        return Place(region, name, match.start(), city.end())


def _alternatives(names: Iterable[str]) -> str:
    listed = sorted(names, key=lambda name: (-len(name), name))
    return "|".join(map(re.escape, listed))
