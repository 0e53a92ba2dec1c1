"""
What the store may raise.

    StoreError
    ├── StoreUnavailable   no answer, or none in time: what became of the call is unknown
    │   └── StoreRefusing  the server says it can't take writes now; nothing was written
    ├── StoreLocked        another process owns the data folder
    ├── StoreCorrupt       the data on disk can't be loaded without a repair
    ├── StoreMisused       address, script or argument is wrong: a bug or a setting
    ├── ScriptError        a store function refused, with its own code
    ├── MailboxFull        too much undisposed mail in one conversation
    ├── StaleLease         another worker holds the conversation by now
    ├── StaleOwner         another person, or nobody, owns the conversation by now
    └── UnseenMessage      the customer wrote after what the owner has read
"""

from __future__ import annotations

from pathlib import Path


class StoreError(Exception):
    """Base of what the store may raise."""


class StoreUnavailable(StoreError):
    """The store gave no answer in time; the call may or may not have happened."""


class StoreRefusing(StoreUnavailable):
    """The server takes no such call now (loading, full, failing over); nothing was written."""


class StoreLocked(StoreError):
    """Another process owns the data folder."""

    def __init__(self, folder: Path, pid: int | None) -> None:
        owner = f"process {pid}" if pid else "another process"
        super().__init__(
            f"{folder} is in use by {owner}: one gateway owns a data folder. "
            "Stop it, or choose another folder with --data-dir."
        )
        self.folder = folder
        self.pid = pid


class StoreCorrupt(StoreError):
    """The data on disk can't be loaded; the message says how to repair it."""

    def __init__(self, folder: Path, found: str, fix: str) -> None:
        super().__init__(f"{folder}: {found} Fix: {fix}")
        self.folder = folder
        self.found = found
        self.fix = fix


class StoreMisused(StoreError):
    """An address, a script or an argument is wrong."""


class ScriptError(StoreError):
    """A store function refused; *code* is the first word of its error reply."""

    def __init__(self, function: str, message: str) -> None:
        super().__init__(f"{function}: {message}")
        self.function = function
        self.code = message.partition(" ")[0]


class MailboxFull(StoreError):
    """A conversation holds as much undisposed mail as it may; nothing was written."""

    def __init__(self, shop: str, conversation: str, limit: int) -> None:
        super().__init__(f"{limit} messages of one conversation wait already")
        self.shop = shop
        self.conversation = conversation
        self.limit = limit


class StaleLease(StoreError):
    """Another worker holds the conversation by now; nothing was written."""

    def __init__(self, shop: str, conversation: str, epoch: int) -> None:
        super().__init__(f"epoch {epoch} is over")
        self.shop = shop
        self.conversation = conversation
        self.epoch = epoch


class StaleOwner(StoreError):
    """Another person, or nobody, owns the conversation by now; nothing was written."""

    def __init__(self, shop: str, conversation: str, handoff_id: str) -> None:
        super().__init__(f"handoff {handoff_id} does not own the conversation")
        self.shop = shop
        self.conversation = conversation
        self.handoff_id = handoff_id


class UnseenMessage(StoreError):
    """The customer wrote after what the owner has read; nothing was written."""

    def __init__(self, shop: str, conversation: str, n: int) -> None:
        super().__init__(f"event {n} of the conversation is not read yet")
        self.shop = shop
        self.conversation = conversation
        self.n = n
