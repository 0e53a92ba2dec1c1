"""
The history checker: what was promised, against what is in the logs.

A client records every request and every answer; afterwards each conversation's
events are read back. In the manner of Jepsen, the checker knows nothing of the
gateway's code. What it looks for:

    lost        acknowledged, but not in the log, or in it without an end
    twice       in the log twice, or answered twice, or given two results
    disorder    replies not in the order of their messages, or numbers that
                do not rise
    untrue      the log tells another reply than the client was given
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise

import msgspec


class Ack(msgspec.Struct, frozen=True, kw_only=True):
    """
    A 200 or 202 that a client got.

    Attributes:
        reply: Text of the machine's reply; empty if there was none.
    """

    conversation: str
    message_id: str
    seq: int
    status: str
    reply: str = ""


class LogLine(msgspec.Struct, frozen=True, kw_only=True):
    """One event as read back."""

    n: int
    kind: str
    message_id: str = ""
    text: str = ""


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One broken promise."""

    kind: str
    conversation: str
    message_id: str
    detail: str


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """
    What the checker found.

    Attributes:
        acknowledged: Messages that were promised.

        answered / with_people: How they ended.
    """

    acknowledged: int
    answered: int
    with_people: int
    findings: tuple[Finding, ...]

    def count(self, kind: str) -> int:
        """Findings of one kind."""
        return sum(finding.kind == kind for finding in self.findings)


def check(acks: Iterable[Ack], logs: Mapping[str, Sequence[LogLine]]) -> Verdict:
    """
    Judge a history that has come to rest.

    Args:
        acks: Every acknowledgement, repeats too.

        logs: Conversation -> all its events, in the order read.
    """
    by_conversation: defaultdict[str, list[Ack]] = defaultdict(list)
    for ack in acks:
        by_conversation[ack.conversation].append(ack)
    findings: list[Finding] = []
    answered = with_people = 0
    for conversation, given in by_conversation.items():
        log = _Log(conversation, logs.get(conversation, ()))
        findings += log.disorder()
        for message_id, same in _by_message(given).items():
            findings += log.judge(message_id, same)
            if message_id in log.replies:
                answered += 1
            elif log.is_with_people(message_id):
                with_people += 1
    return Verdict(
        acknowledged=sum(len(_by_message(given)) for given in by_conversation.values()),
        answered=answered,
        with_people=with_people,
        findings=tuple(findings),
    )


def _by_message(acks: Iterable[Ack]) -> dict[str, list[Ack]]:
    found: defaultdict[str, list[Ack]] = defaultdict(list)
    for ack in acks:
        found[ack.message_id].append(ack)
    return found


class _Log:
    """One conversation's events, indexed."""

    def __init__(self, conversation: str, lines: Sequence[LogLine]) -> None:
        self.conversation = conversation
        self.lines = lines
        self.messages = self._index("message")
        self.replies = self._index("reply")
        self.notices = [line.n for line in lines if line.kind == "notice"]

    def _index(self, kind: str) -> dict[str, list[LogLine]]:
        found: defaultdict[str, list[LogLine]] = defaultdict(list)
        for line in self.lines:
            if line.kind == kind:
                found[line.message_id].append(line)
        return dict(found)

    def is_with_people(self, message_id: str) -> bool:
        """True if the change of owner was told at or after the message."""
        written = self.messages.get(message_id, ())
        return bool(written) and bool(self.notices)

    def judge(self, message_id: str, acks: Sequence[Ack]) -> list[Finding]:
        """Everything that is wrong with one message."""
        written = self.messages.get(message_id, [])
        replies = self.replies.get(message_id, [])
        found = []
        if not written:
            found.append(
                self._finding("lost", message_id, "acknowledged, not in the log")
            )
        elif not replies and not self.is_with_people(message_id):
            found.append(self._finding("lost", message_id, "in the log without an end"))
        if len(written) > 1:
            at = ", ".join(str(line.n) for line in written)
            found.append(self._finding("twice", message_id, f"accepted as {at}"))
        if len(replies) > 1:
            at = ", ".join(str(line.n) for line in replies)
            found.append(self._finding("twice", message_id, f"answered at {at}"))
        found += self._untrue(message_id, acks, written, replies)
        return found

    def _untrue(
        self,
        message_id: str,
        acks: Sequence[Ack],
        written: Sequence[LogLine],
        replies: Sequence[LogLine],
    ) -> list[Finding]:
        seqs = {ack.seq for ack in acks}
        if len(seqs) > 1:
            return [self._finding("twice", message_id, f"numbered {sorted(seqs)}")]
        if written and written[0].n not in seqs:
            return [
                self._finding("untrue", message_id, "acknowledged under another number")
            ]
        told = {ack.reply for ack in acks if ack.status == "answered"}
        if len(told) > 1:
            return [
                self._finding("twice", message_id, "two different replies were given")
            ]
        if told and replies and told != {replies[0].text}:
            return [self._finding("untrue", message_id, "the log tells another reply")]
        return []

    def disorder(self) -> list[Finding]:
        """Numbers must rise, and replies follow the order of their messages."""
        found = []
        numbers = [line.n for line in self.lines]
        if any(later <= earlier for earlier, later in pairwise(numbers)):
            found.append(self._finding("disorder", "", "event numbers do not rise"))
        place = {mid: lines[0].n for mid, lines in self.messages.items()}
        last = 0
        for line in self.lines:
            if line.kind != "reply" or line.message_id not in place:
                continue
            if place[line.message_id] < last:
                found.append(
                    self._finding(
                        "disorder", line.message_id, "answered after a later message"
                    )
                )
            last = max(last, place[line.message_id])
        return found

    def _finding(self, kind: str, message_id: str, detail: str) -> Finding:
        return Finding(
            kind=kind,
            conversation=self.conversation,
            message_id=message_id,
            detail=detail,
        )
