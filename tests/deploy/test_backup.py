"""
Backup, restore, and data that the first release wrote.
"""

from __future__ import annotations

import asyncio
import io
import json
import os
import tarfile
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from inside_gateway import Inside, open_inside
from redis import Redis

from gateway.backup import BackupError, back_up, restore
from gateway.cli.main import cli
from gateway.config import ChannelConfig, Config, ShopConfig
from gateway.config_file import load
from gateway.store.connection import Scripts
from gateway.store.data_version import FIRST, bring_up_to_date
from gateway.store.embedded import EmbeddedStore
from gateway.store.errors import StoreMisused
from gateway.store.keys import DATA_VERSION


NOW = datetime(2026, 11, 23, 4, 0, tzinfo=UTC)
FIRST_RELEASE = Path(__file__).with_name("first_release.tar.gz")


@pytest.fixture
def used(tmp_path: Path) -> Path:
    """A data folder with a store that ran, a key file and a document."""
    folder = tmp_path / "data"
    store = EmbeddedStore(folder)
    store.start()
    with Redis.from_url(store.url) as client:
        client.hset("{demo:1}c:a", "s", "x" * 1_000)
        client.xadd("{demo:1}l:a", {"m": "多久发货"})
    store.stop()
    (folder / "secrets.json").write_text("{}")
    (folder / "knowledge").mkdir()
    (folder / "knowledge" / "a.bin").write_bytes(os.urandom(5_000))
    return folder


def test_a_backup_comes_back_as_it_was(used: Path, tmp_path: Path) -> None:
    """Files, store and modes; what each start makes anew is not in it."""
    contents = back_up(used, tmp_path / "b.tar.gz", NOW)
    names = {member.path for member in contents.files}
    assert {"secrets.json", "knowledge/a.bin"} < names
    assert not any(name.startswith(("lock", "valkey", "metrics")) for name in names)
    assert (tmp_path / "b.tar.gz").stat().st_mode & 0o077 == 0
    target = tmp_path / "restored"
    restore(tmp_path / "b.tar.gz", target)
    for name in names:
        assert (target / name).read_bytes() == (used / name).read_bytes()
    assert (target / "secrets.json").stat().st_mode & 0o077 == 0
    store = EmbeddedStore(target)
    store.start()
    with Redis.from_url(store.url) as client:
        assert client.hget("{demo:1}c:a", "s") == b"x" * 1_000
        assert client.xlen("{demo:1}l:a") == 1
    store.stop()


def test_what_was_acknowledged_before_a_backup_is_in_it(tmp_path: Path) -> None:
    """The server runs, writes on, and rewrites its log meanwhile."""
    store = EmbeddedStore(tmp_path / "data")
    store.start()
    with Redis.from_url(store.url) as client:
        for number in range(400):
            client.set(f"k{number}", b"v" * 200)
        client.bgrewriteaof()
        back_up(tmp_path / "data", tmp_path / "b.tar.gz", NOW)
        client.set("later", b"v")
    store.stop()
    restore(tmp_path / "b.tar.gz", tmp_path / "copy")
    copy = EmbeddedStore(tmp_path / "copy")
    copy.start()
    with Redis.from_url(copy.url) as client:
        found = sum(1 for number in range(400) if client.exists(f"k{number}"))
    copy.stop()
    assert found == 400


def test_nothing_is_overwritten(used: Path, tmp_path: Path) -> None:
    """Neither a file by a backup nor a folder by a restore; each refusal has its fix."""
    target = tmp_path / "b.tar.gz"
    back_up(used, target, NOW)
    with pytest.raises(BackupError, match="name another file"):
        back_up(used, target, NOW)
    with pytest.raises(BackupError, match="not empty"):
        restore(target, used)
    with pytest.raises(BackupError, match="--data-dir"):
        back_up(tmp_path / "nowhere", tmp_path / "c.tar.gz", NOW)
    assert not (tmp_path / "c.tar.gz").exists()


def test_a_backup_whose_list_is_no_text_leaves_nothing_behind(tmp_path: Path) -> None:
    """Bytes that no decoder reads, whole and well compressed."""
    source = tmp_path / "b.tar.gz"
    with tarfile.open(source, "w:gz") as archive:
        entry = tarfile.TarInfo("backup.json")
        entry.size = 6
        archive.addfile(entry, io.BytesIO(b'{"a":\xff'))
    with pytest.raises(BackupError, match="damaged or no backup"):
        restore(source, tmp_path / "target")
    assert [path.name for path in tmp_path.iterdir()] == ["b.tar.gz"]


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(at=st.floats(0, 1), bits=st.integers(1, 255), is_cut=st.booleans())
def test_a_damaged_backup_leaves_nothing_behind(
    tmp_path: Path, at: float, bits: int, *, is_cut: bool
) -> None:
    """Flipped or cut anywhere: the same bytes as before, or a refusal and no folder."""
    source = tmp_path / "source"
    if not source.exists():
        source.mkdir()
        (source / "a").write_bytes(os.urandom(3_000))
        back_up(source, tmp_path / "b.tar.gz", NOW)
    data = bytearray((tmp_path / "b.tar.gz").read_bytes())
    place = min(len(data) - 1, int(at * len(data)))
    if is_cut:
        del data[place:]
    else:
        data[place] ^= bits
    broken, target = tmp_path / "broken.tar.gz", tmp_path / "target"
    broken.write_bytes(data)
    try:
        restore(broken, target)
    except BackupError:
        assert not target.exists()
        assert not (tmp_path / "target.part").exists()
    else:
        assert (target / "a").read_bytes() == (source / "a").read_bytes()
        (target / "a").unlink()
        target.rmdir()


@pytest.mark.parametrize("path", ["../evil", "/tmp/evil", "a/../../evil"])
def test_no_file_is_written_outside_of_the_folder(tmp_path: Path, path: str) -> None:
    """A backup that somebody else made."""
    head = {
        "format": 1,
        "made_at": NOW,
        "files": [{"path": path, "size": 1, "sha256": "0" * 64}],
    }
    body = msgspec.json.encode(head)
    with tarfile.open(tmp_path / "b.tar.gz", "w:gz") as archive:
        for name, data in (("backup.json", body), (path, b"x")):
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    with pytest.raises(BackupError, match="leads out"):
        restore(tmp_path / "b.tar.gz", tmp_path / "inner" / "target")
    assert not (tmp_path / "evil").exists()


def test_the_commands_do_it_and_say_so(used: Path, tmp_path: Path) -> None:
    """`tidegate backup`, then `tidegate restore` into another folder."""
    target = str(tmp_path / "b.tar.gz")
    run = CliRunner().invoke
    made = run(cli, ["backup", target, "--data-dir", str(used)])
    assert made.exit_code == 0, made.output
    back = run(cli, ["restore", target, "--data-dir", str(tmp_path / "new"), "--json"])
    assert back.exit_code == 0, back.output
    assert json.loads(back.output)["format"] == 1
    again = run(cli, ["restore", target, "--data-dir", str(tmp_path / "new")])
    assert isinstance(again.exception, BackupError)


# --- versions of the stored data ---


@pytest.mark.anyio
async def test_older_data_is_migrated_step_by_step(every_store_url: str) -> None:
    """In order, each once; a step that was cut off is made again."""
    scripts = await Scripts.connect(every_store_url)
    made: list[int] = []

    def to(version: int, *, breaks: bool = False):  # type: ignore[no-untyped-def]
        async def migrate(_: Scripts) -> None:
            if breaks:
                raise asyncio.CancelledError
            made.append(version)

        return migrate

    try:
        assert await bring_up_to_date(scripts) == FIRST
        with pytest.raises(asyncio.CancelledError):
            await bring_up_to_date(scripts, {2: to(2), 3: to(3, breaks=True)})
        assert await bring_up_to_date(scripts, {2: to(2), 3: to(3)}) == 3
        assert await bring_up_to_date(scripts, {2: to(2), 3: to(3)}) == 3
        assert made == [2, 3]
        with pytest.raises(StoreMisused, match="version 3, this release knows 1"):
            await bring_up_to_date(scripts)
    finally:
        await scripts.command(DATA_VERSION, "DEL", DATA_VERSION)
        await scripts.close()


def upgraded(folder: Path, store_url: str) -> Config:
    """Today's gateway on a folder of the first release."""
    config, replace = load(None, {}), msgspec.structs.replace
    channels = tuple(
        ChannelConfig(name=name, allows_visitors=name == "web")
        for name in ("app", "web")
    )
    return replace(
        config,
        data_dir=str(folder),
        store=replace(config.store, url=store_url, lease_ms=1_000),
        log=replace(config.log, path=str(folder / "gateway.log")),
        router=replace(config.router, arithmetic="plain"),
        shops=(ShopConfig(id="demo", channels=channels),),
    )


@pytest.mark.anyio
async def test_a_folder_of_the_first_release_goes_on(tmp_path: Path) -> None:
    """
    Its keys open, its talks read as they were told and go on, its ticket is open, its
    operator signs in. Made by the release of issue 2 with its own commands.
    """
    folder = tmp_path / "data"
    with tarfile.open(FIRST_RELEASE) as archive:
        for entry in archive.getmembers():
            if (content := archive.extractfile(entry)) is not None:
                path = folder / entry.name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content.read())
    told = json.loads((folder / "told.json").read_text("utf-8"))
    store = EmbeddedStore(folder)
    store.start()
    try:
        async with open_inside(upgraded(folder, store.url), "new") as worker:
            for name, events in told["events"].items():
                assert await worker.events(name) == events, name
            last = told["events"]["faq"][-1]["n"]
            result = await worker.say(
                "faq", "运费怎么算", user="c1001", message_id="new"
            )
            assert (result["status"], result["seq"]) == ("answered", last + 1)
            assert await tickets(worker) == 1
    finally:
        store.stop()


async def tickets(worker: Inside) -> int:
    """Open tickets, as the operator of the first release sees them."""
    body = {"shop": "demo", "name": "lin", "password": "correct horse battery"}
    signed = await worker.http.post("/v1/desk/session", json=body)
    assert signed.status_code == 201, signed.text
    board = await worker.http.get("/v1/desk/board")
    open_tickets: int = board.json()["open_tickets"]
    return open_tickets
