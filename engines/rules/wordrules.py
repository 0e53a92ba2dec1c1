"""
Keyword rules and regular expressions of all intents, compiled to two scans.

One automaton finds every keyword of the pack in the canonical text at once; a
rule is looked at only if its rarest word occurs. RE2 runs those regular expressions
in linear time whose literal pieces occur. Cost follows the message, not the pack.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import Final, NamedTuple

import re2
from ahocorasick_rs import MATCHKIND_STANDARD, AhoCorasick

from engines.rules.pack import KeywordRule
from engines.rules.reading import Reader, Reading


#: Longer expressions are refused.
MAX_PATTERN_CHARS: Final = 500

#: Memory of one compiled expression; more is refused at load.
MAX_PATTERN_BYTES: Final = 1 << 20

#: Rules that may hang on one word; the rest of them is never looked at.
MAX_RULES_PER_WORD: Final = 64


class BadPattern(Exception):
    """A regular expression cannot be used; the text says why."""


class _Rule(NamedTuple):
    intent: int
    all: frozenset[int]
    any: frozenset[int]
    none: frozenset[int]


def check_pattern(pattern: str) -> None:
    """
    Refuse what cannot run in linear time, or would fit every message.

    Raises:
        BadPattern: With the reason in words.
    """
    if len(pattern) > MAX_PATTERN_CHARS:
        raise BadPattern(f"longer than {MAX_PATTERN_CHARS} characters")
    try:
        compiled = re2.compile(pattern, _options(MAX_PATTERN_BYTES))
    except re2.error as exc:
        reason = exc.args[0] if exc.args else exc
        text = reason.decode() if isinstance(reason, bytes) else str(reason)
        raise BadPattern(f"not linear-time RE2: {text}") from exc
    if compiled.search("") is not None:
        raise BadPattern("fits the empty message, so it would fit every message")


class WordRules:
    """All keyword rules, exclusions and expressions of one language."""

    def __init__(
        self,
        reader: Reader,
        rules: Iterable[tuple[int, KeywordRule]],
        excluded: Iterable[tuple[int, str]],
        patterns: Iterable[tuple[int, str]],
    ) -> None:
        self._reader = reader
        self._numbers: dict[str, int] = {}
        numbered = [self._number(intent, rule) for intent, rule in rules]
        barred: dict[int, set[int]] = defaultdict(set)
        for intent, word in excluded:
            barred[self._number_of(word)].add(intent)
        #: Intents that each excluding word rules out.
        self.exclusions = [frozenset(intents) for intents in barred.values()]
        self._exclusion = {word: number for number, word in enumerate(barred)}
        self._by_word = _by_rarest_word(numbered)
        self._lengths = [len(word) for word in self._numbers]
        self._automaton = AhoCorasick(
            [*self._numbers] or ["\x00"], matchkind=MATCHKIND_STANDARD
        )
        self._pattern_intents: list[int] = []
        self._patterns = self._compile(patterns)

    def words(self, reading: Reading) -> frozenset[int]:
        """Numbers of the keywords that occur in *reading*."""
        text = reading.canonical
        if self._reader.locale == "en":
            text = f" {text} "
        found = self._automaton.find_matches_as_indexes(text, overlapping=True)
        return frozenset([match[0] for match in found])

    def fitting(self, words: frozenset[int], text: str) -> dict[int, float]:
        """
        Intents with a keyword rule that fits *words*.

        The figure is the share of the canonical *text* that the rule's words
        make up: a rule of two words says little about a long message.
        """
        fitting: dict[int, float] = {}
        for word in words:
            for rule in self._by_word.get(word, ()):
                if (
                    rule.all <= words
                    and not rule.none & words
                    and (not rule.any or rule.any & words)
                ):
                    used = rule.all | (rule.any & words)
                    length = sum([self._lengths[one] for one in used])
                    share = min(1.0, length / len(text))
                    if share > fitting.get(rule.intent, 0.0):
                        fitting[rule.intent] = share
        return fitting

    def matching(self, folded: str) -> list[int]:
        """Intents with an expression that is found in the folded message."""
        if not self._pattern_intents:
            return []
        found = self._patterns.Match(folded)
        return [self._pattern_intents[index] for index in found or ()]

    def excluding(self, words: frozenset[int]) -> list[int]:
        """Positions in *exclusions* of those whose word occurs."""
        return [self._exclusion[word] for word in words & self._exclusion.keys()]

    def _number(self, intent: int, rule: KeywordRule) -> _Rule:
        return _Rule(
            intent,
            frozenset(map(self._number_of, rule.all)),
            frozenset(map(self._number_of, rule.any)),
            frozenset(map(self._number_of, rule.none)),
        )

    def _number_of(self, word: str) -> int:
        text = self._reader.canonical(word)
        return self._numbers.setdefault(text, len(self._numbers))

    def _compile(self, patterns: Iterable[tuple[int, str]]) -> re2.Filter:
        """Only expressions whose literal pieces all occur in a message are run."""
        compiled = re2.Filter()
        for intent, pattern in patterns:
            compiled.Add(pattern, _options(MAX_PATTERN_BYTES))
            self._pattern_intents.append(intent)
        if self._pattern_intents:
            compiled.Compile()
        return compiled


def _by_rarest_word(rules: Iterable[_Rule]) -> dict[int, list[_Rule]]:
    """Hang each rule on the one word (or the any-words) that fewest rules share."""
    rules = list(rules)
    uses = Counter(word for rule in rules for word in rule.all | rule.any)
    index: dict[int, list[_Rule]] = defaultdict(list)
    for rule in rules:
        for word in _hooks(rule, uses):
            if len(index[word]) < MAX_RULES_PER_WORD:
                index[word].append(rule)
    return dict(index)


def _hooks(rule: _Rule, uses: Counter[int]) -> Iterable[int]:
    rarest = min(rule.all, key=lambda word: (uses[word], word), default=None)
    if rarest is None:
        return rule.any
    through_any = sum(uses[word] for word in rule.any)
    return rule.any if rule.any and through_any < uses[rarest] else (rarest,)


def _options(memory: int) -> re2.Options:
    options = re2.Options()
    options.log_errors = False
    options.max_mem = memory
    return options
