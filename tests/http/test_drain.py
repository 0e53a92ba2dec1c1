"""
Stopping and starting: what was acknowledged is answered, in order, on disk.
"""

from __future__ import annotations

import asyncio
import json
import re
import signal
import time
from pathlib import Path
from typing import Any

import httpx
import pytest
from command_line import Served, run, serving
from prometheus_client.parser import text_string_to_metric_families
from websockets import ConnectionClosed
from websockets.sync.client import connect

from loadtest.waiting import until


pytestmark = pytest.mark.timeout(180)

#: Answers after which it is stopped in the middle of the traffic.
_LOAD = 50
#: What must not be in the log of a gateway that stopped in order.
TROUBLE = re.compile(rb"Traceback|work_lost|loop_failed|engine_fault|StoreUnavailable")


class Traffic:
    """Customers that write without a pause until nobody answers any more."""

    def __init__(self, served: Served) -> None:
        self.served = served
        self.key = served.key()
        self.acknowledged: dict[str, list[str]] = {}
        self.refused: list[int] = []

    @property
    def count(self) -> int:
        """Messages answered so far."""
        return sum(map(len, self.acknowledged.values()))

    async def run(self, customers: int) -> None:
        headers = {"authorization": f"Bearer {self.key}"}
        async with httpx.AsyncClient(
            base_url=self.served.url, headers=headers, timeout=30, trust_env=False
        ) as http:
            await asyncio.gather(*(self._write(http, n) for n in range(customers)))

    async def _write(self, http: httpx.AsyncClient, number: int) -> None:
        conversation = f"c{number}"
        sent = self.acknowledged[conversation] = []
        for turn in range(10_000):
            body = {
                "message_id": f"m{turn}",
                "user_id": f"u{number}",
                "text": "多久发货",
            }
            path = f"/v1/conversations/{conversation}/messages"
            try:
                answer = await http.post(path, json=body)
            except httpx.TransportError:
                return
            if answer.status_code != 200:
                self.refused.append(answer.status_code)
                return
            assert answer.json()["status"] == "answered"
            sent.append(body["message_id"])


def events(served: Served, key: str, conversation: str) -> list[dict[str, Any]]:
    """Every event of a conversation, page by page."""
    found: list[dict[str, Any]] = []
    headers = {"authorization": f"Bearer {key}"}
    while True:
        answer = httpx.get(
            f"{served.url}/v1/conversations/{conversation}/events",
            params={"after": found[-1]["n"] if found else 0},
            headers=headers,
        )
        page: list[dict[str, Any]] = answer.json()["events"]
        if not page:
            return found
        found += page


async def stop_under_load(served: Served, number: signal.Signals) -> Traffic:
    """Traffic, a signal in the middle of it, and the end."""
    traffic = Traffic(served)
    running = asyncio.create_task(traffic.run(24))
    await until(lambda: traffic.count > _LOAD, 60)
    stopping = asyncio.create_task(asyncio.to_thread(served.stop, number))
    await running
    assert await stopping == 0
    return traffic


@pytest.mark.anyio
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_stop_under_load_loses_nothing(
    tmp_path: Path, number: signal.Signals
) -> None:
    """
    What got its answer has its reply in the log; what was accepted without one
    is answered after the next start; the store was there to the end.
    """
    data = tmp_path / "data"
    with serving(data, "--workers", "2") as served:
        traffic = await stop_under_load(served, number)
    assert set(traffic.refused) <= {503}
    log = (tmp_path / "data.err").read_bytes()
    assert not TROUBLE.search(log), log[-2000:]
    assert b"restarting" not in log
    with serving(data) as served:
        for conversation, sent in traffic.acknowledged.items():
            found = await settled(served, traffic.key, conversation)
            said = [e["message_id"] for e in found if e["kind"] == "message"]
            replied = [e["message_id"] for e in found if e["kind"] == "reply"]
            assert replied == said, "an accepted message has no reply, or two"
            assert said[: len(sent)] == sent
            assert len(said) <= len(sent) + 1


async def settled(served: Served, key: str, conversation: str) -> list[dict[str, Any]]:
    """The events once nothing waits any more, or after 20 seconds."""
    found: list[dict[str, Any]] = []
    for _ in range(100):
        found = events(served, key, conversation)
        kinds = [event["kind"] for event in found]
        if kinds.count("message") == kinds.count("reply"):
            break
        await asyncio.sleep(0.2)
    return found


def test_a_stop_tells_sockets_to_come_back(tmp_path: Path) -> None:
    """Close code 1012 at once: the client connects elsewhere and resumes."""
    with serving(tmp_path / "data") as served:
        address = served.url.replace("http", "ws", 1)
        with connect(f"{address}/v1/conversations/c1/ws", proxy=None) as socket:
            socket.send(json.dumps({"type": "auth", "token": served.key()}))
            socket.send('{"type": "ping"}')
            assert json.loads(socket.recv(timeout=5)) == {"type": "pong"}
            started = time.monotonic()
            assert served.stop() == 0
            assert time.monotonic() - started < 10
            with pytest.raises(ConnectionClosed) as closed:
                socket.recv(timeout=5)
            assert closed.value.rcvd is not None
            assert closed.value.rcvd.code == 1012


def test_a_restart_keeps_keys_conversations_and_repeats(tmp_path: Path) -> None:
    """The same key opens the same conversation; a repeat gets its old answer."""
    data = tmp_path / "data"
    body = {"message_id": "m1", "user_id": "u1", "text": "多久发货"}
    answers = []
    for _ in range(2):
        with serving(data) as served:
            headers = {"authorization": f"Bearer {served.key()}"}
            url = f"{served.url}/v1/conversations/c1/messages"
            answers.append(httpx.post(url, json=body, headers=headers).content)
            assert served.stop() == 0
    assert answers[0] == answers[1]


def test_metrics_of_any_worker_speak_for_all(tmp_path: Path) -> None:
    """Counters are summed over the workers of a port, whoever is asked."""
    with serving(tmp_path / "data", "--workers", "2") as served:
        headers = {"authorization": f"Bearer {served.key()}"}
        for number in range(40):
            url = f"{served.url}/v1/conversations/c{number}/messages"
            body = {"message_id": "m1", "user_id": "u1", "text": "多久发货"}
            # A connection of its own each, so that both workers get some.
            assert httpx.post(url, json=body, headers=headers).status_code == 200
        # What a worker counted is in the shared files within a second.
        time.sleep(1.5)
        sums = {_answered(served) for _ in range(8)}
        assert sums == {40.0}
        assert served.stop() == 0


def _answered(served: Served) -> float:
    """Messages answered, as one worker tells it."""
    text = httpx.get(f"{served.url}/metrics").text
    return sum(
        sample.value
        for family in text_string_to_metric_families(text)
        if family.name == "tidegate_messages"
        for sample in family.samples
        if sample.name.endswith("_total")
    )


def test_a_stopped_gateway_leaves_no_process_and_no_open_port(tmp_path: Path) -> None:
    """Workers and store end with it."""
    data = tmp_path / "data"
    with serving(data, "--workers", "2") as served:
        children = _descendants(served.process.pid)
        assert len(children) >= 4
        assert served.stop() == 0
    assert [pid for pid in children if Path(f"/proc/{pid}").exists()] == []
    with pytest.raises(httpx.TransportError):
        httpx.get(f"{served.url}/healthz", timeout=2)


def _descendants(pid: int) -> list[int]:
    """Process ids that live now of all started by *pid*, and by those in turn."""
    tasks = Path(f"/proc/{pid}/task")
    if not tasks.exists():
        pytest.skip("no /proc on this system")
    found = [
        int(child)
        for task in tasks.iterdir()
        for child in (task / "children").read_text().split()
    ]
    return found + [one for child in found for one in _descendants(child)]


def test_a_second_gateway_on_the_same_folder_is_refused(tmp_path: Path) -> None:
    """It says who has the folder; the first one goes on."""
    data = tmp_path / "data"
    with serving(data) as served:
        second = run("serve", "--data-dir", data, "--port", "0", cwd=tmp_path)
        assert second.code == 2
        assert str(data) in second.err
        assert "Traceback" not in second.err
        assert httpx.get(f"{served.url}/readyz").status_code == 200


def test_a_taken_port_is_refused_with_the_fix(tmp_path: Path) -> None:
    """It names address and option, before anything is started."""
    with serving(tmp_path / "data") as served:
        port = served.url.rsplit(":", 1)[1]
        words: list[str | Path] = [
            "serve",
            "--data-dir",
            tmp_path / "other",
            "--port",
            port,
        ]
        second = run(*words, cwd=tmp_path)
        assert second.code == 2
        assert f"127.0.0.1:{port}" in second.err
        assert "--port" in second.err
        assert "Traceback" not in second.err
