"""
YAML files that people write, read strictly and reported by line.

Packs, voices and facts are edited by people who do not read tracebacks. Every
complaint names the file, the line and what to do. Anchors, tags, duplicate
keys and the guesses of YAML 1.1 (``no`` as false, ``12:30`` as a number) are
refused or left as text. This module imports nothing of ours.

    BadFile                 one or more problems; nothing was loaded
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Final, TypeVar

import msgspec
import yaml


T = TypeVar("T")
Key = str | int
Place = tuple[Key, ...]

#: Larger files are refused unread.
MAX_BYTES: Final = 32 * 1024 * 1024

#: Deeper nesting is refused; no format of ours needs half of it.
MAX_DEPTH: Final = 24

_INT = re.compile(r"[-+]?[0-9]{1,15}\Z")
_FLOAT = re.compile(r"[-+]?[0-9]{1,15}\.[0-9]{1,15}\Z")
_WORDS: Final[dict[str, bool | None]] = {
    "true": True,
    "false": False,
    "null": None,
    "~": None,
    "": None,
}
_TAGS: Final = frozenset(
    f"tag:yaml.org,2002:{name}"
    for name in (
        "str",
        "int",
        "float",
        "bool",
        "null",
        "timestamp",
        "value",
        "merge",
        "seq",
        "map",
    )
)
_STEP = re.compile(r"\.([^.\[\]]+)|\[(\d+)\]|\[\.\.\.\]")
_AT = re.compile(r"^(?P<what>.*?) - at (?:`key` in )?`\$(?P<path>.*)`$", re.DOTALL)
_UNKNOWN = re.compile(r"unknown field `(?P<name>.*)`$", re.DOTALL)
_VALUE = re.compile(r"Invalid enum value (?P<value>.*)$", re.DOTALL)


class Problem(msgspec.Struct, frozen=True):
    """
    One thing that is wrong in a file.

    Attributes:
        line: From 1.

        text: What is wrong.

        fix: What to do about it.
    """

    path: str
    line: int
    text: str
    fix: str = ""

    def __str__(self) -> str:
        """Render as ``file:line: problem; fix``."""
        fix = f"; {self.fix}" if self.fix else ""
        return f"{self.path}:{self.line}: {self.text}{fix}"


class BadFile(Exception):
    """A file cannot be used; *problems* says where and why."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(one) for one in self.problems))


class Document(msgspec.Struct, frozen=True):
    """
    A parsed file: plain data, and the line of every key and item.

    Attributes:
        lines: Place in the data to line. A place is a tuple of keys and
            positions; the empty tuple is the whole document.
    """

    path: str
    data: Any
    lines: dict[Place, int]

    def line(self, *place: Key) -> int:
        """Line of *place*, or of the nearest thing around it that has one."""
        for end in range(len(place), -1, -1):
            if place[:end] in self.lines:
                return self.lines[place[:end]]
        return 1

    def problem(self, text: str, *place: Key, fix: str = "") -> Problem:
        """Make a problem at *place* of this document."""
        return Problem(self.path, self.line(*place), text, fix)


def read(path: Path) -> Document:
    """
    Read and parse one file.

    Raises:
        BadFile: If it is missing, too large, not UTF-8 or not strict YAML.
    """
    try:
        if path.stat().st_size > MAX_BYTES:
            problem = Problem(str(path), 1, f"file is larger than {MAX_BYTES} bytes")
            raise BadFile([problem])
        data = path.read_bytes()
        text = data.decode("utf-8")
    except OSError as exc:
        reason = exc.strerror or type(exc).__name__
        raise BadFile([Problem(str(path), 1, f"cannot be read: {reason}")]) from exc
    except UnicodeDecodeError as exc:
        line = data.count(b"\n", 0, exc.start) + 1
        reason = f"is not UTF-8 at byte {exc.start}"
        problem = Problem(str(path), line, reason, "save the file as UTF-8")
        raise BadFile([problem]) from exc
    return parse(text, str(path))


def parse(text: str, path: str) -> Document:
    """
    Parse *text*; *path* is only named in complaints.

    Raises:
        BadFile: If it is not strict YAML.
    """
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    text = text.removeprefix("\ufeff")
    try:
        _refuse_depth(text, loader, path)
        root = yaml.compose(text, Loader=loader)
    except yaml.MarkedYAMLError as exc:
        line = exc.problem_mark.line + 1 if exc.problem_mark else 1
        problem = Problem(path, line, f"not valid YAML: {exc.problem}")
        raise BadFile([problem]) from exc
    except (yaml.YAMLError, RecursionError, ValueError) as exc:
        reason = str(exc).splitlines()[0] if str(exc) else type(exc).__name__
        raise BadFile([Problem(path, 1, f"not valid YAML: {reason}")]) from exc
    builder = _Builder(path)
    data = builder.build(root, ()) if root is not None else {}
    return Document(path, data, builder.lines)


def _refuse_depth(text: str, loader: type, path: str) -> None:
    """
    Refuse what is nested too deeply, event by event.

    To compose it would end the process: the C library recurses once for each level.
    """
    depth = 0
    for event in yaml.parse(text, Loader=loader):
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        if depth > MAX_DEPTH + 1:
            line = event.start_mark.line + 1 if event.start_mark else 1
            raise BadFile(
                [Problem(path, line, f"nested deeper than {MAX_DEPTH} levels")]
            )


def convert(document: Document, into: type[T]) -> T:
    """
    Turn a document into a Struct whose unknown fields are forbidden.

    Raises:
        BadFile: With the line of the offending key and the nearest known name.
    """
    return convert_part(document, document.data, into)


def convert_part(document: Document, part: object, into: type[T], *place: Key) -> T:
    """As :func:`convert`, for the *part* of the document at *place*."""
    try:
        return msgspec.convert(part, into)
    except msgspec.ValidationError as exc:
        raise BadFile([_explain(document, str(exc), into, place)]) from exc


def convert_values(
    document: Document, part: Mapping[str, object], into: type[T], *place: Key
) -> dict[str, T]:
    """
    As :func:`convert_part`, for each value of a mapping with free keys.

    Raises:
        BadFile: With the problems of all values.
    """
    converted: dict[str, T] = {}
    problems: list[Problem] = []
    for key, value in part.items():
        try:
            converted[key] = convert_part(document, value, into, *place, key)
        except BadFile as bad:
            problems.extend(bad.problems)
    if problems:
        raise BadFile(problems)
    return converted


class _Plain(yaml.SafeDumper):
    """Writes out what is there twice: our files may hold no aliases."""

    def ignore_aliases(self, data: object) -> bool:
        del data
        return True


def dump(data: object) -> str:
    """Text of plain *data* in the order given, as people would write it."""
    return yaml.dump(
        data, Dumper=_Plain, allow_unicode=True, sort_keys=False, width=1000
    )


def nearest(name: str, known: Iterable[str]) -> str:
    """Advice that names what the writer probably meant."""
    names = sorted(known)
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    if close:
        return f"did you mean {close[0]!r}?"
    return "known: " + ", ".join(names[:30]) if names else "remove it"


class _Builder:
    """Turns composed nodes into plain data and remembers lines."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.lines: dict[Place, int] = {}
        self._seen: set[int] = set()

    def build(self, node: yaml.Node, place: Place) -> Any:
        self._check(node, place)
        self.lines.setdefault(place, node.start_mark.line + 1)
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, place)
        if isinstance(node, yaml.SequenceNode):
            return [
                self.build(item, (*place, position))
                for position, item in enumerate(node.value)
            ]
        return _scalar(str(node.value), is_plain=not getattr(node, "style", None))

    def _check(self, node: yaml.Node, place: Place) -> None:
        if id(node) in self._seen:
            self._refuse(node, "anchors and aliases are not allowed", "write it out")
        self._seen.add(id(node))
        if str(node.tag) not in _TAGS:
            self._refuse(node, f"tag {node.tag} is not allowed", "remove it")
        if len(place) > MAX_DEPTH:
            self._refuse(node, f"nested deeper than {MAX_DEPTH} levels")

    def _mapping(self, node: yaml.MappingNode, place: Place) -> dict[str, Any]:
        result: dict[str, Any] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                self._refuse(key_node, "a key must be plain text")
            key = str(key_node.value)
            if key in result:
                self._refuse(key_node, f"{key!r} stands here twice", "keep one of them")
            here = (*place, key)
            self.lines[here] = key_node.start_mark.line + 1
            result[key] = self.build(value_node, here)
        return result

    def _refuse(self, node: yaml.Node, text: str, fix: str = "") -> None:
        raise BadFile([Problem(self.path, node.start_mark.line + 1, text, fix)])


def _scalar(value: str, *, is_plain: bool) -> Any:
    """Only a plain (unquoted) true, false, null or decimal number is not text."""
    if not is_plain:
        return value
    if value.lower() in _WORDS:
        return _WORDS[value.lower()]
    if _INT.match(value):
        return int(value)
    return float(value) if _FLOAT.match(value) else value


def _explain(
    document: Document, message: str, into: type[Any], place: Place
) -> Problem:
    """Translate a message of the converter to a line and a piece of advice."""
    found = _AT.match(message)
    what = found["what"] if found else message
    inner = _steps(found["path"]) if found else ()
    kind = _type_at(msgspec.inspect.type_info(into), inner)
    unknown, value = _UNKNOWN.search(what), _VALUE.search(what)
    if unknown:
        name = unknown["name"]
        fix = nearest(name, _names(kind))
        return document.problem(f"unknown key {name!r}", *place, *inner, name, fix=fix)
    if value and isinstance(kind, (msgspec.inspect.LiteralType)):
        text = f"{value['value']} is not one of the allowed values"
        fix = nearest(value["value"].strip("'\""), map(str, kind.values))
        return document.problem(text, *place, *inner, fix=fix)
    return document.problem(_plain(what), *place, *inner, fix=_advice(what))


def _steps(path: str) -> Place:
    return tuple(
        name or int(position) if name or position else "..."
        for name, position in _STEP.findall(path)
    )


def _type_at(kind: msgspec.inspect.Type, steps: Place) -> msgspec.inspect.Type:
    for step in steps:
        kind = _into(_choice(kind), step)
    return _choice(kind)


def _choice(kind: msgspec.inspect.Type) -> msgspec.inspect.Type:
    """Of an optional type, the part that is not None."""
    if isinstance(kind, msgspec.inspect.UnionType):
        kinds = [k for k in kind.types if not isinstance(k, msgspec.inspect.NoneType)]
        return kinds[0]
    return kind


def _into(kind: msgspec.inspect.Type, step: Key) -> msgspec.inspect.Type:
    if isinstance(kind, msgspec.inspect.StructType):
        for field in kind.fields:
            if field.encode_name == step:
                return field.type
    if isinstance(kind, msgspec.inspect.VarTupleType | msgspec.inspect.ListType):
        return kind.item_type
    if isinstance(kind, msgspec.inspect.DictType):
        return kind.value_type
    return kind


def _names(kind: msgspec.inspect.Type) -> list[str]:
    if isinstance(kind, msgspec.inspect.StructType):
        return [field.encode_name for field in kind.fields]
    return []


_PLAIN: Final[tuple[tuple[str, Callable[[str], str]], ...]] = (
    ("Object missing required field", lambda w: "missing key " + w.split("field ")[1]),
    ("Expected `object`", lambda w: "keys and values are expected here, " + _got(w)),
    ("Expected `array`", lambda w: "a list is expected here, " + _got(w)),
    ("Expected `str`", lambda w: "text is expected here, " + _got(w)),
)


def _got(what: str) -> str:
    return what.rsplit(", ", 1)[-1]


def _plain(what: str) -> str:
    for start, render in _PLAIN:
        if what.startswith(start):
            return render(what)
    return what


def _advice(what: str) -> str:
    if what.startswith(("Expected `str`, got `int`", "Expected `str`, got `float`")):
        return "put it in quotes"
    if what.startswith("Expected `str`, got `null`"):
        return "write the text or remove the key"
    return "write it as in the shipped files" if what.startswith("Expected") else ""
