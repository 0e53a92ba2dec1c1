"""
Conversations as an assessment sees them, wherever they were exported from.

    TranscriptError         the file cannot be used; names file, place and fix
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

from gateway.errors import GatewayError


Speaker = Literal["customer", "bot", "operator"]


class TranscriptError(GatewayError):
    """A file of transcripts cannot be used; the message says what to do."""


class Line(msgspec.Struct, frozen=True):
    """
    One message of a conversation.

    Attributes:
        at: When it was sent, as the file says it; None if it does not.
    """

    speaker: Speaker
    text: str
    at: datetime | None = None


class Transcript(msgspec.Struct, frozen=True, kw_only=True):
    """
    One conversation, lines in the order they were said.

    Attributes:
        scene: What the file itself calls its matter; empty if it does not.

        handled_s: Handling time that the file itself states.
    """

    id: str
    lines: tuple[Line, ...]
    scene: str = ""
    handled_s: float | None = None

    @property
    def began(self) -> datetime | None:
        """When the first line was sent."""
        return self.lines[0].at

    @property
    def has_operator(self) -> bool:
        """True if a person answered in it."""
        return any(line.speaker == "operator" for line in self.lines)

    @property
    def has_customer_only(self) -> bool:
        """True if nobody's reply is in it."""
        return all(line.speaker == "customer" for line in self.lines)


class Skipped(msgspec.Struct, frozen=True):
    """A row that is no message, and why."""

    row: int
    reason: str


class Mapping(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """
    Which column means what; an empty name means that the file has none.

    Attributes:
        reply: Column of the shop's answer, for files of question and answer.

        handled_s: Column of a stated handling time in seconds.

        speakers: What the values of *role* mean.
    """

    text: str
    conversation: str = ""
    time: str = ""
    role: str = ""
    customer: str = ""
    scene: str = ""
    reply: str = ""
    handled_s: str = ""
    speakers: dict[str, Speaker] = msgspec.field(default_factory=dict)
