"""
The dashboards: generated, parseable, about metrics that exist, and shown to work
on a real Prometheus that scrapes the running gateway.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import promql_parser
import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families
from talk_events import put, reply, word
from wire_calls import Caller, fresh, message

from engines.contract import Tier
from gateway.clock import wall_ms
from gateway.config import shipped
from gateway.metrics import NAMESPACE
from gateway.store.connection import Scripts
from gateway.telemetry import Telemetry
from loadtest.dashboards.boards import BOARDS
from loadtest.dashboards.build import text_of
from loadtest.dashboards.panels import Board, risen
from loadtest.dashboards.tiers import ASKED, BY_MACHINE, ENDED
from loadtest.store_servers import free_port


FOLDER = shipped("grafana")
PLOTS = [plot for board in BOARDS for plots in board.rows.values() for plot in plots]
QUERIES = [query for plot in PLOTS for query in plot.queries]
#: Each once: boards share what several readers need.
EXPRS = sorted({query.expr for query in QUERIES})
each_board = pytest.mark.parametrize("board", BOARDS, ids=lambda board: board.name)
#: Stay empty while all is well; the shop of these tests has no model, no platform and
#: no ratings.
QUIET = (
    "engine_faults",
    "work_lost",
    "takeovers",
    "llm_",
    "hooks_",
    "sends_",
    "router_",
    "ratings_total",
    'state="done"',
    'state="failed"',
    'state="unknown"',
    'climbs_total{instance=~".*", tier="L3"}',
)
#: Metrics that no panel shows, with the reason.
HIDDEN: dict[str, str] = {}


def runnable(expr: str) -> str:
    """An expression as Grafana would send it."""
    filled = expr.replace("$__rate_interval", "5s").replace("$instance", ".*")
    assert "$" not in filled
    return filled


def committed(board: Board) -> Path:
    """The file of a board."""
    return FOLDER / "dashboards" / f"{board.name}.json"


def panels(board: Board) -> list[dict[str, Any]]:
    """Panels of the committed file."""
    tree = json.loads(committed(board).read_text(encoding="utf-8"))
    found: list[dict[str, Any]] = tree["panels"]
    return found


@each_board
def test_the_committed_dashboard_is_the_generated_one(board: Board) -> None:
    """``python -m loadtest.dashboards configs/grafana/dashboards``."""
    assert committed(board).read_text(encoding="utf-8") == text_of(board)


def test_no_dashboard_is_left_over() -> None:
    """Files are boards, all of them; their uids are their own."""
    files = {path.stem for path in (FOLDER / "dashboards").iterdir()}
    assert files == {board.name for board in BOARDS}
    assert len(files) == len(BOARDS)


@each_board
def test_panels_have_their_own_ids_and_places(board: Board) -> None:
    """Grafana drops what lies on another panel or has its id."""
    ids = [panel["id"] for panel in panels(board)]
    assert len(set(ids)) == len(ids)
    taken: set[tuple[int, int]] = set()
    for panel in panels(board):
        at = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(at["x"], at["x"] + at["w"])
            for y in range(at["y"], at["y"] + at["h"])
        }
        assert at["x"] + at["w"] <= 24
        assert not cells & taken, panel["title"]
        taken |= cells


@each_board
def test_every_panel_explains_itself_and_names_no_server(board: Board) -> None:
    """A title, a sentence of help, a unit, and the viewer's own data source."""
    for panel in panels(board):
        if panel["type"] == "row":
            continue
        assert panel["title"]
        assert panel["description"].endswith(".")
        assert panel["fieldConfig"]["defaults"]["unit"]
        assert panel["datasource"]["uid"] == "${datasource}"
    assert "__inputs" not in committed(board).read_text(encoding="utf-8")


def test_every_expression_is_promql() -> None:
    """Checked by a parser of its own."""
    for expr in EXPRS:
        promql_parser.parse(runnable(expr))


def test_durations_are_shown_as_seconds() -> None:
    """A unit that does not fit the metric makes a panel a lie."""
    for plot in PLOTS:
        exprs = " ".join(query.expr for query in plot.queries)
        is_time = "histogram_quantile" in exprs or "lag_seconds" in exprs
        assert (plot.unit == "s") >= is_time, plot.title
        is_share = " / " in exprs or "_ratio" in exprs
        assert (plot.unit == "percentunit") == is_share, plot.title


def used() -> set[str]:
    """Names of metrics in the expressions."""
    return set(re.findall(rf"\b{NAMESPACE}_\w+", " ".join(EXPRS)))


def test_every_metric_used_is_exposed_by_the_running_gateway(app: Caller) -> None:
    """A renamed metric would leave an empty panel."""
    names: set[str] = set()
    for family in text_string_to_metric_families(app.http.get("/metrics").text):
        ends = {
            "counter": ("_total",),
            "histogram": ("_bucket", "_sum", "_count"),
        }.get(family.type, ("",))
        names |= {f"{family.name}{end}" for end in ends}
    assert used() <= names


def test_every_metric_is_on_a_panel_or_hidden_for_a_reason() -> None:
    """What is worth counting is worth seeing."""
    telemetry = Telemetry(log_path=os.devnull)
    try:
        text = telemetry.expose().decode()
    finally:
        telemetry.lines._sink.close()
    families = {
        family.name
        for family in text_string_to_metric_families(text)
        if not family.name.endswith("_created")
    }
    assert len(families) > 10
    shown = {re.sub(r"_(total|bucket|count|sum)$", "", name) for name in used()}
    assert families - shown - HIDDEN.keys() == set()
    assert HIDDEN.keys() <= families


def test_provisioning_points_at_what_is_there() -> None:
    """One data source with a fixed uid, one provider of dashboards."""
    folder = FOLDER / "provisioning"
    (source,) = yaml.safe_load(
        (folder / "datasources" / "prometheus.yaml").read_text()
    )["datasources"]
    assert (source["type"], source["uid"]) == ("prometheus", "tidegate-prometheus")
    (provider,) = yaml.safe_load((folder / "dashboards" / "tidegate.yaml").read_text())[
        "providers"
    ]
    assert provider["type"] == "file"
    assert provider["options"]["path"].startswith("/")


def needed(program: str) -> str:
    """Path of a program: in CI it must be there, elsewhere the test is skipped."""
    found = shutil.which(program)
    if found is None and os.environ.get("CI") == "true":
        pytest.fail(f"no {program}: install the package prometheus")
    if found is None:
        pytest.skip(f"no {program} on this machine: install the package prometheus")
    return found


def test_the_exposition_passes_the_linter_of_prometheus(app: Caller) -> None:
    """Names, types, units and help texts as the ecosystem wants them."""
    checked = subprocess.run(
        [needed("promtool"), "check", "metrics"],
        input=app.http.get("/metrics").content,
        capture_output=True,
        timeout=30,
        check=False,
    )
    assert (checked.returncode, checked.stderr) == (0, b"")


@pytest.fixture(scope="module")
def prometheus(app: Caller, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real Prometheus that scrapes the running gateway every half second."""
    program = needed("prometheus")
    folder = tmp_path_factory.mktemp("prometheus")
    target = app.stack.url.removeprefix("http://")
    settings = {
        "global": {
            "scrape_interval": "500ms",
            "scrape_timeout": "500ms",
            "evaluation_interval": "1s",
        },
        "scrape_configs": [
            {"job_name": "tidegate", "static_configs": [{"targets": [target]}]}
        ],
        "rule_files": [str(shipped("prometheus") / "rules.yaml")],
    }
    (folder / "prometheus.yml").write_text(yaml.safe_dump(settings))
    port = free_port()
    command = [program, f"--config.file={folder}/prometheus.yml"]
    command += [f"--storage.tsdb.path={folder}/data", "--log.level=error"]
    command += [f"--web.listen-address=127.0.0.1:{port}"]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        url = f"http://127.0.0.1:{port}"
        # Its discovery hands targets on every five seconds only.
        _wait(lambda: ask(url, "up == 1")["data"]["result"])
        yield url
    finally:
        process.terminate()
        process.wait(timeout=30)


def _wait(is_done: Any, limit_s: float = 30.0) -> None:
    give_up = time.monotonic() + limit_s
    while time.monotonic() < give_up:
        with suppress(httpx.TransportError, AssertionError):
            if is_done():
                return
        time.sleep(0.1)
    raise TimeoutError


def ask(url: str, expr: str) -> dict[str, Any]:
    """One instant query."""
    answer = httpx.get(f"{url}/api/v1/query", params={"query": expr}, timeout=10)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def live_a_little(app: Caller, seconds: float) -> None:
    """Every kind of thing that a panel shows, again and again."""
    give_up = time.monotonic() + seconds
    errand = fresh()
    app.say(errand, "please cancel my order K3024", user_id="c1010")
    app.say(errand, "yes, please go ahead", user_id="c1010")
    while time.monotonic() < give_up:
        body = message("多久发货")
        conversation = fresh()
        app.post(conversation, body)
        app.post(conversation, body)
        app.post(conversation, b"{}")
        app.say(conversation, "满多少包邮")
        app.say(conversation, "do you sell laptops")
        app.say(fresh(), "帮我改下收货地址", user_id="c1010")
        app.say(fresh(), "转人工")
        time.sleep(0.1)


@pytest.mark.usefixtures("operator")
def test_every_expression_gives_something_on_a_real_prometheus(
    app: Caller, prometheus: str
) -> None:
    """HTTP 200, no warning, and a value for all but what stays quiet."""
    live_a_little(app, 3.0)
    empty, warned = [], []
    for raw in EXPRS:
        expr = runnable(raw)
        answer = ask(prometheus, expr)
        assert answer["status"] == "success"
        warned += answer.get("warnings", []) + answer.get("infos", [])
        result = answer["data"]["result"]
        if not result and not any(name in expr for name in QUIET):
            empty.append(expr)
        values = [float(one["value"][1]) for one in result]
        assert all(value >= 0 for value in values if value == value), expr  # noqa: PLR0124 - NaN
    assert empty == []
    assert warned == []


@pytest.mark.usefixtures("operator")
def test_every_rule_runs_on_a_real_prometheus(app: Caller, prometheus: str) -> None:
    """No rule fails to evaluate, and what is recorded has values."""
    live_a_little(app, 2.0)

    def rules() -> list[dict[str, Any]]:
        answer = httpx.get(f"{prometheus}/api/v1/rules", timeout=10).json()
        return [one for group in answer["data"]["groups"] for one in group["rules"]]

    _wait(lambda: all(one["health"] != "unknown" for one in rules()))
    assert [one for one in rules() if one["health"] != "ok"] == []
    for one in rules():
        if one["type"] == "recording":
            assert ask(prometheus, one["name"])["data"]["result"], one["name"]


async def _silent_talks(store_url: str, count: int, at_ms: int) -> None:
    """Talks of customers who said their last word at *at_ms*, as the log has them."""
    scripts = await Scripts.connect(store_url)
    try:
        for _ in range(count):
            talk = [word(at_ms, fresh("silent")), reply(at_ms, Tier.L2)]
            await put(scripts, "demo", fresh("app."), talk, at_ms)
    finally:
        await scripts.close()


def test_contacts_are_counted_on_prometheus_as_they_end(
    app: Caller, prometheus: str
) -> None:
    """Talks that fall silent while it looks rise on the panels, each once."""
    by_tier = runnable(risen(ENDED, 'end="resolved"', by="tier", over="1h"))
    idle_ms = int(app.stack.supervisor.config.dispatch.episode_idle_s * 1000)

    def resolved() -> float:
        rows = ask(prometheus, by_tier)["data"]["result"]
        found = {one["metric"]["tier"]: float(one["value"][1]) for one in rows}
        return found.get("L2", 0.0)

    before = resolved()
    asyncio.run(
        _silent_talks(app.stack.supervisor.store_url, 3, wall_ms() - idle_ms + 500)
    )
    # increase() extends what it saw to the edges of the stretch: at least the truth.
    _wait(lambda: resolved() > before + 2.9)
    raw = f'sum({ENDED}{{shop="demo", tier="L2", end="resolved", channel="app"}})'
    assert float(ask(prometheus, raw)["data"]["result"][0]["value"][1]) == 3
    share = runnable(f"{risen(ENDED, BY_MACHINE)} / {risen(ENDED, ASKED)}")
    assert float(ask(prometheus, share)["data"]["result"][0]["value"][1]) == 1


def test_the_checks_on_prometheus_can_fail(prometheus: str) -> None:
    """An unknown metric is empty, nonsense is refused."""
    assert ask(prometheus, "tidegate_nothing_total")["data"]["result"] == []
    refused = httpx.get(f"{prometheus}/api/v1/query", params={"query": "sum("})
    assert refused.status_code == 400


def test_the_generator_writes_where_it_is_told(tmp_path: Path) -> None:
    """The command of the first test."""
    command = [sys.executable, "-m", "loadtest.dashboards", str(tmp_path)]
    subprocess.run(command, check=True, timeout=60, cwd=FOLDER.parents[1])
    for board in BOARDS:
        written = tmp_path / committed(board).name
        assert written.read_bytes() == committed(board).read_bytes()
