"""
The shop's page of facts, and answer templates over it.

Templates are Jinja in a sandbox with undefined names as errors. Only texts,
facts, slots, comparisons and conditions are allowed: no loops, no calls, so
that rendering takes bounded time whatever a pack says.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import jinja2
import msgspec
from jinja2 import nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment

from engines import yamlfile
from engines.contract import Locale
from engines.rules.pack import LOCALES


#: Nodes a template may consist of.
_ALLOWED: Final = (
    nodes.Template,
    nodes.Output,
    nodes.TemplateData,
    nodes.Getattr,
    nodes.Name,
    nodes.Const,
    nodes.If,
    nodes.Compare,
    nodes.Operand,
    nodes.And,
    nodes.Or,
    nodes.Not,
)

Scope = Mapping[str, frozenset[str]]


class Fact(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One fact of the shop, as it is said in each language."""

    zh: str
    en: str


class BadTemplate(Exception):
    """A template cannot be used; the text says why, *fix* what to do."""

    def __init__(self, text: str, fix: str = "") -> None:
        super().__init__(text)
        self.fix = fix


class Facts:
    """All facts of a shop by language."""

    def __init__(self, facts: Mapping[str, Fact]) -> None:
        self.names = frozenset(facts)
        self._by_locale: dict[Locale, dict[str, str]] = {
            "zh": {name: fact.zh for name, fact in facts.items()},
            "en": {name: fact.en for name, fact in facts.items()},
        }

    @classmethod
    def load(cls, path: Path | str) -> Facts:
        """
        Read the page of facts.

        Raises:
            BadFile: If it is broken, or a fact is empty in a language.
        """
        document = yamlfile.read(Path(path))
        lines = yamlfile.convert(document, dict[str, object])
        facts = yamlfile.convert_values(document, lines, Fact)
        problems = [
            document.problem(f"fact {name!r} says nothing in {locale}", name, locale)
            for name, fact in facts.items()
            for locale in LOCALES
            if not getattr(fact, locale).strip()
        ]
        if problems:
            raise yamlfile.BadFile(problems)
        return cls(facts)

    def of(self, locale: Locale) -> Mapping[str, str]:
        """Return the facts as said in *locale*."""
        return self._by_locale[locale]


class Template:
    """One checked template in one language; its facts are already in place."""

    def __init__(self, compiled: jinja2.Template, facts: Mapping[str, str]) -> None:
        self._compiled = compiled
        self._facts = facts

    def render(self, slots: Mapping[str, str]) -> str:
        """Fill in *slots*; facts come from the shop's page."""
        return self._compiled.render(shop=self._facts, slot=slots).strip()


class TemplateCompiler:
    """Checks templates against the facts and slots that exist, and compiles."""

    def __init__(self, facts: Facts) -> None:
        self._facts = facts
        self._environment = ImmutableSandboxedEnvironment(
            undefined=jinja2.StrictUndefined,
            autoescape=False,  # plain chat text, never HTML
            keep_trailing_newline=False,
        )

    def compile(
        self, source: str, locale: Locale, slots: frozenset[str] = frozenset()
    ) -> Template:
        """
        Check and compile one template.

        Raises:
            BadTemplate: If it is not Jinja, uses something that is not allowed,
                or names a fact or slot that does not exist.
        """
        try:
            tree = self._environment.parse(source)
        except (jinja2.TemplateError, RecursionError) as exc:
            raise BadTemplate(f"template cannot be read: {exc}") from exc
        scope = {"shop": self._facts.names, "slot": slots}
        _check(tree, scope)
        compiled = self._environment.from_string(tree)
        return Template(compiled, self._facts.of(locale))


def _check(tree: nodes.Template, scope: Scope) -> None:
    inner: set[int] = set()
    for node in _walk(tree):
        if not isinstance(node, _ALLOWED):
            raise BadTemplate(
                f"templates may not use {type(node).__name__.lower()}",
                "use facts, slots and if only",
            )
        if isinstance(node, nodes.Getattr):
            _check_name(node, scope)
            inner.add(id(node.node))
        if isinstance(node, nodes.Name) and id(node) not in inner:
            raise BadTemplate(
                f"{{{{ {node.name} }}}} is not known",
                "write {{ shop.name }} for a fact, {{ slot.name }} for a slot",
            )


def _check_name(node: nodes.Getattr, scope: Scope) -> None:
    root = node.node.name if isinstance(node.node, nodes.Name) else ""
    if root not in scope:
        raise BadTemplate(f"{node.attr!r} of {root!r} is not known", "use shop or slot")
    if node.attr not in scope[root]:
        raise BadTemplate(
            f"{root}.{node.attr} does not exist",
            yamlfile.nearest(node.attr, scope[root]),
        )


def _walk(node: nodes.Node) -> Iterator[nodes.Node]:
    """Parents before children, so that attributes are seen before their root."""
    yield node
    for child in node.iter_child_nodes():
        yield from _walk(child)
