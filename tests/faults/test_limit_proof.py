"""
Tries to get beyond the policy's limits, and whether the judge of them can see.
"""

import msgspec
import pytest

from engines import yamlfile
from engines.agent.policy import PolicyFile
from gateway.config import ShopConfig, resolve
from gateway.store.ledger import StoreLedger
from loadtest import limit_books, limit_check, limit_watch
from loadtest.limit_draws import Wish
from loadtest.limit_proof import run_limit_proof
from loadtest.limit_sieges import WAYS


pytestmark = [pytest.mark.faults, pytest.mark.timeout(120)]

SHOP = ShopConfig(id="demo")


def run(tries, acts_under=None):
    return run_limit_proof(
        SHOP, tries=tries, seed=11, tell=lambda _: None, acts_under=acts_under
    )


def test_no_try_gets_beyond_the_policy():
    """Every way is tried; some tries are lawful and take effect, none is beyond."""
    report = run(300)
    assert (report.beyond, report.stuck) == ((), ())
    assert [one.way for one in report.ways] == list(WAYS)
    assert report.tries == 300
    assert sum(one.effects for one in report.ways) > 20
    assert sum(one.waiting for one in report.ways) > 20


@pytest.fixture
def toothless(tmp_path):
    """The shop's policy with every recipe, and no clause but its marks."""
    policy = yamlfile.convert(yamlfile.read(resolve(SHOP.policy)), PolicyFile)
    bare = tuple(
        msgspec.structs.replace(
            entry, clauses=tuple(c for c in entry.clauses if hasattr(c, "mark"))
        )
        for entry in policy.recipes
    )
    path = tmp_path / "toothless.yaml"
    path.write_bytes(msgspec.json.encode(msgspec.structs.replace(policy, recipes=bare)))
    return path


def test_the_judge_sees_an_agent_without_limits(toothless):
    """States, windows, ceilings and sums are missed as soon as nobody holds them."""
    kinds = {one.kind for one in run(300, toothless).beyond}
    assert {"state", "window", "ceiling", "sum"} <= kinds


def test_the_judge_sees_a_sum_that_is_not_reserved(monkeypatch):
    """Without the reservation many conversations at once exceed the sum of a day."""

    async def reserve(*_):
        return True

    monkeypatch.setattr(StoreLedger, "reserve", reserve)
    monkeypatch.setattr(StoreLedger, "spent", lambda *_, **__: _nothing())
    beyond = run(120).beyond
    assert {one.kind for one in beyond} == {"sum"}
    assert all(one.is_effect for one in beyond)


async def _nothing():
    return 0


def test_the_judge_sees_another_customers_order_and_a_missing_consent():
    """Calls are held against whose order it is and what was written."""

    policy = yamlfile.convert(yamlfile.read(resolve(SHOP.policy)), PolicyFile)
    line = limit_books.Line(1_000, 1, is_gift=False)
    stand = limit_books.Stand(
        user="owner",
        status="paid",
        since={"placed_at": 0, "delivered_at": None},
        paid_minor=1_000,
        freight_minor=0,
        lines={1: line},
    )

    def found(user, may_act, **call):
        wish = Wish(conversation="c", user=user, order_id="K1", texts=(), may_act=may_act)  # fmt: skip
        judge = limit_check.Judge(policy, policy, {"K1": stand}, {}, {"c": ("x", False)})  # fmt: skip
        noted = limit_watch.Call(
            key="k", recipe="refund_item", wish=wish, user=user, order_id="K1", at_ms=0,
            **call,
        )  # fmt: skip
        return {one.kind for one in judge.judge([noted])}

    assert found("owner", True, line=1, units=1, money_minor=1_000) == set()
    assert found("owner", False, line=1, units=1) == {"consent"}
    assert found("thief", True, line=1, units=1) == {"foreign"}
    assert found("owner", True, line=1, units=2) == {"units"}
    assert found("owner", True, line=1, units=1, money_minor=1_001) == {"money"}
    assert found("owner", True, line=1, units=-1) == {"units"}
