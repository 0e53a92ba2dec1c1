"""
The fault matrix, small: one of its rows, its line, and its list.

``tidegate loadtest matrix`` runs all rows.
"""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Iterator

import pytest

from gateway.config_file import load
from loadtest.fault_proxy import FaultProxy
from loadtest.matrix import ELSEWHERE, ROWS, run_matrix
from loadtest.matrix_disks import why_no_small_disk
from loadtest.matrix_row import Matrix


pytestmark = [pytest.mark.faults, pytest.mark.timeout(300)]


@pytest.mark.cluster
def test_nothing_is_lost_when_primaries_die() -> None:
    """Of a cluster under load, one after another, each back as a replica."""
    matrix = Matrix(
        config=load(None, {}), messages=80, strikes=2, seed=5, tell=lambda _: None
    )
    [result] = run_matrix(matrix, ["failover"])
    assert result.passed, result.found
    assert result.kills == 2
    assert "80 acknowledged" in result.found


def test_a_damaged_log_is_refused_with_a_fix_that_works() -> None:
    """The error names the file; what it tells to run brings the store up again."""
    matrix = Matrix(
        config=load(None, {}), messages=40, strikes=1, seed=5, tell=lambda _: None
    )
    [result] = run_matrix(matrix, ["damaged-log"])
    assert result.passed, result.found


@pytest.mark.skipif(bool(why_no_small_disk()), reason="may not mount a small disk")
def test_a_disk_that_fills_up_is_told_in_time() -> None:
    """503 names it, no process ends, nothing that was acknowledged is lost."""
    matrix = Matrix(
        config=load(None, {}), messages=40, strikes=1, seed=5, tell=lambda _: None
    )
    [result] = run_matrix(matrix, ["nearly-full-disk"])
    assert result.passed, result.found


def numbers(text: str) -> Iterator[int]:
    """Row numbers of "1, 2, 4" and "35-37"."""
    for part in text.split(", "):
        first, _, last = part.partition("-")
        yield from range(int(first), int(last or first) + 1)


def test_every_row_of_the_list_is_run_or_accounted_for() -> None:
    """Rows 1 to 45: run here, held elsewhere, or said to be not run."""
    told = [row.number for row in ROWS.values()] + list(ELSEWHERE)
    assert {number for text in told for number in numbers(text)} == set(range(1, 46))
    for where in ELSEWHERE.values():
        assert re.match(r"tests/|tidegate |not run: ", where)


@pytest.fixture
def echo() -> Iterator[int]:
    """A port that says what it hears."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve(line: socket.socket) -> None:
        with line:
            while heard := line.recv(100):
                line.sendall(heard)

    def accept() -> None:
        while True:
            try:
                line, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=serve, args=(line,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    port: int = listener.getsockname()[1]
    yield port
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()


@pytest.fixture
def proxy(echo: int) -> Iterator[FaultProxy]:
    """A line to it."""
    made = FaultProxy(echo).start()
    yield made
    made.stop()


def said(line: socket.socket, text: bytes) -> bytes:
    line.sendall(text)
    return line.recv(100)


def test_the_line_can_be_made_bad(proxy: FaultProxy) -> None:
    """Silent lines stay silent, cut ones end, new ones are well again."""
    with socket.create_connection(("127.0.0.1", proxy.port), timeout=5) as line:
        assert said(line, b"a") == b"a"
        proxy.become("silent")
        line.settimeout(0.3)
        with pytest.raises(TimeoutError):
            said(line, b"b")
        proxy.become("well")
        with pytest.raises(TimeoutError):
            said(line, b"c")
    with socket.create_connection(("127.0.0.1", proxy.port), timeout=5) as line:
        assert said(line, b"d") == b"d"
        proxy.become("cut")
        assert ends(line)
    with socket.create_connection(("127.0.0.1", proxy.port), timeout=5) as line:
        assert ends(line)


def ends(line: socket.socket) -> bool:
    """True if the other side is gone."""
    try:
        return line.recv(100) == b""
    except ConnectionResetError:
        return True
