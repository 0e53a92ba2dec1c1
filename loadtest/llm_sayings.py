"""
What the stand-in for a model reads in a request, and what it answers.

A script comes first; else the sentence of a numbered passage that is most like the
question; else the question again.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final

import msgspec

from loadtest.llm_manners import Line, Manners


_PASSAGE: Final = re.compile(
    r"^\[(\d+)\] [^\n]*\n(.*?)(?=^\[\d+\] |\Z)", re.MULTILINE | re.DOTALL
)
_SENTENCE: Final = re.compile(r"[^。！？；\n]+[。！？；]?|[^.!?\n]+[.!?]?")
_ORDERED: Final = re.compile(r'Call the tool "(\w+)" with the (\w+) "(\w+)"')


class Message(msgspec.Struct, frozen=True):
    """One line of a request's dialogue."""

    role: str
    content: str


class Ask(msgspec.Struct, frozen=True):
    """A request for a completion, as far as it is looked at."""

    model: str
    messages: list[Message]
    stream: bool = False
    max_tokens: int = 1_000
    tools: list[dict[str, Any]] = msgspec.field(default_factory=list)
    response_format: dict[str, Any] | None = None

    @property
    def last(self) -> str:
        """What the last message says."""
        return self.messages[-1].content if self.messages else ""


class Said(msgspec.Struct, frozen=True):
    """What it answers: text, or one native tool call."""

    text: str = ""
    tool: str = ""
    args: str = ""


def say(ask: Ask, script: Sequence[Line], manners: Manners) -> Said:
    """What *script* has for *ask*, else a quotation, else the question again."""
    for line in script:
        if re.search(line.when, ask.last):
            if line.raw or not line.tool:
                return Said(line.raw or _as_asked(line.say, ask))
            return _call(line.tool, line.args, ask, manners)
    ordered = _ORDERED.search(ask.last)
    if ordered:
        return _call(ordered[1], {ordered[2]: ordered[3]}, ask, manners)
    return Said(_as_asked(_quote(ask.last) or f"You said: {ask.last[:200]}", ask))


def _call(tool: str, args: dict[str, Any], ask: Ask, manners: Manners) -> Said:
    if ask.tools and "native" in manners.tools:
        return Said(tool=tool, args=msgspec.json.encode(args).decode())
    text = msgspec.json.encode({"tool": tool, "args": args}).decode()
    return Said(text if ask.response_format else f"```json\n{text}\n```")


def _as_asked(text: str, ask: Ask) -> str:
    """Plain text in the form that a schema asks for."""
    if ask.response_format is None:
        return text
    return msgspec.json.encode({"tool": "say", "args": {"text": text}}).decode()


def _quote(prompt: str) -> str:
    """The sentence of a numbered passage that is most like the last paragraph."""
    *_, question = prompt.strip().split("\n")
    asked = _pairs(question)
    best, text = 0.0, ""
    for number, passage in _PASSAGE.findall(prompt):
        for sentence in _SENTENCE.findall(passage.rsplit("\n\n", 1)[0]):
            own = _pairs(sentence)
            score = len(asked & own) / (len(own) + 8)
            if score > best:
                best, text = score, f"{sentence.strip()} [{number}]"
    return text


def _pairs(text: str) -> set[str]:
    low = text.lower()
    return {low[i : i + 2] for i in range(len(low) - 1)}
