"""
Locust users that speak the wire contract: customers in open loop, and operators.

All customers are one Locust user that owns the schedule: who writes when is decided
before the run, arrivals wait for no answer, and latency counts from the intended
start. (Locust's own pacing is closed loop: a server that stalls is asked less, and the
stall hardly shows.) Operators are closed loop, as people are: one talk at a time.

Run by ``tidegate loadtest locust``, or by hand:
``locust -f loadtest/locustfile.py --headless --host URL --plan FILE --tell FILE``.
"""

from __future__ import annotations

import itertools
from pathlib import Path
from time import perf_counter, process_time, time
from typing import Any, ClassVar
from urllib.parse import quote

import gevent
import msgspec
from gevent.pool import Pool
from geventhttpclient import HTTPClient
from locust import FastHttpUser, User, constant, events, task
from locust.exception import StopUser

from loadtest.generator import (
    PATIENCE_S,
    Plan,
    by_second,
    is_valid,
    result_of,
)
from loadtest.schedule import Send, sends
from loadtest.wire_check import wrong_with_answer, wrong_with_events


#: Every so many messages the customer also reads the conversation back.
READS_EVERY = 5
#: How long an operator takes for a talk, and looks for the next one.
TALK_S, LOOK_S = 1.0, 0.5


class Crew(msgspec.Struct, frozen=True, kw_only=True):
    """
    What a run is told, as JSON in the file ``--plan``.

    Attributes:
        operators: Name -> password of people at the desk of *shop*.
    """

    customers: Plan
    shop: str = ""
    operators: dict[str, str] = msgspec.field(default_factory=dict)


@events.init_command_line_parser.add_listener
def _add_options(parser: Any) -> None:
    parser.add_argument("--plan", required=True, help="JSON file: who does what.")
    parser.add_argument("--tell", required=True, help="Where the result is written.")


@events.init.add_listener
def _count_users(environment: Any, **_: Any) -> None:
    crew = _crew(environment)
    Operator.fixed_count = len(crew.operators)
    Operator.free = iter(crew.operators.items())


def _crew(environment: Any) -> Crew:
    plan = Path(environment.parsed_options.plan).read_bytes()
    return msgspec.json.decode(plan, type=Crew)


class Customers(User):
    """Everybody who writes."""

    fixed_count = 1
    wait_time = constant(0)

    def on_start(self) -> None:
        """Open the connections."""
        self._plan = _crew(self.environment).customers
        self._http = HTTPClient(
            self._plan.host,
            self._plan.port,
            concurrency=self._plan.connections,
            network_timeout=PATIENCE_S,
            connection_timeout=PATIENCE_S,
        )
        self._headers = {
            "authorization": f"Bearer {self._plan.key}",
            "content-type": "application/json",
        }
        self._seen: list[tuple[float, float, bool]] = []

    @task
    def come(self) -> None:
        """Everybody comes in their time; then the result is written."""
        plan = self._plan
        due = list(sends(plan.course, plan.talks, plan.seed, plan.prefix))
        pool, lag_s = Pool(), 0.0
        started, cpu = perf_counter(), process_time()
        for one in due:
            gevent.sleep(max(0.0, started + one.due_s - perf_counter()))
            lag_s = max(lag_s, perf_counter() - started - one.due_s)
            pool.spawn(self._say, one, started)
        sent_s = perf_counter() - started
        cpu_share = (process_time() - cpu) / max(sent_s, 1e-3)
        pool.join(timeout=PATIENCE_S)
        self._write(len(due), perf_counter() - started, lag_s, cpu_share)
        # Not from here: it ends every user, this one among them.
        gevent.spawn(self.environment.runner.quit)
        raise StopUser

    def _say(self, one: Send, started: float) -> None:
        message_id = f"{one.conversation}-{one.number}"
        path = f"/v1/conversations/{quote(one.conversation, safe='')}"
        body = {
            "message_id": message_id,
            "user_id": f"u-{one.conversation}",
            "text": one.text,
        }
        wrong = self._ask(
            "POST", f"{path}/messages", msgspec.json.encode(body), message_id,
            started + one.due_s,
        )  # fmt: skip
        took_s = perf_counter() - started - one.due_s
        self._seen.append((one.due_s, took_s, not wrong))
        if not wrong and len(self._seen) % READS_EVERY == 0:
            self._ask("GET", f"{path}/events", b"", message_id, perf_counter())

    def _ask(
        self, method: str, path: str, body: bytes, message_id: str, due: float
    ) -> str:
        """One call; what is wrong with its answer. Counted from *due*."""
        length = 0
        try:
            answer = self._http.request(method, path, body, self._headers)
            data = bytes(answer.read())
            length = len(data)
            check = wrong_with_answer if method == "POST" else wrong_with_events
            wrong = check(message_id, answer.status_code, data)
        except (OSError, ValueError, gevent.Timeout) as exc:
            wrong = f"broken: {type(exc).__name__}"
        self.environment.events.request.fire(
            request_type=method,
            name="message" if method == "POST" else "events",
            response_time=(perf_counter() - due) * 1e3,
            response_length=length,
            exception=RuntimeError(wrong) if wrong else None,
            context={},
            start_time=time(),
        )
        return wrong

    def _write(self, sent: int, seconds: float, lag_s: float, cpu_share: float) -> None:
        taken = [took for _, took, _ in self._seen]
        errors = sum(not is_ok for _, _, is_ok in self._seen)
        found = msgspec.structs.replace(
            result_of(self._plan, taken, errors, seconds),
            sent=sent,
            unanswered=sent - len(taken),
            lag_ms=lag_s * 1e3,
            cpu_share=cpu_share,
            is_valid=is_valid(lag_s, cpu_share),
            course=tuple(by_second(self._seen)),
        )
        file = Path(self.environment.parsed_options.tell)
        file.write_bytes(msgspec.json.encode(found))
        if not found.is_valid:
            self.environment.process_exit_code = 3


class Operator(FastHttpUser):
    """One person at the desk: signs in, takes offers, answers, closes."""

    fixed_count = 0
    wait_time = constant(LOOK_S)
    #: Name and password of those who have not come yet.
    free: ClassVar[Any] = iter(())

    def on_start(self) -> None:
        """Sign in and be there."""
        self._lines = itertools.count(1)
        self._name, password = next(Operator.free)
        body = {
            "shop": _crew(self.environment).shop,
            "name": self._name,
            "password": password,
        }
        session = self.client.post("/v1/desk/session", json=body, name="sign in")
        self._headers = {"x-csrf-token": session.json()["csrf"]}
        self._change("put", "/v1/desk/presence", {"state": "online"}, "presence")

    def on_stop(self) -> None:
        """Go home."""
        self._change("put", "/v1/desk/presence", {"state": "offline"}, "presence")

    @task
    def work(self) -> None:
        """Take what is offered, say something, and end it."""
        self._change("put", "/v1/desk/presence", {"state": "online"}, "presence")
        for offer in self.client.get("/v1/desk/offers", name="offers").json():
            path = f"/v1/desk/handoffs/{offer['id']}"
            claimed = self._change(
                "post", f"{path}/claim", {"version": offer["version"]}, "claim"
            )
            if "version" not in claimed:
                continue
            line = {
                "line_id": f"{self._name}-{next(self._lines)}",
                "text": "您好，我来帮您。",
            }
            self._change("post", f"{path}/reply", line, "reply")
            gevent.sleep(TALK_S)
            closing = {"version": claimed["version"], "seen": 1_000_000}
            self._change("post", f"{path}/close", closing, "close")

    def _change(
        self, method: str, path: str, body: dict[str, Any], name: str
    ) -> dict[str, Any]:
        call = getattr(self.client, method)
        answer = call(path, json=body, headers=self._headers, name=name)
        found = answer.json() if answer.content else {}
        return found if isinstance(found, dict) else {}
