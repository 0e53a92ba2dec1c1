"""
One case of a crash run: its workers die, others take up what they left.

A turn is repeated, as a gateway does whose worker died; a turn that was given
up is settled, as the sweeper does; an approval is sent again, as an operator
does who got no answer.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from engines.contract import OpenTask
from loadtest.crash_cases import Case
from loadtest.crash_check import Heard
from loadtest.crash_places import PLACES
from loadtest.crash_worker import Done, Job


#: Share of deaths at a random time, and the latest such time, seconds.
RANDOM_SHARE = 0.3
LATEST_S = 0.12
#: Chances that whoever takes something up dies, too, once and once more.
AGAIN = (0.5, 0.3)
#: Chance that the worker of an opening turn dies.
OPENING_DIES = 0.15
#: Tries of one job that nothing kills, and the pause between them, seconds.
TRIES, PAUSE_S = 6, 0.3
#: Proposals that one customer agrees to: none should need a second.
ROUNDS = 3
_YES = "确认"


class Nursery:
    """
    Where workers come from, and the count of their deaths by place.

    Args:
        path: Socket of the nursery.

        job: What all jobs have in common.

        only: Places of :data:`PLACES` where workers die, and at no random time;
            all of them, and at random times, if empty.
    """

    def __init__(
        self, path: Path, job: Job, chance: random.Random, only: Sequence[str] = ()
    ) -> None:
        self._path = path
        self._job = job
        self._chance = chance
        self._only = only
        self.places: dict[str, int] = {}

    @property
    def store_url(self) -> str:
        """Where the ledger is."""
        return self._job.store_url

    @property
    def deaths(self) -> int:
        """Workers killed so far."""
        return sum(self.places.values())

    async def work(self, dying: Sequence[tuple[float, str]], **job: Any) -> Done:
        """
        Have a job done, by as many workers as it takes.

        Args:
            dying: For each worker before the last ones the chance that it dies,
                and the row of :data:`PLACES` where.

            job: Fields of :class:`Job`.
        """
        for likely, row in dying:
            if self._chance.random() < likely:
                done = await self.die(row, **job)
                if done is not None and not done.error:
                    return done
        whole = msgspec.structs.replace(self._job, **job)
        done = None
        for _ in range(TRIES):
            done = await self._once(whole)
            if done is not None and not done.error:
                return done
            await asyncio.sleep(PAUSE_S)
        return done or Done(error="it died by itself")

    async def die(self, row: str, **job: Any) -> Done | None:
        """Have one doomed worker try; None if it died, as most do."""
        doomed = self._doomed(msgspec.structs.replace(self._job, **job), row)
        done = await self._once(doomed)
        if done is None:
            place = doomed.dies_at or "at a random time"
            self.places[place] = self.places.get(place, 0) + 1
        return done

    def _doomed(self, job: Job, row: str) -> Job:
        if self._only:
            places = [place for place in PLACES[row] if place in self._only]
            return msgspec.structs.replace(job, dies_at=places[0] if places else "")
        if self._chance.random() < RANDOM_SHARE:
            after_s = self._chance.uniform(0.001, LATEST_S)
            return msgspec.structs.replace(job, dies_after_s=after_s)
        nth = self._chance.randint(1, 2) if job.is_apart else 1
        place = self._chance.choice(PLACES[row])
        return msgspec.structs.replace(job, dies_at=place, dies_nth=nth)

    async def _once(self, job: Job) -> Done | None:
        """What one worker came to; None if it died."""
        reader, writer = await asyncio.open_unix_connection(self._path)
        try:
            writer.write(msgspec.json.encode(job) + b"\n")
            line = await reader.readline()
        except ConnectionError:
            return None
        finally:
            writer.close()
        return msgspec.json.decode(line, type=Done) if line else None


class Player:
    """Plays one case, and keeps what its customer heard."""

    def __init__(self, case: Case, nursery: Nursery) -> None:
        self._case = case
        self._nursery = nursery
        self._numbers = iter(range(1, 100))
        is_refused = case.errand == "address_taken_back"
        self._first = "refused" if is_refused else "consent"
        self._again = "back again" if is_refused else "again"
        self.heard = Heard()

    async def play(self) -> None:
        """From the wish to its end."""
        case = self._case
        dying = [(OPENING_DIES, "opening")]
        opened = await self._turn(dying, draft=case.draft, text=case.text)
        if opened.open_task is None and not opened.error:
            self.heard.errors.append(f"nothing was proposed: {opened}")
        for _ in range(ROUNDS):
            if opened.open_task is None:
                return
            actions = [id_ for id_, state in opened.told if state == "proposed"]
            opened = await self._agree(opened.open_task, actions)

    async def _agree(self, task: OpenTask, actions: list[str]) -> Done:
        """The customer says yes to what was shown."""
        case = self._case
        turn = {"open_task": task, "text": _YES, "said": (case.text,)}
        if case.way == "given_up":
            await self._turn_given_up(turn)
            await self._on_each(actions, "settle", self._again)
            return Done()
        done = await self._turn(self._dying(self._first), **turn)
        if case.way == "approval":
            await self._on_each(actions, "approve", "approve")
            await self._on_each(actions, "settle", self._again)
        return done

    def _dying(self, first: str) -> list[tuple[float, str]]:
        return [(1.0, first), *((likely, self._again) for likely in AGAIN)]

    async def _turn(self, dying: Sequence[tuple[float, str]], **job: Any) -> Done:
        done = await self._nursery.work(dying, **self._as_turn(), **job)
        self._hear(done)
        return done

    async def _turn_given_up(self, turn: dict[str, Any]) -> None:
        """A worker dies, and nobody repeats the turn: a person has the talk."""
        done = await self._nursery.die(self._first, **self._as_turn(), **turn)
        self.heard.is_with_person = True
        if done is not None:
            self._hear(done)

    async def _on_each(self, actions: list[str], deed: str, first: str) -> None:
        for id_ in actions:
            done = await self._nursery.work(
                self._dying(first), **(self._as_turn() | {"do": deed, "action_id": id_})
            )
            self._hear(done)

    def _as_turn(self) -> dict[str, Any]:
        case = self._case
        return {
            "do": "turn",
            "conversation": case.name,
            "is_apart": case.is_apart,
            "seq": next(self._numbers),
        }

    def _hear(self, done: Done) -> None:
        self.heard.told |= dict(done.told)
        self.heard.is_with_person |= done.is_with_person
        if done.error:
            self.heard.errors.append(done.error)
