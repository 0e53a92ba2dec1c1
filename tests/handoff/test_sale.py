"""
A sale that was announced: made ready once, some minutes ahead, in every process.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from people import SHOP, People

from engines.llm import EndpointConfig, LlmConfig, open_clients, warm_models
from gateway.admission.admission import Admission
from gateway.admission.ladder import Rung, TideOrders
from gateway.store.tide import TideStore
from gateway.telemetry import Telemetry
from gateway.tide import WARM_MS, Tide, encode_orders
from loadtest.llm_stub_process import running_stub


pytestmark = pytest.mark.anyio


async def test_models_are_warm_before_the_first_customer(
    people: People, tmp_path: Path
) -> None:
    """
    Minutes before it connections are open; the rung holds from its first moment.
    """
    clock, store = people.clock, TideStore(people.scripts)
    admission = Admission({}, weights={}, secret=b"s", clock=lambda: 0.0, wall_ms=clock)
    log = tmp_path / "log"
    telemetry = Telemetry(log_path=str(log))
    with running_stub() as stub:
        endpoints = (
            EndpointConfig(name="there", url=stub.url, model="m", tools="native"),
            EndpointConfig(
                name="away", url="http://127.0.0.1:1/v1", model="m", tools="native"
            ),
        )
        async with open_clients(LlmConfig(endpoints=endpoints)) as llms:
            tide = Tide(
                admission,
                store,
                telemetry,
                [SHOP],
                lambda: warm_models(llms.values()),
                clock,
            )
            starts_ms = clock() + 2 * WARM_MS
            orders = TideOrders(sale_from_ms=starts_ms, sale_until_ms=starts_ms + 9)
            await store.write(SHOP, encode_orders(orders))
            await tide.follow_orders()
            telemetry.lines.drain()
            assert "sale_prepared" not in log.read_text()
            clock.now_ms = starts_ms - WARM_MS
            for _ in range(3):
                await tide.follow_orders()
            assert admission.rung_of(SHOP) is Rung.NORMAL
            clock.now_ms = starts_ms
            assert admission.rung_of(SHOP) is Rung.CHEAPER
    telemetry.lines.close()
    told = [json.loads(line) for line in log.read_text().splitlines()]
    prepared = [one for one in told if one["event"] == "sale_prepared"]
    # One of the two endpoints answers; both tiers use it.
    assert [one["opened"] for one in prepared] == [2]
