"""
The audit log: every way to touch it afterwards is told, and writers never collide.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import msgspec
import pytest

from gateway.audit_archive import AuditArchive, archived
from gateway.audit_log import AuditLine, AuditLog, RefusedKeys, broken, sealed
from gateway.errors import ConfigError
from gateway.store.audit import HOUSE, AuditStore
from gateway.store.connection import Scripts
from gateway.store.keys import shop_key


pytestmark = pytest.mark.anyio
Rows = list[tuple[int, bytes]]
DAY_MS = 86_400_000


class Kept(msgspec.Struct):
    """A log on a real store, with a clock that is set by hand."""

    scripts: Scripts
    store: AuditStore
    shop: str
    now_ms: int = 1_800_000_000_000

    def __post_init__(self) -> None:
        self.log = AuditLog(self.store, lambda: self.now_ms)

    log: AuditLog = None  # type: ignore[assignment]

    async def rows(self) -> Rows:
        """All entries."""
        return await self.log.all_lines(self.shop)

    async def problems(self) -> list[str]:
        """What does not hold."""
        return broken(self.shop, await self.rows(), await self.log.given(self.shop))


@pytest.fixture
async def kept(every_store_url: str) -> AsyncIterator[Kept]:
    """Six lines of a fresh shop; on each kind of store."""
    scripts = await Scripts.connect(every_store_url)
    found = Kept(scripts, AuditStore(scripts), f"s{uuid4().hex[:8]}")
    for number in range(6):
        await found.log.write(found.shop, "boss", "stage", {"stage": f"s{number}"})
    yield found
    await scripts.close()


async def test_untouched_lines_hold(kept: Kept) -> None:
    """Numbers from 1 on, each line after the one before it."""
    assert await kept.problems() == []
    assert [n for n, _ in await kept.rows()] == [1, 2, 3, 4, 5, 6]


async def test_writers_at_once_make_one_chain(kept: Kept) -> None:
    """Nothing is lost and nothing forks, whoever comes first."""
    others = [kept.log.write(kept.shop, f"w{n}", "tide") for n in range(12)]
    await asyncio.gather(*others)
    assert await kept.problems() == []
    assert len(await kept.rows()) == 18


def _as(change: dict[str, object], *, is_sealed: bool = False) -> object:
    def tamper(rows: Rows) -> None:
        n, raw = rows[2]
        line = msgspec.structs.replace(
            msgspec.json.decode(raw, type=AuditLine), **change
        )
        rows[2] = n, msgspec.json.encode(sealed(line) if is_sealed else line)

    return tamper


def _drops(rows: Rows) -> None:
    del rows[2]


def _cuts(rows: Rows) -> None:
    del rows[4:]


def _beheads(rows: Rows) -> None:
    del rows[:2]


def _swaps(rows: Rows) -> None:
    rows[1], rows[2] = (rows[1][0], rows[2][1]), (rows[2][0], rows[1][1])


def _repeats(rows: Rows) -> None:
    rows[3] = (rows[3][0], rows[2][1])


def _spoils(rows: Rows) -> None:
    rows[2] = rows[2][0], b"{"


def _empties(rows: Rows) -> None:
    rows.clear()


@pytest.mark.parametrize(
    "tamper",
    [
        _as({"who": "somebody"}),
        _as({"about": {"stage": "other"}}),
        _as({"at_ms": 5}),
        _as({"result": "failed"}),
        _as({"who": "somebody"}, is_sealed=True),
        _as({"shop": "other"}, is_sealed=True),
        _drops,
        _cuts,
        _beheads,
        _swaps,
        _repeats,
        _spoils,
        _empties,
    ],
)
async def test_tampering_is_told(kept: Kept, tamper: object) -> None:
    """What was changed, taken out, cut off, moved or doubled; even with its hash made anew."""
    rows = await kept.rows()
    tamper(rows)  # type: ignore[operator]
    assert broken(kept.shop, rows, await kept.log.given(kept.shop))


async def test_a_line_taken_out_of_the_store_is_missed(kept: Kept) -> None:
    """By the store's own commands, at the end too; and the log goes on after it."""
    key = shop_key(kept.shop, "au")
    await kept.scripts.command(key, "XDEL", key, "6-0")
    assert await kept.problems() == ["lines 6 to 6 are gone"]
    await kept.log.write(kept.shop, "boss", "stage")
    assert await kept.problems() == ["lines 6 to 6 are gone"]


async def test_nothing_is_put_in_between(kept: Kept) -> None:
    """The server refuses a place that was given."""
    assert not await kept.store.add(kept.shop, 3, b"{}")
    assert await kept.problems() == []


async def test_an_act_that_fails_says_so(kept: Kept) -> None:
    """Its first line is there before it begins."""

    async def act() -> None:
        async with kept.log.acting(kept.shop, "boss", "tide", {"pin": 3}):
            assert (await kept.log.latest(kept.shop, 99, 1))[0].result == "begun"
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await act()
    last = (await kept.log.latest(kept.shop, 99, 1))[0]
    assert (last.result, last.about["why"]) == ("failed", "ZeroDivisionError")


async def test_personal_data_is_masked(kept: Kept) -> None:
    """Whatever a line is about."""
    line = await kept.log.write(kept.shop, "boss", "link", {"user": "13800138000"})
    assert "13800138000" not in str(line.about)


async def test_old_lines_become_files(kept: Kept, tmp_path: Path) -> None:
    """The chain goes over from the file to the store; a damaged file is named."""
    kept.now_ms += 10 * DAY_MS
    await kept.log.write(kept.shop, "boss", "tide")
    archive = AuditArchive(kept.store, tmp_path, [kept.shop], 5.0, lambda: kept.now_ms)
    await archive.look()
    await archive.look()
    live, old = await kept.rows(), archived(tmp_path, kept.shop)
    assert [n for n, _ in old] == [1, 2, 3, 4, 5, 6]
    assert [n for n, _ in live] == [7]
    given = await kept.log.given(kept.shop)
    assert broken(kept.shop, [*old, *live], given) == []
    assert broken(kept.shop, live, given) == [
        "lines 1 to 6 are gone: name their archive"
    ]
    _damaged_file_is_named(tmp_path, kept.shop)


def _damaged_file_is_named(folder: Path, shop: str) -> None:
    path = next(folder.rglob("*.gz"))
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(ConfigError, match=path.name):
        archived(folder, shop)


async def test_the_last_line_stays(kept: Kept, tmp_path: Path) -> None:
    """Or the next one would follow nothing."""
    kept.now_ms += 400 * DAY_MS
    shops = [kept.shop]
    await AuditArchive(kept.store, tmp_path, shops, 5.0, lambda: kept.now_ms).look()
    assert [n for n, _ in await kept.rows()] == [6]
    await kept.log.write(kept.shop, "boss", "tide")
    rows = [*archived(tmp_path, kept.shop), *await kept.rows()]
    assert broken(kept.shop, rows, await kept.log.given(kept.shop)) == []


async def test_refused_keys_are_one_line(kept: Kept) -> None:
    """However many callers came."""
    refused = Counter({"unauthorized": 5_000})
    keeper = RefusedKeys(kept.log, refused)
    await keeper.look()
    await keeper.look()
    last = (await kept.log.latest(HOUSE, 2**53, 1))[0]
    assert (last.act, last.about) == ("key_refused", {"calls": "5000"})
    assert refused["unauthorized"] == 0
