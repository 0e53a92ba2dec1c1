"""
The embedded server: one owner, dies with its parent, comes back, keeps its data.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from gateway.store import server
from gateway.store.embedded import EmbeddedStore
from gateway.store.errors import StoreCorrupt, StoreLocked, StoreUnavailable
from loadtest.store_servers import wait_for


ROOT = Path(__file__).parents[2]

PARENT = """
import sys, time, pathlib
from gateway.store.embedded import EmbeddedStore
store = EmbeddedStore(pathlib.Path(sys.argv[1]))
store.start()
print(store.pid, flush=True)
time.sleep(600)
"""


def start_parent(folder: Path) -> tuple[subprocess.Popen[str], int]:
    """Another process that owns *folder*; with the pid of its server."""
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, str(folder)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert parent.stdout is not None
    return parent, int(parent.stdout.readline())


def end(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.wait()
    if process.stdout is not None:
        process.stdout.close()


def is_alive(pid: int) -> bool:
    """Whether a process runs; a zombie does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def write(store: EmbeddedStore, **values: str) -> None:
    with Redis.from_url(store.url) as client:
        client.mset(values)


def read(store: EmbeddedStore, name: str) -> bytes | None:
    with Redis.from_url(store.url, retry=Retry(NoBackoff(), 0)) as client:
        found = client.get(name)
    assert found is None or isinstance(found, bytes)
    return found


@pytest.fixture
def store(tmp_path: Path) -> Iterator[EmbeddedStore]:
    store = EmbeddedStore(tmp_path / "data")
    yield store
    store.stop()


def test_starts_durable_and_private(store: EmbeddedStore, tmp_path: Path) -> None:
    """The server syncs every write, evicts nothing, and listens on a private socket only."""
    url = store.start()
    assert url == f"unix://{tmp_path}/data/valkey.sock"
    assert store.start() == url
    with Redis.from_url(url) as client:
        for name, value in server.DURABLE.items():
            assert client.config_get(name) == {name: value}
        assert client.config_get("port") == {"port": "0"}
    assert stat.S_IMODE((tmp_path / "data").stat().st_mode) == 0o700
    assert stat.S_IMODE((tmp_path / "data" / "valkey.sock").stat().st_mode) == 0o700


def test_stop_is_clean_and_repeatable(store: EmbeddedStore) -> None:
    """After stop the server is gone, the folder is free, and the data is kept."""
    store.start()
    write(store, name="value")
    pid = store.pid
    assert pid is not None
    store.stop()
    store.stop()
    assert not is_alive(pid)
    assert store.pid is None
    store.start()
    assert read(store, "name") == b"value"


def test_relative_folder_and_odd_names_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Folders with blanks, quotes, percent signs and other scripts are no problem."""
    monkeypatch.chdir(tmp_path)
    store = EmbeddedStore(Path("a b\"c'd#%41\\x41 数据"))
    store.start()
    write(store, name="value")
    assert read(store, "name") == b"value"
    store.stop()
    assert [path.name for path in tmp_path.iterdir()] == ["a b\"c'd#%41\\x41 数据"]


def test_too_long_path_uses_a_private_folder(tmp_path: Path) -> None:
    """A socket path beyond the system's limit moves to a folder of this user alone."""
    folder = tmp_path / ("x" * 120)
    store = EmbeddedStore(folder)
    socket = server.socket_path(folder)
    url = store.start()
    try:
        assert url == f"unix://{socket}"
        assert len(os.fsencode(socket)) < 104
        assert stat.S_IMODE(socket.parent.stat().st_mode) == 0o700
        write(store, name="value")
        assert read(store, "name") == b"value"
        store.stop()
        socket.parent.chmod(0o755)
        with pytest.raises(StoreUnavailable, match="not ours alone"):
            store.start()
    finally:
        store.stop()
        shutil.rmtree(socket.parent)


def test_second_owner_is_refused(store: EmbeddedStore, tmp_path: Path) -> None:
    """A second store on the same folder is refused and told who owns it."""
    store.start()
    write(store, name="value")
    with pytest.raises(StoreLocked, match=f"process {os.getpid()}") as caught:
        EmbeddedStore(tmp_path / "data").start()
    assert (caught.value.folder, caught.value.pid) == (tmp_path / "data", os.getpid())
    assert read(store, "name") == b"value"


@pytest.mark.faults
def test_other_process_is_refused(store: EmbeddedStore, tmp_path: Path) -> None:
    """The folder of a living process is refused; after its death it is free."""
    parent, _ = start_parent(tmp_path / "data")
    with pytest.raises(StoreLocked, match=f"process {parent.pid}"):
        store.start()
    end(parent)
    store.start()
    assert store.pid is not None


@pytest.mark.faults
def test_killed_server_comes_back_with_its_data(store: EmbeddedStore) -> None:
    """A killed server is started again, many times, and has every acknowledged write."""
    store.start()
    for n in range(5):
        write(store, **{f"name{n}": "value"})
        pid = store.pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        wait_for(lambda pid=pid: store.pid not in {None, pid} and read(store, "name0"))  # type: ignore[misc]
        assert read(store, f"name{n}") == b"value"
    assert store.restarts == 5


@pytest.mark.faults
@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's help is Linux only")
def test_server_dies_with_a_killed_parent(tmp_path: Path) -> None:
    """No server outlives a parent killed by SIGKILL."""
    parent, pid = start_parent(tmp_path / "data")
    assert is_alive(pid)
    end(parent)
    wait_for(lambda: not is_alive(pid), 5)


def abandoned_server(folder: Path) -> subprocess.Popen[bytes]:
    """A server on *folder* that nobody looks after, as on a system without our launcher."""
    process = subprocess.Popen(
        [str(server.binary()), str(folder / "valkey.conf")],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    socket = str(folder / "valkey.sock")
    with Redis(unix_socket_path=socket, retry=Retry(NoBackoff(), 0)) as client:
        wait_for(client.ping)
        client.set("late", "acknowledged")
    return process


@pytest.mark.faults
@pytest.mark.parametrize("is_stuck", [False, True])
def test_orphan_is_stopped_before_a_new_start(
    store: EmbeddedStore,
    tmp_path: Path,
    is_stuck: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """An orphaned server, even a stuck one, is ended first, and its writes are kept."""
    monkeypatch.setattr("gateway.store.orphan.STOP_GRACE_S", 0.5)
    store.start()
    store.stop()
    orphan = abandoned_server(tmp_path / "data")
    if is_stuck:
        orphan.send_signal(signal.SIGSTOP)
    store.start()
    assert not is_alive(orphan.pid)
    assert read(store, "late") == b"acknowledged"
    orphan.wait()


@pytest.mark.faults
@pytest.mark.parametrize("text", ["{pid}", "", "junk", "99999999", "-1", "0", "\0é"])
def test_pid_file_alone_kills_nobody(
    store: EmbeddedStore, tmp_path: Path, text: str
) -> None:
    """A pid that now belongs to another program is left alone, whatever the file says."""
    bystander = subprocess.Popen(["/bin/sleep", "600"])
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "valkey.pid").write_text(text.format(pid=bystander.pid))
    try:
        store.start()
        assert bystander.poll() is None
    finally:
        bystander.kill()
        bystander.wait()


@pytest.mark.faults
def test_server_of_another_folder_is_left_alone(
    store: EmbeddedStore, tmp_path: Path
) -> None:
    """A pid file that names the server of another folder ends nothing."""
    other = EmbeddedStore(tmp_path / "data-2")
    other.start()
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "valkey.pid").write_text(str(other.pid))
    store.start()
    assert other.restarts == 0
    assert read(other, "x") is None
    other.stop()


def test_server_ignores_the_terminal(store: EmbeddedStore) -> None:
    """Ctrl-C reaches the gateway, not the store: it lives in its own session."""
    store.start()
    assert store.pid is not None
    assert os.getsid(store.pid) != os.getsid(0)


def last_log(folder: Path) -> Path:
    """The part of the append-only log that is being written."""
    return max((folder / "appendonlydir").glob("*.incr.aof"))


def test_truncated_tail_loads(store: EmbeddedStore, tmp_path: Path) -> None:
    """A log cut in its last command loads up to there: that write was never acknowledged."""
    store.start()
    write(store, first="1")
    write(store, second="2")
    store.stop()
    log = last_log(tmp_path / "data")
    log.write_bytes(log.read_bytes()[:-7])
    store.start()
    assert (read(store, "first"), read(store, "second")) == (b"1", None)


def damaged(store: EmbeddedStore, folder: Path) -> None:
    """Damage the log of a stopped store in the middle."""
    store.start()
    for n in range(9):
        write(store, **{f"name{n}": "value"})
    store.stop()
    log = last_log(folder)
    data = bytearray(log.read_bytes())
    middle = data.index(b"name4")
    data[middle - 12 : middle - 2] = b"?" * 10
    log.write_bytes(data)


def test_corrupt_middle_is_refused_with_the_repair(
    store: EmbeddedStore, tmp_path: Path
) -> None:
    """A log damaged in the middle is refused; the repair the error names works."""
    damaged(store, tmp_path / "data")
    with pytest.raises(StoreCorrupt, match="damaged in the middle") as caught:
        store.start()
    assert caught.value.folder == tmp_path / "data"
    assert store.pid is None
    command = re.search(r"bash -c '.*?'(?=;)", caught.value.fix)
    assert command is not None
    subprocess.run(
        command.group(), shell=True, check=True, input=b"y\n", capture_output=True
    )
    store.start()
    assert (read(store, "name3"), read(store, "name4")) == (b"value", None)


@pytest.mark.parametrize("part", ["*.base.rdb", "*.incr.aof", "*.manifest"])
@pytest.mark.parametrize("how", ["gone", "junk"])
def test_missing_or_broken_parts_are_named(
    store: EmbeddedStore, tmp_path: Path, part: str, how: str
) -> None:
    """A missing or overwritten part of the log is a clear error, or loads nothing wrong."""
    store.start()
    write(store, name="value")
    with Redis.from_url(store.url) as client:
        client.bgrewriteaof()
        wait_for(lambda: client.info("persistence")["aof_rewrite_in_progress"] == 0)
    write(store, later="value")
    store.stop()
    (path,) = (tmp_path / "data" / "appendonlydir").glob(part)
    if how == "gone":
        path.unlink()
    else:
        path.write_bytes(b"junk" * 999)
    with pytest.raises(StoreCorrupt, match="Fix: "):
        store.start()


def test_unwritable_folder_is_a_plain_error(tmp_path: Path) -> None:
    """A folder that can't be made fails at once, not after a timeout."""
    (tmp_path / "file").write_text("")
    store = EmbeddedStore(tmp_path / "file" / "data")
    with pytest.raises(NotADirectoryError):
        store.start()


def test_server_that_ends_at_once_says_why(
    store: EmbeddedStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If the server does not start, the error holds its own last words; the folder is free."""
    monkeypatch.setitem(server._SETTINGS, "no-such-setting", "1")
    with pytest.raises(StoreUnavailable, match="no-such-setting"):
        store.start()
    monkeypatch.delitem(server._SETTINGS, "no-such-setting")
    store.start()
    assert store.pid is not None


def test_settings_are_read_back(
    store: EmbeddedStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that runs with weaker settings than asked for is not used."""
    monkeypatch.setitem(server._SETTINGS, "appendfsync", "everysec")
    with pytest.raises(StoreUnavailable, match="appendfsync"):
        store.start()
    assert store.pid is None


def test_start_waits_until_data_is_loaded(store: EmbeddedStore) -> None:
    """start() returns when everything is there, however long loading takes."""
    store.start()
    with Redis.from_url(store.url) as client:
        client.eval("for i = 1, 300000 do redis.call('SET', i, i) end", 0)
    store.stop()
    store.start()
    assert read(store, "300000") == b"300000"


def test_large_server_log_is_renamed(
    store: EmbeddedStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server's own log does not grow for ever."""
    monkeypatch.setattr(server, "LARGEST_LOG", 10)
    store.start()
    store.stop()
    store.start()
    assert (tmp_path / "data" / "valkey.log.1").exists()


def test_forgotten_store_ends_with_the_program(tmp_path: Path) -> None:
    """A program that ends without stop() leaves no server and no lock."""
    code = PARENT.replace("time.sleep(600)", "")
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "data")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert not is_alive(int(done.stdout))
    store = EmbeddedStore(tmp_path / "data")
    store.start()
    store.stop()


def test_forked_copy_does_not_stop_the_store(tmp_path: Path) -> None:
    """A forked child that ends, or stops its copy, leaves the owner's server alone."""
    code = PARENT.replace(
        "time.sleep(600)",
        """
import os
if os.fork() == 0:
    store.stop()
    sys.exit()
os.wait()
print(os.path.exists(f"/proc/{store.pid}") and store.restarts)
store.stop()
""",
    )
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code, str(tmp_path / "data")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines()[1] == "0"


def test_crash_loop_is_slowed_down(store: EmbeddedStore, tmp_path: Path) -> None:
    """A server that can't load its data any more is tried again, but not in a hot loop."""
    store.start()
    write(store, name="value")
    log = last_log(tmp_path / "data")
    good = log.read_bytes()
    assert store.pid is not None
    log.write_bytes(good.replace(b"$4\r\nname", b"?????name"))
    os.kill(store.pid, signal.SIGKILL)
    time.sleep(1)
    assert 1 <= store.restarts < 8
    said = (tmp_path / "data" / "valkey.log").read_text()
    assert 1 <= said.count("Bad file format") < 8
    log.write_bytes(good)
    wait_for(lambda: read_or_none(store) == b"value")


def read_or_none(store: EmbeddedStore) -> bytes | None:
    try:
        return read(store, "name")
    except (RedisError, OSError):
        return None
