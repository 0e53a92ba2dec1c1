"""
Hard rules: what a model may never overrule.

A rule looks for phrases and patterns and *raises* labels; it can lower nothing. Rules
are data (``configs/router_rules.yaml``). All phrases of all rules are found in one
Aho-Corasick pass; patterns are RE2, so no text can make them slow.

A rule is read on the normal form of a text (``text.py``): simplified characters
without spaces, Latin words between single spaces without apostrophes. Numbers and
entities are masked there, hotlines such as 12315 are not.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import ahocorasick_rs
import msgspec
import re2

from engines.contract import Complexity, Risk
from router_models.documents import convert, read_yaml
from router_models.errors import DataError
from router_models.text import MASK_NAMES, Normal, phrase_of


#: Memory of the states of one pass over all patterns.
_PASS_BYTES = 64 << 20

_SHAPE = "a rule has id, raises, and any of zh, en, zh_patterns, en_patterns, ignore"


class Raises(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Labels that a rule raises to at least these."""

    asks_human: bool = False
    needs_person: bool = False
    risk: Risk = Risk.LOW
    complexity: Complexity = Complexity.SIMPLE


class Rule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """
    One hard rule.

    Attributes:
        zh: Phrases found anywhere in the CJK string.

        en: Phrases of whole words; a trailing ``*`` makes the last one a stem.

        zh_patterns, en_patterns: RE2 patterns over the same strings; ``^`` and ``$``
            are the ends of the whole message.

        ignore: Phrases that only sound alike (questions, denials): they are
            cut out before the rule is believed, so that 是人工吗 does not ask for a
            person and 是人工吗？转人工 does.

        ignore_patterns: RE2 patterns that do the same.
    """

    id: str
    raises: Raises
    zh: tuple[str, ...] = ()
    en: tuple[str, ...] = ()
    zh_patterns: tuple[str, ...] = ()
    en_patterns: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    ignore_patterns: tuple[str, ...] = ()


class _Compiled:
    """One rule, ready to be asked about a text that may hold it."""

    def __init__(self, rule: Rule) -> None:
        self.rule = rule
        self.phrases = tuple(phrase_of(text) for text in (*rule.zh, *rule.en))
        self._zh = [_compile(pattern) for pattern in rule.zh_patterns]
        self._en = [_compile(pattern) for pattern in rule.en_patterns]
        self._ignore = [phrase_of(text) for text in rule.ignore]
        self._ignore_patterns = [_compile(text) for text in rule.ignore_patterns]

    def has_patterns(self, text: Normal) -> bool:
        """True if one of its patterns is in *text*, what it ignores included."""
        return any(pattern.search(text.cjk) for pattern in self._zh) or any(
            pattern.search(text.latin) for pattern in self._en
        )

    def holds(self, text: Normal) -> bool:
        """True if *text* still has the rule once what it ignores is cut out."""
        rest = Normal(self._cut(text.cjk), self._cut(text.latin))
        both = rest.cjk + "\n" + rest.latin
        return any(phrase in both for phrase in self.phrases) or self.has_patterns(rest)

    def _cut(self, text: str) -> str:
        for phrase in self._ignore:
            text = text.replace(phrase, " ")
        for pattern in self._ignore_patterns:
            text = pattern.sub(" ", text)
        return text


class HardRules:
    """All hard rules of a file. Immutable; safe to share."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self.rules = tuple(rules)
        self._compiled = [_Compiled(rule) for rule in rules]
        owners: dict[str, set[int]] = {}
        for number, compiled in enumerate(self._compiled):
            for phrase in compiled.phrases:
                owners.setdefault(phrase, set()).add(number)
        self._owners = list(owners.values())
        self._matcher = ahocorasick_rs.AhoCorasick(list(owners) or ["\n\n"])
        self._zh = _Patterns([rule.zh_patterns for rule in rules])
        self._en = _Patterns([rule.en_patterns for rule in rules])

    def match(self, text: Normal) -> list[Rule]:
        """Rules that *text* hits, in the order of the file."""
        cjk, latin = text
        both = cjk + "\n" + latin
        suspects = {*self._zh.owners(cjk), *self._en.owners(latin)}
        for hit in self._matcher.find_matches_as_indexes(both, overlapping=True):
            suspects |= self._owners[hit[0]]
        if not suspects:
            return []
        found = [self._compiled[number] for number in sorted(suspects)]
        return [compiled.rule for compiled in found if compiled.holds(text)]


class _Patterns:
    """The patterns of all rules in one script, looked for in one pass."""

    def __init__(self, by_rule: Iterable[Sequence[str]]) -> None:
        self._set = re2.Set.SearchSet(_options(_PASS_BYTES))
        self._owners: list[int] = []
        for number, patterns in enumerate(by_rule):
            for pattern in patterns:
                self._set.Add(_with_masks(pattern))
                self._owners.append(number)
        if self._owners:
            self._set.Compile()

    def owners(self, text: str) -> list[int]:
        """Numbers of the rules with a pattern that is in *text*."""
        if not text or not self._owners:
            # A pattern that is in the empty text was refused.
            return []
        return [self._owners[index] for index in self._set.Match(text) or ()]


def load_rules(path: Path) -> HardRules:
    """
    Read hard rules from a YAML list.

    Raises:
        DataError: If the file or a rule in it is wrong; names rule and fix.
    """
    rules: list[Rule] = []
    names: set[str] = set()
    for number, raw in enumerate(read_yaml(path, list[dict[str, object]], _SHAPE), 1):
        where = f"rule {raw.get('id', f'number {number}')}"
        try:
            rule = convert(path, raw, Rule, _SHAPE)
            _check(rule, names)
        except (DataError, ValueError) as exc:
            problem = str(exc.__cause__ if isinstance(exc, DataError) else exc)
            raise DataError(path, problem, _SHAPE, where) from exc
        names.add(rule.id)
        rules.append(rule)
    return HardRules(rules)


def _check(rule: Rule, names: set[str]) -> None:
    if rule.id in names:
        raise ValueError("the id is taken by a rule above")
    if rule.raises == Raises():
        raise ValueError("raises nothing")
    if not (rule.zh or rule.en or rule.zh_patterns or rule.en_patterns):
        raise ValueError("looks for nothing")
    if not all(phrase_of(text).strip() for text in (*rule.zh, *rule.en, *rule.ignore)):
        raise ValueError("a phrase is empty in normal form")
    for pattern in (*rule.zh_patterns, *rule.en_patterns, *rule.ignore_patterns):
        if _compile(pattern).search("") is not None:
            raise ValueError(f"pattern {pattern!r} matches the empty text")


def _compile(pattern: str) -> re2._Regexp:
    try:
        return re2.compile(_with_masks(pattern), _options())
    except re2.error as exc:
        reason = exc.args[0] if exc.args else exc
        text = reason.decode() if isinstance(reason, bytes) else str(reason)
        raise ValueError(f"pattern {pattern!r} is not RE2: {text}") from exc


def _options(max_mem: int = 8 << 20) -> re2.Options:
    options = re2.Options()
    options.log_errors = False
    options.never_capture = True
    options.max_mem = max_mem
    return options


def _with_masks(pattern: str) -> str:
    for mask, name in MASK_NAMES.items():
        pattern = pattern.replace(name, mask)
    return pattern
