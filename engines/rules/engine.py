"""
The engine of tier L1.

It answers what one fixed text answers, walks a customer through a form, and
hands everything else on with a reason. It reads no store and no shop, waits for
nothing and keeps nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Final, Literal, Self
from zoneinfo import ZoneInfo

from engines.contract import Answer, Escalation, Locale, Tier, Turn
from engines.rules.compiling import CompiledPack, compile_pack
from engines.rules.loading import load_pack
from engines.rules.matcher import Match, Miss
from engines.rules.pack import Intent
from engines.rules.serving import (
    KnowsBetter,
    PackServer,
    StageOf,
    no_stage,
    nobody,
)
from engines.rules.templates import Facts


#: Where the shops are, unless a clock is given.
ZONE: Final = ZoneInfo("Asia/Shanghai")

#: How the sums of a match are done.
Arithmetic = Literal["auto", "native", "plain"]


def shop_time() -> datetime:
    """Local time of a shop that says nothing else."""
    return datetime.now(ZONE)


class RulesEngine:
    """L1: a compiled rule pack that answers turns."""

    def __init__(
        self, pack: CompiledPack, now: Callable[[], datetime] = shop_time
    ) -> None:
        self._now = now
        self._knows_better: KnowsBetter = nobody
        self._stage_of: StageOf = no_stage
        self._server = self._serve(pack)
        self.arithmetic: Literal["native", "plain"] = "plain"

    @classmethod
    def load(
        cls,
        pack_paths: Sequence[Path | str],
        facts_path: Path | str | None,
        now: Callable[[], datetime] = shop_time,
    ) -> Self:
        """
        Load and compile the last of *pack_paths* with the shop's facts.

        The other paths are packs that it may extend by name. *now* is the
        shop's local time, by which dates and hours of a pack are read. Without a
        page of facts nothing is stated on the shop: such turns go to L2.

        Raises:
            BadFile: With every problem found, each with file, line and fix.
        """
        return cls(_compiled(pack_paths, facts_path), now)

    def reload(
        self, pack_paths: Sequence[Path | str], facts_path: Path | str | None
    ) -> None:
        """
        Answer from these files from now on; may be called from another thread.

        Turns see the old pack whole or the new one whole. Dialogs that are open
        start over, since their version is another one.

        Raises:
            BadFile: With every problem found; the old pack keeps answering.
        """
        pack = _compiled(pack_paths, facts_path)
        if self.arithmetic == "native":
            pack.matcher.use_native()
        self._server = self._serve(pack)

    def yield_to(self, knows_better: KnowsBetter) -> None:
        """
        Leave a statement on the shop to L2 where *knows_better* says so of a turn.

        It is asked on the loop, about turns that a statement would answer.
        """
        self._knows_better = knows_better
        self._server = self._serve(self._server.pack)

    def read_stage(self, stage_of: StageOf) -> None:
        """Ask *stage_of* for the stage of a turn's shop, for conditions on it."""
        self._stage_of = stage_of
        self._server = self._serve(self._server.pack)

    def _serve(self, pack: CompiledPack) -> PackServer:
        return PackServer(pack, self._now, self._knows_better, self._stage_of)

    @property
    def tier(self) -> Tier:
        """Rules answer on L1."""
        return Tier.L1

    @property
    def version(self) -> str:
        """Version of the pack, with a digest of its content."""
        return self._server.pack.version

    @property
    def intents(self) -> tuple[Intent, ...]:
        """All intents of the pack, inherited ones too."""
        return self._server.pack.intents

    def use(self, arithmetic: Arithmetic) -> None:
        """
        Choose how to add up from now on; ``auto`` is native where numba is installed.

        Native code is compiled here, once in a process: do it before serving.

        Raises:
            ImportError: If it has to be native and numba is not installed.
        """
        if arithmetic == "plain":
            return
        try:
            self._server.pack.matcher.use_native()
        except ImportError:
            if arithmetic == "native":
                raise
        else:
            self.arithmetic = "native"

    def match(self, text: str, locale: Locale) -> Match | Miss:
        """Find the intent of a text, for tools and reports."""
        return self._server.pack.matcher.match(text, locale)

    async def answer(self, turn: Turn) -> Answer | Escalation:
        """Answer *turn* from the pack, or say why not. Never waits."""
        return self._server.answer(turn)


def _compiled(
    pack_paths: Sequence[Path | str], facts_path: Path | str | None
) -> CompiledPack:
    pack = load_pack(pack_paths)
    facts = Facts.load(facts_path) if facts_path is not None else None
    return compile_pack(pack, facts)
