"""
The flat XML of WeChat and WeCom, read without what makes XML dangerous.

Document types, entities and processing instructions are refused, so that no
entity can grow or name a file. Only the children of the root are read.
"""

from __future__ import annotations

from collections.abc import Mapping
from xml.parsers import expat
from xml.sax.saxutils import escape

from gateway.channels.contract import HookUnreadable


#: Elements deeper than this are left out; platforms nest two deep.
_DEPTH = 2


def fields_of(data: bytes) -> dict[str, str]:
    """
    Texts of the root's children by name; of several the first.

    Raises:
        HookUnreadable: If it is not XML, or has a declaration.
    """
    reader = _Reader()
    try:
        reader.parser.Parse(data, True)
    except (expat.ExpatError, ValueError) as exc:
        raise HookUnreadable(f"not XML: {exc}") from exc
    return reader.found


def xml_of(fields: Mapping[str, str]) -> bytes:
    """The reverse: a root with a child for every field."""
    inner = "".join(f"<{name}>{escape(text)}</{name}>" for name, text in fields.items())
    return f"<xml>{inner}</xml>".encode()


class _Reader:
    def __init__(self) -> None:
        self.found: dict[str, str] = {}
        self._path: list[str] = []
        self._text: list[str] = []
        self.parser = expat.ParserCreate()
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._text.append
        self.parser.StartDoctypeDeclHandler = self._refuse
        self.parser.EntityDeclHandler = self._refuse
        self.parser.ProcessingInstructionHandler = self._refuse

    def _refuse(self, *_: object) -> None:
        raise HookUnreadable("declarations are not taken")

    def _start(self, name: str, _: dict[str, str]) -> None:
        self._path.append(name)
        self._text.clear()

    def _end(self, name: str) -> None:
        if len(self._path) == _DEPTH:
            self.found.setdefault(name, "".join(self._text))
        self._path.pop()
        self._text.clear()
