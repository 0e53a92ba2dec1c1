"""
The batching connection: many calls in one write, and what happens when it breaks.
"""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import signal
import ssl
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from store_talk import SHOP, answer, as_pending, lease_of, message

from gateway.store import keys, wire
from gateway.store.connection import Scripts
from gateway.store.conversations import Conversations
from gateway.store.errors import (
    ScriptError,
    StoreMisused,
    StoreRefusing,
    StoreUnavailable,
)
from gateway.store.functions import load_functions, of_source
from loadtest.store_servers import DURABLE, Server, wait_for


pytestmark = pytest.mark.anyio


@pytest.fixture(
    params=["asyncio", "uvloop"],
)
def anyio_backend(request: pytest.FixtureRequest) -> tuple[str, dict[str, bool]]:
    """Both loops: production runs on uvloop."""
    return "asyncio", {"use_uvloop": request.param == "uvloop"}


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    server = Server(tmp_path / "server", **DURABLE).start()
    yield server
    server.stop()


@contextlib.asynccontextmanager
async def connected(url: str, **options: float) -> AsyncIterator[Scripts]:
    scripts = await Scripts.connect(url, **options)  # type: ignore[arg-type]
    try:
        yield scripts
    finally:
        await scripts.close()


async def ping(scripts: Scripts) -> object:
    return await scripts.command("k", "PING")


async def until_up(scripts: Scripts) -> None:
    """Wait until calls are answered again."""
    async with asyncio.timeout(10):
        while True:
            with contextlib.suppress(StoreUnavailable):
                await ping(scripts)
                return
            await asyncio.sleep(0.01)


async def test_calls_of_one_tick_share_a_write(server: Server) -> None:
    """A hundred calls made at once reach the server in a few reads, answers in order."""
    async with connected(server.url) as scripts:
        client = scripts.redis
        before = (await client.info("stats"))["total_reads_processed"]
        answers = await asyncio.gather(
            *(scripts.command("k", "ECHO", n) for n in range(100))
        )
        after = (await client.info("stats"))["total_reads_processed"]
        assert answers == [b"%d" % n for n in range(100)]
        assert after - before < 8


async def test_large_replies_and_arguments_pass(server: Server) -> None:
    """Megabytes go both ways, mixed with small calls."""
    async with connected(server.url) as scripts:
        large = bytes(range(256)) * 16_384
        replies = await asyncio.gather(
            scripts.command("k", "ECHO", large), ping(scripts)
        )
        assert replies == [large, b"PONG"]


async def test_unanswered_call_fails_in_time(server: Server) -> None:
    """A stuck server costs a call its deadline, not more; late answers are dropped."""
    async with connected(server.url, deadline_s=0.2) as scripts:
        server.signal(signal.SIGSTOP)
        start = time.monotonic()
        with pytest.raises(StoreUnavailable, match="in time"):
            await scripts.command("k", "SET", "k", "1")
        assert 0.15 < time.monotonic() - start < 0.8
        server.signal(signal.SIGCONT)
        # The slot of the dropped answer is kept: the next one is not mistaken.
        assert await scripts.command("k", "GET", "k") == b"1"
        await asyncio.sleep(0.5)
        assert await ping(scripts) == b"PONG"


async def test_stalled_connection_is_given_up(server: Server) -> None:
    """A server that stays stuck is dropped, and found again when it moves."""
    async with connected(server.url, deadline_s=0.05) as scripts:
        server.signal(signal.SIGSTOP)
        with pytest.raises(StoreUnavailable):
            await ping(scripts)
        await asyncio.sleep(0.05 * (wire.STALLED_AFTER + 2))
        assert not scripts.is_up
        with pytest.raises(StoreUnavailable):
            await ping(scripts)
        server.signal(signal.SIGCONT)
        await until_up(scripts)


async def test_a_process_that_stood_still_does_not_blame_the_server(
    server: Server,
) -> None:
    """Nobody read the replies meanwhile: the call succeeds, the connection stays."""
    limit_s = 0.1
    async with connected(server.url, deadline_s=limit_s) as scripts:
        first = scripts._servers.link("k")._wire
        call = asyncio.ensure_future(ping(scripts))
        await asyncio.sleep(0)
        time.sleep(limit_s * (wire.STALLED_AFTER + 3))  # noqa: ASYNC251 - the point
        assert await call == b"PONG"
        assert scripts._servers.link("k")._wire is first


async def test_too_many_waiting_calls_are_refused(server: Server) -> None:
    """What waits is bounded: beyond it calls fail at once."""
    async with connected(server.url, deadline_s=0.3) as scripts:
        limit = scripts._limits.max_waiting
        server.signal(signal.SIGSTOP)
        waiting = [asyncio.ensure_future(ping(scripts)) for _ in range(limit)]
        await asyncio.sleep(0)
        with pytest.raises(StoreUnavailable, match="overloaded"):
            await ping(scripts)
        server.signal(signal.SIGCONT)
        done = await asyncio.gather(*waiting, return_exceptions=True)
        assert {type(one) for one in done} <= {bytes, StoreUnavailable}
        await until_up(scripts)


async def test_unsent_bytes_are_bounded(server: Server) -> None:
    """A server that does not read can't fill the gateway's memory."""
    async with connected(server.url) as scripts:
        server.signal(signal.SIGSTOP)
        large = bytes(1024 * 1024)
        calls = []
        for _ in range(60):
            calls.append(asyncio.ensure_future(scripts.command("k", "ECHO", large)))
            await asyncio.sleep(0)
        server.signal(signal.SIGCONT)
        done = await asyncio.gather(*calls, return_exceptions=True)
        refused = [one for one in done if isinstance(one, StoreUnavailable)]
        assert 20 < len(refused) < 60
        assert len(refused) + done.count(large) == 60
        assert await ping(scripts) == b"PONG"


async def test_broken_connection_fails_calls_and_heals(server: Server) -> None:
    """Calls under way fail when the server dies; it is found again when it is back."""
    async with connected(server.url) as scripts:
        server.signal(signal.SIGSTOP)
        waiting = asyncio.gather(*(ping(scripts) for _ in range(9)))
        await asyncio.sleep(0.01)
        server.stop()
        with pytest.raises(StoreUnavailable, match="broke"):
            await waiting
        with pytest.raises(StoreUnavailable, match="down"):
            await ping(scripts)
        server.start()
        await until_up(scripts)
        accepted = await Conversations(scripts, "w").accept(SHOP, "c", message("m"))
        assert accepted.outcome == "leased"


async def test_cancelled_caller_disturbs_nobody(server: Server) -> None:
    """A caller that gives up does not shift the answers of others."""
    async with connected(server.url) as scripts:
        calls = [
            asyncio.ensure_future(scripts.command("k", "ECHO", n)) for n in range(9)
        ]
        await asyncio.sleep(0)
        calls[3].cancel()
        done = await asyncio.gather(*calls, return_exceptions=True)
        assert [one for one in done if isinstance(one, bytes)] == [
            b"%d" % n for n in range(9) if n != 3
        ]


async def test_functions_are_loaded_again_when_the_server_lost_them(
    server: Server,
) -> None:
    """A server that forgot the functions gets them with the next call."""
    async with connected(server.url) as scripts:
        store = Conversations(scripts, "w")
        server.ask("SCRIPT", "FLUSH")
        accepted = await store.accept(SHOP, "c", message("m"))
        assert accepted.outcome == "leased"
        await answer(store, lease_of("c", accepted), as_pending(accepted, message("m")))
        assert len(await store.events(SHOP, "c", 0, 9)) == 2


async def test_every_function_is_loaded_and_documented(server: Server) -> None:
    """Every Lua file compiles on the server and starts with its data dictionary."""
    async with connected(server.url) as scripts:
        functions = load_functions()
        assert {"accept", "commit", "sweep"} <= set(functions)
        shas = [function.sha for function in functions.values()]
        assert await scripts.command("k", "SCRIPT", "EXISTS", *shas) == [1] * len(shas)
    for function in functions.values():
        text = function.source.decode()
        header = text.removeprefix("#!lua flags=allow-oom\n")
        header = header.removeprefix("#!lua flags=no-writes\n")
        assert header.startswith("--[[\n"), function.name
        comment = header.partition("]]")[0]
        for word in ("KEYS", "ARGV", "REPLY"):
            assert word in comment, (function.name, word)


async def test_error_of_a_function_has_its_code(server: Server) -> None:
    """A refusal of a function arrives as its code and text."""
    async with connected(server.url) as scripts:
        scripts._functions = {
            "odd": of_source("odd", b"return redis.error_reply('FULL 12 wait')")
        }
        with pytest.raises(ScriptError, match="FULL 12 wait") as caught:
            await scripts.call("odd", ["k"], [])
        assert (caught.value.code, caught.value.function) == ("FULL", "odd")


async def test_full_server_refuses_mail_but_drains(server: Server) -> None:
    """Out of memory, new mail is refused and not half written; what waits is finished."""
    async with connected(server.url) as scripts:
        store = Conversations(scripts, "w")
        sent = message("m1")
        accepted = await store.accept(SHOP, "c", sent)
        server.ask("CONFIG", "SET", "maxmemory", "1")
        with pytest.raises(StoreRefusing, match="OOM"):
            await store.accept(SHOP, "c", message("m2"))
        assert await store.renew(lease_of("c", accepted))
        done = await answer(store, lease_of("c", accepted), as_pending(accepted, sent))
        assert done.seqs == [2]
        assert await store.sweep(SHOP, 0, 9) == []
        assert await store.outbox(SHOP, 0, 9) == []
        server.ask("CONFIG", "SET", "maxmemory", "0")
        assert (await store.accept(SHOP, "c", message("m2"))).seq == 3


async def test_loading_server_is_not_ready(server: Server) -> None:
    """While the server loads its data, calls fail as unavailable, then work."""
    server.ask("EVAL", "for i = 1, 400000 do redis.call('SET', i, i) end", "0")
    async with connected(server.url) as scripts:
        server.stop()
        starting = asyncio.create_task(asyncio.to_thread(server.start))
        failures = 0
        while not starting.done():
            try:
                await ping(scripts)
            except StoreUnavailable:
                failures += 1
            await asyncio.sleep(0)
        await starting
        assert failures
        await until_up(scripts)
        assert await scripts.command("k", "GET", "400000") == b"400000"


async def test_nobody_there(tmp_path: Path) -> None:
    """Connecting to nothing is a clear error at once."""
    for url in (
        "redis://127.0.0.1:1",
        f"unix://{tmp_path}/none.sock",
        "redis+sentinel://127.0.0.1:1/main",
        "redis+cluster://127.0.0.1:1",
        "redis://no..such..host",
    ):
        with pytest.raises(StoreUnavailable):
            await Scripts.connect(url)


async def test_something_else_there() -> None:
    """A server that speaks another protocol is an error, not a hang."""

    async def speak(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    other = await asyncio.start_server(speak, "127.0.0.1", 0)
    port = other.sockets[0].getsockname()[1]
    with pytest.raises(StoreUnavailable):
        await Scripts.connect(f"redis://127.0.0.1:{port}", deadline_s=0.5)
    other.close()


async def test_silent_server_is_given_up() -> None:
    """A server that accepts and says nothing costs a deadline, not for ever."""
    gone = asyncio.Event()

    async def listen(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await gone.wait()
        writer.close()

    other = await asyncio.start_server(listen, "127.0.0.1", 0)
    port = other.sockets[0].getsockname()[1]
    start = time.monotonic()
    with pytest.raises(StoreUnavailable):
        await Scripts.connect(f"redis://127.0.0.1:{port}", deadline_s=0.2)
    assert time.monotonic() - start < 5
    gone.set()
    other.close()


async def test_password_and_database(tmp_path: Path) -> None:
    """User, password and database number of the URL are used; wrong ones are refused."""
    server = Server(tmp_path / "closed", **DURABLE)
    server.start()
    server.ask("ACL", "SETUSER", "gate", "on", ">p:w/ä", "~*", "&*", "+@all")
    server.ask("ACL", "SETUSER", "default", "off")
    host = f"127.0.0.1:{server.port}"
    try:
        async with connected(f"redis://gate:p%3Aw%2F%C3%A4@{host}/3") as scripts:
            await scripts.command("k", "SET", "k", "3")
            assert await scripts.redis.get("k") == b"3"
            async with scripts.subscribe("x*") as heard:
                await scripts.command("k", "PUBLISH", "x1", "hello")
                assert await anext(heard) == (b"x1", b"hello")
        with pytest.raises(StoreMisused) as caught:
            await Scripts.connect(f"redis://gate:secret@{host}")
        assert "secret" not in str(caught.value)
        with pytest.raises(StoreMisused):
            await Scripts.connect(f"redis://{host}")
    finally:
        server.stop()


async def test_subscription_survives_a_restart(server: Server) -> None:
    """Wake-ups go on after the server was away."""
    async with connected(server.url) as scripts, scripts.subscribe("a*") as heard:
        await scripts.command("k", "PUBLISH", "a", "1")
        assert await anext(heard) == (b"a", b"1")
        server.stop()
        server.start()
        await until_up(scripts)
        again = asyncio.ensure_future(anext(heard))
        async with asyncio.timeout(10):
            while not again.done():
                await scripts.command("k", "PUBLISH", "a", "2")
                await asyncio.sleep(0.02)
        assert again.result() == (b"a", b"2")


async def test_slow_listener_loses_the_oldest(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A listener far behind keeps the newest wake-ups, and memory stays bounded."""
    monkeypatch.setattr("gateway.store.subscription.MOST_KEPT", 5)
    async with connected(server.url) as scripts, scripts.subscribe("a") as heard:
        for n in range(50):
            await scripts.command("k", "PUBLISH", "a", n)
        await asyncio.sleep(0.1)
        got = [await anext(heard) for _ in range(5)]
        assert [payload for _, payload in got] == [b"%d" % n for n in range(45, 50)]


async def test_close_ends_everything(server: Server) -> None:
    """After close no connection is left on the server, and calls fail."""
    scripts = await Scripts.connect(server.url)
    await ping(scripts)
    await scripts.close()
    with pytest.raises(StoreUnavailable):
        await ping(scripts)
    wait_for(lambda: b"tidegate" not in server.ask("CLIENT", "LIST"))  # type: ignore[operator]
    with server.client() as client:
        wait_for(lambda: len(client.client_list()) == 1)


async def test_keys_of_one_call_lie_in_one_bucket() -> None:
    """All keys of a conversation share the hash tag of its bucket."""
    at = keys.of_conversation("a}b", "x{y}:z")
    tag = keys.tag("a}b", keys.bucket_of("x{y}:z"))
    for key in (at.conversation, at.log, at.dedup, at.due, at.outbox, at.actions):
        assert key.startswith(tag)
        assert key.count("{") == key.count("}") == 1


def make_certificate(certificate: Path, key: Path) -> None:
    """A certificate for localhost that nobody else has signed."""
    words = (
        "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 "
        "-subj /CN=t -addext subjectAltName=DNS:localhost"
    )
    subprocess.run(
        ["openssl", *words.split(), "-keyout", str(key), "-out", str(certificate)],
        check=True,
        capture_output=True,
    )


@contextlib.asynccontextmanager
async def tls_in_front(server: Server, folder: Path) -> AsyncIterator[int]:
    """A TLS door before a plain server, as hosted stores have; its port."""
    certificate, key = folder / "cert.pem", folder / "key.pem"
    await asyncio.to_thread(make_certificate, certificate, key)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(65_536):
                writer.write(data)
                await writer.drain()
        writer.close()

    async def open_door(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        inner = await asyncio.open_connection("127.0.0.1", server.port)
        await asyncio.gather(pump(reader, inner[1]), pump(inner[0], writer))

    door = await asyncio.start_server(open_door, "localhost", 0, ssl=context)
    try:
        yield door.sockets[0].getsockname()[1]
    finally:
        door.close()


@pytest.mark.skipif(shutil.which("openssl") is None, reason="makes the certificate")
async def test_tls_is_spoken_and_checked(server: Server, tmp_path: Path) -> None:
    """A rediss address is encrypted, and the server's certificate is verified."""
    async with tls_in_front(server, tmp_path) as port:
        ca = f"ssl_ca_certs={tmp_path}/cert.pem"
        async with connected(f"rediss://localhost:{port}?{ca}") as scripts:
            accepted = await Conversations(scripts, "w").accept(SHOP, "c", message("m"))
            assert accepted.outcome == "leased"
            async with scripts.subscribe("x*") as heard:
                await scripts.command("k", "PUBLISH", "x1", "hello")
                assert await anext(heard) == (b"x1", b"hello")
        for wrong in (
            f"rediss://localhost:{port}",
            f"rediss://127.0.0.1:{port}?{ca}",
        ):
            with pytest.raises(StoreUnavailable, match=r"(?i)certificate"):
                await Scripts.connect(wrong)
        with pytest.raises(StoreUnavailable):
            await Scripts.connect(f"redis://localhost:{port}", deadline_s=0.5)
